package accounts_test

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/accounts"
)

// A vector is a hash that another implementation has made.
type vector struct{ password, hash, scheme string }

var vectors = slices.Concat(argon2idVectors, bcryptVectors, pbkdf2Vectors, aspnetVectors)

func schemeOf(t testing.TB, hash string) accounts.Scheme {
	t.Helper()
	s, err := accounts.SchemeOf(hash)
	if err != nil {
		t.Fatalf("%q: %v", hash, err)
	}
	return s
}

func b64(n int) string { return base64.RawStdEncoding.EncodeToString(make([]byte, n)) }

// A refused hash is one that no scheme has made.
type refused struct{ name, hash string }

func refusesHashes(t *testing.T, good string, tests []refused) {
	t.Helper()
	s := schemeOf(t, good) // what the others differ from
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := accounts.SchemeOf(tt.hash)
			if !errors.Is(err, accounts.ErrHash) {
				t.Errorf("%q: %v, as a hash of %v", tt.hash, err, got)
			}
			if got != (accounts.Scheme{}) {
				t.Errorf("%v beside an error", got)
			}
			if _, ok := accounts.RunScheme(s, "password", tt.hash); ok {
				t.Error("opens")
			}
		})
	}
}

func TestVectors(t *testing.T) {
	for _, v := range vectors {
		t.Run(v.hash, func(t *testing.T) {
			s := schemeOf(t, v.hash)
			if heavy(s) && !integration {
				t.Skip("needs BEARER_INTEGRATION")
			}
			if got := s.String(); got != v.scheme {
				t.Errorf("is of %q, not of %q", got, v.scheme)
			}
			if err := accounts.CheckScheme(s); err != nil {
				t.Error(err)
			}
			fresh, ok := accounts.RunScheme(s, v.password, v.hash)
			if !ok {
				t.Error("does not open")
			}
			if fresh != "" {
				t.Error("is made anew")
			}
			for _, wrong := range []string{v.password + "x", "x" + v.password, strings.ToUpper(v.password) + " ", cmp.Or(v.password, "x")[1:] + "\u00a0"} {
				if _, ok := accounts.RunScheme(s, wrong, v.hash); ok {
					t.Errorf("opens with %q", wrong)
				}
				if !cheap(s) {
					break
				}
			}
		})
	}
}

var integration = os.Getenv("BEARER_INTEGRATION") != ""

// cheap schemes can be run some thousand times.
func cheap(s accounts.Scheme) bool {
	cheap := `^argon2id m=(32|64) |cost=4$|sha1 i=250 |sha256 i=1000 |sha512 i=50 |sha1 i=1212 `
	if integration {
		cheap = `^argon2id m=(32|64|256) |cost=4$|i=(50|250|1000|1212) `
	}
	return regexp.MustCompile(cheap).MatchString(s.String())
}

// heavy ones take a quarter of a second, and more under the race detector.
func heavy(s accounts.Scheme) bool {
	return regexp.MustCompile(`m=65536|i=(250000|260000|600000)`).MatchString(s.String())
}

// No byte of a hash can be changed, left out or added without closing it.
func TestMutatedHashesDoNotOpen(t *testing.T) {
	seen := map[accounts.Scheme]bool{}
	for _, v := range vectors {
		s := schemeOf(t, v.hash)
		if !cheap(s) || seen[s] {
			continue
		}
		seen[s] = true
		t.Run(v.hash, func(t *testing.T) {
			opened, tried := 0, 0
			try := func(hash string) {
				if other, err := accounts.SchemeOf(hash); err != nil || other != s {
					return
				}
				tried++
				if _, ok := accounts.RunScheme(s, v.password, hash); !ok {
					return
				}
				opened++
				// The versions a, b and y of bcrypt are one.
				if !strings.HasPrefix(hash, "$2") || hash[3:] != v.hash[3:] {
					t.Errorf("%q opens", hash)
				}
			}
			for i := range v.hash {
				for bit := range 8 {
					b := []byte(v.hash)
					b[i] ^= 1 << bit
					try(string(b))
				}
				try(v.hash[:i] + v.hash[i+1:])
				for _, added := range []string{"\x00", "0", "A", "=", "\n", "$"} {
					try(v.hash[:i] + added + v.hash[i:])
				}
				for _, instead := range []string{"a", "b", "y"} {
					if v.hash[i:i+1] != instead {
						try(v.hash[:i] + instead + v.hash[i+1:])
					}
				}
			}
			want := 0
			if strings.HasPrefix(v.hash, "$2") {
				want = 2
			}
			if opened != want || tried < 100 {
				t.Errorf("%d of %d open, not %d", opened, tried, want)
			}
		})
	}
	if len(seen) < 8 {
		t.Errorf("%d schemes", len(seen))
	}
}

// creating are the schemes of new hashes with the least work that is admitted.
func creating(t testing.TB) []accounts.Scheme {
	// A sum of 16 bytes, as other programs make them.
	short := schemeOf(t, "$argon2id$v=19$m=7168,t=5,p=1$"+b64(16)+"$"+b64(16))
	return []accounts.Scheme{accounts.Argon2id(19456, 2, 1), accounts.Argon2id(7168, 5, 2), short, accounts.Bcrypt(10)}
}

func TestNewHashes(t *testing.T) {
	const password = "correct horse"
	for _, s := range creating(t) {
		t.Run(s.String(), func(t *testing.T) {
			hash, err := accounts.HashWith(s, password)
			if err != nil {
				t.Fatal(err)
			}
			if got := schemeOf(t, hash); got != s {
				t.Errorf("%q is of %v", hash, got)
			}
			if _, ok := accounts.RunScheme(s, password, hash); !ok {
				t.Error("does not open")
			}
			again, err := accounts.HashWith(s, password)
			if err != nil {
				t.Fatal(err)
			}
			if again == hash {
				t.Error("the salt is no fresh one")
			}
			if strings.Contains(hash, password) {
				t.Error("has the password")
			}
		})
	}
}

func TestRunMakesAHashOnlyWhereNoneIsStored(t *testing.T) {
	aspnet := schemeOf(t, aspnetVectors[0].hash)
	tests := []struct {
		name     string
		scheme   accounts.Scheme
		password string
		stored   string
		fresh    bool
	}{
		{"argon2id", accounts.Argon2id(64, 1, 1), "correct horse", "", true},
		{"bcrypt", accounts.Bcrypt(4), "correct horse", "", true},
		{"a password that could not be set, of an old hash", accounts.Bcrypt(4), "short", "", true},
		{"bcrypt and 72 bytes", accounts.Bcrypt(4), strings.Repeat("x", 72), "", true},
		{"bcrypt and 73 bytes", accounts.Bcrypt(4), strings.Repeat("x", 73), "", false},
		{"argon2id and 1024 bytes", accounts.Argon2id(64, 1, 1), strings.Repeat("x", 1024), "", true},
		{"a NUL", accounts.Argon2id(64, 1, 1), "correct\x00horse", "", false},
		{"a scheme of old hashes", aspnet, "correct horse", "", false},
		{"a decoy", accounts.Bcrypt(4), "correct horse", accounts.Decoy(accounts.Bcrypt(4)), false},
		{"a malformed hash", accounts.Bcrypt(4), "correct horse", "x", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fresh, ok := accounts.RunScheme(tt.scheme, tt.password, tt.stored)
			if ok {
				t.Error("opens")
			}
			if (fresh != "") != tt.fresh {
				t.Errorf("made %q", fresh)
			}
			if fresh == "" {
				return
			}
			if got := schemeOf(t, fresh); got != tt.scheme {
				t.Errorf("made a hash of %v", got)
			}
			if _, ok := accounts.RunScheme(tt.scheme, tt.password, fresh); !ok {
				t.Error("what was made does not open")
			}
		})
	}
}

func TestDecoysAreHashesOfTheirScheme(t *testing.T) {
	seen := map[accounts.Scheme]bool{}
	for _, v := range vectors {
		s := schemeOf(t, v.hash)
		if seen[s] {
			continue
		}
		seen[s] = true
		first, second := accounts.Decoy(s), accounts.Decoy(s)
		for _, decoy := range []string{first, second} {
			if got := schemeOf(t, decoy); got != s {
				t.Errorf("%q is of %v, not of %v", decoy, got, s)
			}
			if !cheap(s) {
				continue
			}
			for _, password := range []string{"", "password", v.password} {
				if _, ok := accounts.RunScheme(s, password, decoy); ok {
					t.Errorf("%q opens with %q", decoy, password)
				}
			}
		}
		saltOne, sumOne := saltAndSum(first)
		saltTwo, sumTwo := saltAndSum(second)
		if saltOne == saltTwo || sumOne == sumTwo {
			t.Errorf("%q and %q are not random", first, second)
		}
	}
	if got := schemeOf(t, accounts.Decoy(accounts.Scheme{})); got != accounts.Argon2id(19456, 2, 1) {
		t.Errorf("the zero Scheme's decoy is of %v", got)
	}
}

// saltAndSum are texts from within the two.
func saltAndSum(hash string) (salt, sum string) {
	fields := strings.Split(hash, "$")
	sum = hash[len(hash)-12 : len(hash)-4]
	switch {
	case len(fields) == 1: // ASP.NET Identity
		return hash[20:28], sum
	case strings.HasPrefix(hash, "$2"):
		return hash[7:15], sum
	}
	return fields[len(fields)-2], sum
}

// work stands for the work of a run by what it allocates: argon2id its memory,
// bcrypt its cipher, PBKDF2 its HMAC. How often that is used follows from the
// scheme alone.
func work(s accounts.Scheme, stored string) uint64 { return workOn(s, "correct horse", stored) }

func workOn(s accounts.Scheme, password, stored string) uint64 {
	least := uint64(math.MaxUint64)
	for range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		accounts.RunScheme(s, password, stored)
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

func TestEveryRunTakesTheSameWork(t *testing.T) {
	seen := map[accounts.Scheme]bool{}
	for _, v := range vectors {
		s := schemeOf(t, v.hash)
		if !cheap(s) || seen[s] {
			continue
		}
		seen[s] = true
		t.Run(s.String(), func(t *testing.T) {
			want := workOn(s, v.password, v.hash)
			for _, tt := range []struct{ name, password, stored string }{
				{"the wrong password", "wrong password", v.hash},
				{"a decoy", v.password, accounts.Decoy(s)},
				{"a malformed hash", v.password, v.hash[:len(v.hash)-1]},
				{"no hash", v.password, ""},
				{"a hash of another scheme", v.password, accounts.Decoy(accounts.Argon2id(8192, 1, 1))},
				{"a hash that would take longer", v.password, "$2b$31$" + strings.Repeat(".", 53)},
				{"an over-long hash", v.password, strings.Repeat(v.hash, 20)},
				{"no password", "", v.hash},
				{"a NUL", "correct\x00horse", v.hash},
				{"a NUL and no hash", "correct\x00horse", ""},
				{"73 bytes", strings.Repeat("x", 73), v.hash},
				{"73 bytes and no hash", strings.Repeat("x", 73), ""},
				{"an over-long password", strings.Repeat("x", 1024), v.hash},
				{"an over-long password and no hash", strings.Repeat("x", 1024), ""},
			} {
				// What is around the work, such as parsing, differs by some hundred bytes,
				// more where the race detector empties pools, and an over-long password
				// is copied.
				const around = 2 << 10
				got := workOn(s, tt.password, tt.stored)
				if got+around < want*2/3 || got > want*3/2+around+3*uint64(len(tt.password)) {
					t.Errorf("%s: %d bytes, not %d", tt.name, got, want)
				}
			}
		})
	}
}

func TestConfigurations(t *testing.T) {
	pbkdf2 := schemeOf(t, pbkdf2Vectors[0].hash)
	tests := []struct {
		name     string
		scheme   accounts.Scheme
		accepted string // empty: for old hashes
		current  string // empty: for new ones
	}{
		{"the zero Scheme", accounts.Scheme{}, "", ""},
		{"OWASP's first", accounts.Argon2id(47104, 1, 1), "", ""},
		{"OWASP's second", accounts.Argon2id(19456, 2, 1), "", ""},
		{"OWASP's third", accounts.Argon2id(12288, 3, 1), "", ""},
		{"OWASP's fourth", accounts.Argon2id(9216, 4, 1), "", ""},
		{"OWASP's fifth", accounts.Argon2id(7168, 5, 1), "", ""},
		{"RFC 9106's first", accounts.Argon2id(1<<21, 1, 4), "", ""},
		{"RFC 9106's second", accounts.Argon2id(1<<16, 3, 4), "", ""},
		{"the most", accounts.Argon2id(1<<21, 4, 16), "", ""},
		{"a KiB less than OWASP's first", accounts.Argon2id(47103, 1, 1), "", "has argon2id m=47103 t=1 p=1 for new hashes, which is too weak: use Argon2id(19456, 2, 1)"},
		{"a KiB less than OWASP's second", accounts.Argon2id(19455, 2, 1), "", "has argon2id m=19455 t=2 p=1 for new hashes, which is too weak: use Argon2id(19456, 2, 1)"},
		{"passes for memory", accounts.Argon2id(7167, 1000, 1), "", "has argon2id m=7167 t=1000 p=1 for new hashes, which is too weak: use Argon2id(19456, 2, 1)"},
		{"lanes for memory", accounts.Argon2id(7167, 5, 16), "", "has argon2id m=7167 t=5 p=16 for new hashes, which is too weak: use Argon2id(19456, 2, 1)"},
		{"no passes", accounts.Argon2id(19456, 0, 1), "has argon2id m=19456 t=0 p=1: use 1 pass to as many as write 8388608 KiB", "same"},
		{"more passes than 8 GiB", accounts.Argon2id(1<<21, 5, 1), "has argon2id m=2097152 t=5 p=1: use 1 pass to as many as write 8388608 KiB", "same"},
		{"no lanes", accounts.Argon2id(19456, 2, 0), "has argon2id m=19456 t=2 p=0: use 1 to 16 lanes", "same"},
		{"17 lanes", accounts.Argon2id(19456, 2, 17), "has argon2id m=19456 t=2 p=17: use 1 to 16 lanes", "same"},
		{"no memory", accounts.Argon2id(0, 2, 1), "has argon2id m=0 t=2 p=1: use 8 KiB of memory a lane to 2097152 KiB", "same"},
		{"more memory than 2 GiB", accounts.Argon2id(1<<21+1, 2, 1), "has argon2id m=2097153 t=2 p=1: use 8 KiB of memory a lane to 2097152 KiB", "same"},
		{"bytes for KiB", accounts.Argon2id(19456<<10, 2, 1), "has argon2id m=19922944 t=2 p=1: use 8 KiB of memory a lane to 2097152 KiB", "same"},
		{"bcrypt 10", accounts.Bcrypt(10), "", ""},
		{"bcrypt 16", accounts.Bcrypt(16), "", ""},
		{"bcrypt 9", accounts.Bcrypt(9), "", "has bcrypt cost=9 for new hashes, which is too weak: use Argon2id(19456, 2, 1)"},
		{"bcrypt 4", accounts.Bcrypt(4), "", "has bcrypt cost=4 for new hashes, which is too weak: use Argon2id(19456, 2, 1)"},
		{"bcrypt 3, which x/crypto takes for 10", accounts.Bcrypt(3), "has bcrypt cost=3: use a cost of 4 to 16", "same"},
		{"bcrypt 0", accounts.Bcrypt(0), "has bcrypt cost=0: use a cost of 4 to 16", "same"},
		{"bcrypt -1", accounts.Bcrypt(-1), "has bcrypt cost=-1: use a cost of 4 to 16", "same"},
		{"bcrypt 17", accounts.Bcrypt(17), "has bcrypt cost=17: use a cost of 4 to 16", "same"},
		{"bcrypt beyond 32 bits", accounts.Bcrypt(math.MaxInt), fmt.Sprintf("has bcrypt cost=%d: use a cost of 4 to 16", math.MaxInt), "same"},
		{"PBKDF2", pbkdf2, "", "has a scheme for new hashes that is only for old ones: use Argon2id"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.current == "same" {
				tt.current = tt.accepted
			}
			if got := errorText(accounts.CheckScheme(tt.scheme)); got != tt.accepted {
				t.Errorf("for old hashes: %q", got)
			}
			if got := errorText(accounts.CheckNewScheme(tt.scheme)); got != tt.current {
				t.Errorf("for new hashes: %q", got)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestSchemesAreEqualByTheirWork(t *testing.T) {
	one := func(hash string) accounts.Scheme { return schemeOf(t, hash) }
	const salt, sum = "c29tZXNhbHQ", "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	const bcryptTail = "CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
	tests := []struct {
		name string
		a, b accounts.Scheme
		want bool
	}{
		{"a hash and its scheme", one("$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + sum), accounts.Argon2id(19456, 2, 1), true},
		{"another salt length", one("$argon2id$v=19$m=19456,t=2,p=1$" + b64(64) + "$" + sum), accounts.Argon2id(19456, 2, 1), true},
		{"another memory", one("$argon2id$v=19$m=19457,t=2,p=1$" + salt + "$" + sum), accounts.Argon2id(19456, 2, 1), false},
		{"other passes", one("$argon2id$v=19$m=19456,t=3,p=1$" + salt + "$" + sum), accounts.Argon2id(19456, 2, 1), false},
		{"other lanes", one("$argon2id$v=19$m=19456,t=2,p=2$" + salt + "$" + sum), accounts.Argon2id(19456, 2, 1), false},
		{"another sum length", one("$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + b64(64)), accounts.Argon2id(19456, 2, 1), false},
		{"bcrypt", one("$2a$05$" + bcryptTail), accounts.Bcrypt(5), true},
		{"another version of bcrypt", one("$2y$05$" + bcryptTail), one("$2b$05$" + bcryptTail), true},
		{"another cost", one("$2a$06$" + bcryptTail), accounts.Bcrypt(5), false},
		{"other iterations", one("$pbkdf2-sha256$i=1000,l=32$" + b64(16) + "$" + b64(32)), one("$pbkdf2-sha256$i=1001,l=32$" + b64(16) + "$" + b64(32)), false},
		{"another hash function", one("$pbkdf2-sha256$i=1000,l=32$" + b64(16) + "$" + b64(32)), one("$pbkdf2-sha512$i=1000,l=32$" + b64(16) + "$" + b64(32)), false},
		{"another text", one("$pbkdf2-sha256$i=1000,l=32$" + b64(16) + "$" + b64(32)), one("$pbkdf2-sha256$1000$" + b64(16) + "$" + b64(32)), false},
		{"what is not a hash and the default", func() accounts.Scheme { s, _ := accounts.SchemeOf(""); return s }(), accounts.Argon2id(19456, 2, 1), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.a == tt.b; got != tt.want {
				t.Errorf("%v == %v: %v", tt.a, tt.b, got)
			}
		})
	}
	if got := (accounts.Scheme{}).String(); got != "argon2id m=19456 t=2 p=1" {
		t.Errorf("the zero Scheme is %q", got)
	}
}

// A schemeStore has one account, tom, with this hash.
type schemeStore string

func (s schemeStore) Lookup(_ context.Context, login string) (*accounts.Record, error) {
	return &accounts.Record{Login: login, PasswordHash: string(s), PrivateToken: accounts.HashPrivateToken("token")}, nil
}

func (schemeStore) UpgradeHash(context.Context, string, string, string) error { return nil }

func TestTheZeroSchemeStandsForTheDefault(t *testing.T) {
	const hash = "$argon2id$v=19$m=19456,t=2,p=1$TmwzQnErOGUvYWIyLTl6Ug$TAV5mRJ6MX8rxDaF4aBkOi3rKm0V819SO8iZYyHct7c"
	login := func(t *testing.T, stored string) (outcome string) {
		t.Helper()
		a, err := accounts.New(schemeStore(stored), accounts.WithSchemes(accounts.Scheme{}), accounts.DangerouslyWithoutThrottle(),
			accounts.WithObserver(func(_ context.Context, e accounts.Event) { outcome = e.Outcome }))
		if err != nil {
			t.Fatal(err)
		}
		a.Authenticate(t.Context(), bearer.Credentials{UserName: "tom", Password: "correct horse", PrivateToken: "token"})
		return outcome
	}
	if got := login(t, hash); got != accounts.Granted {
		t.Errorf("a hash of the default scheme: %s", got)
	}
	if got := login(t, "not a hash"); got != accounts.UnusableHash {
		t.Errorf("what is not a hash: %s", got)
	}
	_, err := accounts.New(schemeStore(hash), accounts.WithSchemes(accounts.Scheme{}, accounts.Argon2id(19456, 2, 1)))
	if got := errorText(err); got != "bearer: WithSchemes: names a scheme twice: name it once" {
		t.Errorf("the default twice: %s", got)
	}
	_, err = accounts.New(schemeStore(hash), accounts.WithSchemes(accounts.Bcrypt(9)))
	if got := errorText(err); got != "bearer: WithSchemes: has bcrypt cost=9 for new hashes, which is too weak: use Argon2id(19456, 2, 1)" {
		t.Errorf("a weak scheme for new hashes: %s", got)
	}
	if _, err = accounts.New(schemeStore(hash), accounts.WithSchemes(accounts.Scheme{}, accounts.Bcrypt(4))); err != nil {
		t.Errorf("a weak scheme for old hashes: %v", err)
	}
	if fresh, err := accounts.HashWith(accounts.Admin{}.Scheme, "correct horse"); err != nil || schemeOf(t, fresh) != accounts.Argon2id(19456, 2, 1) {
		t.Errorf("an Admin without a Scheme: %q, %v", fresh, err)
	}
}

// grammars are written without a look at the parsers.
var grammars = []*regexp.Regexp{
	regexp.MustCompile(`^\$argon2id\$v=19\$m=[1-9][0-9]{0,6},t=[1-9][0-9]{0,6},p=([1-9]|1[0-6])\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}$`),
	regexp.MustCompile(`^\$2[aby]\$(0[4-9]|1[0-6])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26]$`),
	regexp.MustCompile(`^\$pbkdf2(-sha256|-sha512)?\$i=[1-9][0-9]{0,7},l=(1[6-9]|[2-5][0-9]|6[0-4])\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}$`),
	regexp.MustCompile(`^\$pbkdf2\$[1-9][0-9]{0,7}\$[A-Za-z0-9./]{11,86}\$[A-Za-z0-9./]{27}$`),
	regexp.MustCompile(`^\$pbkdf2-sha256\$[1-9][0-9]{0,7}\$[A-Za-z0-9./]{11,86}\$[A-Za-z0-9./]{43}$`),
	regexp.MustCompile(`^\$pbkdf2-sha512\$[1-9][0-9]{0,7}\$[A-Za-z0-9./]{11,86}\$[A-Za-z0-9./]{86}$`),
	regexp.MustCompile(`^pbkdf2_sha1\$[1-9][0-9]{0,7}\$[!-#%-~]{8,64}\$[A-Za-z0-9+/]{27}=$`),
	regexp.MustCompile(`^pbkdf2_sha256\$[1-9][0-9]{0,7}\$[!-#%-~]{8,64}\$[A-Za-z0-9+/]{43}=$`),
	regexp.MustCompile(`^AQAAAA[AEI]A[A-Za-z0-9+/]{7}A[A-Za-z0-9+/]{34,172}={0,2}$`),
}

func FuzzSchemeOf(f *testing.F) {
	for _, v := range vectors {
		f.Add(v.hash)
	}
	f.Add("")
	f.Add("$argon2id$v=19$m=4294967295,t=4294967295,p=255$" + b64(64) + "$" + b64(64))
	f.Fuzz(func(t *testing.T, hash string) {
		s, err := accounts.SchemeOf(hash)
		if err != nil {
			if !errors.Is(err, accounts.ErrHash) || s != (accounts.Scheme{}) {
				t.Fatalf("%v, %v", s, err)
			}
			return
		}
		if !slices.ContainsFunc(grammars, func(g *regexp.Regexp) bool { return g.MatchString(hash) }) {
			t.Fatal("is in no grammar")
		}
		if again, ok := accounts.Rewrite(hash); !ok || again != hash {
			t.Fatalf("is written again as %q", again)
		}
		if err := accounts.CheckScheme(s); err != nil {
			t.Fatal(err)
		}
		if decoy := accounts.Decoy(s); schemeOf(t, decoy) != s {
			t.Fatalf("the decoy %q is of another scheme", decoy)
		}
		if s == (accounts.Scheme{}) {
			t.Fatal("is the zero Scheme")
		}
	})
}

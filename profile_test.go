package bearer_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	stdjson "encoding/json"
	"errors"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/gobearer/bearer"
)

// packedAs is usr with any declared length over any stream.
func packedAs(declared int32, stream []byte) string {
	return base64.StdEncoding.EncodeToString(append(binary.LittleEndian.AppendUint32(nil, uint32(declared)), stream...))
}

func gzipped(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func packed(t testing.TB, text string) string {
	return packedAs(int32(len(text)), gzipped(t, text))
}

type profileTest struct {
	name string
	usr  string
	ok   bool
}

func profileTests(t testing.TB) []profileTest {
	text := `{"name":"tom"}`
	for len(gzipped(t, text))%3 == 2 { // with the length's four bytes base64 would need no padding
		text += " "
	}
	n, z := int32(len(text)), gzipped(t, text)
	good := packedAs(n, z)
	flip := func(at int) []byte {
		b := bytes.Clone(z)
		b[at] ^= 1
		return b
	}
	bomb := func(start string) []byte { return gzipped(t, start+strings.Repeat(" ", 8<<20)) } // twice maxProfileAllocation
	// From the end: four bytes of CRC, four of length (RFC 1952 section 2.3.1).
	crc, length := len(z)-8, len(z)-4
	padded := strings.TrimRight(good, "=")
	fits := `{"name":"` + strings.Repeat("x", 64<<10-11) + `"}`
	over := `{"name":"` + strings.Repeat("x", 64<<10-10) + `"}`
	return []profileTest{
		{"a profile", good, true},
		{"stored without compression", packedAs(n, stored(t, text)), true},
		{"64 KiB", packed(t, fits), true},

		{"nothing", "", false},
		{"no length", base64.StdEncoding.EncodeToString([]byte{1, 2, 3}), false},
		{"a length alone", packedAs(n, nil), false},
		{"a cut length over nothing", packedAs(0, nil), false},
		{"cut in the gzip header", packedAs(n, z[:5]), false},
		{"cut in the data", packedAs(n, z[:len(z)/2]), false},
		{"cut before the checksum", packedAs(n, z[:crc]), false},
		{"cut by one byte", packedAs(n, z[:len(z)-1]), false},
		{"one byte behind", packedAs(n, append(bytes.Clone(z), 0)), false},
		{"a second gzip member", packedAs(n, append(bytes.Clone(z), z...)), false},
		{"a second gzip member that is counted", packedAs(2*n, append(bytes.Clone(z), z...)), false},
		{"an empty second gzip member", packedAs(n, append(bytes.Clone(z), gzipped(t, "")...)), false},
		{"declared one byte too short", packedAs(n-1, z), false},
		{"declared one byte too long", packedAs(n+1, z), false},
		{"declared empty", packedAs(0, z), false},
		{"empty, as declared", packed(t, ""), false},
		{"a negative length", packedAs(-1, z), false},
		{"the most negative length", packedAs(-1<<31, z), false},
		{"a length in big-endian", packedAs(n<<24, z), false},
		{"declared over 64 KiB", packedAs(64<<10+1, z), false},
		{"over 64 KiB, as declared", packed(t, over), false},
		{"over 64 KiB, declared as 64 KiB", packedAs(64<<10, gzipped(t, over)), false},
		{"a gzip bomb", packedAs(64<<10, bomb("")), false},
		{"a gzip bomb with a small length", packedAs(n, bomb(text)), false},
		{"a wrong checksum", packedAs(n, flip(crc)), false},
		{"a wrong length in the stream", packedAs(n, flip(length)), false},
		{"no gzip", packedAs(n, []byte(text)), false},
		{"another magic number", packedAs(n, flip(0)), false},
		{"another compression", packedAs(n, flip(2)), false},

		{"no padding", padded, false},
		{"bits behind the end", nonCanonical(t, good), false},
		{"a line break inside", good[:8] + "\n" + good[8:], false},
		{"a CRLF inside", good[:8] + "\r\n" + good[8:], false},
		{"a line break behind", good + "\n", false},
		{"a space", good + " ", false},
		{"another alphabet", strings.NewReplacer("+", "-", "/", "_").Replace(good), false},
		{"not base64", "{}", false},

		{"no JSON", packed(t, "tom"), false},
		{"two values", packed(t, text+text), false},
		{"duplicate members", packed(t, `{"name":"a","name":"b"}`), false},
		{"not UTF-8", packed(t, "{\"name\":\"\xff\"}"), false},
		{"a wrong type", packed(t, `{"name":1}`), false},
		{"an array", packed(t, `[]`), false},
	}
}

func stored(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.NoCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// nonCanonical sets a bit that base64's padding leaves unused.
func nonCanonical(t testing.TB, usr string) string {
	t.Helper()
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	body := strings.TrimRight(usr, "=")
	if body == usr {
		t.Fatal("the profile needs no padding")
	}
	last := strings.IndexByte(alphabet, body[len(body)-1])
	return body[:len(body)-1] + string(alphabet[last|1]) + usr[len(body):]
}

func TestProfile(t *testing.T) {
	for _, tt := range profileTests(t) {
		t.Run(tt.name, func(t *testing.T) {
			var v struct {
				Name string `json:"name"`
			}
			err := bearer.Claims{Usr: tt.usr}.Profile(&v)
			if tt.ok && (err != nil || v.Name == "") {
				t.Errorf("%q, %v, want a name", v.Name, err)
			}
			if !tt.ok && !errors.Is(err, bearer.ErrClaims) {
				t.Errorf("%v, want ErrClaims", err)
			}
		})
	}
}

// The two alphabets differ in the sample, whose usr has both + and /.
func TestProfileOfAnotherAlphabet(t *testing.T) {
	other := strings.NewReplacer("+", "-", "/", "_").Replace(seedUsr)
	if other == seedUsr {
		t.Fatal("the sample does not tell them apart")
	}
	var v any
	if err := (bearer.Claims{Usr: seedUsr}).Profile(&v); err != nil {
		t.Error(err)
	}
	if err := (bearer.Claims{Usr: other}).Profile(&v); !errors.Is(err, bearer.ErrClaims) {
		t.Errorf("%v, want ErrClaims", err)
	}
}

func TestProfileIntoNothing(t *testing.T) {
	c := bearer.Claims{Usr: packed(t, "{}")}
	for _, v := range []any{nil, struct{}{}, (*int)(nil)} {
		if err := c.Profile(v); err == nil {
			t.Errorf("into %T: no error", v)
		}
	}
	if err := c.Profile(new(map[string]any)); err != nil {
		t.Error(err)
	}
}

// What the account has is what a handler reads, through a whole token.
func TestProfileRoundTrip(t *testing.T) {
	type profile struct {
		ID    int               `json:"Id"`
		Name  string            `json:"Name"`
		Tags  []string          `json:"Tags"`
		Extra map[string]string `json:"Extra"`
	}
	want := profile{1087, "<Amit> & \u2028é", []string{"a", "b"}, map[string]string{"k": "v"}}
	i := issuerOf(t, &loginSpy{})
	token := issue(t, i, &bearer.Account{ID: "1087", Profile: want}, "").AccessToken
	admitted, err := newMiddleware[bearer.Claims](t, i.Trust()).Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	var got profile
	if err := admitted.Claims.Profile(&got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}

	// As .NET reads it: the length of the JSON, then one gzip stream.
	raw, err := base64.StdEncoding.DecodeString(admitted.Claims.Usr)
	if err != nil {
		t.Fatal(err)
	}
	var text stdjson.RawMessage
	if err := admitted.Claims.Profile(&text); err != nil {
		t.Fatal(err)
	}
	if n := binary.LittleEndian.Uint32(raw); int(n) != len(text) || raw[4] != 0x1f || raw[5] != 0x8b {
		t.Errorf("declared %d bytes, want %d; then %x", n, len(text), raw[4:6])
	}

	for name, v := range map[string]any{"a string": "s", "a number": 7.0, "a list": []any{1.0}, "false": false} {
		token := issue(t, i, &bearer.Account{ID: "1", Profile: v}, "").AccessToken
		var got any
		if err := (bearer.Claims{Usr: claimsOf(t, token)["usr"].(string)}).Profile(&got); err != nil || !reflect.DeepEqual(got, v) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	none := issue(t, i, &bearer.Account{ID: "1"}, "").AccessToken
	if usr, there := claimsOf(t, none)["usr"]; there {
		t.Errorf("usr %v of an account without a profile", usr)
	}
}

// maxProfileAllocation is far above what 64 KiB need, with gzip's tables, and
// far below what a bomb in a token of 16 KiB expands to.
const maxProfileAllocation = 4 << 20

func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestProfileBoundsItsMemory(t *testing.T) {
	for _, tt := range profileTests(t) {
		var v stdjson.RawMessage
		if n := allocated(func() { _ = bearer.Claims{Usr: tt.usr}.Profile(&v) }); n > maxProfileAllocation {
			t.Errorf("%s: %d bytes allocated", tt.name, n)
		}
	}
}

func FuzzProfile(f *testing.F) {
	for _, tt := range profileTests(f) {
		if len(tt.usr) <= 16<<10 {
			f.Add(tt.usr)
		}
	}
	f.Add(seedUsr)
	f.Fuzz(func(t *testing.T, usr string) {
		if len(usr) > 16<<10 {
			return // no token holds it
		}
		var v stdjson.RawMessage
		var err error
		if n := allocated(func() { err = bearer.Claims{Usr: usr}.Profile(&v) }); n > maxProfileAllocation {
			t.Fatalf("%d bytes allocated", n)
		}
		if err != nil {
			if !errors.Is(err, bearer.ErrClaims) {
				t.Fatalf("%v, want ErrClaims", err)
			}
			return
		}
		// What is accepted is canonical base64 of the true length and of JSON.
		raw, err := base64.StdEncoding.DecodeString(usr)
		if err != nil || base64.StdEncoding.EncodeToString(raw) != usr {
			t.Fatalf("accepted base64 that is not canonical: %q", usr)
		}
		if n := binary.LittleEndian.Uint32(raw); n > 64<<10 || !stdjson.Valid(v) || len(v) > int(n) {
			t.Fatalf("%d bytes, declared %d", len(v), n)
		}
	})
}

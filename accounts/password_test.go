package accounts_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/accounts"
)

func TestPasswordsThatCanBeSet(t *testing.T) {
	const (
		short   = "accounts: not a password that can be set: it has less than 8 characters"
		long    = "accounts: not a password that can be set: it has more than 1024 bytes"
		notUTF8 = "accounts: not a password that can be set: it is not UTF-8"
		control = "accounts: not a password that can be set: it has a control character"
		over72  = "accounts: not a password that can be set: it has more than the 72 bytes that bcrypt reads"
	)
	argon2id, bcrypt := accounts.Argon2id(7168, 5, 1), accounts.Bcrypt(10)
	tests := []struct {
		name     string
		scheme   accounts.Scheme
		password string
		want     string // empty: it can
	}{
		{"nothing", argon2id, "", short},
		{"7 characters", argon2id, "1234567", short},
		{"7 characters in 28 bytes", argon2id, strings.Repeat("🔑", 7), short},
		{"8 characters", argon2id, "12345678", ""},
		{"8 characters in 32 bytes", argon2id, strings.Repeat("🔑", 8), ""},
		{"spaces", argon2id, "        ", ""},
		{"1024 bytes", argon2id, strings.Repeat("x", 1024), ""},
		{"1025 bytes", argon2id, strings.Repeat("x", 1025), long},
		{"342 characters in 1026 bytes", argon2id, strings.Repeat("€", 342), long},
		{"a byte that is no UTF-8", argon2id, "correct\xffhorse", notUTF8},
		{"a surrogate", argon2id, "correct\xed\xa0\x80horse", notUTF8},
		{"a NUL", argon2id, "correct\x00horse", control},
		{"a line break at the end", argon2id, "correct horse\n", control},
		{"DEL", argon2id, "correct\x7fhorse", control},
		{"a control character of Latin-1", argon2id, "correct\u0085horse", control},
		{"bcrypt and 72 bytes", bcrypt, strings.Repeat("x", 72), ""},
		{"bcrypt and 73 bytes", bcrypt, strings.Repeat("x", 73), over72},
		{"bcrypt and 73 bytes in 37 characters", bcrypt, strings.Repeat("é", 36) + "x", over72},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			hash, err := accounts.HashWith(tt.scheme, tt.password)
			if got := errorText(err); got != tt.want {
				t.Errorf("%q", got)
			}
			if tt.want != "" {
				if !errors.Is(err, accounts.ErrPassword) || hash != "" {
					t.Errorf("%q, %v", hash, err)
				}
				return
			}
			if _, ok := accounts.RunScheme(tt.scheme, tt.password, hash); !ok {
				t.Error("does not open")
			}
		})
	}
}

func TestHashIsOfTheDefaultScheme(t *testing.T) {
	const password = "correct horse"
	hash, err := accounts.Hash(password)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("%q", hash)
	}
	if _, ok := accounts.RunScheme(accounts.Scheme{}, password, hash); !ok {
		t.Error("does not open with the zero Scheme")
	}
	if _, err := accounts.Hash("1234567"); !errors.Is(err, accounts.ErrPassword) {
		t.Errorf("7 characters: %v", err)
	}
}

func TestNoHashIsMadeByASchemeOfOldOnes(t *testing.T) {
	for name, s := range map[string]accounts.Scheme{
		"a weak one":     accounts.Argon2id(64, 1, 1),
		"an absurd one":  accounts.Argon2id(0, 0, 0),
		"PBKDF2":         schemeOf(t, pbkdf2Vectors[0].hash),
		"bcrypt below 4": accounts.Bcrypt(3),
	} {
		t.Run(name, func(t *testing.T) {
			hash, err := accounts.HashWith(s, "correct horse")
			var option *bearer.OptionError
			if !errors.As(err, &option) || option.Option != "Scheme" || hash != "" {
				t.Errorf("%q, %v", hash, err)
			}
		})
	}
}

package accounts_test

import (
	"strings"
	"testing"

	"github.com/gobearer/bearer/accounts"
)

const john72 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

var bcryptVectors = []vector{
	// John the Ripper, src/BF_fmt.c.
	{"U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "bcrypt cost=5"},
	{"U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK", "bcrypt cost=5"},
	{"U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a", "bcrypt cost=5"},
	{"", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy", "bcrypt cost=5"},
	{john72, "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui", "bcrypt cost=5"},
	{"\xa3", "$2y$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq", "bcrypt cost=5"},
	{strings.Repeat("\xaa", 72), "$2a$05$/OK.fbVrR/bpIqNJ5ianF.swQOIzjOiJ9GHEPuhEkvqrUyvWhEMx6", "bcrypt cost=5"},
	{strings.Repeat("\xaa\x55", 36), "$2a$05$/OK.fbVrR/bpIqNJ5ianF.R9xrDjiycxMbQE2bp.vgqlYpW5wx2yy", "bcrypt cost=5"},
	{strings.Repeat("\x55\xaa\xff", 24), "$2a$05$/OK.fbVrR/bpIqNJ5ianF.9tQZzcJfm3uj2NvJ/n5xkhpqLrMpWCe", "bcrypt cost=5"},
	// OpenBSD's, as bcrypt_elixir's test/base_test.exs has them.
	{"\xa3", "$2b$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq", "bcrypt cost=5"},
	{strings.Repeat("0", 72), "$2b$05$CCCCCCCCCCCCCCCCCCCCC.6.O1dLNbjod2uo0DVcW.jHucKbPDdHS", "bcrypt cost=5"},
	// passlib 1.7.4, tests/test_handlers_bcrypt.py.
	{"tá\u0411\u2113\u0259", "$2b$05$Z17AXnnlpzddNUvnC6cZNOSwMA/8oNiKnHTHTwLlBijfucQQlHjaG", "bcrypt cost=5"},
	{"\xd1\x91", "$2y$05$6bNw2HLQYeqHYyBfLMsv/OUcZd0LKP39b87nBw3.S2tVZSqiQX6eu", "bcrypt cost=5"},
	{"abc", "$2a$10$WvvTPHKwdBJ3uk0Z37EMR.hLA2W6N9AEBhEgrAOljy2Ae5MtaSIUi", "bcrypt cost=10"},
	// htpasswd -nbB -C 4 of Apache 2.4.
	{"correct horse", "$2y$04$MsKHvpluW/KSGqM9iTNCneCH4Mn1hOg1Cb66WA/Ke5tzC5qv6Le22", "bcrypt cost=4"},
}

func TestBcryptThatIsRefused(t *testing.T) {
	const salt, sum = "CCCCCCCCCCCCCCCCCCCCC.", "E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
	refusesHashes(t, "$2a$05$"+salt+sum, []refused{
		// John the Ripper, src/BF_fmt.c: it also opens with "\xff\xff\xa3".
		{"version 2x", "$2x$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e"},
		{"version 2", "$2$05$" + salt + sum},
		{"version 2 with a byte more", "$2$05$" + salt + sum + "."},
		{"version 2A", "$2A$05$" + salt + sum},
		{"version 3a", "$3a$05$" + salt + sum},
		{"Django's prefix", "bcrypt$$2a$05$" + salt + sum},
		{"cost 3", "$2a$03$" + salt + sum},
		{"cost 0", "$2a$00$" + salt + sum},
		{"cost 17", "$2a$17$" + salt + sum},
		{"cost 31", "$2a$31$" + salt + sum},
		{"cost 99", "$2a$99$" + salt + sum},
		{"a sign", "$2a$+5$" + salt + sum},
		{"a space for a zero", "$2a$ 5$" + salt + sum},
		{"a cost of one digit", "$2a$5$" + salt + sum},
		{"a cost of one digit, at the right length", "$2a$5$" + salt + sum + "."},
		{"a cost of three digits", "$2a$005$" + salt + sum[1:]},
		{"another mark after the cost", "$2a$05." + salt + sum},
		{"stray bits in the salt", "$2a$05$CCCCCCCCCCCCCCCCCCCCC/" + sum},
		{"stray bits in the sum", "$2a$05$" + salt + "E5YPO9kmyuRGyh0XouQYb4YMJKvyOeX"},
		{"a plus", "$2a$05$" + salt + "E5YPO9kmyuRGyh0XouQYb4YMJKvyO+W"},
		{"a line break within the base64", "$2a$05$" + salt + "E5YPO9kmyuRGyh0X\nuQYb4YMJKvyOeW"},
		{"a byte too few", "$2a$05$" + salt + sum[1:]},
		{"a byte too many", "$2a$05$" + salt + sum + "."},
		{"a line break after it", "$2a$05$" + salt + sum + "\n"},
		{"a NUL after it", "$2a$05$" + salt + sum + "\x00"},
		{"the salt alone", "$2a$05$" + salt},
	})
	for _, bound := range []string{"$2a$04$" + salt + sum, "$2a$16$" + salt + sum} {
		if _, err := accounts.SchemeOf(bound); err != nil {
			t.Errorf("%s: %v", bound, err)
		}
	}
}

// bcrypt reads 72 bytes, and the password again after a NUL: x/crypto opens with
// each of these.
func TestBcryptOpensWithThePasswordAlone(t *testing.T) {
	const hash72 = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"
	const hashUU = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
	tests := []struct {
		name, hash, password string
		want                 bool
	}{
		{"72 bytes", hash72, john72, true},
		{"a byte after the 72nd", hash72, john72 + "c", false},
		{"John the Ripper's text after the 72nd", hash72, john72 + "chars after 72 are ignored", false},
		{"1024 bytes", hash72, john72 + strings.Repeat("c", 1024-72), false},
		{"a NUL after the 72nd", hash72, john72 + "\x00", false},
		{"a NUL and the password again", hashUU, "U*U\x00U*U", false},
		{"a NUL after the password", hashUU, "U*U\x00", false},
		{"what follows a NUL, which C does not read", hashUU, "U*U\x00anything", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, got := accounts.RunScheme(accounts.Bcrypt(5), tt.password, tt.hash); got != tt.want {
				t.Errorf("opens: %v", got)
			}
		})
	}
}

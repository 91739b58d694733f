package accounts_test

import (
	"testing"

	"github.com/gobearer/bearer/accounts"
)

var argon2idVectors = []vector{
	// The reference implementation, phc-winner-argon2, src/test.c.
	{"password", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "argon2id m=65536 t=2 p=1"},
	{"password", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "argon2id m=256 t=2 p=1"},
	{"password", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", "argon2id m=256 t=2 p=2"},
	{"password", "$argon2id$v=19$m=65536,t=1,p=1$c29tZXNhbHQ$9qWtwbpyPd3vm1rB1GThgPzZ3/ydHL92zKL+15XZypg", "argon2id m=65536 t=1 p=1"},
	{"differentpassword", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94", "argon2id m=65536 t=2 p=1"},
	{"password", "$argon2id$v=19$m=65536,t=2,p=1$ZGlmZnNhbHQ$vfMrBczELrFdWP0ZsfhWsRPaHppYdP3MVEMIVlqoFBw", "argon2id m=65536 t=2 p=1"},
	// passlib 1.7.4, tests/test_handlers_argon2.py.
	{"password", "$argon2id$v=19$m=65536,t=2,p=4$c29tZXNhbHQ$GpZ3sK/oH9p7VIiV56G/64Zo/8GaUw434IimaPqxwCo", "argon2id m=65536 t=2 p=4"},
	// The reference's command line: argon2 'Nl3Bq+8e/ab2-9zR' -id -t 2 -k 19456 -p 1 -l 32 -e.
	{"correct horse", "$argon2id$v=19$m=19456,t=2,p=1$TmwzQnErOGUvYWIyLTl6Ug$TAV5mRJ6MX8rxDaF4aBkOi3rKm0V819SO8iZYyHct7c", "argon2id m=19456 t=2 p=1"},
	// argon2 abcdefgh12345678 -id -t 3 -k 64 -p 4 -l 16 -e, and -t 1 -k 32 -p 2 -l 64.
	{"correct horse", "$argon2id$v=19$m=64,t=3,p=4$YWJjZGVmZ2gxMjM0NTY3OA$SxWk2yyswbLnkPl3yjtChg", "argon2id m=64 t=3 p=4 l=16"},
	{"pässwörd", "$argon2id$v=19$m=32,t=1,p=2$YWJjZGVmZ2gxMjM0NTY3OA$Lwbq17xYK+uOkoNOjJF1vDxynA7mD0OkV2cxjXsANF1KlcVl+oN9Da4CJxPJlLHsQVcK5jyQRRZrVdCZz0QWjQ", "argon2id m=32 t=1 p=2 l=64"},
}

func TestArgon2idThatIsRefused(t *testing.T) {
	const salt, sum = "c29tZXNhbHQ", "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	refusesHashes(t, "$argon2id$v=19$m=256,t=2,p=1$"+salt+"$"+sum, []refused{
		{"argon2i", "$argon2i$v=19$m=64,t=2,p=1$YWJjZGVmZ2gxMjM0NTY3OA$Nzn+pXddmtI8LgolpT8TfiO578Jiq5AOzYhvD53qvyo"},
		{"argon2d", "$argon2d$v=19$m=64,t=2,p=1$YWJjZGVmZ2gxMjM0NTY3OA$yrfZL/3P5tPjlBxipTLabuVhikI6X9CIjrjcWGXeFuU"},
		{"version 16", "$argon2id$v=16$m=64,t=2,p=1$YWJjZGVmZ2gxMjM0NTY3OA$zvyvcXvboTr/+W8hnulkBKfrDw0RsCFbY0RIz3uf8F4"},
		{"no version", "$argon2id$m=256,t=2,p=1$" + salt + "$" + sum},
		{"the name in capitals", "$Argon2id$v=19$m=256,t=2,p=1$" + salt + "$" + sum},
		{"a leading zero", "$argon2id$v=19$m=0256,t=2,p=1$" + salt + "$" + sum},
		{"a sign", "$argon2id$v=19$m=+256,t=2,p=1$" + salt + "$" + sum},
		{"a negative number", "$argon2id$v=19$m=256,t=-2,p=1$" + salt + "$" + sum},
		{"a hexadecimal number", "$argon2id$v=19$m=0x100,t=2,p=1$" + salt + "$" + sum},
		{"an underscore in a number", "$argon2id$v=19$m=2_56,t=2,p=1$" + salt + "$" + sum},
		{"an empty number", "$argon2id$v=19$m=,t=2,p=1$" + salt + "$" + sum},
		{"a space", "$argon2id$v=19$m=256, t=2,p=1$" + salt + "$" + sum},
		{"a line break after it", "$argon2id$v=19$m=256,t=2,p=1$" + salt + "$" + sum + "\n"},
		{"a line break within the base64", "$argon2id$v=19$m=256,t=2,p=1$c29t\nZXNhbHQ$" + sum},
		{"a NUL after it", "$argon2id$v=19$m=256,t=2,p=1$" + salt + "$" + sum + "\x00"},
		{"parameters in another order", "$argon2id$v=19$t=2,m=256,p=1$" + salt + "$" + sum},
		{"a parameter given twice", "$argon2id$v=19$m=256,m=256,t=2,p=1$" + salt + "$" + sum},
		{"a parameter given twice, for another", "$argon2id$v=19$m=256,m=256,p=1$" + salt + "$" + sum},
		{"a parameter too few", "$argon2id$v=19$m=256,t=2$" + salt + "$" + sum},
		{"a parameter too many", "$argon2id$v=19$m=256,t=2,p=1,keyid=AAAA$" + salt + "$" + sum},
		{"padding", "$argon2id$v=19$m=256,t=2,p=1$" + salt + "=$" + sum + "="},
		{"stray bits in the salt", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHR$" + sum},
		{"stray bits in the sum", "$argon2id$v=19$m=256,t=2,p=1$" + salt + "$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/5"},
		{"the URL alphabet", "$argon2id$v=19$m=256,t=2,p=1$" + salt + "$nf65EOgLrQMR_uIPnA4rEsF5h7TKyQwu9U1bMCHGi_4"},
		{"no salt", "$argon2id$v=19$m=256,t=2,p=1$$" + sum},
		{"a salt of 7 bytes", "$argon2id$v=19$m=256,t=2,p=1$c2Vhc2FsdA$" + sum},
		{"a salt of 65 bytes", "$argon2id$v=19$m=256,t=2,p=1$" + b64(65) + "$" + sum},
		{"no sum", "$argon2id$v=19$m=256,t=2,p=1$" + salt + "$"},
		{"a sum of 15 bytes", "$argon2id$v=19$m=256,t=2,p=1$" + salt + "$" + b64(15)},
		{"a sum of 65 bytes", "$argon2id$v=19$m=256,t=2,p=1$" + salt + "$" + b64(65)},
		{"a field too many", "$argon2id$v=19$m=256,t=2,p=1$" + salt + "$" + sum + "$"},
		{"zero passes", "$argon2id$v=19$m=256,t=0,p=1$" + salt + "$" + sum},
		{"zero lanes", "$argon2id$v=19$m=256,t=2,p=0$" + salt + "$" + sum},
		{"17 lanes", "$argon2id$v=19$m=256,t=2,p=17$" + salt + "$" + sum},
		{"257 lanes, which are one in 8 bits", "$argon2id$v=19$m=256,t=2,p=257$" + salt + "$" + sum},
		{"less than 8 KiB a lane", "$argon2id$v=19$m=31,t=2,p=4$" + salt + "$" + sum},
		{"memory above 2 GiB", "$argon2id$v=19$m=2097153,t=1,p=1$" + salt + "$" + sum},
		{"more passes than 8 GiB", "$argon2id$v=19$m=2097152,t=5,p=1$" + salt + "$" + sum},
		{"passes without end", "$argon2id$v=19$m=8,t=4294967295,p=1$" + salt + "$" + sum},
		{"a number beyond 32 bits", "$argon2id$v=19$m=4294967552,t=2,p=1$" + salt + "$" + sum},
		{"a number beyond 64 bits", "$argon2id$v=19$m=18446744073709551872,t=2,p=1$" + salt + "$" + sum},
	})
	for _, bound := range []string{
		"$argon2id$v=19$m=2097152,t=4,p=16$" + b64(64) + "$" + b64(64),
		"$argon2id$v=19$m=8,t=1,p=1$" + b64(8) + "$" + b64(16),
	} {
		if _, err := accounts.SchemeOf(bound); err != nil {
			t.Errorf("%s: %v", bound, err)
		}
	}
}

package accounts_test

import (
	"encoding/base64"
	"encoding/binary"
	"testing"

	"github.com/gobearer/bearer/accounts"
)

var aspnetVectors = []vector{
	// dotnet/aspnetcore, src/Identity/test/Identity.Test/PasswordHasherTest.cs.
	{"my password", "AQAAAAAAAAD6AAAAEAhftMyfTJylOlZT+eEotFXd1elee8ih5WsjXaR3PA9M", "pbkdf2-sha1 i=250 l=16, ASP.NET Identity"},
	{"my password", "AQAAAAEAA9CQAAAAIESkQuj2Du8Y+kbc5lcN/W/3NiAZFEm11P27nrSN5/tId+bR1SwV8CO1Jd72r4C08OLvplNlCDc3oQZ8efcW+jQ=", "pbkdf2-sha256 i=250000 l=32, ASP.NET Identity"},
	{"my password", "AQAAAAIAAAAyAAAAEOMwvh3+FZxqkdMBz2ekgGhwQ4B6pZWND6zgESBuWiHw", "pbkdf2-sha512 i=50 l=16, ASP.NET Identity"},
	{"my password", "AQAAAAIAAAD6AAAAIJbVi5wbMR+htSfFp8fTw8N8GOS/Sje+S/4YZcgBfU7EQuqv4OkVYmc4VJl9AGZzmRTxSkP7LtVi9IWyUxX8IAAfZ8v+ZfhjCcudtC1YERSqE1OEdXLW9VukPuJWBBjLuw==", "pbkdf2-sha512 i=250 l=64, ASP.NET Identity"},
	{"my password", "AQAAAAIAACcQAAAAEAABAgMEBQYHCAkKCwwNDg9B0Oxwty+PGIDSp95gcCfzeDvA4sGapUIUov8usXfD6A==", "pbkdf2-sha512 i=10000 l=32, ASP.NET Identity"},
	{"my password", "AQAAAAIAAYagAAAAEAABAgMEBQYHCAkKCwwNDg/Q8A0WMKbtHQJQ2DHCdoEeeFBrgNlldq6vH4qX/CGqGQ==", "pbkdf2-sha512 i=100000 l=32, ASP.NET Identity"},
}

func TestASPNETThatIsRefused(t *testing.T) {
	blob := func(version byte, prf, iterations, saltLength uint32, rest int) string {
		b := []byte{version}
		for _, n := range []uint32{prf, iterations, saltLength} {
			b = binary.BigEndian.AppendUint32(b, n)
		}
		return base64.StdEncoding.EncodeToString(append(b, make([]byte, rest)...))
	}
	refusesHashes(t, blob(1, 2, 50, 16, 16+32), []refused{
		// PasswordHasherTest.cs, VerifyHashedPassword_FailureCases.
		{"too short", "AQAAAAIAAAAyAAAAEOMwvh3+FZxqkdMBz2ekgGhwQ4A="},
		{"version 2", "AAABAgMEBQYHCAkKCwwNDg+ukCEMDf0yyQ29NYubggHIVY0sdEUfdyeM+E1LtH1uJg=="},
		{"version 0", blob(0, 2, 50, 16, 16+32)},
		{"version 2 in the byte", blob(2, 2, 50, 16, 16+32)},
		{"nothing", ""},
		{"the head alone", blob(1, 2, 50, 0, 0)},
		{"less than the head", "AQAAAAIA"},
		{"a hash function that it does not know", blob(1, 3, 50, 16, 16+32)},
		{"a hash function beyond 8 bits", blob(1, 0x102, 50, 16, 16+32)},
		{"no iterations", blob(1, 2, 0, 16, 16+32)},
		{"iterations without end", blob(1, 2, 1<<32-1, 16, 16+32)},
		{"10 000 001 iterations", blob(1, 2, 10_000_001, 16, 16+32)},
		{"a salt of 7 bytes", blob(1, 2, 50, 7, 7+32)},
		{"a salt of 65 bytes", blob(1, 2, 50, 65, 65+32)},
		{"a salt as long as the rest", blob(1, 2, 50, 48, 48)},
		{"a salt longer than the rest", blob(1, 2, 50, 49, 48)},
		{"a salt longer than memory", blob(1, 2, 50, 1<<32-1, 48)},
		{"a sum of 15 bytes", blob(1, 2, 50, 16, 16+15)},
		{"a sum of 65 bytes", blob(1, 2, 50, 16, 16+65)},
		{"no padding", blob(1, 2, 50, 16, 16+32)[:82]},
		{"stray bits", "AQAAAAIAACcQAAAAEAABAgMEBQYHCAkKCwwNDg9B0Oxwty+PGIDSp95gcCfzeDvA4sGapUIUov8usXfD6B=="},
		{"a line break", blob(1, 2, 50, 16, 16+32) + "\n"},
		{"a space", " " + blob(1, 2, 50, 16, 16+32)},
		{"a NUL", blob(1, 2, 50, 16, 16+32) + "\x00"},
	})
	if _, err := accounts.SchemeOf(blob(1, 2, 10_000_000, 64, 64+64)); err != nil {
		t.Error("10 000 000 iterations, and 64 bytes each:", err)
	}
}

func TestASPNETThatDoesNotOpen(t *testing.T) {
	// PasswordHasherTest.cs, VerifyHashedPassword_FailureCases.
	for name, hash := range map[string]string{
		"incorrect password": "AQAAAAAAAAD6AAAAEAhftMyfTJyAAAAAAAAAAAAAAAAAAAih5WsjXaR3PA9M",
		"extra data at end":  "AQAAAAIAAAAyAAAAEOMwvh3+FZxqkdMBz2ekgGhwQ4B6pZWND6zgESBuWiHwAAAAAAAAAAAA",
	} {
		if _, ok := accounts.RunScheme(schemeOf(t, hash), "my password", hash); ok {
			t.Error(name, "opens")
		}
	}
}

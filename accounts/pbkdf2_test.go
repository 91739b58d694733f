package accounts_test

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"testing"

	"github.com/gobearer/bearer/accounts"
)

var pbkdf2Vectors = []vector{
	// passlib 1.7.4, tests/test_handlers_pbkdf2.py.
	{"password", "$pbkdf2$1212$OB.dtnSEXZK8U5cgxU/GYQ$y5LKPOplRmok7CZp/aqVDVg8zGI", "pbkdf2-sha1 i=1212 l=20, passlib"},
	{"Ιωαννης", "$pbkdf2$1212$THDqatpidANpadlLeTeOEg$HV3oi1k5C5LQCgG1BMOL.BX4YZc", "pbkdf2-sha1 i=1212 l=20, passlib"},
	{"password", "$pbkdf2-sha256$1212$4vjV83LKPjQzk31VI4E0Vw$hsYF68OiOUPdDZ1Fg.fJPeq1h/gXXY7acBp9/6c.tmQ", "pbkdf2-sha256 i=1212 l=32, passlib"},
	{"Ιωαννης", "$pbkdf2-sha256$1212$3SABFJGDtyhrQMVt1uABPw$WyaUoqCLgvz97s523nF4iuOqZNbp5Nt8do/cuaa7AiI", "pbkdf2-sha256 i=1212 l=32, passlib"},
	{"password", "$pbkdf2-sha512$1212$RHY0Fr3IDMSVO/RSZyb5ow$eNLfBK.eVozomMr.1gYa17k9B7KIK25NOEshvhrSX.esqY3s.FvWZViXz4KoLlQI.BzY/YTNJOiKc5gBYFYGww", "pbkdf2-sha512 i=1212 l=64, passlib"},
	{"Ιωαννης", "$pbkdf2-sha512$1212$KkbvoKGsAIcF8IslDR6skQ$8be/PRmd88Ps8fmPowCJttH9G3vgxpG.Krjt3KT.NP6cKJ0V4Prarqf.HBwz0dCkJ6xgWnSj2ynXSV7MlvMa8Q", "pbkdf2-sha512 i=1212 l=64, passlib"},
	// RustCrypto's password-hashes, pbkdf2/tests/simple.rs.
	{"passwordPASSWORDpassword", "$pbkdf2-sha256$i=4096,l=40$c2FsdFNBTFRzYWx0U0FMVHNhbHRTQUxUc2FsdFNBTFRzYWx0$NIyJ28vTKy8y2BS4EW6EzysXNH68GAAYHE4qH7jdU+HGNVGMfaxH6Q", "pbkdf2-sha256 i=4096 l=40, PHC"},
	// Node 20, crypto.pbkdf2Sync.
	{"correct horse", "$pbkdf2-sha256$i=1000,l=32$+/8+igECAwQFBgcICQoLDA$dBSVG8mi+wa5P1ixQrYcbfAryCnqVJFNKLnaoa5bcrM", "pbkdf2-sha256 i=1000 l=32, PHC"},
	{"correct horse", "$pbkdf2-sha512$i=1000,l=64$+/8+igECAwQFBgcICQoLDA$dYiZtZWMtCiOGnB+d11RcaB9oToyaj57/sAym2cIemBlYMDJ8/ILwxJKwsqrOzsWudsFiY+L+T6mojhBpsE49g", "pbkdf2-sha512 i=1000 l=64, PHC"},
	{"correct horse", "$pbkdf2$i=1000,l=32$+/8+igECAwQFBgcICQoLDA$RcvMVFr8vll1TUSLrwBHRaF33mykVkGzQOYu1KOdCAU", "pbkdf2-sha1 i=1000 l=32, PHC"},
	{"correct horse", "$pbkdf2-sha256$i=600000,l=32$+/8+igECAwQFBgcICQoLDA$zdSJ8FsDWYDp7VIhVEPbG9aW+hQAbVB+P5rOAEsebPQ", "pbkdf2-sha256 i=600000 l=32, PHC"},
	// passlib 1.7.4, tests/test_handlers_django.py, made by Django 1.4.
	{"not a password", "pbkdf2_sha256$10000$kjVJaVz6qsnJ$5yPHw3rwJGECpUf70daLGhOrQ5+AMxIJdz1c3bqK1Rs=", "pbkdf2-sha256 i=10000 l=32, Django"},
	{"tá\u0411\u2113\u0259", "pbkdf2_sha256$10000$bEwAfNrH1TlQ$OgYUblFNUX1B8GfMqaCYUK/iHyO0pa7STTDdaEJBuY0=", "pbkdf2-sha256 i=10000 l=32, Django"},
	{"not a password", "pbkdf2_sha1$10000$wz5B6WkasRoF$atJmJ1o+XfJxKq1+Nu1f1i57Z5I=", "pbkdf2-sha1 i=10000 l=20, Django"},
	// Django 3.2.25, make_password and PBKDF2PasswordHasher.encode.
	{"correct horse", "pbkdf2_sha256$260000$211OUPtlerLPcJmbwoxhmf$7TrkDODcxx6nM9wkvgceIjn3+oyMPGjxWKj8moilmb0=", "pbkdf2-sha256 i=260000 l=32, Django"},
	{"correct horse", "pbkdf2_sha256$1000$hV3KqWzO0bTnM4xY7sR1cD$rjFN8lMS7NoGu9Ic2RzieOLfSKEKII32txBq9vjNbPM=", "pbkdf2-sha256 i=1000 l=32, Django"},
	{"correct horse", "pbkdf2_sha1$1000$hV3KqWzO0bTn$Hpk5piFflLLly7HZdpIpivyD09A=", "pbkdf2-sha1 i=1000 l=20, Django"},
}

func TestPBKDF2OfTheRFCs(t *testing.T) {
	tests := []struct {
		name           string
		hash           int // the length of its sums
		password, salt string
		iterations     int64
		sum            string
	}{
		{"RFC 6070, 1 iteration", sha1.Size, "password", "salt", 1, "0c60c80f961f0e71f3a9b524af6012062fe037a6"},
		{"RFC 6070, 2 iterations", sha1.Size, "password", "salt", 2, "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957"},
		{"RFC 6070, 4096 iterations", sha1.Size, "password", "salt", 4096, "4b007901b765489abead49d926f721d065a429c1"},
		{"RFC 6070, two blocks", sha1.Size, "passwordPASSWORDpassword", "saltSALTsaltSALTsaltSALTsaltSALTsalt", 4096, "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038"},
		{"RFC 6070, NUL", sha1.Size, "pass\x00word", "sa\x00lt", 4096, "56fa6aa75548099dcc37d7f03425e0c3"},
		{"RFC 7914, 1 iteration", sha256.Size, "passwd", "salt", 1, "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783"},
		{"RFC 7914, 80000 iterations", sha256.Size, "Password", "NaCl", 80000, "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sum, err := hex.DecodeString(tt.sum)
			if err != nil {
				t.Fatal(err)
			}
			if !accounts.PBKDF2Opens(tt.hash, tt.password, tt.salt, tt.iterations, sum) {
				t.Error("is not the sum of the RFC")
			}
			sum[len(sum)-1] ^= 1
			if accounts.PBKDF2Opens(tt.hash, tt.password, tt.salt, tt.iterations, sum) {
				t.Error("the sum's last bit does not matter")
			}
		})
	}
}

func TestPBKDF2ThatIsRefused(t *testing.T) {
	const salt, sum = "+/8+igECAwQFBgcICQoLDA", "dBSVG8mi+wa5P1ixQrYcbfAryCnqVJFNKLnaoa5bcrM"
	refusesHashes(t, "$pbkdf2-sha256$i=1000,l=32$"+salt+"$"+sum, []refused{
		{"a hash function that it does not know", "$pbkdf2-sha384$i=1000,l=32$" + salt + "$" + sum},
		{"MD5", "$pbkdf2-md5$i=1000,l=32$" + salt + "$" + sum},
		{"another name for SHA-1", "$pbkdf2-sha1$i=1000,l=32$" + salt + "$" + sum},
		{"a length that is not the sum's", "$pbkdf2-sha256$i=1000,l=31$" + salt + "$" + sum},
		{"no length", "$pbkdf2-sha256$i=1000$" + salt + "$" + sum},
		{"the length twice", "$pbkdf2-sha256$i=1000,l=32,l=32$" + salt + "$" + sum},
		{"the iterations twice", "$pbkdf2-sha256$i=1000,i=1000,l=32$" + salt + "$" + sum},
		{"parameters in another order", "$pbkdf2-sha256$l=32,i=1000$" + salt + "$" + sum},
		{"a leading zero", "$pbkdf2-sha256$i=01000,l=32$" + salt + "$" + sum},
		{"a leading zero in the length", "$pbkdf2-sha256$i=1000,l=032$" + salt + "$" + sum},
		{"a sign", "$pbkdf2-sha256$i=+1000,l=32$" + salt + "$" + sum},
		{"no iterations", "$pbkdf2-sha256$i=0,l=32$" + salt + "$" + sum},
		{"iterations without end", "$pbkdf2-sha256$i=4294967295,l=32$" + salt + "$" + sum},
		{"10 000 001 iterations", "$pbkdf2-sha256$i=10000001,l=32$" + salt + "$" + sum},
		{"a number beyond 32 bits", "$pbkdf2-sha256$i=4294968296,l=32$" + salt + "$" + sum},
		{"a number beyond 64 bits", "$pbkdf2-sha256$i=18446744073709552616,l=32$" + salt + "$" + sum},
		{"padding", "$pbkdf2-sha256$i=1000,l=32$" + salt + "==$" + sum + "="},
		{"passlib's alphabet in a PHC string", "$pbkdf2-sha256$i=1000,l=32$./8.igECAwQFBgcICQoLDA$" + sum},
		{"stray bits", "$pbkdf2-sha256$i=1000,l=32$" + salt + "$dBSVG8mi+wa5P1ixQrYcbfAryCnqVJFNKLnaoa5bcrN"},
		{"a salt of 7 bytes", "$pbkdf2-sha256$i=1000,l=32$c2Vhc2FsdA$" + sum},
		{"a sum of 15 bytes", "$pbkdf2-sha256$i=1000,l=15$" + salt + "$" + b64(15)},
		{"a sum of 65 bytes", "$pbkdf2-sha256$i=1000,l=65$" + salt + "$" + b64(65)},
		{"a NUL after it", "$pbkdf2-sha256$i=1000,l=32$" + salt + "$" + sum + "\x00"},
		{"a field too many", "$pbkdf2-sha256$i=1000,l=32$" + salt + "$" + sum + "$"},
		// passlib 1.7.4, known_malformed_hashes in tests/test_handlers_pbkdf2.py.
		{"passlib: zero padded rounds", "$pbkdf2$01212$THDqatpidANpadlLeTeOEg$HV3oi1k5C5LQCgG1BMOL.BX4YZc"},
		{"passlib: empty rounds", "$pbkdf2$$THDqatpidANpadlLeTeOEg$HV3oi1k5C5LQCgG1BMOL.BX4YZc"},
		{"passlib: too many fields", "$pbkdf2$1212$THDqatpidANpadlLeTeOEg$HV3oi1k5C5LQCgG1BMOL.BX4YZc$"},
		{"passlib: a plus", "$pbkdf2$1212$OB+dtnSEXZK8U5cgxU/GYQ$y5LKPOplRmok7CZp/aqVDVg8zGI"},
		{"passlib: the sum of another hash function", "$pbkdf2-sha256$1212$OB.dtnSEXZK8U5cgxU/GYQ$y5LKPOplRmok7CZp/aqVDVg8zGI"},
		{"Django: the sum of another hash function", "pbkdf2_sha256$1000$hV3KqWzO0bTn$Hpk5piFflLLly7HZdpIpivyD09A="},
		{"Django: a hash function that it does not have", "pbkdf2_sha512$1000$hV3KqWzO0bTn$" + b64(64) + "=="},
		{"Django: a leading zero", "pbkdf2_sha1$01000$hV3KqWzO0bTn$Hpk5piFflLLly7HZdpIpivyD09A="},
		{"Django: no padding", "pbkdf2_sha1$1000$hV3KqWzO0bTn$Hpk5piFflLLly7HZdpIpivyD09A"},
		{"Django: stray bits", "pbkdf2_sha1$1000$hV3KqWzO0bTn$Hpk5piFflLLly7HZdpIpivyD09B="},
		{"Django: a salt of 7 bytes", "pbkdf2_sha1$1000$seasalt$Hpk5piFflLLly7HZdpIpivyD09A="},
		{"Django: a space in the salt", "pbkdf2_sha1$1000$hV3KqWzO 0bTn$Hpk5piFflLLly7HZdpIpivyD09A="},
		{"Django: a NUL in the salt", "pbkdf2_sha1$1000$hV3KqWzO\x000bTn$Hpk5piFflLLly7HZdpIpivyD09A="},
		{"Django: a salt that is not ASCII", "pbkdf2_sha1$1000$hV3KqWzOé0bTn$Hpk5piFflLLly7HZdpIpivyD09A="},
		{"Django: DEL in the salt", "pbkdf2_sha1$1000$hV3KqWzO\x7f0bTn$Hpk5piFflLLly7HZdpIpivyD09A="},
		{"Django: a field too many", "pbkdf2_sha1$1000$hV3KqWzO$0bTn$Hpk5piFflLLly7HZdpIpivyD09A="},
		{"Django: iterations without end", "pbkdf2_sha1$4294967295$hV3KqWzO0bTn$Hpk5piFflLLly7HZdpIpivyD09A="},
		{"Django: a password that cannot be used", "!hV3KqWzO0bTnM4xY7sR1cDhV3KqWzO0bTnM4xY7sR1cD"},
	})
	if _, err := accounts.SchemeOf("$pbkdf2-sha256$i=10000000,l=32$" + salt + "$" + sum); err != nil {
		t.Error("10 000 000 iterations:", err)
	}
}

// HMAC pads a key with NUL, so that it cannot tell these from the password.
func TestPBKDF2OpensWithThePasswordAlone(t *testing.T) {
	const hash = "$pbkdf2-sha256$i=1000,l=32$+/8+igECAwQFBgcICQoLDA$dBSVG8mi+wa5P1ixQrYcbfAryCnqVJFNKLnaoa5bcrM"
	for _, password := range []string{"correct horse\x00", "correct horse\x00\x00\x00"} {
		if _, ok := accounts.RunScheme(schemeOf(t, hash), password, hash); ok {
			t.Errorf("opens with %q", password)
		}
	}
}

// Where FIPS 140 is enforced crypto/pbkdf2 refuses SHA-1 and salts under 16 bytes.
func TestPBKDF2WhereFIPS140IsEnforced(t *testing.T) {
	const inside = "BEARER_TEST_FIPS140"
	if os.Getenv(inside) == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		cmd.Env = append(os.Environ(), inside+"=1", "GODEBUG=fips140=only")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	const long = "pbkdf2_sha256$1000$hV3KqWzO0bTnM4xY7sR1cD$rjFN8lMS7NoGu9Ic2RzieOLfSKEKII32txBq9vjNbPM="
	const short = "pbkdf2_sha256$1000$kjVJaVz6qsnJ$5yPHw3rwJGECpUf70daLGhOrQ5+AMxIJdz1c3bqK1Rs="
	s := schemeOf(t, long)
	if err := accounts.CheckScheme(s); err != nil {
		t.Error(err)
	}
	if _, ok := accounts.RunScheme(s, "correct horse", long); !ok {
		t.Error("a salt of 22 bytes does not open")
	}
	if _, ok := accounts.RunScheme(s, "correct horse", short); ok {
		t.Error("a salt of 12 bytes opens")
	}
	if least, got := work(s, long), work(s, short); got < least*3/4 {
		t.Errorf("a salt of 12 bytes takes no work: %d bytes, not %d", got, least)
	}
	const legacy = "pbkdf2_sha1$1000$hV3KqWzO0bTn$Hpk5piFflLLly7HZdpIpivyD09A="
	const want = "has pbkdf2-sha1 i=1000 l=20, Django: leave it out, this process computes only what FIPS 140 approves"
	if err := accounts.CheckScheme(schemeOf(t, legacy)); err == nil || err.Error() != want {
		t.Errorf("SHA-1 in a configuration: %v", err)
	}
	if _, ok := accounts.RunScheme(schemeOf(t, legacy), "correct horse", legacy); ok {
		t.Error("SHA-1 opens")
	}
}

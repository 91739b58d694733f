//lint:file-ignore SA9005 that nothing is marshalled is what is tested

package keys_test

import (
	"bytes"
	"context"
	"crypto"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobearer/bearer/keys"
)

func openRing(t testing.TB, data []byte, opts ...keys.RingOption) *keys.Ring {
	t.Helper()
	r, err := keys.OpenRing(data, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// behaves is all that can be seen of a ring at one instant, and a signature that
// its Lookup verifies.
func behaves(t testing.TB, r *keys.Ring) string {
	t.Helper()
	k, err := r.SigningKey()
	if err != nil {
		t.Fatal(err)
	}
	signature, err := k.Sign(input)
	if err != nil {
		t.Fatal(err)
	}
	found, err := r.Lookup(context.Background(), keys.Header{Algorithm: k.Algorithm(), KeyID: k.ID()})
	if err != nil || len(found) == 0 || found[0].Verify(input, signature) != nil {
		t.Fatalf("%v of %v, %v", found, k, err)
	}
	var all []*keys.Key
	for _, alg := range algorithms {
		found, err := r.Lookup(context.Background(), keys.Header{Algorithm: alg})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	return fmt.Sprint(k, all, string(must(json.Marshal(r.States()))), string(published(r)), string(must(r.Save())))
}

func TestSaveAndOpenRoundTrip(t *testing.T) {
	for _, alg := range algorithms {
		shapes := map[string]any{"in memory": material(alg)}
		if s, ok := material(alg).(crypto.Signer); ok {
			shapes["behind a signer"] = kms{s}
		}
		for shape, m := range shapes {
			for _, id := range []string{"", `k <"é\u2028&>`} {
				t.Run(fmt.Sprintf("%s %s %q", alg, shape, id), func(t *testing.T) {
					var named []keys.KeyOption
					if id != "" {
						named = append(named, keys.WithID(id))
					}
					k := newKey(t, alg, m, named...)
					clock := clockAt(epoch)
					opts := []keys.RingOption{clock.option()}
					r := newRing(t, generate(t, keys.ES256), append(opts, keys.WithRetiring(newKey(t, keys.PS256, otherRSA()), generate(t, keys.HS384)))...)
					if err := r.Rotate(k); err != nil {
						t.Fatal(err)
					}
					if err := r.Rotate(generate(t, keys.HS512, keys.WithID("last"))); err != nil {
						t.Fatal(err)
					}
					saved := must(r.Save())
					if shape == "behind a signer" {
						if _, err := keys.OpenRing(saved, opts...); err == nil || !strings.Contains(err.Error(), "WithSigners") {
							t.Errorf("without the signer: %v", err)
						}
						opts = append(opts, keys.WithSigners(k))
					}
					opened := openRing(t, saved, opts...)
					for _, at := range []time.Duration{0, delay, delay + time.Second, 3660 * 24 * time.Hour, 3661 * 24 * time.Hour, time.Second} {
						clock.set(epoch.Add(at))
						if got, want := behaves(t, opened), behaves(t, r); got != want {
							t.Errorf("after %v: %s, want %s", at, got, want)
						}
					}
					// It can be changed as before, from the serial that it had.
					for _, ring := range []*keys.Ring{r, opened} {
						if err := ring.Remove("last"); err != nil {
							t.Fatal(err)
						}
					}
					if got, want := must(opened.Save()), must(r.Save()); !bytes.Equal(got, want) {
						t.Errorf("%s, want %s", got, want)
					}
				})
			}
		}
	}
}

func TestSaveKeepsWhatASecretIsFor(t *testing.T) {
	signs := parseOne(t, jwk(secret[:40], with{"alg": "HS256", "kid": "a", "key_ops": []string{"sign", "verify"}}))
	verifies := parseOne(t, jwk(secret[8:], with{"alg": "HS256", "kid": "b", "key_ops": []string{"verify"}}))
	r := openRing(t, must(newRing(t, signs, keys.WithRetiring(verifies)).Save()))
	if k, err := r.SigningKey(); err != nil || !k.Equal(signs) {
		t.Errorf("%v, %v", k, err)
	}
	if found, err := r.Lookup(context.Background(), keys.Header{Algorithm: keys.HS256, KeyID: "b"}); err != nil || len(found) != 1 || !found[0].Equal(verifies) {
		t.Errorf("%v, %v", found, err)
	}
}

func TestSaveIsAJWKSetWithTheInstants(t *testing.T) {
	clock := clockAt(epoch)
	r := newRing(t, newKey(t, keys.EdDSA, ed25519Key(), keys.WithID("a")), clock.option(), keys.WithRetiring(newKey(t, keys.HS512, secret), newKey(t, keys.ES256, p256Key(), keys.WithID("old"))))
	r.KeepFor(time.Hour)
	if err := r.Rotate(newKey(t, keys.ES384, kms{p384Key()}, keys.WithID("held"))); err != nil {
		t.Fatal(err)
	}
	compact := func(jwk string) string {
		var m map[string]any
		decoder := json.NewDecoder(strings.NewReader(jwk))
		decoder.UseNumber()
		if err := decoder.Decode(&m); err != nil {
			t.Fatal(err)
		}
		return string(must(json.Marshal(m)))
	}
	at := clock.at
	want := `{"keys":[` + strings.Join([]string{
		compact(jwk(secret, with{"alg": "HS512", "use": "sig", "exp": at(3660*24*time.Hour + leeway)})),
		compact(jwk(&p256Key().PublicKey, with{"alg": "ES256", "use": "sig", "kid": "old", "exp": at(3660*24*time.Hour + leeway)})),
		compact(jwk(ed25519Key(), with{"alg": "EdDSA", "use": "sig", "kid": "a", "nbf": 0, "exp": at(delay + time.Hour + leeway)})),
		compact(jwk(&p384Key().PublicKey, with{"alg": "ES384", "use": "sig", "kid": "held", "nbf": at(delay)})),
	}, ",") + `],"serial":2}`
	if got := string(must(r.Save())); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	// What is gone is not saved.
	clock.set(epoch.Add(delay + time.Hour + leeway))
	if got := string(must(r.Save())); strings.Contains(got, `"kid":"a"`) {
		t.Error(got)
	}
}

func TestReplicas(t *testing.T) {
	clock := clockAt(epoch)
	a := newRing(t, named(t, "1"), clock.option())
	b := openRing(t, must(a.Save()), clock.option())
	var ahead, behind = clockAt(epoch.Add(2 * time.Second)), clockAt(epoch.Add(-2 * time.Second))
	early, late := openRing(t, must(a.Save()), ahead.option()), openRing(t, must(a.Save()), behind.option())
	all := map[string]*keys.Ring{"a": a, "b": b, "ahead": early, "behind": late}
	move := func(d time.Duration) {
		for _, c := range []*fakeClock{clock, ahead, behind} {
			c.move(d)
		}
	}
	verifyEachOther := func(want map[string]string) {
		t.Helper()
		for name, from := range all {
			if got := signer(t, from); got != want[name] {
				t.Errorf("%s signs with %s, want %s", name, got, want[name])
			}
			k := must(from.SigningKey())
			signature := must(k.Sign(input))
			for other, r := range all {
				found, err := r.Lookup(context.Background(), keys.Header{Algorithm: k.Algorithm(), KeyID: k.ID()})
				if err != nil || len(found) != 1 || found[0].Verify(input, signature) != nil {
					t.Errorf("%s does not verify what %s signs with %v: %v, %v", other, name, k, found, err)
				}
			}
		}
	}
	replace := func() {
		t.Helper()
		for _, r := range all {
			if err := r.Replace(must(a.Save())); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, r := range all {
		r.KeepFor(time.Hour)
	}
	verifyEachOther(map[string]string{"a": "1", "b": "1", "ahead": "1", "behind": "1"})
	if err := a.Rotate(named(t, "2")); err != nil {
		t.Fatal(err)
	}
	if offers(t, b, keys.HS256, "2") {
		t.Error("b knows the key before it has the set")
	}
	move(delay - 3*time.Second)
	replace()
	verifyEachOther(map[string]string{"a": "1", "b": "1", "ahead": "1", "behind": "1"})
	move(time.Second)
	verifyEachOther(map[string]string{"a": "1", "b": "1", "ahead": "2", "behind": "1"})
	move(2 * time.Second)
	verifyEachOther(map[string]string{"a": "2", "b": "2", "ahead": "2", "behind": "1"})
	move(2 * time.Second)
	verifyEachOther(map[string]string{"a": "2", "b": "2", "ahead": "2", "behind": "2"})
	// The active key leaks: on a clock that is behind the old one does not come back.
	if err := a.Rotate(named(t, "3")); err != nil {
		t.Fatal(err)
	}
	if err := a.Remove("2"); err != nil {
		t.Fatal(err)
	}
	replace()
	verifyEachOther(map[string]string{"a": "3", "b": "3", "ahead": "3", "behind": "3"})
	for name, r := range all {
		if offers(t, r, keys.HS256, "2") {
			t.Errorf("%s has the removed key", name)
		}
	}
}

func TestReplace(t *testing.T) {
	clock := clockAt(epoch)
	fresh := func() *keys.Ring {
		r := newRing(t, named(t, "a"), clock.option())
		r.KeepFor(time.Hour)
		return r
	}
	rotated := func(id string) *keys.Ring {
		r := fresh()
		if err := r.Rotate(named(t, id)); err != nil {
			t.Fatal(err)
		}
		return r
	}
	twice := rotated("b")
	if err := twice.Remove("b"); err != nil {
		t.Fatal(err)
	}
	held := newKey(t, keys.ES256, kms{p256Key()}, keys.WithID("held"))
	byKMS := fresh()
	if err := byKMS.Rotate(held); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		ring *keys.Ring
		data []byte
		opts []keys.RingOption
		want string // part of the error; empty: the states that follow
		then string
	}{
		{"a newer set", fresh(), must(rotated("b").Save()), nil, "", "a:active b:pending"},
		{"a newer set by two", fresh(), must(twice.Save()), nil, "", "a:active"},
		{"the same set", rotated("b"), must(rotated("b").Save()), nil, "", "a:active b:pending"},
		{"the same set, written otherwise", rotated("b"), append([]byte("\n "), bytes.ReplaceAll(must(rotated("b").Save()), []byte(`,"`), []byte(",\n\t\""))...), nil, "", "a:active b:pending"},
		{"an older set", rotated("b"), must(fresh().Save()), nil, "older", "a:active b:pending"},
		{"an older set, of two changes ago", twice, must(fresh().Save()), nil, "older", "a:active"},
		{"two writers: other keys", rotated("b"), must(rotated("c").Save()), nil, "two replicas", "a:active b:pending"},
		{"two writers: another instant", rotated("b"), bytes.Replace(must(rotated("b").Save()), fmt.Appendf(nil, `"nbf":%d`, clock.at(delay)), fmt.Appendf(nil, `"nbf":%d`, clock.at(delay-time.Second)), 1), nil, "two replicas", "a:active b:pending"},
		{"two writers: another secret under the id", fresh(), must(newRing(t, newKey(t, keys.HS256, secret, keys.WithID("a")), clock.option()).Save()), nil, "two replicas", "a:active"},
		{"a set whose next signer is not here", fresh(), must(byKMS.Save()), nil, "WithSigners", "a:active"},
		{"a set whose next signer is another key", fresh(), must(byKMS.Save()), []keys.RingOption{keys.WithSigners(generate(t, keys.ES256, keys.WithID("held")))}, "WithSigners", "a:active"},
		{"a set whose next signer has another id", fresh(), must(byKMS.Save()), []keys.RingOption{keys.WithSigners(newKey(t, keys.ES256, kms{p256Key()}))}, "WithSigners", "a:active"},
		{"a set whose next signer comes with it", fresh(), must(byKMS.Save()), []keys.RingOption{keys.WithSigners(held)}, "", "a:active held:pending"},
		{"a set whose next signer came with NewRing", newRing(t, named(t, "a"), clock.option(), keys.WithSigners(held)), must(byKMS.Save()), nil, "", "a:active held:pending"},
		{"a set whose next signer the ring has", byKMS, bytes.Replace(must(byKMS.Save()), []byte(`"serial":2`), []byte(`"serial":9`), 1), nil, "", "a:active held:pending"},
		{"a set that is cut", fresh(), must(rotated("b").Save())[:100], nil, "Save", "a:active"},
		{"nothing", fresh(), nil, nil, "Save", "a:active"},
		{"a nil option", fresh(), must(rotated("b").Save()), []keys.RingOption{nil}, "nil", "a:active"},
		{"options of NewRing", fresh(), must(rotated("b").Save()), []keys.RingOption{clock.option()}, "WithClock", "a:active"},
		{"a publish delay", fresh(), must(rotated("b").Save()), []keys.RingOption{keys.WithPublishDelay(delay)}, "WithPublishDelay", "a:active"},
		{"retiring keys", fresh(), must(rotated("b").Save()), []keys.RingOption{keys.WithRetiring(named(t, "z"))}, "WithRetiring", "a:active"},
		{"a zero ring", new(keys.Ring), must(rotated("b").Save()), nil, "no keys", ""},
		{"a nil ring", nil, must(rotated("b").Save()), nil, "no keys", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := test.ring.Replace(test.data, test.opts...)
			if test.want == "" && err != nil {
				t.Error(err)
			}
			if test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), "keys: ") || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%v does not say %q", err, test.want)
			}
			if got := describe(test.ring); got != test.then {
				t.Errorf("then %s, want %s", got, test.then)
			}
		})
	}
	// A signer that Replace was given is known to the next one, and a key that was
	// dropped since is no conflict.
	r := fresh()
	if err := r.Replace(must(byKMS.Save()), keys.WithSigners(held)); err != nil {
		t.Fatal(err)
	}
	before := must(r.Save())
	clock.move(delay + time.Hour + leeway)
	if err := r.Replace(before); err != nil || describe(r) != "held:active" || signer(t, r) != "held" {
		t.Errorf("%s, %v", describe(r), err)
	}
	clock.set(epoch)
	r = fresh()
	if err := r.Replace(must(r.Save()), keys.WithSigners(held)); err != nil {
		t.Fatal(err)
	}
	if err := r.Replace(must(byKMS.Save())); err != nil {
		t.Errorf("a signer that came with an earlier set: %v", err)
	}
}

func TestAPrivatePartThatNeverSignsIsNotKept(t *testing.T) {
	data := saved(1, jwk(p256Key(), with{"kid": "old", "exp": epoch.Unix() + 9}), jwk(ed25519Key(), with{"kid": "a", "nbf": 0}))
	r := openRing(t, []byte(data), clockAt(epoch).option())
	if got := string(must(r.Save())); strings.Contains(got, b64(must(p256Key().Bytes()))) {
		t.Error(got)
	}
}

func TestRemoveNeverEmptiesTheLine(t *testing.T) {
	clock := clockAt(epoch)
	data := saved(1, jwk(p256Key(), with{"kid": "old", "exp": epoch.Unix() + 9}), jwk(ed25519Key(), with{"kid": "a", "nbf": 5}))
	r := openRing(t, []byte(data), clock.option())
	clock.set(time.Unix(4, 0)) // nobody signs yet
	if err := r.Remove("a"); err == nil || describe(r) != "old:retiring a:pending" {
		t.Errorf("%s, %v", describe(r), err)
	}
	if err := r.Remove("old"); err != nil || describe(r) != "a:pending" {
		t.Errorf("%s, %v", describe(r), err)
	}
	if err := r.Rotate(named(t, "b")); err != nil {
		t.Fatal(err)
	}
	if err := r.Remove("a"); err != nil || describe(r) != "b:pending" {
		t.Errorf("%s, %v", describe(r), err)
	}
}

func saved(serial any, keys ...string) string {
	return fmt.Sprintf(`{"keys":[%s],"serial":%v}`, strings.Join(keys, ","), serial)
}

type openTest struct {
	name string
	data string
	want string // accepted: the states; refused: part of the error
}

func openAccepts() []openTest {
	ed := func(more with) string { return jwk(ed25519Key(), merged(with{"kid": "a", "nbf": 0}, more)) }
	next := jwk(p256Key(), with{"kid": "b", "nbf": epoch.Unix() + 1})
	future := epoch.Unix() + 3600
	return []openTest{
		{"one key", saved(1, ed(nil)), "a:active"},
		{"white space", " \n" + strings.ReplaceAll(saved(1, ed(nil)), ",", "\r\n\t, "), "a:active"},
		{"the largest serial", saved(1<<53-1, ed(nil)), "a:active"},
		{"an id by thumbprint", saved(1, `{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","nbf":0}`), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k:active"},
		{"a secret without an id", saved(1, jwk(secret, with{"alg": "HS256", "nbf": 1})), ":active"},
		{"a pending key", saved(7, ed(with{"exp": future}), next), "a:active b:pending"},
		{"keys that only verify", saved(7, jwk(&p256Key().PublicKey, with{"kid": "b", "exp": future}), jwk(secret, with{"alg": "HS256", "kid": "m", "exp": future}), ed(nil)), "b:retiring m:retiring a:active"},
		{"a private key that only verifies", saved(7, jwk(p256Key(), with{"kid": "b", "exp": future}), ed(nil)), "b:retiring a:active"},
		{"a key that has retired without its private part", saved(7, jwk(&p256Key().PublicKey, with{"kid": "b", "nbf": 5, "exp": future}), ed(with{"nbf": 6})), "b:retiring a:active"},
		{"a key that is gone", saved(7, jwk(p256Key(), with{"kid": "b", "exp": 5}), ed(nil)), "a:active"},
		{"two keys from one instant", saved(7, jwk(p256Key(), with{"kid": "b", "nbf": 5, "exp": future}), ed(with{"nbf": 5})), "b:retiring a:active"},
		{"one id, two algorithms", saved(7, jwk(rsaKey(), with{"kid": "a", "alg": "PS256", "nbf": 5, "exp": future}), jwk(rsaKey(), with{"kid": "a", "alg": "RS256", "nbf": 6})), "a:retiring a:active"},
	}
}

func openRefuses() []openTest {
	ed := func(more with) string { return jwk(ed25519Key(), merged(with{"kid": "a", "nbf": 0}, more)) }
	es := func(more with) string { return jwk(p256Key(), merged(with{"kid": "b", "nbf": 5}, more)) }
	future := epoch.Unix() + 3600
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	good := saved(1, ed(nil))
	tests := []openTest{
		{"nothing", "", "Save"},
		{"null", "null", "Save"},
		{"an array", "[]", "Save"},
		{"one JWK", ed(nil), "Save"},
		{"PEM", pkcs8(ed25519Key()), "Save"},
		{"a JWK set without a serial", jwks(ed(nil)), "Save"},
		{"no keys", `{"keys":null,"serial":1}`, "array keys"},
		{"keys that are an object", `{"keys":{},"serial":1}`, "array keys"},
		{"a member too many", strings.Replace(good, `"serial"`, `"more":1,"serial"`, 1), "Save"},
		{"members in capitals", strings.ToUpper(good), "Save"},
		{"a serial twice", strings.Replace(good, `"serial"`, `"serial":1,"serial"`, 1), "Save"},
		{"keys twice", strings.Replace(good, `"serial"`, `"keys":[],"serial"`, 1), "Save"},
		{"a member of a key twice", strings.Replace(good, `"nbf"`, `"nbf":0,"nbf"`, 1), "Save"},
		{"trailing data", good + "x", "Save"},
		{"two sets", good + good, "Save"},
		{"a byte order mark", "\ufeff" + good, "Save"},
		{"an empty set", saved(1), "no nbf"},
		{"a key that is null", saved(1, "null"), "key 1 of the set"},
		{"a key that is text", saved(1, ed(nil), `"x"`), "key 2 of the set"},
		{"a foreign key", saved(1, `{"kty":"future","exp":9}`, ed(nil)), "key 1 of the set"},
		{"a key for encryption", saved(1, ed(with{"use": "enc"})), "its use is not sig"},
		{"an unknown algorithm", saved(1, ed(with{"alg": "ES999"})), "its alg"},
		{"a key for another algorithm", saved(1, ed(with{"alg": "ES256"})), "does not fit"},
		{"a secret without an algorithm", saved(1, jwk(secret, with{"nbf": 0})), "states no algorithm"},
		{"a short secret", saved(1, jwk(secret[:31], with{"alg": "HS256", "nbf": 0})), "shorter"},
		{"a private part of another key", saved(1, ed(with{"d": b64(secret[:32])})), "key 1 of the set"},
		{"only public keys", saved(1, jwk(ed25519Key().Public(), with{"nbf": 0})), "WithSigners"},
		{"a pending key that is public", saved(1, ed(with{"exp": future}), jwk(&p256Key().PublicKey, with{"nbf": future})), "WithSigners"},
		{"a secret that only verifies", saved(1, jwk(secret, with{"alg": "HS256", "nbf": 0, "key_ops": []string{"verify"}})), "no private part"},
		{"a secret that only signs and has no nbf", saved(1, jwk(secret, with{"alg": "HS256", "exp": future, "key_ops": []string{"sign"}}), ed(nil)), "neither signs nor verifies"},
		{"no key signs", saved(1, ed(with{"nbf": nil, "exp": future})), "no nbf"},
		{"nobody signs yet", saved(1, ed(with{"nbf": epoch.Unix() + 1})), "check the clock"},
		{"the last key is dropped", saved(1, ed(with{"exp": future})), "nobody would sign"},
		{"a key that is never dropped", saved(1, ed(nil), es(nil)), "no exp"},
		{"a key that only verifies and is never dropped", saved(1, es(with{"nbf": nil}), ed(nil)), "no exp"},
		{"a key dropped before the next one signs", saved(1, ed(with{"exp": future - 1}), es(with{"nbf": future})), "dropped before"},
		{"keys out of order", saved(1, es(with{"exp": future}), ed(nil)), "order"},
		{"a key that only verifies in line", saved(1, ed(with{"exp": future}), jwk(p384Key(), with{"exp": future}), es(nil)), "order"},
		{"one key twice", saved(1, ed(with{"exp": future}), ed(nil)), "one id"},
		{"one key under two ids", saved(1, ed(with{"exp": future}), ed(with{"kid": "b"})), "two ids"},
		{"101 keys", saved(1, append(slices.Repeat([]string{"{}"}, 100), ed(nil))...), "more than 100"},
	}
	for _, text := range []string{"0", "-1", "1.0", "1e3", `"1"`, "null", "true", "[1]", "9007199254740992", "18446744073709551617"} {
		tests = append(tests, openTest{"serial " + text, saved(text, ed(nil)), ""})
		if text != "0" {
			tests = append(tests, openTest{"nbf " + text, saved(1, ed(with{"nbf": raw(text)})), "nbf is not an integer in range"})
		}
		tests = append(tests, openTest{"exp " + text, saved(1, ed(with{"exp": raw(text)}), es(nil)), "exp is "})
	}
	tests = append(tests,
		openTest{"nbf after 9999", saved(1, ed(with{"nbf": 253402300800})), "nbf is not an integer in range"},
		openTest{"exp after 9999", saved(1, ed(with{"exp": 253402300800}), es(nil)), "exp is not an integer in range"})
	for _, n := range []int{1, len(good) / 2, len(good) - 2, len(good) - 1} {
		tests = append(tests, openTest{fmt.Sprintf("cut to %d bytes", n), good[:n], "Save"})
	}
	return tests
}

// merged is the members of both, the second ones' where they differ.
func merged(m, more with) with {
	maps.Copy(m, more)
	return m
}

func TestOpenRingAccepts(t *testing.T) {
	for _, test := range openAccepts() {
		t.Run(test.name, func(t *testing.T) {
			r := openRing(t, []byte(test.data), clockAt(epoch).option())
			if got := describe(r); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
			behaves(t, r)
		})
	}
}

func TestOpenRingRefuses(t *testing.T) {
	canaries := canariesOf()
	for _, test := range openRefuses() {
		t.Run(test.name, func(t *testing.T) {
			r, err := keys.OpenRing([]byte(test.data), clockAt(epoch).option())
			if err == nil || r != nil {
				t.Fatal("accepted")
			}
			if !strings.HasPrefix(err.Error(), "keys: ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%q does not say %q", err, test.want)
			}
			for _, canary := range canaries {
				if strings.Contains(err.Error(), canary) {
					t.Errorf("%q quotes the data", err)
				}
			}
			running := newRing(t, named(t, "r"), clockAt(epoch).option())
			if err := running.Replace([]byte(test.data)); err == nil || describe(running) != "r:active" {
				t.Errorf("Replace: %s, %v", describe(running), err)
			}
		})
	}
	good := saved(1, jwk(ed25519Key(), with{"nbf": 0}))
	for name, opts := range map[string][]keys.RingOption{
		"WithRetiring": {keys.WithRetiring(named(t, "z"))}, "WithClock": {keys.WithClock(nil)}, "nil": {nil},
	} {
		if _, err := keys.OpenRing([]byte(good), opts...); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAKeyThatHasRetiredNeedsNoPrivatePart(t *testing.T) {
	clock := clockAt(epoch)
	r := openRing(t, []byte(saved(7, jwk(&p256Key().PublicKey, with{"kid": "b", "nbf": 5, "exp": epoch.Unix() + 9}), jwk(ed25519Key(), with{"nbf": 6}))), clock.option())
	clock.set(time.Unix(5, 0))
	if k, err := r.SigningKey(); k != nil || err == nil || !strings.Contains(err.Error(), "WithSigners") {
		t.Errorf("on a clock at which it signed: %v, %v", k, err)
	}
	clock.set(time.Unix(4, 0))
	if k, err := r.SigningKey(); k != nil || err == nil || !strings.Contains(err.Error(), "check the clock") {
		t.Errorf("on a clock before the set: %v, %v", k, err)
	}
}

func TestARingAtTheEndOfItsSerialsIsNotChanged(t *testing.T) {
	data := []byte(saved(1<<53-1, jwk(ed25519Key(), with{"nbf": 0})))
	r := openRing(t, data)
	if err := r.Rotate(named(t, "b")); err == nil || !strings.Contains(err.Error(), "serial") {
		t.Error(err)
	}
}

// canariesOf are the fixtures' private parts as they would leak.
func canariesOf() []string {
	canaries := []string{"canary", hex.EncodeToString([]byte("canary")), "Y2FuYXJ5"}
	for _, alg := range algorithms {
		var m map[string]any
		if err := json.Unmarshal([]byte(jwk(material(alg), nil)), &m); err != nil {
			panic(err)
		}
		for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
			if text, ok := m[name].(string); ok {
				canaries = append(canaries, text[:20])
			}
		}
	}
	return canaries
}

func TestOnlySaveShowsSecrets(t *testing.T) {
	clock := clockAt(epoch)
	var retiring []*keys.Key
	for _, alg := range algorithms {
		switch alg {
		case keys.HS256, keys.HS384, keys.RS384, keys.RS512, keys.PS256, keys.PS384, keys.PS512, keys.RS256:
		default:
			retiring = append(retiring, newKey(t, alg, material(alg)))
		}
	}
	r := newRing(t, newKey(t, keys.RS256, rsaKey()), clock.option())
	for _, k := range retiring {
		if err := r.Rotate(k); err != nil {
			t.Fatal(err)
		}
	}
	all := string(must(r.Save()))
	var shown []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		shown = append(shown, fmt.Sprintf(verb, r), fmt.Sprintf(verb, r.States()))
	}
	shown = append(shown, string(must(json.Marshal(r))), string(must(json.Marshal(r.States()))), string(published(r)))
	for _, err := range []error{r.Rotate(retiring[0]), r.Remove("nobody's"), r.Replace([]byte(all[:len(all)-5])), r.Replace([]byte(strings.Replace(all, `"serial":6`, `"serial":5`, 1)))} {
		if err == nil {
			t.Fatal("no error")
		}
		shown = append(shown, err.Error())
	}
	for _, canary := range canariesOf() {
		for _, text := range shown {
			if strings.Contains(text, canary) {
				t.Errorf("%s in %s", canary, text)
			}
		}
	}
	for _, m := range []any{rsaKey(), p521Key(), ed25519Key(), secret} {
		for name, value := range membersOf(t, jwk(m, nil)) {
			if text, ok := value.(string); ok && !strings.Contains(all, text) {
				t.Errorf("Save has no %s of %T", name, m)
			}
		}
	}
	// Of a key behind a signer there is nothing to show.
	held := must(newRing(t, newKey(t, keys.EdDSA, kms{ed25519Key()})).Save())
	if strings.Contains(string(held), `"d"`) {
		t.Errorf("%s", held)
	}
}

func membersOf(t testing.TB, text string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func FuzzOpenRing(f *testing.F) {
	for _, test := range slices.Concat(openAccepts(), openRefuses()) {
		f.Add([]byte(test.data))
	}
	for _, test := range slices.Concat(parseAccepts(), parseRefuses()) {
		f.Add([]byte(saved(1, test.data)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		clock := clockAt(epoch)
		r, err := keys.OpenRing(data, clock.option())
		if err != nil {
			if r != nil || !strings.HasPrefix(err.Error(), "keys: ") {
				t.Fatal(err)
			}
			return
		}
		k, err := r.SigningKey()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.Sign(input); err != nil {
			t.Fatal(err)
		}
		publishedIDs(t, r)
		again := must(r.Save())
		opened := openRing(t, again, clock.option())
		if second := must(opened.Save()); !bytes.Equal(second, again) {
			t.Fatalf("%s is saved as %s", again, second)
		}
		if err := r.Replace(data); err != nil {
			t.Fatal(err)
		}
		if err := opened.Replace(data); err != nil {
			t.Fatal(err)
		}
		for _, s := range r.States() {
			for _, at := range []time.Time{s.SignsFrom, s.DroppedAt} {
				if at.Year() > 2200 || at.Before(epoch) { // out of the fake clock's range, or before the ring could be opened
					continue
				}
				clock.set(at)
				if strings.Count(describe(r), ":active") != 1 || describe(r) != describe(opened) {
					t.Fatalf("at %v: %s and %s", at, describe(r), describe(opened))
				}
				if _, err := r.SigningKey(); err != nil {
					t.Fatal(err)
				}
			}
		}
		w := httptest.NewRecorder()
		r.JWKS().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if w.Code != 200 {
			t.Fatal(w.Code)
		}
	})
}

// A replica whose clock is ahead has dropped a key that this one still lists:
// that is no conflict.
func TestReplaceUnderClockSkew(t *testing.T) {
	ahead, behind := clockAt(epoch), clockAt(epoch)
	a := newRing(t, newKey(t, keys.EdDSA, ed25519Key(), keys.WithID("a")), ahead.option())
	a.KeepFor(time.Hour)
	if err := a.Rotate(newKey(t, keys.ES256, p256Key(), keys.WithID("b"))); err != nil {
		t.Fatal(err)
	}
	b := openRing(t, must(a.Save()), behind.option())
	dropped := epoch.Add(delay + time.Hour + leeway)
	ahead.set(dropped)
	behind.set(dropped.Add(-3 * time.Second))
	if err := b.Replace(must(a.Save())); err != nil {
		t.Errorf("from ahead: %v", err)
	}
	if err := a.Replace(must(b.Save())); err != nil {
		t.Errorf("from behind: %v", err)
	}
}

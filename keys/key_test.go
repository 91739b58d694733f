//lint:file-ignore SA9005 that nothing is marshalled is what is tested

package keys_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/gobearer/bearer/keys"
)

func TestKeysRedactThemselves(t *testing.T) {
	ed := ed25519.NewKeyFromSeed(secret[:32])
	for name, k := range map[string]*keys.Key{
		"a secret":             newKey(t, keys.HS256, secret, keys.WithID("key-1")),
		"an Ed25519 key":       newKey(t, keys.EdDSA, ed, keys.WithID("key-1")),
		"a signer":             newKey(t, keys.EdDSA, kms{ed}, keys.WithID("key-1")),
		"a pooled secret, hot": func() *keys.Key { k := newKey(t, keys.HS256, secret); must(k.Sign(input)); return k }(),
		"a JWK":                parseOne(t, jwk(secret, map[string]any{"alg": "HS256"})),
		"nil":                  nil,
		"zero":                 {},
	} {
		var printed []string
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%U", "%t", "%e", "%10.3v"} {
			printed = append(printed, fmt.Sprintf(verb, k))
			printed = append(printed, fmt.Sprintf(verb, struct{ K *keys.Key }{k}), fmt.Sprintf(verb, []*keys.Key{k}))
			if k != nil {
				printed = append(printed, fmt.Sprintf(verb, *k), fmt.Sprintf(verb, struct{ K keys.Key }{*k}))
			}
		}
		var log bytes.Buffer
		for _, handler := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
			slog.New(handler).Info("key", "key", k, "keys", []*keys.Key{k})
			if k != nil {
				slog.New(handler).Info("key", "value", *k)
			}
		}
		printed = append(printed, log.String(), string(must(json.Marshal(k))), string(must(json.Marshal([]any{k}))))
		for _, text := range printed {
			for _, canary := range []string{"canary", hex.EncodeToString([]byte("canary")), "Y2FuYXJ5", "99 97 110 97", "0x63, 0x61, 0x6e"} {
				if strings.Contains(strings.ToLower(text), strings.ToLower(canary)) {
					t.Errorf("%s: leaks: %s", name, text)
				}
			}
		}
	}
	k := newKey(t, keys.HS256, secret, keys.WithID("key-1"))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if got, want := fmt.Sprintf(verb, k), `keys.Key(HS256 "key-1")`; got != want {
			t.Errorf("%s: %s, want %s", verb, got, want)
		}
	}
	if got := string(must(json.Marshal(k))); got != "{}" {
		t.Errorf("marshals to %s", got)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "key", k)
	if !strings.Contains(log.String(), "key.alg=HS256 key.kid=key-1") {
		t.Errorf("logs as %s", &log)
	}
}

func TestEqual(t *testing.T) {
	id := keys.WithID("a")
	private := newKey(t, keys.ES256, p256Key(), id)
	mac := newKey(t, keys.HS256, secret, id)
	tests := []struct {
		name string
		a, b *keys.Key
		want bool
	}{
		{"itself", private, private, true},
		{"its twin", private, newKey(t, keys.ES256, p256Key(), id), true},
		{"the same key behind a signer", private, newKey(t, keys.ES256, kms{p256Key()}, id), true},
		{"its public half", private, private.Public(), false},
		{"two public halves", private.Public(), newKey(t, keys.ES256, &p256Key().PublicKey, id), true},
		{"another id", private, newKey(t, keys.ES256, p256Key(), keys.WithID("b")), false},
		{"no id", private, newKey(t, keys.ES256, p256Key()), false},
		{"another key", private, must(keys.Generate(keys.ES256, id)), false},
		{"another algorithm of the same material", newKey(t, keys.RS256, rsaKey()), newKey(t, keys.PS256, rsaKey()), false},
		{"a secret and its twin", mac, newKey(t, keys.HS256, secret, id), true},
		{"a secret and a longer one", mac, newKey(t, keys.HS256, append([]byte("x"), secret...), id), false},
		{"a secret and the start of it", mac, newKey(t, keys.HS256, secret[:40], id), false},
		{"a secret and its public half", mac, mac.Public(), false},
		{"two public halves of a secret", mac.Public(), mac.Public(), false},
		{"a secret that only signs", mac, parseOne(t, jwk(secret, map[string]any{"alg": "HS256", "kid": "a", "key_ops": []string{"sign"}})), false},
		{"nil", private, nil, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.a.Equal(test.b) != test.want || test.b.Equal(test.a) != test.want {
				t.Errorf("want %v", test.want)
			}
		})
	}
}

func TestPublic(t *testing.T) {
	k := newKey(t, keys.ES256, kms{p256Key()}, keys.WithID("a"))
	public := k.Public()
	if public.ID() != "a" || public.Algorithm() != keys.ES256 {
		t.Errorf("%v", public)
	}
	if public.Public() != public {
		t.Error("a public key is its own public half")
	}
	if _, err := public.Sign(input); err == nil {
		t.Error("the public half signs")
	}
}

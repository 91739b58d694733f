package bearer_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	stdjson "encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
	"github.com/gobearer/bearer/refresh"
)

// What must never be printed. Each is long enough to be recognised by a part.
const (
	canaryPassword = "canary-password-5b1f0c9e"
	canaryPrivate  = "canary-private-token-77aa"
	canarySecret   = "canary-HMAC-secret-of-32-bytes-ok"
	canarySeed     = "canary-Ed25519-seed-of-32-bytes."
	canaryKeyID    = "canary-kid-of-a-forged-token"
	canaryCaller   = "canary-secret-of-a-caller"
	canaryRefresh  = "canary-secret-of-refresh-tokens-"
	canaryOutside  = "canary-text-of-a-store"
)

// A canary is a secret, in the forms in which fmt and its friends write it.
type canary struct {
	name  string
	forms []string
}

func newCanary(name, secret string) canary {
	c := canary{name, []string{secret, hex.EncodeToString([]byte(secret)), fmt.Sprintf("%X", secret), fmt.Sprintf("% x", secret)}}
	// A part is enough: []byte in decimal and as Go writes it.
	list := func(format, separator string) string {
		var parts []string
		for _, b := range []byte(secret)[:8] {
			parts = append(parts, fmt.Sprintf(format, b))
		}
		return strings.Join(parts, separator)
	}
	c.forms = append(c.forms, list("%d", " "), list("%d", ","), list("0x%x", ", "), list("0x%02x", ", "))
	// In base64, wherever in a longer text the secret starts.
	for offset := range 3 {
		text := []byte(strings.Repeat("x", offset) + secret)
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			encoded := encoding.EncodeToString(text)
			c.forms = append(c.forms, encoded[4:len(encoded)-4])
		}
	}
	return c
}

// A watch finds canaries.
type watch []canary

func (all watch) check(t *testing.T, where, text string) {
	t.Helper()
	for _, c := range all {
		for _, form := range c.forms {
			if strings.Contains(text, form) {
				t.Errorf("%s shows %s: %.300s", where, c.name, text)
				break
			}
		}
	}
}

// print writes v in all ways in which somebody might log it.
func (all watch) print(t *testing.T, name string, v any) {
	t.Helper()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%#x", "% x", "%T"} {
		all.check(t, name+" by "+verb, fmt.Sprintf(verb, v))
	}
	all.check(t, name+" by Print", fmt.Sprint("a", v, "b"))
	var text, object bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("x", "v", v, slog.Group("g", "v", v))
	slog.New(slog.NewJSONHandler(&object, nil)).With("v", v).Info("x")
	all.check(t, name+" by slog's text", text.String())
	all.check(t, name+" by slog's JSON", object.String())
	if err, ok := v.(error); ok {
		all.chain(t, name, err)
	}
}

// chain prints every error below.
func (all watch) chain(t *testing.T, name string, err error) {
	t.Helper()
	var below []error
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		below = []error{e.Unwrap()}
	case interface{ Unwrap() []error }:
		below = e.Unwrap()
	}
	for _, err := range below {
		if err != nil {
			all.print(t, name+" wraps", err)
		}
	}
}

func secretKey(t testing.TB, opts ...keys.KeyOption) *keys.Key {
	t.Helper()
	k, err := keys.New(keys.HS256, []byte(canarySecret), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func privateKey(t testing.TB) *keys.Key {
	t.Helper()
	k, err := keys.New(keys.EdDSA, ed25519.NewKeyFromSeed([]byte(canarySeed)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var secrets = watch{
	newCanary("the password", canaryPassword), newCanary("the private token", canaryPrivate),
	newCanary("the HMAC secret", canarySecret), newCanary("the private key", canarySeed),
	newCanary("a caller's secret", canaryCaller), newCanary("the secret of refresh tokens", canaryRefresh), newCanary("what a store says", canaryOutside),
}

// The watch itself has to find what it looks for.
func TestTheWatchSees(t *testing.T) {
	type bare struct{ Secret []byte }
	for _, text := range []string{
		canarySecret, fmt.Sprintf("%x", canarySecret), fmt.Sprint([]byte(canarySecret)), fmt.Sprintf("%#v", bare{[]byte(canarySecret)}),
		fmt.Sprintf("%+v", &bare{[]byte(canarySecret)}), fmt.Sprintf("%d", []any{canarySecret}),
		base64.StdEncoding.EncodeToString([]byte(`{"k":"` + canarySecret + `"}`)), base64.URLEncoding.EncodeToString([]byte(canarySecret)),
	} {
		seen := false
		for _, form := range newCanary("", canarySecret).forms {
			seen = seen || strings.Contains(text, form)
		}
		if !seen {
			t.Errorf("not seen in %s", text)
		}
	}
}

// A plainLogin keeps passwords where fmt finds them: in a value.
type plainLogin map[string]string

func (l plainLogin) Authenticate(_ context.Context, c bearer.Credentials) (*bearer.Account, error) {
	if l[c.UserName] != c.Password {
		return nil, bearer.ErrBadCredentials
	}
	return fullAccount(), nil
}

func TestSecretsDoNotPrint(t *testing.T) {
	credentials := bearer.Credentials{UserName: "tom", Password: canaryPassword, PrivateToken: canaryPrivate}
	key, pair := secretKey(t), privateKey(t)
	ring := ringOf(t, key)
	i := issuerWith(t, key, plainLogin{"tom": canaryPassword}, testClock)
	m := newMiddleware[bearer.Claims](t, i.Trust())
	response := issue(t, i, fullAccount(), "")
	_, _, signature := segmentsOf(response.AccessToken)
	all := append(watch{newCanary("the token", response.AccessToken), newCanary("its signature", signature)}, secrets...)

	request := httptest.NewRequest("GET", "/", nil)
	request.Header.Set("Authorization", "Bearer "+response.AccessToken)
	admitted, err := m.Admit(request)
	if err != nil {
		t.Fatal(err)
	}
	claims, _ := bearer.FromContext[bearer.Claims](admitted.Context())
	info, _ := bearer.InfoFromContext(admitted.Context())
	withoutHeader := admitted.Clone(admitted.Context())
	withoutHeader.Header = nil

	for name, v := range map[string]any{
		"Credentials":                credentials,
		"*Credentials":               &credentials,
		"[]Credentials":              []bearer.Credentials{credentials},
		"a struct of Credentials":    struct{ C bearer.Credentials }{credentials},
		"a struct of *Credentials":   struct{ C *bearer.Credentials }{&credentials},
		"a struct of nested ones":    struct{ bearer.Credentials }{credentials},
		"a map of Credentials":       map[string]bearer.Credentials{"c": credentials},
		"*Key":                       key,
		"Key":                        *key,
		"a private *Key":             pair,
		"a private Key":              *pair,
		"[]*Key":                     []*keys.Key{key, pair},
		"a struct of a Key":          struct{ K keys.Key }{*pair},
		"a hidden *Key":              struct{ k *keys.Key }{key},
		"*Ring":                      ring,
		"a ring of a pair":           ringOf(t, pair),
		"a Source":                   static(t, key),
		"*Issuer":                    i,
		"a struct of an *Issuer":     struct{ I *bearer.Issuer }{i},
		"Trust":                      i.Trust(),
		"[]Endpoint":                 i.Endpoints(),
		"*Middleware":                m,
		"Middleware":                 *m,
		"*TokenResponse":             response,
		"TokenResponse":              *response,
		"the context":                admitted.Context(),
		"a context below":            context.WithoutCancel(admitted.Context()),
		"a request with the context": withoutHeader,
		"Claims":                     claims,
		"Info":                       info,
	} {
		t.Run(name, func(t *testing.T) { all.print(t, name, v) })
	}

	for name, v := range map[string]any{
		"Credentials": credentials, "*Credentials": &credentials, "a struct of Credentials": struct{ C bearer.Credentials }{credentials},
		"Key": key, "a private Key": pair, "a struct of a Key": struct{ K *keys.Key }{key}, "Ring": ring, "Issuer": i, "Middleware": m, "Trust": i.Trust(),
	} {
		old, oldErr := stdjson.Marshal(v)
		text, err := json.Marshal(v)
		all.check(t, name+" by encoding/json", string(old))
		all.check(t, name+" by encoding/json/v2", string(text))
		for _, err := range []error{oldErr, err} {
			if err != nil {
				all.print(t, name+" by encoding/json", err)
			}
		}
	}
	// A log says what it left out, and is no error itself.
	var object bytes.Buffer
	slog.New(slog.NewJSONHandler(&object, nil)).Info("x", "v", credentials, "p", &credentials)
	if n := strings.Count(object.String(), "bearer.Credentials{redacted}"); n != 2 {
		t.Errorf("slog's JSON: %s", &object)
	}
	if text, err := stdjson.Marshal(credentials); err == nil {
		t.Errorf("Credentials marshal: %s", text)
	}
}

// The errors of construction never quote what they refuse.
func TestSecretsDoNotPrintInConstructors(t *testing.T) {
	seed := []byte(canarySeed)
	block := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: seed})
	oct := fmt.Sprintf(`{"kty":"oct","k":%q`, base64.RawURLEncoding.EncodeToString([]byte(canarySecret)))
	for name, err := range map[string]error{
		"a short secret":          second(keys.New(keys.HS512, []byte(canarySecret))),
		"a secret as text":        second(keys.New(keys.HS256, canarySecret)),
		"a secret for RSA":        second(keys.New(keys.RS256, []byte(canarySecret))),
		"a secret that is a key":  second(keys.New(keys.HS256, block)),
		"a seed as a private key": second(keys.New(keys.EdDSA, ed25519.PrivateKey(seed))),
		"a wrong type of key":     second(keys.New(keys.ES256, ed25519.NewKeyFromSeed(seed))),
		"broken PEM":              second(keys.Parse(block)),
		"no PEM":                  second(keys.Parse(seed)),
		"a JWK of no algorithm":   second(keys.Parse([]byte(oct + "}"))),
		"a broken JWK":            second(keys.Parse([]byte(oct))),
		"a JWK of a short secret": second(keys.Parse([]byte(oct+"}"), keys.WithAlgorithm(keys.HS512))),
		"a set with a broken key": second(keys.Parse([]byte(`{"keys":[` + oct + `,"alg":"HS512"}]}`))),
		"a key given twice":       second(keys.NewRing(secretKey(t), keys.WithRetiring(secretKey(t)))),
		"a private key in a set":  second(keys.Static(privateKey(t))),
		"access tokens by HMAC":   second(bearer.NewIssuer(testIssuer, ringOf(t, secretKey(t)), &loginSpy{}, bearer.WithAccessTokenProfile("web"))),
		"a short refresh secret":  second(bearer.NewIssuer(testIssuer, ringOf(t, secretKey(t)), &renewSpy{}, bearer.WithRefreshTokens(nil, []byte(canaryRefresh[:31]), 0, 0))),
		"an issuer of nothing":    second(bearer.NewIssuer("", ringOf(t, secretKey(t)), plainLogin(nil), bearer.WithAudience())),
		"a middleware of nothing": second(bearer.NewMiddleware[bearer.Claims](bearer.Trust{Keys: static(t, secretKey(t))})),
	} {
		t.Run(name, func(t *testing.T) {
			if err == nil {
				t.Fatal("no error")
			}
			secrets.print(t, name, err)
		})
	}
}

func second[T any](_ T, err error) error { return err }

// Every way to be refused at the token endpoint: what it answers, what it
// reports and what Issue returns.
func TestSecretsDoNotPrintAtTheEndpoint(t *testing.T) {
	good := strings.NewReplacer(`"secret"`, `"`+canaryPassword+`"`, `"0d6c"`, `"`+canaryPrivate+`"`)
	for _, tt := range tokenTests() {
		if tt.reader != nil {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			tt.body = good.Replace(tt.sent())
			r := tt.request()
			r.URL.RawQuery = strings.ReplaceAll(r.URL.RawQuery, "secret", canaryPassword)
			var events []bearer.Event
			i := issuerWith(t, secretKey(t), tt.login(), testClock,
				bearer.WithObserver(func(_ context.Context, e bearer.Event) { events = append(events, e) }))
			w := httptest.NewRecorder()
			i.ServeHTTP(w, r)
			secrets.check(t, "the answer", fmt.Sprint(w.Header(), w.Body))
			all := secrets
			if w.Code == http.StatusOK {
				token := strings.Split(w.Body.String(), `"`)[3]
				all = append(watch{newCanary("the token", token)}, secrets...)
			}
			for _, e := range events {
				all.print(t, "the event", e)
				if e.Cause != nil {
					all.print(t, "its cause", e.Cause)
				}
			}
		})
	}
	for name, a := range map[string]*bearer.Account{
		"a profile that does not encode": {ID: "1", Profile: map[string]any{"password": canaryPassword, "f": func() {}}},
		"a profile that is not UTF-8":    {ID: "1", Profile: canaryPrivate + "\xff"},
		"a name that is not UTF-8":       {ID: "1", Name: canaryPrivate + "\xff"},
		"a profile that is too long":     {ID: "1", Profile: strings.Repeat(canaryPassword, 10000)},
		"roles that are too long":        {ID: "1", Roles: []string{strings.Repeat(canaryPassword, 1000)}},
		"an impossible scope":            {ID: "1", Scopes: []string{canaryPassword + " "}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := issuerWith(t, secretKey(t), &loginSpy{}, testClock).Issue(t.Context(), a, "")
			if err == nil {
				t.Fatal("no error")
			}
			secrets.print(t, name, err)
		})
	}
}

// Every way to be refused by a middleware.
func TestSecretsDoNotPrintInRefusals(t *testing.T) {
	key := secretKey(t, keys.WithID("2026"))
	tr := trust(static(t, key))
	type strict struct {
		Tenant int `json:"tenant"`
	}
	good := goodPayload(`,"tenant":7`)
	claim := func(more string) string { return forge(t, key, header(key), goodPayload(more)) }
	down := tr
	down.Revocations = brokenStore{}
	valid := forge(t, key, header(key), good)
	for name, tt := range map[string]struct {
		trust bearer.Trust
		token string
		want  error
	}{
		"another signature":    {tr, spoiled(valid, 2), bearer.ErrSignature},
		"another payload":      {tr, spoiled(valid, 1), bearer.ErrSignature},
		"another header":       {tr, spoiled(valid, 0), bearer.ErrMalformed},
		"cut":                  {tr, valid[:len(valid)-1], nil},
		"a fourth segment":     {tr, valid + "." + encode(canaryPassword), bearer.ErrMalformed},
		"not base64":           {tr, canaryPassword, bearer.ErrMalformed},
		"too long":             {tr, valid + strings.Repeat(canaryPassword, 1000), bearer.ErrMalformed},
		"an unknown key":       {tr, forge(t, key, fmt.Sprintf(`{"alg":"HS256","typ":"JWT","kid":%q}`, canaryKeyID), good), bearer.ErrUnknownKey},
		"an unknown alg":       {tr, forge(t, key, fmt.Sprintf(`{"alg":%q}`, canaryKeyID), good), nil},
		"another type":         {tr, forge(t, key, fmt.Sprintf(`{"alg":"HS256","typ":%q,"kid":"2026"}`, canaryKeyID), good), bearer.ErrTokenType},
		"a crit":               {tr, forge(t, key, fmt.Sprintf(`{"alg":"HS256","crit":[%q]}`, canaryKeyID), good), bearer.ErrMalformed},
		"another issuer":       {tr, forge(t, key, header(key), strings.Replace(good, testIssuer, canaryKeyID, 1)), bearer.ErrIssuer},
		"another audience":     {tr, forge(t, key, header(key), strings.Replace(good, testAudience, canaryKeyID, 1)), bearer.ErrAudience},
		"expired":              {tr, forge(t, key, header(key), fmt.Sprintf(`{"iss":%q,"aud":%q,"exp":1,"p":%q}`, testIssuer, testAudience, canaryPassword)), bearer.ErrExpired},
		"a claim's type":       {tr, claim(`,"tenant":"` + canaryPassword + `"`), bearer.ErrClaims},
		"a registered type":    {tr, claim(`,"nbf":"` + canaryPassword + `"`), bearer.ErrClaims},
		"a duplicate":          {tr, claim(`,"a":"` + canaryPassword + `","a":"` + canaryPrivate + `"`), bearer.ErrClaims},
		"trailing data":        {tr, forge(t, key, header(key), good+canaryPassword), bearer.ErrClaims},
		"a store out of reach": {down, valid, bearer.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			all := append(watch{newCanary("the token", tt.token), newCanary("what it says", canaryKeyID)}, secrets...)
			if parts := strings.Split(tt.token, "."); len(parts) > 2 {
				all = append(all, newCanary("the payload", parts[1]), newCanary("the signature", parts[2]))
			}
			m, err := bearer.NewMiddleware[strict](tt.trust, bearer.WithClock(testClock), bearer.WithObserver(func(_ context.Context, e bearer.Event) {
				all.print(t, "the event", e)
				all.print(t, "its cause", e.Cause)
			}))
			if err != nil {
				t.Fatal(err)
			}
			_, err = m.Verify(t.Context(), tt.token)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
			all.print(t, "the refusal", err)

			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Authorization", "Bearer "+tt.token)
			w := httptest.NewRecorder()
			m.Wrap(http.NotFoundHandler()).ServeHTTP(w, r)
			all.check(t, "the answer", fmt.Sprint(w.Header(), w.Body))
		})
	}
	for name, header := range map[string][]string{
		"a space in it": {"Bearer " + canaryPassword + " x"},
		"two":           {"Bearer " + canaryPassword, "Basic " + canaryPrivate},
		"no scheme":     {"=" + canaryPassword},
		"Basic":         {"Basic " + canaryPassword},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMiddleware[bearer.Claims](t, tr, bearer.WithObserver(func(_ context.Context, e bearer.Event) { secrets.print(t, "the event", e) }))
			r := &http.Request{Header: http.Header{"Authorization": header}}
			_, err := m.Admit(r)
			if err == nil {
				t.Fatal("no error")
			}
			secrets.print(t, "the refusal", err)
			w := httptest.NewRecorder()
			m.Wrap(http.NotFoundHandler()).ServeHTTP(w, r)
			secrets.check(t, "the answer", fmt.Sprint(w.Header(), w.Body))
			_, err = bearer.ParseAuthorization(strings.Join(header, ","))
			if err == nil {
				t.Fatal("no error")
			}
			secrets.print(t, "ParseAuthorization", err)
		})
	}
}

// A session has two more tokens, and three parties that bring secrets.
func TestSecretsDoNotPrintInSessions(t *testing.T) {
	callers := map[string]string{"api": canaryCaller}
	var all watch
	var issuerEvents []bearer.Event
	s := newOAuthServer(t)
	kept := &keepingStore{Store: s.store.Store}
	s.store.Store = kept
	s.issuer = issuerWith(t, secretKey(t), s.login, s.clock.Now, bearer.WithRevocations(s.revocations), bearer.DangerouslyAllowPasswordGrant(),
		bearer.WithRefreshTokens(s.store, []byte(canaryRefresh), refreshIdle, refreshAbsolute),
		bearer.WithCallers(func(_ context.Context, id, secret string) error {
			if callers[id] != secret {
				return fmt.Errorf("%s: %w", secret, bearer.ErrBadCredentials)
			}
			return nil
		}),
		bearer.WithObserver(func(_ context.Context, e bearer.Event) { issuerEvents = append(issuerEvents, e) }))
	s.mux = http.NewServeMux()
	s.issuer.Mount(s.mux)
	secretClient, secretCaller := basicAuth("app", canaryPrivate), basicAuth("api", canaryCaller)
	password := form("grant_type", "password", "username", "tom", "password", canaryPassword)
	tokens := tokensOf(t, s.post("/token", password, secretClient))
	all = append(watch{newCanary("the access token", tokens.AccessToken), newCanary("the refresh token", tokens.RefreshToken)}, secrets...)

	for name, v := range map[string]any{
		"*Issuer": s.issuer, "a struct of an *Issuer": struct{ I *bearer.Issuer }{s.issuer}, "[]Endpoint": s.issuer.Endpoints(), "Trust": s.issuer.Trust(),
		"*TokenResponse": &tokens, "TokenResponse": tokens, "an IssuerOption": bearer.WithRefreshTokens(s.store, []byte(canaryRefresh), refreshIdle, refreshAbsolute),
		"the store of refresh tokens": s.store.Store, "a family": kept.families, "the mux": s.mux,
	} {
		t.Run(name, func(t *testing.T) { all.print(t, name, v) })
	}

	outside := errors.New(canaryOutside + " " + tokens.RefreshToken)
	for _, tt := range []struct {
		name   string
		fail   string
		send   func() *httptest.ResponseRecorder
		status int
	}{
		{"a login", "", func() *httptest.ResponseRecorder { return s.post("/token", password, secretClient) }, 200},
		{"a login whose store fails", "Create", func() *httptest.ResponseRecorder { return s.post("/token", password, secretClient) }, 503},
		{"a login in the URL", "", func() *httptest.ResponseRecorder {
			return s.post("/token", "", query(password+"&client_secret="+canaryPrivate))
		}, 400},
		{"a login by two methods", "", func() *httptest.ResponseRecorder {
			return s.post("/token", password+"&client_secret="+canaryPrivate, secretClient)
		}, 400},
		{"a login by another scheme", "", func() *httptest.ResponseRecorder {
			return s.post("/token", password, withHeader("Authorization", "Bearer "+canaryPrivate))
		}, 401},
		{"an unknown grant", "", func() *httptest.ResponseRecorder {
			return s.post("/token", form("grant_type", canaryPassword), secretClient)
		}, 400},
		{"an impossible scope", "", func() *httptest.ResponseRecorder {
			return s.post("/token", password+"&"+form("scope", canaryPassword), secretClient)
		}, 400},
		{"a refresh whose family is not found", "Lookup", func() *httptest.ResponseRecorder {
			return s.post("/token", refreshForm(tokens.RefreshToken), secretClient)
		}, 503},
		{"a refresh whose use fails", "Use", func() *httptest.ResponseRecorder {
			return s.post("/token", refreshForm(tokens.RefreshToken), secretClient)
		}, 503},
		{"a refresh whose revocations fail", "Revoked", func() *httptest.ResponseRecorder {
			return s.post("/token", refreshForm(tokens.RefreshToken), secretClient)
		}, 503},
		{"a refresh by another client", "", func() *httptest.ResponseRecorder {
			return s.post("/token", refreshForm(tokens.RefreshToken), basicAuth("app", canaryCaller))
		}, 400},
		{"a refresh for another scope", "", func() *httptest.ResponseRecorder {
			return s.post("/token", refreshForm(tokens.RefreshToken, "scope", canaryPrivate), secretClient)
		}, 400},
		{"a forged refresh", "", func() *httptest.ResponseRecorder {
			return s.post("/token", refreshForm(tokens.RefreshToken+"A"), secretClient)
		}, 400},
		{"a refresh in the URL", "", func() *httptest.ResponseRecorder {
			return s.post("/token", "", query(refreshForm(tokens.RefreshToken)))
		}, 400},
		{"a caller with another secret", "", func() *httptest.ResponseRecorder {
			return s.post("/revoke", form("token", tokens.RefreshToken), basicAuth("web", canaryCaller))
		}, 401},
		{"a caller without a token", "", func() *httptest.ResponseRecorder {
			return s.post("/introspect", form("x", tokens.AccessToken), secretCaller)
		}, 400},
		{"a token in the URL", "", func() *httptest.ResponseRecorder {
			return s.post("/introspect", "", secretCaller, query(form("token", tokens.AccessToken)))
		}, 400},
		{"an introspection whose store fails", "Revoked", func() *httptest.ResponseRecorder {
			return s.post("/introspect", form("token", tokens.AccessToken), secretCaller)
		}, 503},
		{"an introspection", "", func() *httptest.ResponseRecorder {
			return s.post("/introspect", form("token", tokens.AccessToken), secretCaller)
		}, 200},
		{"of a refresh token", "", func() *httptest.ResponseRecorder {
			return s.post("/introspect", form("token", tokens.RefreshToken), secretCaller)
		}, 200},
		{"a revocation whose store fails", "Revoke", func() *httptest.ResponseRecorder {
			return s.post("/revoke", form("token", tokens.RefreshToken), secretCaller)
		}, 503},
		{"a revocation", "", func() *httptest.ResponseRecorder {
			return s.post("/revoke", form("token", tokens.RefreshToken), secretCaller)
		}, 200},
		{"a refresh after it", "", func() *httptest.ResponseRecorder {
			return s.post("/token", refreshForm(tokens.RefreshToken), secretClient)
		}, 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			issuerEvents = nil
			if tt.fail != "" {
				s.store.fail[tt.fail], s.revocations.fail[tt.fail] = outside, outside
				defer func() { delete(s.store.fail, tt.fail); delete(s.revocations.fail, tt.fail) }()
			}
			w := tt.send()
			if w.Code != tt.status {
				t.Errorf("%d %s, want %d", w.Code, w.Body, tt.status)
			}
			seen := all
			if w.Code == http.StatusOK && strings.Contains(w.Body.String(), "refresh_token") {
				r := tokensOf(t, w)
				seen = append(watch{newCanary("the new access token", r.AccessToken), newCanary("the new refresh token", r.RefreshToken)}, all...)
			} else {
				seen.check(t, "the answer", fmt.Sprint(w.Header(), w.Body))
			}
			for _, e := range issuerEvents {
				seen.print(t, "the event", e)
				if e.Cause != nil {
					seen.print(t, "its cause", e.Cause)
				}
			}
		})
	}
	t.Run("data that nobody wrote", func(t *testing.T) {
		fresh := tokensOf(t, s.post("/token", password, secretClient))
		issuerEvents = nil
		s.store.Store = spoiltData{s.store.Store}
		wantError(t, s.post("/token", refreshForm(fresh.RefreshToken), secretClient), 503, "temporarily_unavailable")
		if len(issuerEvents) != 1 || strings.Contains(fmt.Sprintf("%+v", issuerEvents), "canary") {
			t.Errorf("events %+v", issuerEvents)
		}
	})
}

// A keepingStore shows what a store is given.
type keepingStore struct {
	refresh.Store
	families []refresh.Family
}

func (s *keepingStore) Create(ctx context.Context, f refresh.Family) error {
	s.families = append(s.families, f)
	return s.Store.Create(ctx, f)
}

type brokenStore struct{}

func (brokenStore) Revoked(context.Context, bearer.Info) (bool, error) {
	return false, errors.New("no route to host")
}

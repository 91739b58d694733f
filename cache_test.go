package bearer_test

import (
	"context"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

// A middleware remembers what it admitted. Nobody may be able to tell by anything
// but the time it takes, and an Event.

// warm verifies a token often enough for whatever is remembered to be used.
func warm[C any](t testing.TB, m *bearer.Middleware[C], token string) *bearer.Token[C] {
	t.Helper()
	var last *bearer.Token[C]
	for range 3 {
		var err error
		if last, err = m.Verify(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	return last
}

// asNew verifies a token with a middleware that may remember it, and expects what
// one that remembers nothing says.
func asNew[C any](t testing.TB, m, plain *bearer.Middleware[C], token string) (*bearer.Token[C], error) {
	t.Helper()
	want, wantErr := plain.Verify(t.Context(), token)
	got, err := m.Verify(t.Context(), token)
	if a, b := causeOf(err), causeOf(wantErr); a != b {
		t.Fatalf("%v, and without a cache: %v", err, wantErr)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("\n%+v, and without a cache:\n%+v", got, want)
	}
	return got, err
}

// causeOf is the sentinel of a refusal.
func causeOf(err error) error {
	if err == nil {
		return nil
	}
	for _, s := range sentinels {
		if errors.Is(err, s) {
			return s
		}
	}
	return err
}

// spoil writes to all that v leads to, to spare capacity and to what is not
// exported too, as the worst handler would. A time.Time leads to a location that
// is everybody's.
func spoil(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() && !v.Type().ConvertibleTo(reflect.TypeFor[*time.Location]()) {
			spoil(v.Elem())
			v.Elem().SetZero()
		}
	case reflect.Interface:
		if !v.IsNil() {
			spoil(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Cap() {
			e := v.Slice(0, v.Cap()).Index(i)
			spoil(e)
			switch e.Kind() {
			case reflect.String:
				e.SetString("spoilt")
			case reflect.Uint8:
				e.SetUint('!')
			default:
				e.SetZero()
			}
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			spoil(v.MapIndex(k))
			v.SetMapIndex(k, reflect.Value{})
		}
		if k := v.Type().Key(); !v.IsNil() && k.Kind() == reflect.String {
			v.SetMapIndex(reflect.ValueOf("spoilt").Convert(k), reflect.Zero(v.Type().Elem()))
		}
	case reflect.Array:
		for i := range v.Len() {
			spoil(v.Index(i))
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			f := v.Field(i)
			if f.CanAddr() {
				f = reflect.NewAt(f.Type(), unsafe.Pointer(f.UnsafeAddr())).Elem()
			}
			spoil(f)
		}
	}
}

// grow appends to every slice that a struct has, which must not write to its
// neighbours.
func grow(info bearer.Info) {
	_ = append(info.Audience, "grown", "grown", "grown")
	_ = append(info.Scopes, "grown", "grown", "grown")
	_ = append(info.Roles, "grown", "grown", "grown")
}

const sharedPayload = `,"scope":"read write","roles":["clerk","editor"],"email":"a@b.test","role":"x","http://schemas.microsoft.com/ws/2008/06/identity/claims/role":["one","two"],` +
	`"count":12,"ratio":1.5,"ok":true,"list":["a","b"],"map":{"a":["b","c"],"d":[]},"deep":{"list":[{"name":"n","tags":["t","u"]},{"name":"o","tags":["v","w"]}]},"two":[{"n":1,"name":"p"},{"n":2,"name":"q"}],"bytes":"aGVsbG8=","raw":{"a":[1,2]},"any":[{"a":"b"},["c"]],"addr":"192.0.2.1","big":123456789012345678901234567890`

type (
	manyValues struct {
		Email string             `json:"email"`
		Count int                `json:"count"`
		Ratio float64            `json:"ratio"`
		OK    bool               `json:"ok"`
		Exp   bearer.NumericDate `json:"exp"`
		Pair  [2]string          `json:"list"`
		Addr  netip.Addr         `json:"addr"`
		Own   struct {
			X string `json:"x"`
		} `json:"own"`
	}
	somePlace struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}
	aTree struct {
		Deep struct {
			List []*somePlace `json:"list"`
		} `json:"deep"`
	}
	someBytes struct {
		Bytes []byte             `json:"bytes"`
		Raw   stdjson.RawMessage `json:"raw"`
	}
	arrayOfSlices struct {
		List [2]any            `json:"list"`
		More [1][]somePlace    `json:"none"`
		Big  *big.Int          `json:"big"`
		Big2 [1]map[string]any `json:"none2"`
	}
	embedding struct {
		bearer.Claims
		List []string `json:"list"`
	}
	embeddingPointer struct {
		*bearer.Claims
		Count int `json:"count"`
	}
	hidden struct {
		List  []string `json:"list"`
		count int      //lint:ignore U1000 it is what makes the struct one that cannot be assigned by fields
	}
	embeddingHidden struct {
		hidden
		Email string `json:"email"`
	}
	names       []name
	name        string
	valueSlices struct {
		List  names    `json:"list"`
		Roles []name   `json:"roles"`
		None  []string `json:"none"`
		Deep  struct {
			List []struct {
				Level int8      `json:"level"`
				Name  name      `json:"name"`
				Pair  [2]string `json:"tags"`
			} `json:"list"`
		} `json:"deep"`
		Two [2]struct {
			N int    `json:"n"`
			S string `json:"name"`
		} `json:"two"`
	}
	strs struct {
		List bearer.ClaimStrings `json:"list"`
		Aud  bearer.ClaimStrings `json:"aud"`
	}
)

// A claim of its own each: a list, and a text.
type (
	aList []string
	aText string
)

func (l *aList) UnmarshalJSON(data []byte) error {
	var c struct{ Roles []string }
	err := stdjson.Unmarshal(data, &c)
	*l = c.Roles
	return err
}

func (s *aText) UnmarshalJSON(data []byte) error {
	*s = aText(data)
	return nil
}

// keeps is a text that keeps the memory it was decoded from, which the rules of
// encoding/json forbid, and which only it may suffer from.
type keeps struct {
	Email keptText `json:"email"`
	List  keptText `json:"list"`
}

type keptText struct{ data []byte }

func (k *keptText) UnmarshalJSON(data []byte) error { k.data = data; return nil }

// scribbles writes to the memory that it is decoded from.
type scribbles struct {
	Sub   scribbling `json:"sub"`
	Email scribbling `json:"email"`
	Roles scribbling `json:"roles"`
}

type scribbling struct{ Text string }

func (s *scribbling) UnmarshalJSON(data []byte) error {
	s.Text = string(data)
	for i := range data {
		data[i] = 'X'
	}
	return nil
}

// derives keeps what it made of its claims where nobody decodes it.
type derives struct {
	List []string `json:"list"`
	seen map[string]bool
	own  []string
}

func (d *derives) Validate() error {
	d.seen = make(map[string]bool)
	for i, s := range d.List {
		d.List[i] = strings.ToUpper(s)
		d.seen[s] = true
	}
	d.own = d.List
	return nil
}

// normalises has nothing but values, which Validate changes.
type normalises struct {
	Email  string `json:"email"`
	domain string
}

func (n *normalises) Validate() error {
	n.Email = strings.ToUpper(n.Email)
	_, n.domain, _ = strings.Cut(n.Email, "@")
	return nil
}

func TestWhatOneRequestDoesToItsClaimsNoOtherSees(t *testing.T) {
	t.Run("a map", noAliases[map[string]any])
	t.Run("a map of raw text", noAliases[map[string]stdjson.RawMessage])
	t.Run("anything", noAliases[any])
	t.Run("values", noAliases[manyValues])
	t.Run("two strings", noAliases[twoStrings])
	t.Run("a slice", noAliases[struct {
		List []string `json:"list"`
	}])
	t.Run("a map in a struct", noAliases[struct {
		Map map[string][]string `json:"map"`
	}])
	t.Run("a tree", noAliases[aTree])
	t.Run("a pointer", noAliases[struct {
		Email *string `json:"email"`
	}])
	t.Run("an interface", noAliases[struct {
		Any any `json:"any"`
	}])
	t.Run("bytes and raw text", noAliases[someBytes])
	t.Run("arrays and big numbers", noAliases[arrayOfSlices])
	t.Run("Claims", noAliases[bearer.Claims])
	t.Run("a type that embeds Claims", noAliases[embedding])
	t.Run("a type that embeds a pointer to Claims", noAliases[embeddingPointer])
	t.Run("ClaimStrings", noAliases[strs])
	t.Run("a type that embeds one that is not exported", noAliases[embeddingHidden])
	t.Run("slices of values of all kinds", noAliases[valueSlices])
	t.Run("a type that keeps the memory it was decoded from", noAliases[keeps])
	t.Run("a type that writes to the memory it was decoded from", noAliases[scribbles])
	t.Run("a Validate that derives", noAliases[derives])
	t.Run("a Validate that normalises", noAliases[normalises])
	t.Run("Info alone", noAliases[struct{}])
	t.Run("a list and no struct", noAliases[aList])
	t.Run("a text and no struct", noAliases[aText])
}

func noAliases[C any](t *testing.T) {
	k := newKey(t, keys.HS256)
	token := forge(t, k, header(k), goodPayload(sharedPayload))
	tr := trust(static(t, k))
	want := must(newMiddleware[C](t, tr).Verify(t.Context(), token))
	check := func(t *testing.T, got *bearer.Token[C]) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("\n%+v, want\n%+v", got, want)
		}
	}
	if len(want.Roles) < 4 || len(want.Scopes) != 2 || want.Subject != "1087" {
		t.Fatalf("%+v", want.Info)
	}

	t.Run("Verify", func(t *testing.T) {
		log := new(eventLog)
		m := newMiddleware[C](t, tr, log.option())
		for range 5 {
			got := must(m.Verify(t.Context(), token))
			check(t, got)
			grow(got.Info)
			check(t, got)
			spoil(reflect.ValueOf(got))
		}
		// What Validate adds to claims that are decoded again would be missing.
		_, never := any(want.Claims).(derives)
		for n, e := range log.all() {
			if e.Cached != (n > 0 && !never) {
				t.Errorf("verification %d: cached: %v", n, e.Cached)
			}
		}
	})
	t.Run("two at a time", func(t *testing.T) {
		m := newMiddleware[C](t, tr)
		for range 5 {
			a, b := must(m.Verify(t.Context(), token)), must(m.Verify(t.Context(), token))
			spoil(reflect.ValueOf(a))
			check(t, b)
		}
	})
	t.Run("FromContext and InfoFromContext", func(t *testing.T) {
		m := newMiddleware[C](t, tr)
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		for range 5 {
			admitted, err := m.Admit(r)
			if err != nil {
				t.Fatal(err)
			}
			info, _ := bearer.InfoFromContext(admitted.Context())
			claims, _ := bearer.FromContext[C](admitted.Context())
			check(t, &bearer.Token[C]{Info: info, Claims: claims})
			grow(info)
			spoil(reflect.ValueOf(&info))
			spoil(reflect.ValueOf(&claims))
			// A guard looks at what the context has, not at a copy of it.
			if _, err := m.Admit(admitted, bearer.RequireScope("read", "write"), bearer.RequireRole("clerk")); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Run("revocations", func(t *testing.T) {
		tr := tr
		tr.Revocations = revocationsFunc(func(_ context.Context, info bearer.Info) (bool, error) {
			if !reflect.DeepEqual(info, want.Info) {
				t.Errorf("asked for\n%+v, want\n%+v", info, want.Info)
			}
			grow(info)
			spoil(reflect.ValueOf(&info))
			return false, nil
		})
		m := newMiddleware[C](t, tr)
		for range 5 {
			check(t, must(m.Verify(t.Context(), token)))
		}
	})
	t.Run("at the same time", func(t *testing.T) {
		m := newMiddleware[C](t, tr)
		var running sync.WaitGroup
		for range 8 {
			running.Go(func() {
				for range 25 {
					got, err := m.Verify(context.Background(), token)
					if err != nil || !reflect.DeepEqual(got, want) {
						t.Errorf("%+v, %v", got, err)
						return
					}
					grow(got.Info)
					spoil(reflect.ValueOf(got))
				}
			})
		}
		running.Wait()
	})
}

// A switchSource offers what it is told to.
type switchSource struct {
	mu   sync.Mutex
	keys []*keys.Key
	err  error
}

func (s *switchSource) offer(set ...*keys.Key) { s.mu.Lock(); s.keys, s.err = set, nil; s.mu.Unlock() }
func (s *switchSource) fail(err error)         { s.mu.Lock(); s.err = err; s.mu.Unlock() }

// Lookup offers all of them: which are meant is for the middleware to find out.
func (s *switchSource) Lookup(context.Context, keys.Header) ([]*keys.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.keys), s.err
}

func TestAKeyThatIsGoneVerifiesNothing(t *testing.T) {
	secret := sharedSecret
	hmac := func(secret string, opts ...keys.KeyOption) *keys.Key {
		return must(keys.New(keys.HS256, []byte(strings.Repeat(secret, 64)), opts...))
	}
	rsa := func(alg keys.Algorithm) *keys.Key { return keyOf(t, alg, keys.WithID("a")).Public() }
	a, b := hmac("a", keys.WithID("a")), hmac("b", keys.WithID("b"))
	crowd := func(n int, with ...*keys.Key) (set []*keys.Key) {
		for i := range n {
			set = append(set, hmac(string(rune('c'+i))))
		}
		return append(set, with...)
	}
	anonymous := hmac("a")
	tests := []struct {
		name string
		key  *keys.Key // that signs
		now  []*keys.Key
		then []*keys.Key
		err  error // of the source, instead
		want error
	}{
		{"the same key", a, []*keys.Key{a, b}, []*keys.Key{a, b}, nil, nil},
		{"the same key in other memory", a, []*keys.Key{a}, []*keys.Key{hmac("a", keys.WithID("a"))}, nil, nil},
		{"an RSA key in other memory", keyOf(t, keys.RS256, keys.WithID("a")), []*keys.Key{rsa(keys.RS256)}, []*keys.Key{rsa(keys.RS256)}, nil, nil},
		{"removed", a, []*keys.Key{a, b}, []*keys.Key{b}, nil, bearer.ErrUnknownKey},
		{"removed, and it was the only one", a, []*keys.Key{a}, nil, nil, bearer.ErrUnknownKey},
		{"nil keys in its place", a, []*keys.Key{a}, []*keys.Key{nil, {}}, nil, bearer.ErrUnknownKey},
		{"replaced by another under the same id", a, []*keys.Key{a}, []*keys.Key{hmac("x", keys.WithID("a"))}, nil, bearer.ErrSignature},
		{"the same secret under another id", a, []*keys.Key{a}, []*keys.Key{hmac("a", keys.WithID("b"))}, nil, bearer.ErrUnknownKey},
		{"the same secret without an id", a, []*keys.Key{a}, []*keys.Key{anonymous}, nil, nil},
		{"the same secret for another algorithm", a, []*keys.Key{a}, []*keys.Key{must(keys.New(keys.HS384, []byte(strings.Repeat("a", 64)), keys.WithID("a")))}, nil, bearer.ErrUnknownKey},
		{"the same RSA key for PSS", keyOf(t, keys.RS256, keys.WithID("a")), []*keys.Key{rsa(keys.RS256)}, []*keys.Key{rsa(keys.PS256)}, nil, bearer.ErrUnknownKey},
		{"without an id, removed", anonymous, []*keys.Key{hmac("b"), anonymous}, []*keys.Key{hmac("b")}, nil, bearer.ErrSignature},
		{"without an id, at another place", anonymous, []*keys.Key{hmac("b"), anonymous}, []*keys.Key{anonymous, hmac("b")}, nil, nil},
		{"without an id, among too many", anonymous, []*keys.Key{anonymous}, crowd(16, anonymous), nil, bearer.ErrUnknownKey},
		{"without an id, among as many as are tried", anonymous, []*keys.Key{anonymous}, crowd(15, anonymous), nil, nil},
		{"out of reach", a, []*keys.Key{a}, nil, errors.New("the source is down"), bearer.ErrUnavailable},
		{"a key whose Public was put in its place", a, []*keys.Key{a}, []*keys.Key{a.Public()}, nil, bearer.ErrSignature},
		{"one that was never offered", must(keys.New(keys.HS512, secret)), []*keys.Key{must(keys.New(keys.HS512, secret))}, []*keys.Key{a, b}, nil, bearer.ErrUnknownKey},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			source := &switchSource{keys: tt.now}
			token := forge(t, tt.key, header(tt.key), goodPayload(sharedPayload))
			m := newMiddleware[twoStrings](t, trust(source))
			for range 2 {
				source.offer(tt.now...)
				warm(t, m, token)
				if source.offer(tt.then...); tt.err != nil {
					source.fail(tt.err)
				}
				for range 3 {
					_, err := m.Verify(t.Context(), token)
					checkCause(t, err, tt.want)
				}
			}
		})
	}
}

func TestAKeyRemovedFromARing(t *testing.T) {
	old, next := newKey(t, keys.ES256, keys.WithID("old")), newKey(t, keys.ES256, keys.WithID("next"))
	ring := must(keys.NewRing(old, keys.WithClock(testClock), keys.WithPublishDelay(0)))
	m := newMiddleware[twoStrings](t, trust(ring))
	a, b := forge(t, old, header(old), goodPayload("")), forge(t, next, header(next), goodPayload(""))
	warm(t, m, a)
	if err := ring.Rotate(next); err != nil {
		t.Fatal(err)
	}
	warm(t, m, a)
	warm(t, m, b)
	if err := ring.Remove("old"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, err := m.Verify(t.Context(), a)
		checkCause(t, err, bearer.ErrUnknownKey)
	}
	warm(t, m, b)
}

// A source of one's own may embed one of package keys, and know of keys that are
// not to be used any more.
func TestAKeyThatAWrapperTakesOut(t *testing.T) {
	k := newKey(t, keys.ES256, keys.WithID("leaked"))
	source := &denying{Ring: must(keys.NewRing(k, keys.WithClock(testClock)))}
	m := newMiddleware[twoStrings](t, trust(source))
	token := forge(t, k, header(k), goodPayload(""))
	warm(t, m, token)
	source.denied = "leaked"
	_, err := m.Verify(t.Context(), token)
	checkCause(t, err, bearer.ErrUnknownKey)
}

type denying struct {
	*keys.Ring
	denied string
}

func (d *denying) Lookup(ctx context.Context, h keys.Header) ([]*keys.Key, error) {
	found, err := d.Ring.Lookup(ctx, h)
	return slices.DeleteFunc(found, func(k *keys.Key) bool { return k.ID() == d.denied }), err
}

// A source that is slow does not give a token more time than it has.
func TestASlowSourceAndATokenThatEnds(t *testing.T) {
	k, now := newKey(t, keys.HS256), testNow
	var slow time.Duration
	source := &spySource{Source: static(t, k)}
	m := must(bearer.NewMiddleware[twoStrings](trust(source), bearer.WithLeeway(0), bearer.WithClock(func() time.Time { return now })))
	token := forge(t, k, header(k), payloadWith("exp", fmt.Sprint(now.Add(20*time.Second).Unix())))
	source.before = func() { now = now.Add(slow) }
	warm(t, m, token)
	slow = 30 * time.Second
	for range 2 {
		_, err := m.Verify(t.Context(), token)
		checkCause(t, err, bearer.ErrExpired)
	}
}

// A store that embeds one which only reads may do otherwise.
func TestAStoreThatChangesWhatItIsGiven(t *testing.T) {
	k := newKey(t, keys.HS256)
	tr := trust(static(t, k))
	tr.Revocations = &renaming{new(onlyReads)}
	m := newMiddleware[twoStrings](t, tr)
	token := forge(t, k, header(k), goodPayload(`,"scope":"read","roles":["user"]`))
	for range 4 {
		got, err := m.Verify(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		if got.Scopes[0] != "read" || got.Roles[0] != "user" || got.Audience[0] != testAudience {
			t.Fatalf("%q %q %q", got.Scopes, got.Roles, got.Audience)
		}
	}
}

type onlyReads struct{}

func (*onlyReads) Revoked(context.Context, bearer.Info) (bool, error) { return false, nil }
func (o *onlyReads) OnlyReads() bearer.Revocations                    { return o }

type renaming struct{ *onlyReads }

func (*renaming) Revoked(_ context.Context, t bearer.Info) (bool, error) {
	for _, list := range [][]string{t.Scopes, t.Roles, t.Audience} {
		for i := range list {
			list[i] = "admin"
		}
	}
	return false, nil
}

// A key that a ring drops by its clock, which is not the middleware's.
func TestAKeyThatRetiredInARing(t *testing.T) {
	now := testNow
	old, next := newKey(t, keys.HS256, keys.WithID("old")), newKey(t, keys.HS256, keys.WithID("next"))
	ring := must(keys.NewRing(old, keys.WithClock(func() time.Time { return now }), keys.WithPublishDelay(0)))
	ring.KeepFor(time.Minute)
	if err := ring.Rotate(next); err != nil {
		t.Fatal(err)
	}
	m := newMiddleware[twoStrings](t, trust(ring))
	token := forge(t, old, header(old), goodPayload(""))
	warm(t, m, token)
	now = now.Add(time.Hour)
	_, err := m.Verify(t.Context(), token)
	checkCause(t, err, bearer.ErrUnknownKey)
	now = testNow
	warm(t, m, token)
}

func TestAKeyRemovedFromAnAddress(t *testing.T) {
	old, next := newKey(t, keys.ES256, keys.WithID("old")), newKey(t, keys.ES256, keys.WithID("next"))
	ring := must(keys.NewRing(old, keys.WithPublishDelay(0)))
	server := httptest.NewServer(ring.JWKS())
	defer server.Close()
	fetched := make(chan struct{}, 1000)
	source := must(keys.Remote(server.URL, keys.WithRefreshInterval(10*time.Millisecond), keys.WithFetchHook(func(keys.Status) { fetched <- struct{}{} })))
	m := newMiddleware[twoStrings](t, trust(source))
	token := forge(t, old, header(old), goodPayload(""))
	warm(t, m, token)
	if err := errors.Join(ring.Rotate(next), ring.Remove("old")); err != nil {
		t.Fatal(err)
	}
	// Requests refresh the keys; two fetches later one has begun after the removal.
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		_, err := m.Verify(t.Context(), token)
		if err != nil {
			checkCause(t, err, bearer.ErrUnknownKey)
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("a removed key verifies after %d fetches", len(fetched))
		}
	}
	warm(t, m, forge(t, next, header(next), goodPayload("")))
}

func TestATokenThatWasRevoked(t *testing.T) {
	t.Run("in memory", func(t *testing.T) {
		i := issuerOf(t, &loginSpy{})
		m := newMiddleware[bearer.Claims](t, i.Trust())
		a, b := issue(t, i, fullAccount(), "").AccessToken, issue(t, i, fullAccount(), "").AccessToken
		info := warm(t, m, a).Info
		warm(t, m, b)
		if err := i.Revoke(t.Context(), info); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			_, err := m.Verify(t.Context(), a)
			checkCause(t, err, bearer.ErrRevoked)
		}
		warm(t, m, b)
	})
	t.Run("in a store of somebody else's", func(t *testing.T) {
		var (
			revoked bool
			fault   error
			asked   int
			ctx     context.Context
		)
		k := newKey(t, keys.HS256)
		tr := trust(static(t, k))
		tr.Revocations = revocationsFunc(func(c context.Context, info bearer.Info) (bool, error) {
			asked++
			if ctx = c; info.ID != "id-1" || info.Issuer != testIssuer {
				t.Errorf("asked for %+v", info)
			}
			return revoked, fault
		})
		m := newMiddleware[twoStrings](t, tr)
		token := forge(t, k, header(k), goodPayload(""))
		type mark struct{}
		for n, step := range []struct {
			revoked bool
			fault   error
			want    error
		}{
			{true, nil, bearer.ErrRevoked}, {false, nil, nil}, {false, nil, nil}, {true, nil, bearer.ErrRevoked},
			{false, errors.New("the store is down"), bearer.ErrUnavailable}, {true, errors.New("the store is down"), bearer.ErrUnavailable},
			{false, nil, nil}, {false, nil, nil}, {true, nil, bearer.ErrRevoked},
		} {
			revoked, fault = step.revoked, step.fault
			_, err := m.Verify(context.WithValue(t.Context(), mark{}, n), token)
			checkCause(t, err, step.want)
			if asked != n+1 {
				t.Errorf("%d tokens were verified, and the store was asked %d times", n+1, asked)
			}
			if ctx.Value(mark{}) != n {
				t.Error("it was asked with another request's context")
			}
		}
	})
	t.Run("by the client that went away", func(t *testing.T) {
		k := newKey(t, keys.HS256)
		tr := trust(static(t, k))
		tr.Revocations = revocationsFunc(func(ctx context.Context, _ bearer.Info) (bool, error) { return false, ctx.Err() })
		m := newMiddleware[twoStrings](t, tr)
		token := forge(t, k, header(k), goodPayload(""))
		warm(t, m, token)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := m.Verify(ctx, token); !errors.Is(err, context.Canceled) || errors.Is(err, bearer.ErrUnavailable) {
			t.Errorf("%v, want context.Canceled", err)
		}
		warm(t, m, token)
	})
}

// The clock moves on and is set back, over the edges of every claim of time.
func TestTheClockMovesBothWays(t *testing.T) {
	k := newKey(t, keys.HS256)
	at := func(d time.Duration) string { return fmt.Sprint(testNow.Add(d).Unix()) }
	tokens := map[string]string{
		"an hour":         payloadWith("iat", at(0), "exp", at(time.Hour)),
		"a minute":        payloadWith("iat", at(0), "nbf", at(0), "exp", at(time.Minute)),
		"a fraction":      payloadWith("iat", at(0)+".25", "exp", at(time.Minute)+".75"),
		"not yet":         payloadWith("iat", at(0), "nbf", at(10*time.Minute), "exp", at(time.Hour)),
		"iat ahead":       payloadWith("iat", at(10*time.Minute), "exp", at(time.Hour)),
		"a second":        payloadWith("iat", at(0), "exp", at(time.Second)),
		"no iat":          payloadWith("iat", "", "exp", at(time.Hour)),
		"ended":           payloadWith("iat", at(-time.Hour), "exp", at(-time.Minute)),
		"ends before nbf": payloadWith("iat", at(0), "nbf", at(time.Hour), "exp", at(time.Minute)),
		"no end":          payloadWith("iat", at(0), "exp", ""),
		"a century":       payloadWith("iat", at(0), "exp", at(100*365*24*time.Hour)),
		"the last day":    payloadWith("iat", "-62135596799", "nbf", "-62135596799", "exp", "253402300799"),
	}
	instants := []time.Duration{0, 1, -1, time.Second, -time.Second, 5 * time.Second, -5 * time.Second, -5*time.Second - 1, time.Hour, -time.Hour}
	for _, edge := range []time.Duration{250 * time.Millisecond, time.Second, time.Minute, time.Minute + 750*time.Millisecond, 5 * time.Minute, 10 * time.Minute, time.Hour} {
		for _, leeway := range []time.Duration{0, 5 * time.Second, -5 * time.Second} {
			instants = append(instants, edge+leeway-1, edge+leeway, edge+leeway+1)
		}
	}
	for _, opts := range [][]bearer.MiddlewareOption{nil, {bearer.WithLeeway(0)}, {bearer.DangerouslyAllowNoExpiry()}} {
		t.Run(fmt.Sprint(len(opts)), func(t *testing.T) {
			now := testNow
			with := append([]bearer.MiddlewareOption{bearer.WithClock(func() time.Time { return now })}, opts...)
			random := rand.New(rand.NewPCG(7, 7))
			m := must(bearer.NewMiddleware[twoStrings](trust(static(t, k)), with...))
			plain := must(bearer.NewMiddleware[twoStrings](trust(static(t, k)), append(with, bearer.WithTokenCache(0))...))
			admitted := 0
			for _, name := range slices.Sorted(maps.Keys(tokens)) {
				token := forge(t, k, header(k), tokens[name])
				for range 200 {
					now = testNow.Add(instants[random.IntN(len(instants))])
					for range 1 + random.IntN(2) {
						if _, err := asNew(t, m, plain, token); err == nil {
							admitted++
						}
					}
				}
			}
			if admitted < 200 {
				t.Errorf("%d were admitted", admitted)
			}
		})
	}
}

// A cache that counts in seconds must not round a claim.
func TestTheClockMovesWithinASecond(t *testing.T) {
	k, now := newKey(t, keys.HS256), testNow
	m := must(bearer.NewMiddleware[twoStrings](trust(static(t, k)), bearer.WithLeeway(0), bearer.WithClock(func() time.Time { return now })))
	token := forge(t, k, header(k), payloadWith("iat", fmt.Sprint(testNow.Unix())+".25", "exp", fmt.Sprint(testNow.Unix())+".75"))
	long := forge(t, k, header(k), payloadWith("iat", fmt.Sprint(testNow.Unix())+".25", "exp", fmt.Sprint(testNow.Unix()+9)+".75"))
	for range 3 {
		for _, step := range []struct {
			at          time.Duration
			short, long error
		}{
			{250 * time.Millisecond, nil, nil},
			{250*time.Millisecond - 1, bearer.ErrNotYetValid, bearer.ErrNotYetValid},
			{0, bearer.ErrNotYetValid, bearer.ErrNotYetValid},
			{750*time.Millisecond - 1, nil, nil},
			{750 * time.Millisecond, bearer.ErrExpired, nil},
			{9750*time.Millisecond - 1, bearer.ErrExpired, nil},
			{9750 * time.Millisecond, bearer.ErrExpired, bearer.ErrExpired},
		} {
			now = testNow.Add(step.at)
			for range 2 {
				_, err := m.Verify(t.Context(), token)
				checkCause(t, err, step.short)
				_, err = m.Verify(t.Context(), long)
				checkCause(t, err, step.long)
			}
		}
	}
}

func TestATokenThatIsRefusedIsNotRemembered(t *testing.T) {
	k, other := newKey(t, keys.HS256), newKey(t, keys.HS256)
	now := testNow
	source := &switchSource{keys: []*keys.Key{k}}
	tr := trust(source)
	var revoked bool
	tr.Revocations = revocationsFunc(func(context.Context, bearer.Info) (bool, error) { return revoked, nil })
	at := func(d time.Duration) string { return fmt.Sprint(testNow.Add(d).Unix()) }
	good := forge(t, k, header(k), goodPayload(""))
	tests := []struct {
		name  string
		token string
		spoil func()
		mend  func() // nil: it stays as it is
		want  error
	}{
		{"not yet valid", forge(t, k, header(k), payloadWith("nbf", at(time.Minute), "exp", at(time.Hour))), func() {}, func() { now = now.Add(2 * time.Minute) }, bearer.ErrNotYetValid},
		{"an unknown key", forge(t, k, header(k), goodPayload("")), func() { source.offer() }, func() { source.offer(k) }, bearer.ErrUnknownKey},
		{"another key", forge(t, other, header(other), goodPayload("")), func() {}, func() { source.offer(other) }, bearer.ErrSignature},
		{"no keys", good, func() { source.fail(errors.New("down")) }, func() { source.offer(k) }, bearer.ErrUnavailable},
		{"revoked", good, func() { revoked = true }, func() { revoked = false }, bearer.ErrRevoked},
		{"expired", forge(t, k, header(k), payloadWith("iat", at(-time.Hour), "exp", at(-time.Minute))), func() {}, func() { now = now.Add(-2 * time.Minute) }, bearer.ErrExpired},
		{"expired for ever", forge(t, k, header(k), payloadWith("exp", at(-time.Hour))), func() {}, nil, bearer.ErrExpired},
		{"another audience", forge(t, k, header(k), payloadWith("aud", `"x"`)), func() {}, nil, bearer.ErrAudience},
		{"another issuer", forge(t, k, header(k), payloadWith("iss", `"x"`)), func() {}, nil, bearer.ErrIssuer},
		{"another type", forge(t, k, `{"alg":"HS256","typ":"secret"}`, goodPayload("")), func() {}, nil, bearer.ErrTokenType},
		{"a claim that is none", forge(t, k, header(k), payloadWith("sub", "1")), func() {}, nil, bearer.ErrClaims},
		{"claims that do not decode", forge(t, k, header(k), goodPayload(`,"email":1`)), func() {}, nil, bearer.ErrClaims},
		{"a wrong signature", good[:len(good)-4] + "AAAA", func() {}, nil, bearer.ErrSignature},
		{"malformed", good + "=", func() {}, nil, bearer.ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now, revoked = testNow, false
			source.offer(k)
			m := must(bearer.NewMiddleware[twoStrings](tr, bearer.WithClock(func() time.Time { return now })))
			tt.spoil()
			for range 4 {
				_, err := m.Verify(t.Context(), tt.token)
				checkCause(t, err, tt.want)
			}
			if tt.mend == nil {
				return
			}
			for range 2 {
				tt.mend()
				warm(t, m, tt.token)
				now, revoked = testNow, false
				source.offer(k)
				tt.spoil()
				_, err := m.Verify(t.Context(), tt.token)
				checkCause(t, err, tt.want)
			}
		})
	}
}

// One token, and middlewares that share its key's source but not their rules.
func TestAVerdictIsOneMiddlewaresOwn(t *testing.T) {
	k := newKey(t, keys.HS256)
	source := static(t, k)
	now := func() time.Time { return testNow.Add(62 * time.Second) } // two seconds after exp
	token := forge(t, k, `{"alg":"HS256","typ":"at+jwt"}`, payloadWith("aud", `["https://api.test","https://other.test"]`, "email", `"not-a-number"`))
	admits := must(bearer.NewMiddleware[twoStrings](trust(source), bearer.WithClock(now)))
	changed := func(change func(*bearer.Trust)) bearer.Trust {
		tr := trust(source)
		change(&tr)
		return tr
	}
	verify := func(tr bearer.Trust, opts ...bearer.MiddlewareOption) func(*testing.T) error {
		m := must(bearer.NewMiddleware[twoStrings](tr, append(opts, bearer.WithClock(now))...))
		return func(t *testing.T) error { _, err := m.Verify(t.Context(), token); return err }
	}
	number := must(bearer.NewMiddleware[struct {
		Email int `json:"email"`
	}](trust(source), bearer.WithClock(now)))
	tests := []struct {
		name   string
		verify func(*testing.T) error
		want   error
	}{
		{"the other audience", verify(changed(func(t *bearer.Trust) { t.Audience = []string{"https://other.test"} })), nil},
		{"another audience", verify(changed(func(t *bearer.Trust) { t.Audience = []string{"https://third.test"} })), bearer.ErrAudience},
		{"no leeway", verify(trust(source), bearer.WithLeeway(0)), bearer.ErrExpired},
		{"another issuer", verify(changed(func(t *bearer.Trust) { t.Issuer = "https://other.test" })), bearer.ErrIssuer},
		{"two other issuers", verify(changed(func(t *bearer.Trust) { t.Issuer = "https://other.test" }), bearer.AlsoTrust(changed(func(t *bearer.Trust) { t.Issuer = issuerA }))), bearer.ErrIssuer},
		{"other types", verify(changed(func(t *bearer.Trust) { t.TokenTypes = []string{"JWT"} })), bearer.ErrTokenType},
		{"other keys", verify(trust(static(t, newKey(t, keys.HS256)))), bearer.ErrSignature},
		{"a shorter limit", verify(trust(source), bearer.WithMaxTokenBytes(len(token)-1)), bearer.ErrMalformed},
		{"revocations", verify(changed(func(t *bearer.Trust) {
			t.Revocations = revocationsFunc(func(context.Context, bearer.Info) (bool, error) { return true, nil })
		})), bearer.ErrRevoked},
		{"another C", func(t *testing.T) error { _, err := number.Verify(t.Context(), token); return err }, bearer.ErrClaims},
	}
	for range 2 {
		warm(t, admits, token)
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				for range 3 {
					checkCause(t, tt.verify(t), tt.want)
					warm(t, admits, token)
				}
			})
		}
	}
}

// Below one another, or one by one, each of two middlewares puts its own in the
// context.
func TestTwoMiddlewaresOverOneToken(t *testing.T) {
	k := newKey(t, keys.HS256)
	outer, inner := newMiddleware[twoStrings](t, trust(static(t, k))), newMiddleware[map[string]any](t, trust(static(t, k)))
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+forge(t, k, header(k), goodPayload("")))
	for range 4 {
		a, err := outer.Admit(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := bearer.FromContext[map[string]any](a.Context()); ok {
			t.Error("the outer one has the inner one's claims")
		}
		b, err := inner.Admit(a)
		if err != nil {
			t.Fatal(err)
		}
		c, ok := bearer.FromContext[twoStrings](b.Context())
		d, ok2 := bearer.FromContext[map[string]any](b.Context())
		if !ok || !ok2 || c.Subject != "1087" || d["sub"] != "1087" {
			t.Errorf("%v %v", c, d)
		}
	}
}

// Guards are asked on each request.
func TestAGuardsVerdictIsNotRemembered(t *testing.T) {
	k := newKey(t, keys.HS256)
	m := newMiddleware[twoStrings](t, trust(static(t, k)))
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+forge(t, k, header(k), goodPayload("")))
	asked := 0
	guard := bearer.Require(func(_ context.Context, c twoStrings) error {
		if asked++; c.Subject != "1087" {
			t.Errorf("asked for %+v", c)
		}
		if asked%2 == 0 {
			return errors.New("not now")
		}
		return nil
	})
	for n := range 6 {
		_, err := m.Admit(r, guard)
		checkCause(t, err, []error{nil, bearer.ErrForbidden}[n%2])
		if _, err := m.Admit(r, bearer.RequireScope("admin")); !errors.Is(err, bearer.ErrForbidden) {
			t.Errorf("%v, want ErrForbidden", err)
		}
	}
	if asked != 6 {
		t.Errorf("asked %d times", asked)
	}
}

// Each issuer's tokens are checked again with that issuer's keys and revocations.
func TestRememberedTokensOfSeveralIssuers(t *testing.T) {
	a, b := newKey(t, keys.HS256), newKey(t, keys.HS256)
	of := func(name string, k *keys.Key) (bearer.Trust, *switchSource, *bool, string) {
		source, revoked := &switchSource{keys: []*keys.Key{k}}, new(bool)
		return bearer.Trust{Issuer: name, Audience: []string{testAudience}, Keys: source,
			Revocations: revocationsFunc(func(_ context.Context, info bearer.Info) (bool, error) {
				if info.Issuer != name {
					t.Errorf("the revocations of %s were asked for a token of %s", name, info.Issuer)
				}
				return *revoked, nil
			})}, source, revoked, forge(t, k, header(k), payloadWith("iss", `"`+name+`"`))
	}
	trustA, sourceA, revokedA, tokenA := of(issuerA, a)
	trustB, sourceB, revokedB, tokenB := of(issuerB, b)
	m := newMiddleware[twoStrings](t, trustA, bearer.AlsoTrust(trustB))
	verify := func(token string, want error) {
		t.Helper()
		for range 3 {
			_, err := m.Verify(t.Context(), token)
			checkCause(t, err, want)
		}
	}
	verify(tokenA, nil)
	verify(tokenB, nil)
	*revokedA = true
	verify(tokenA, bearer.ErrRevoked)
	verify(tokenB, nil)
	*revokedA, *revokedB = false, true
	verify(tokenA, nil)
	verify(tokenB, bearer.ErrRevoked)
	*revokedB = false
	// Each has the other's key now.
	sourceA.offer(b)
	verify(tokenA, bearer.ErrSignature)
	verify(tokenB, nil)
	sourceB.offer(a)
	verify(tokenA, bearer.ErrSignature)
	verify(tokenB, bearer.ErrSignature)
	sourceA.offer(a)
	sourceB.fail(errors.New("down"))
	verify(tokenA, nil)
	verify(tokenB, bearer.ErrUnavailable)
}

// counted is a C whose Validate says how often it ran.
type counted struct {
	Subject string         `json:"sub"`
	Map     map[string]any `json:"map"`
}

var validations int

func (*counted) Validate() error { validations++; return nil }

func TestValidate(t *testing.T) {
	k := newKey(t, keys.HS256)
	token := forge(t, k, header(k), goodPayload(sharedPayload))
	t.Run("is called once", func(t *testing.T) {
		validations = 0
		m := newMiddleware[counted](t, trust(static(t, k)))
		warm(t, m, token)
		if validations != 1 {
			t.Errorf("%d times", validations)
		}
	})
	t.Run("that refuses is called again", func(t *testing.T) {
		defer func() { errValidate = nil }()
		m := newMiddleware[validated](t, trust(static(t, k)))
		for range 3 {
			errValidate = errors.New("no")
			_, err := m.Verify(t.Context(), token)
			checkCause(t, err, bearer.ErrClaims)
		}
		errValidate = nil
		warm(t, m, token)
	})
}

// A token is its text: what differs in one character is verified by itself, and
// no second spelling of a token that was admitted is admitted for it.
func TestOtherSpellingsOfAKnownToken(t *testing.T) {
	for _, alg := range oneOfEach {
		t.Run(string(alg), func(t *testing.T) {
			k := keyOf(t, alg)
			tr := trust(static(t, k))
			m, plain := newMiddleware[twoStrings](t, tr), newMiddleware[twoStrings](t, tr, bearer.WithTokenCache(0))
			token := forge(t, k, header(k), goodPayload(""))
			warm(t, m, token)
			h, p, s := segmentsOf(token)
			spellings := []string{
				token + "=", token + "==", token + " ", " " + token, token + "\n", token + "\x00", token + ".", "." + token, token + "A", token[:len(token)-1],
				h + "." + p + "." + strings.ToLower(s), strings.ToUpper(h) + "." + p + "." + s, h + "." + p + ".", h + ".." + s, h + "." + s + "." + p,
				strings.NewReplacer("-", "+", "_", "/").Replace(token), "Bearer " + token, token + "," + token,
				encode(strings.Replace(header(k), ",", ", ", 1)) + "." + p + "." + s,
				h + "." + encode(goodPayload(`,"x":1`)) + "." + s,
			}
			for i := range len(token) {
				c := byte('A')
				if token[i] == 'A' {
					c = 'B'
				}
				if i%7 == 0 || i > len(token)-40 {
					spellings = append(spellings, token[:i]+string(c)+token[i+1:])
				}
			}
			spellings = append(spellings, h+"."+p+"."+raiseLast(s, 1), h+"."+raiseLast(p, 1)+"."+s)
			for _, spelling := range spellings {
				if spelling == token {
					continue
				}
				for range 2 {
					if _, err := asNew(t, m, plain, spelling); err == nil {
						t.Errorf("%q is admitted", spelling)
					}
				}
			}
			warm(t, m, token)
		})
	}
}

// ECDSA has two signatures for each that is made, and whoever has the one has
// the other. It is as good, and is a token of its own.
func TestTheOtherSignatureOfAKnownToken(t *testing.T) {
	k, log := keyOf(t, keys.ES256), new(eventLog)
	tr := trust(static(t, k))
	m := newMiddleware[twoStrings](t, tr, log.option())
	token := forge(t, k, header(k), goodPayload(""))
	warm(t, m, token)
	input := token[:strings.LastIndexByte(token, '.')]
	signature := segmentOf(t, token, 2)
	s := new(big.Int).SetBytes(signature[32:])
	s.Sub(sharedP256().Params().N, s)
	other := join(input, append(slices.Clone(signature[:32]), s.FillBytes(make([]byte, 32))...))
	for n := range 2 {
		if _, err := asNew(t, m, newMiddleware[twoStrings](t, tr, bearer.WithTokenCache(0)), other); err != nil {
			t.Fatal(err)
		}
		if all := log.all(); all[len(all)-1].Cached != (n > 0) {
			t.Errorf("verification %d: cached: %v", n, n == 0)
		}
	}
	warm(t, m, token)
}

// What a middleware that remembers tokens says is what one that does not says,
// whatever has happened to the clock, the keys and the revocations.
func TestARandomWalk(t *testing.T) {
	t.Run("values", walk[twoStrings])
	t.Run("Claims", walk[bearer.Claims])
	t.Run("a map", walk[map[string]any])
}

func walk[C any](t *testing.T) {
	const steps = 2500
	var (
		random  = rand.New(rand.NewPCG(11, 13))
		now     = testNow
		revoked = make(map[string]bool)
		fault   error
		sources [2]*switchSource
		own     [2][]*keys.Key
		trusts  [2]bearer.Trust
		tokens  []string
		at      = func(d time.Duration) string { return fmt.Sprint(testNow.Add(d).Unix()) }
		issuers = []string{issuerA, issuerB}
	)
	for i := range trusts {
		for n := range 3 {
			var opts []keys.KeyOption
			if n > 0 {
				opts = append(opts, keys.WithID(fmt.Sprint("k", n))) // the same names at both
			}
			own[i] = append(own[i], newKey(t, keys.HS256, opts...))
		}
		sources[i] = &switchSource{keys: own[i]}
		trusts[i] = bearer.Trust{Issuer: issuers[i], Audience: []string{testAudience}, Keys: sources[i],
			Revocations: revocationsFunc(func(_ context.Context, info bearer.Info) (bool, error) { return revoked[info.ID], fault })}
		for n, k := range own[i] {
			for j, exp := range []string{at(3 * time.Minute), at(time.Hour), ""} {
				tokens = append(tokens, forge(t, k, header(k), payloadWith("iss", `"`+issuers[i]+`"`, "exp", exp, "jti", fmt.Sprintf(`"%d-%d"`, i, n+j), "scope", `"a b"`, "nbf", at(time.Duration(j)*time.Minute))))
			}
		}
	}
	with := func(opts ...bearer.MiddlewareOption) *bearer.Middleware[C] {
		opts = append(opts, bearer.AlsoTrust(trusts[1]), bearer.DangerouslyAllowNoExpiry(), bearer.WithClock(func() time.Time { return now }))
		return must(bearer.NewMiddleware[C](trusts[0], opts...))
	}
	cached := 0
	plain := with(bearer.WithTokenCache(0))
	m := with(bearer.WithObserver(func(_ context.Context, e bearer.Event) {
		if e.Cached {
			cached++
		}
	}))
	causes := make(map[error]int)
	for range steps {
		switch random.IntN(16) {
		case 0:
			now = testNow.Add(time.Duration(random.IntN(7*60)-60) * time.Second)
		case 1:
			now = now.Add(time.Duration(random.IntN(1000)-300) * time.Millisecond)
		case 2, 3:
			id := fmt.Sprintf("%d-%d", random.IntN(2), random.IntN(5))
			revoked[id] = !revoked[id] && random.IntN(2) == 0
		case 4:
			if fault = nil; random.IntN(4) == 0 {
				fault = errors.New("the store is down")
			}
		case 5, 6:
			i := random.IntN(2)
			set := slices.Clone(own[i])
			if random.IntN(8) == 0 {
				set = slices.Clone(own[1-i]) // the other issuer's
			}
			random.Shuffle(len(set), func(a, b int) { set[a], set[b] = set[b], set[a] })
			sources[i].offer(set[:random.IntN(len(set)+1)]...)
		case 7:
			sources[random.IntN(2)].fail([]error{nil, nil, nil, errors.New("down")}[random.IntN(4)])
		default:
			sources[0].offer(own[0]...)
			if random.IntN(3) == 0 {
				sources[1].offer(own[1]...)
			}
		}
		for range 1 + random.IntN(3) {
			got, err := asNew(t, m, plain, tokens[random.IntN(len(tokens))])
			if causes[causeOf(err)]++; err == nil {
				spoil(reflect.ValueOf(got))
			}
		}
	}
	t.Log(causes, "cached:", cached)
	if cached < steps/5 {
		t.Errorf("%d of %d came from the cache", cached, steps)
	}
	for _, cause := range []error{nil, bearer.ErrExpired, bearer.ErrNotYetValid, bearer.ErrRevoked, bearer.ErrUnavailable, bearer.ErrUnknownKey, bearer.ErrSignature} {
		if causes[cause] < 20 {
			t.Errorf("%v came %d times of %d", cause, causes[cause], steps)
		}
	}
}

// heapInUse is what is left of the heap after it was cleaned.
func heapInUse() int64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}

// A flood is of as many tokens as the machine's time allows.
func manyTokens() int {
	if os.Getenv("BEARER_INTEGRATION") != "" && !raceDetector {
		return 1_000_000
	}
	if raceDetector {
		return 5_000
	}
	return 50_000
}

// Whoever makes tokens up fills no memory, pushes nothing out and starts nothing.
func TestAFloodOfGarbage(t *testing.T) {
	k := newKey(t, keys.HS256)
	cached := 0
	m := newMiddleware[twoStrings](t, trust(static(t, k)), bearer.WithObserver(func(_ context.Context, e bearer.Event) {
		if e.Cached {
			cached++
		}
	}))
	var hot []string
	for n := range 100 {
		hot = append(hot, forge(t, k, header(k), payloadWith("jti", fmt.Sprintf(`"hot-%d"`, n))))
		warm(t, m, hot[n])
	}
	h, p, _ := segmentsOf(hot[0])
	goroutines, before := runtime.NumGoroutine(), heapInUse()
	var random [32]byte
	for n := range manyTokens() {
		for i := 0; i < len(random); i += 8 {
			*(*uint64)(unsafe.Pointer(&random[i])) = rand.Uint64()
		}
		var token string
		switch n % 4 {
		case 0:
			token = join(h+"."+p, random[:])
		case 1:
			token = join(h+"."+encode(fmt.Sprintf(`{"n":%d}`, n)), random[:])
		case 2:
			token = join(encode(fmt.Sprintf(`{"alg":"HS256","kid":"%d"}`, n))+"."+p, random[:])
		case 3:
			token = encode(string(random[:]))
		}
		if _, err := m.Verify(t.Context(), token); err == nil {
			t.Fatalf("%q is admitted", token)
		}
	}
	grown := heapInUse() - before
	t.Logf("%d tokens: the heap has grown by %d bytes", manyTokens(), grown)
	if grown > 64<<10 {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
	if n := runtime.NumGoroutine(); n > goroutines {
		t.Errorf("%d goroutines, %d before", n, goroutines)
	}
	cached = 0
	for _, token := range hot {
		if _, err := m.Verify(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	if cached != len(hot) {
		t.Errorf("%d of the hot set of %d are left", cached, len(hot))
	}
	runtime.KeepAlive(m)
}

// One account that logs in without end fills no more than what was given,
// whatever its tokens look like and each as often as it likes.
func TestAFloodOfValidTokens(t *testing.T) {
	t.Run("a map", floodOfValidTokens[map[string]any](`,"roles":["a","b"]`))
	t.Run("two strings", floodOfValidTokens[twoStrings](`,"email":"a@b.test"`))
	t.Run("two strings, escaped", floodOfValidTokens[twoStrings](`,"email":"`+strings.Repeat(`\\\\`, 400)+`"`))
	t.Run("strings that json/v2 decodes", floodOfValidTokens[struct {
		Email string     `json:"email"`
		Addr  netip.Addr `json:"addr"`
	}](`,"email":"`+strings.Repeat(`x`, 1000)+`"`))
	t.Run("times of odd offsets", floodOfValidTokens[struct {
		At []time.Time `json:"at"`
	}](`,"at":["2026-01-01T00:00:00Z"`+strings.Repeat(`,"2026-01-01T00:00:00+05:17"`, 50)+`]`))
	t.Run("an address with a long zone", floodOfValidTokens[struct {
		Addr netip.Addr `json:"addr"`
	}](`,"addr":"fe80::1%#`+strings.Repeat("x", 1000)+`"`))
	t.Run("many roles", floodOfValidTokens[twoStrings](`,"roles":["a"`+strings.Repeat(`,"b"`, 300)+`]`))
	t.Run("many roles, in the claims too", floodOfValidTokens[stringsAndSlices](`,"roles":["a"`+strings.Repeat(`,"b"`, 300)+`]`))
	t.Run("a list of large values", floodOfValidTokens[struct {
		Large []struct {
			V [8]int64 `json:"v"`
		} `json:"large"`
	}](`,"large":[{}`+strings.Repeat(`,{}`, 100)+`]`))
	t.Run("a header of its own each", floodOfValidTokens[twoStrings](`,"email":"a@b.test"`, `,"nonce":"%0300d"`))
}

func floodOfValidTokens[C any](more string, headers ...string) func(*testing.T) {
	return func(t *testing.T) {
		if raceDetector {
			t.Skip("the race detector's own memory")
		}
		k := newKey(t, keys.HS256)
		cached, tokens := 0, min(manyTokens()/3, 50_000) // ten times what fits
		m := newMiddleware[C](t, trust(static(t, k)), bearer.WithTokenCache(4<<20), bearer.WithObserver(func(_ context.Context, e bearer.Event) {
			if e.Cached {
				cached++
			}
		}))
		before := heapInUse()
		for n := range tokens {
			h := header(k)
			for _, more := range headers {
				h = strings.TrimSuffix(h, "}") + fmt.Sprintf(more, n) + "}"
			}
			token := forge(t, k, h, goodPayload(fmt.Sprintf(`,"n":%d`, n)+strings.ReplaceAll(more, "#", fmt.Sprint(n))))
			for range 1 + n%4 {
				if _, err := m.Verify(t.Context(), token); err != nil {
					t.Fatal(err)
				}
			}
		}
		grown := heapInUse() - before
		t.Logf("%d tokens: the heap has grown by %d KiB", tokens, grown>>10)
		if grown > 4<<20 || grown < 1<<20 {
			t.Errorf("the heap has grown by %d KiB of 4096", grown>>10)
		}
		if cached < tokens/4 {
			t.Errorf("%d of %d came from the cache", cached, tokens)
		}
		runtime.KeepAlive(m)
	}
}

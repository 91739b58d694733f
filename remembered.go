package bearer

import (
	"context"
	"reflect"
	"strings"
	"time"

	"github.com/gobearer/bearer/internal/tokencache"
	"github.com/gobearer/bearer/keys"
)

// A memory is what one middleware remembers of the tokens that it admitted. It is
// that middleware's alone: the audiences, the leeway, the types or the claims of
// another would have it find otherwise.
//
// What can change between two requests is no part of it: the clock, the source of
// the keys and the revocations are asked each time, in the order in which a token
// is verified.
type memory[C any] struct {
	cache     *tokencache.Cache[remembered[C]] // nil: nothing is remembered
	copy      claimsCopy
	validates bool // *C has Validate
}

// rememberedFor is for how long a token may be recalled before it is verified
// again, if it does not expire before. It bounds what nobody thought of.
const rememberedFor = 5 * time.Minute

// remembered is a token that was admitted, in little memory. Its strings are
// pieces of the payload, which nobody can write to; its lists and claims are
// nobody else's.
type remembered[C any] struct {
	trust      *Trust
	key        *keys.Key
	keyID, typ string // of the token's header
	subject    string
	id         string
	session    string
	lists      []string // the audience, then the scopes, then the roles
	lengths    [3]int32 // of each
	dated      bool     // it has an iat
	nanos      [3]int32 // of iat, nbf and exp
	seconds    [3]int64
	claims     C      // zero where they are decoded again
	payload    string // only there
}

func newMemory[C any](bytes int64) memory[C] {
	_, validates := any(new(C)).(interface{ Validate() error })
	return memory[C]{tokencache.New[remembered[C]](bytes), copyOf(reflect.TypeFor[C]()), validates}
}

// recall returns a token that was admitted before, or why it is not any more, or
// both where the revocations alone say so; and neither where it has to be verified:
// nothing is known of it, its time is over, or its key is not offered any more.
func (m *memory[C]) recall(ctx context.Context, v *verifier, raw string, e *Event) (*tokenContext[C], error) {
	entry := m.cache.Find(raw)
	if entry == nil {
		return nil, nil
	}
	r := &entry.Value
	// A key that was removed or replaced verifies nothing from then on, however
	// often it has. Its equal in other memory, as of each fetch, goes on.
	offered, err := r.trust.offers(ctx, r.header(), r.key)
	if err == nil && !offered {
		return nil, nil
	}
	// The clock comes after the source, which may have been slow. The token was in
	// its time when it was remembered, and is until the entry ends.
	if err == nil && !m.cache.Use(entry, v.clock()) {
		return nil, nil
	}
	e.Cached, e.Issuer = true, r.trust.Issuer
	if err != nil {
		return nil, err
	}
	e.KeyID, e.Algorithm = r.key.ID(), r.key.Algorithm()
	c := &tokenContext[C]{known: r}
	if err := m.claims(r, &c.claims); err != nil {
		return nil, err
	}
	return c, r.trust.revoked(ctx, c, r.dated)
}

// claims gives a request claims of its own. Validate is not called again: it saw
// the same bytes, and what it made of them is what is remembered.
func (m *memory[C]) claims(r *remembered[C], claims *C) error {
	if m.copy.decode {
		return decodeClaims(r.payload, claims)
	}
	*claims = r.claims
	m.copy.own(claims)
	return nil
}

// remember keeps a token that was admitted. It is called when all of its checks
// are behind it: of a token that was refused, by whichever, nothing is known.
func (m *memory[C]) remember(raw string, p *proof, t *Info, claims *C) {
	if m.cache == nil {
		return
	}
	until := p.at.Add(rememberedFor)
	if !t.ExpiresAt.IsZero() && t.ExpiresAt.Before(until) {
		until = t.ExpiresAt
	}
	lists := len(t.Audience) + len(t.Scopes) + len(t.Roles)
	size := len(p.payload) + 16*lists + len(p.header.KeyID) + len(p.header.Type) + m.copy.size(claims)
	if !p.decoded || strings.Contains(p.payload, `\`) {
		// Strings that are no piece of the payload, in Info and in the claims.
		size += 2 * len(p.payload)
	}
	if !m.cache.Admits(raw, size, p.at) {
		return
	}
	r := remembered[C]{
		trust: p.trust, key: p.key, keyID: p.header.KeyID, typ: p.header.Type,
		subject: t.Subject, id: t.ID, session: t.Session, dated: p.dated,
		lists:   make([]string, 0, lists),
		lengths: [3]int32{int32(len(t.Audience)), int32(len(t.Scopes)), int32(len(t.Roles))},
	}
	r.lists = append(append(append(r.lists, t.Audience...), t.Scopes...), t.Roles...)
	for i, at := range [...]time.Time{t.IssuedAt, t.NotBefore, t.ExpiresAt} {
		r.seconds[i], r.nanos[i] = at.Unix(), int32(at.Nanosecond())
	}
	if m.copy.decode {
		// What Validate made of these claims would be lost when they are decoded
		// again, and a handler would find it once and not the next time.
		if m.validates && !m.decodesTo(p.payload, claims) {
			return
		}
		r.payload = p.payload
	} else {
		r.claims = *claims
		m.copy.own(&r.claims)
	}
	m.cache.Put(raw, r, size, p.at, until)
}

func (m *memory[C]) decodesTo(payload string, claims *C) bool {
	var again C
	return decodeClaims(payload, &again) == nil && reflect.DeepEqual(&again, claims)
}

func (r *remembered[C]) header() keys.Header {
	return keys.Header{Algorithm: r.key.Algorithm(), KeyID: r.keyID, Type: r.typ}
}

// info returns the Info with the lists that are remembered.
func (r *remembered[C]) info() (t Info) {
	t.Issuer, t.Subject, t.ID, t.Session = r.trust.Issuer, r.subject, r.id, r.session
	t.KeyID, t.Algorithm = r.key.ID(), r.key.Algorithm()
	for i, at := range [...]*time.Time{&t.IssuedAt, &t.NotBefore, &t.ExpiresAt} {
		*at = time.Unix(r.seconds[i], int64(r.nanos[i])).UTC()
	}
	lists := r.lists
	for i, list := range [...]*[]string{&t.Audience, &t.Scopes, &t.Roles} {
		if n := int(r.lengths[i]); n > 0 {
			*list, lists = lists[:n:n], lists[n:] // no spare capacity: that is the next list
		}
	}
	return t
}

package bearer

import (
	"context"
	"reflect"
	"strings"
	"time"
	"unsafe"

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

// remembered is a token that was admitted, in little memory. The strings of its
// names, lists and claims are parts of one text, which nobody can write to; the
// lists and claims are nobody else's.
type remembered[C any] struct {
	trust      *Trust
	key        *keys.Key
	keyID, typ string    // of the token's header
	names      [3]string // sub, jti and sid
	lists      []string  // the audience, then the scopes, then the roles
	lengths    [3]int32  // of each
	dated      bool      // it has an iat
	nanos      [3]int32  // of iat, nbf and exp
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
	if r.trust.Revocations == nil {
		return c, nil // and its Info most often is what nobody asks for
	}
	return c, r.trust.revoked(ctx, r.info(), r.dated)
}

// claims gives a request claims of its own. Validate is not called again: it saw
// the same bytes, and what it made of them is what is remembered.
func (m *memory[C]) claims(r *remembered[C], claims *C) error {
	if m.copy.decode {
		return decodeClaims(r.payload, claims)
	}
	*claims = r.claims
	m.copy.own(unsafe.Pointer(claims))
	return nil
}

// remember keeps a token that was admitted, and returns what it keeps, nil for
// nothing. It is called when all of its checks are behind it: of a token that was
// refused, by whichever, nothing is known.
func (m *memory[C]) remember(raw string, p *proof, t *Info, claims *C) *remembered[C] {
	if m.cache == nil {
		return nil
	}
	until := p.at.Add(rememberedFor)
	if !t.ExpiresAt.IsZero() && t.ExpiresAt.Before(until) {
		until = t.ExpiresAt
	}
	names, lists := [...]string{t.Subject, t.ID, t.Session}, [...][]string{t.Audience, t.Scopes, t.Roles}
	text, elements := 0, 0
	for _, name := range names {
		text += len(name)
	}
	for _, list := range lists {
		elements += len(list)
		for _, s := range list {
			text += len(s)
		}
	}
	m.copy.eachString(unsafe.Pointer(claims), func(s *string) { text += len(*s) })
	size := text + 16*elements + len(p.header.KeyID) + len(p.header.Type) + m.copy.size(unsafe.Pointer(claims), p.payload)
	if m.copy.decode {
		size += len(p.payload)
	}
	entry := m.cache.Admit(raw, size, p.at, until)
	if entry == nil {
		return nil
	}
	// What Validate made of these claims would be lost when they are decoded again,
	// and a handler would find it once and not the next time.
	if m.copy.decode && m.validates && !m.decodesTo(p.payload, claims) {
		return nil
	}
	r := &entry.Value
	r.trust, r.key, r.keyID, r.typ = p.trust, p.key, p.header.KeyID, p.header.Type
	r.names, r.dated = names, p.dated
	r.lists = make([]string, 0, elements)
	for i, list := range lists {
		r.lists, r.lengths[i] = append(r.lists, list...), int32(len(list))
	}
	for i, at := range [...]time.Time{t.IssuedAt, t.NotBefore, t.ExpiresAt} {
		r.seconds[i], r.nanos[i] = at.Unix(), int32(at.Nanosecond())
	}
	if m.copy.decode {
		r.payload = p.payload
	} else {
		r.claims = *claims
		m.copy.own(unsafe.Pointer(&r.claims))
	}
	r.compact(&m.copy, text)
	m.cache.Put(entry)
	return r
}

// compact moves the strings into one text of this length. It lets go of the payload
// that they were cut from: in most there is more than anybody wants to know.
func (r *remembered[C]) compact(c *claimsCopy, length int) {
	var text strings.Builder
	text.Grow(length)
	move := func(s *string) {
		at := text.Len()
		text.WriteString(*s)
		*s = text.String()[at:]
	}
	for i := range r.names {
		move(&r.names[i])
	}
	for i := range r.lists {
		move(&r.lists[i])
	}
	c.eachString(unsafe.Pointer(&r.claims), move)
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
	t.Issuer, t.Subject, t.ID, t.Session = r.trust.Issuer, r.names[0], r.names[1], r.names[2]
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

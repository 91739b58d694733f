package bearer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/gobearer/bearer/internal/jws"
	"github.com/gobearer/bearer/keys"
)

// A verifier decides on tokens, whatever their claims' type. It is immutable but
// for what it remembers.
type verifier struct {
	trusts         []Trust // never empty; types in compared form
	clock          func() time.Time
	observer       observer
	leeway         time.Duration
	maxTokenBytes  int
	realm          string
	optional       bool
	allowNoExpiry  bool
	admitUnchecked bool
	handler        func(http.ResponseWriter, *http.Request, *Refusal)

	plan     *plan // for the middleware's claims
	headers  *jws.Headers
	refusals []*Refusal // those that are always the same
}

// A proof is what became of a token whose signature is good: all of it that a
// later request with the same token would find again, but for the claims.
type proof struct {
	trust   *Trust
	header  keys.Header
	key     *keys.Key // that verified it
	payload string    // that was signed
	at      time.Time // when it was judged
	dated   bool      // it has an iat
}

// prove takes the steps up to the signature, in the order in which each may rely
// on the one before. Its errors wrap a sentinel; the event learns how far it came.
func (v *verifier) prove(ctx context.Context, raw string, e *Event) (proof, error) {
	var p proof
	envelope, err := v.headers.Parse(raw, v.maxTokenBytes)
	if err != nil {
		return p, malformed(err)
	}
	if p.trust, p.payload, err = v.trustFor(envelope); err != nil {
		return p, err
	}
	e.Issuer = p.trust.Issuer
	if !p.trust.accepts(envelope.Type) {
		return p, ErrTokenType
	}
	p.header = keys.Header{Algorithm: keys.Algorithm(envelope.Algorithm), KeyID: envelope.KeyID, Type: envelope.Type}
	if p.key, err = p.trust.key(ctx, p.header, envelope); err != nil {
		return p, err
	}
	v.headers.Remember(&envelope)
	p.header.KeyID, p.header.Type = envelope.KeyID, envelope.Type
	e.KeyID, e.Algorithm = p.key.ID(), p.key.Algorithm()
	if p.payload == "" {
		if p.payload, err = envelope.Payload(); err != nil {
			return p, malformed(err)
		}
	}
	return p, nil
}

// trustFor picks the trust by the issuer that the token claims. With one trust
// nothing needs to be read before the signature; else the payload was decoded.
func (v *verifier) trustFor(e jws.Envelope) (trust *Trust, payload string, err error) {
	if len(v.trusts) == 1 {
		return &v.trusts[0], "", nil
	}
	if payload, err = e.Payload(); err != nil {
		return nil, "", malformed(err)
	}
	issuer, err := readIssuer(payload)
	if err != nil {
		return nil, "", err
	}
	for i := range v.trusts {
		if v.trusts[i].Issuer == issuer {
			return &v.trusts[i], payload, nil
		}
	}
	return nil, "", ErrIssuer
}

// key returns the trust's key that verifies the token.
func (t *Trust) key(ctx context.Context, header keys.Header, e jws.Envelope) (*keys.Key, error) {
	candidates, err := t.Keys.Lookup(ctx, header)
	if err != nil {
		return nil, unavailable(ctx, err)
	}
	var buf [512]byte
	signature, err := e.Signature(buf[:0])
	if err != nil {
		return nil, malformed(err)
	}
	if len(candidates) > keys.MaxCandidates {
		return nil, errCandidates
	}
	known := false
	for _, k := range candidates {
		if !fits(k, header) {
			continue
		}
		known = true
		if k.Verify(e.Input, signature) == nil {
			return k, nil
		}
	}
	if !known {
		return nil, ErrUnknownKey
	}
	return nil, ErrSignature
}

// offers reports whether a token's key is still one that would be tried for it.
func (trust *Trust) offers(ctx context.Context, header keys.Header, key *keys.Key) (bool, error) {
	offered, err := keys.Offers(ctx, trust.Keys, header, key)
	if err != nil {
		return false, unavailable(ctx, err)
	}
	return offered, nil
}

// fits says whether a candidate may verify a token. A source is not believed:
// the key itself says which algorithm it is for, never the token (RFC 8725
// section 3.1), and a wrong id is no match.
func fits(k *keys.Key, header keys.Header) bool {
	return k != nil && k.Algorithm() == header.Algorithm && (k.ID() == "" || header.KeyID == "" || k.ID() == header.KeyID)
}

// The errors of most refusals, made once.
var (
	errNoExpiry   = fmt.Errorf("%w: no exp", ErrClaims)
	errCandidates = fmt.Errorf("%w: more than %d keys could be meant", ErrUnknownKey, keys.MaxCandidates)
	errSegments   = fmt.Errorf("%w: %w", ErrMalformed, jws.ErrSegments)
	errAlphabet   = fmt.Errorf("%w: %w", ErrMalformed, jws.ErrAlphabet)
	errHeader     = fmt.Errorf("%w: %w", ErrMalformed, jws.ErrHeader)
	errExtension  = fmt.Errorf("%w: %w", ErrMalformed, jws.ErrExtension)
	errLength     = fmt.Errorf("%w: %w", ErrMalformed, jws.ErrLength)
)

// malformed is the error for one of package jws.
func malformed(err error) error {
	switch err {
	case jws.ErrSegments:
		return errSegments
	case jws.ErrAlphabet:
		return errAlphabet
	case jws.ErrHeader:
		return errHeader
	case jws.ErrExtension:
		return errExtension
	default:
		return errLength
	}
}

// judge checks the registered claims at one instant (RFC 7519 section 4.1).
func (v *verifier) judge(trust *Trust, t *Info, now time.Time) error {
	if t.Issuer != trust.Issuer {
		return ErrIssuer
	}
	// A trust without audiences exists only under DangerouslyAcceptAnyAudience.
	ours := func(audience string) bool { return slices.Contains(trust.Audience, audience) }
	if len(trust.Audience) > 0 && !slices.ContainsFunc(t.Audience, ours) {
		return ErrAudience
	}
	return v.inTime(t, now)
}

// inTime checks exp, nbf and iat. The bounds are golang-jwt's: exp is the first
// instant at which the token is no longer valid, nbf the first at which it is.
func (v *verifier) inTime(t *Info, now time.Time) error {
	switch {
	case t.ExpiresAt.IsZero() && !v.allowNoExpiry:
		return errNoExpiry
	case !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt.Add(v.leeway)):
		return ErrExpired
	case now.Before(t.NotBefore.Add(-v.leeway)), now.Before(t.IssuedAt.Add(-v.leeway)):
		return ErrNotYetValid
	}
	return nil
}

// A reader is a store of revocations that neither keeps nor changes an Info, and
// so is asked without a copy of its lists. It returns itself: a store that embeds
// one has the method too, and may do otherwise.
type reader interface{ OnlyReads() Revocations }

// revoked asks the trust's revocations.
func (trust *Trust) revoked(ctx context.Context, info Info, dated bool) error {
	if trust.Revocations == nil {
		return nil
	}
	if r, ok := trust.Revocations.(reader); !ok || r.OnlyReads() != trust.Revocations {
		// A store of somebody else's may keep or change what it is given.
		info = info.clone()
	}
	if !dated {
		// A token that says nbf and no iat does not say when it was issued.
		info.IssuedAt = time.Time{}
	}
	revoked, err := trust.Revocations.Revoked(ctx, info)
	if err != nil {
		return unavailable(ctx, err)
	}
	if revoked {
		return ErrRevoked
	}
	return nil
}

// unavailable is for what the service itself could not find out, which is never
// held against the token, unless it was the client that stopped the search.
func unavailable(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

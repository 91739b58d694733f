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

// A verifier decides on tokens, whatever their claims' type. It is immutable.
type verifier struct {
	trusts        []Trust // never empty; types in compared form
	clock         func() time.Time
	observer      observer
	leeway        time.Duration
	maxTokenBytes int
	realm         string
	optional      bool
	allowNoExpiry bool
	handler       func(http.ResponseWriter, *http.Request, *Refusal)
}

// A verdict is a token whose envelope, signature and registered claims are good.
type verdict struct {
	Info
	trust   *Trust
	payload []byte
}

// verify takes the steps that do not depend on C, in the order in which each
// may rely on the one before. Its errors wrap a sentinel; the event learns how
// far it came.
func (v *verifier) verify(ctx context.Context, raw string, e *Event) (verdict, error) {
	var d verdict
	envelope, err := jws.Parse(raw, v.maxTokenBytes)
	if err != nil {
		return d, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if d.trust, err = v.trustFor(envelope); err != nil {
		return d, err
	}
	e.Issuer = d.trust.Issuer
	if !d.trust.accepts(envelope.Type) {
		return d, ErrTokenType
	}
	key, err := d.trust.key(ctx, envelope)
	if err != nil {
		return d, err
	}
	e.KeyID, e.Algorithm = key.ID(), key.Algorithm()
	if d.payload, err = envelope.Payload(); err != nil {
		return d, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if d.Info, err = readInfo(d.payload); err != nil {
		return d, err
	}
	d.KeyID, d.Algorithm = e.KeyID, e.Algorithm
	return d, v.judge(&d)
}

// trustFor picks the trust by the issuer that the token claims. With one trust
// nothing needs to be read before the signature.
func (v *verifier) trustFor(e jws.Envelope) (*Trust, error) {
	if len(v.trusts) == 1 {
		return &v.trusts[0], nil
	}
	payload, err := e.Payload()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	issuer, err := readIssuer(payload)
	if err != nil {
		return nil, err
	}
	for i := range v.trusts {
		if v.trusts[i].Issuer == issuer {
			return &v.trusts[i], nil
		}
	}
	return nil, ErrIssuer
}

const maxCandidates = 16

// key returns the trust's key that verifies the token.
func (t *Trust) key(ctx context.Context, e jws.Envelope) (*keys.Key, error) {
	header := keys.Header{Algorithm: keys.Algorithm(e.Algorithm), KeyID: e.KeyID, Type: e.Type}
	candidates, err := t.Keys.Lookup(ctx, header)
	if err != nil {
		return nil, unavailable(ctx, err)
	}
	var buf [512]byte
	signature, err := e.Signature(buf[:0])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	// A token without kid may be for any key of its algorithm. Whoever forges one
	// must not have the whole of a large set tried.
	if len(candidates) > maxCandidates {
		return nil, fmt.Errorf("%w: more than %d keys could be meant", ErrUnknownKey, maxCandidates)
	}
	known := false
	for _, k := range candidates {
		// A source is not believed: the key itself says which algorithm it is
		// for, never the token (RFC 8725 section 3.1), and a wrong id is no match.
		if k == nil || k.Algorithm() != header.Algorithm || k.ID() != "" && header.KeyID != "" && k.ID() != header.KeyID {
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

// judge checks the registered claims at one instant (RFC 7519 section 4.1).
func (v *verifier) judge(d *verdict) error {
	if d.Issuer != d.trust.Issuer {
		return ErrIssuer
	}
	// A trust without audiences exists only under DangerouslyAcceptAnyAudience.
	ours := func(audience string) bool { return slices.Contains(d.trust.Audience, audience) }
	if len(d.trust.Audience) > 0 && !slices.ContainsFunc(d.Audience, ours) {
		return ErrAudience
	}
	return v.inTime(&d.Info)
}

// inTime checks exp, nbf and iat. The bounds are golang-jwt's: exp is the first
// instant at which the token is no longer valid, nbf the first at which it is.
func (v *verifier) inTime(t *Info) error {
	now := v.clock()
	switch {
	case t.ExpiresAt.IsZero() && !v.allowNoExpiry:
		return fmt.Errorf("%w: no exp", ErrClaims)
	case !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt.Add(v.leeway)):
		return ErrExpired
	case now.Before(t.NotBefore.Add(-v.leeway)), now.Before(t.IssuedAt.Add(-v.leeway)):
		return ErrNotYetValid
	}
	return nil
}

// revoked asks the trust's revocations.
func (d *verdict) revoked(ctx context.Context) error {
	if d.trust.Revocations == nil {
		return nil
	}
	// A store of somebody else's may keep or change what it is given.
	revoked, err := d.trust.Revocations.Revoked(ctx, d.Info.clone())
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

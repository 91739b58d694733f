package bearer

import (
	"errors"
	"net/http"
)

// revokeToken takes a token back (RFC 7009): an access token by itself, a refresh
// token with the whole login. One that is not valid needs no revocation, and is
// no error (section 2.2); but whatever failed is 503, for then the caller must try
// again (section 2.2.1).
func (i *Issuer) revokeToken(r *http.Request, body *requestBody) (any, *tokenError) {
	token, refusal := i.readCall(r, body)
	if refusal != nil {
		return nil, refusal
	}
	ctx := r.Context()
	if i.sessions.store != nil {
		// Whether a store still knows the token, and for which audience it was, is
		// of no interest: access tokens of its session may outlive it.
		if t, ok := i.sessions.parse(token); ok {
			ended := i.sessions.store.Revoke(ctx, t.id())
			if err := i.RevokeSession(ctx, i.sessions.id(t)); !errors.Is(err, errNoStore) {
				ended = errors.Join(ended, err)
			}
			return done(ended)
		}
	}
	var t Info
	_, _, err := i.revoker.read(ctx, token, &t, new(Event))
	if errors.Is(err, ErrNotYetValid) {
		return nil, outOfReach // by another clock it may be
	}
	if err != nil {
		return done(keepOutage(err))
	}
	err = i.Revoke(ctx, t)
	if errors.Is(err, errNoStore) {
		return nil, refusedKind // section 2.2.1
	}
	return done(err)
}

func done(err error) (any, *tokenError) {
	if err != nil {
		return nil, outOfReach
	}
	return nil, nil
}

// keepOutage drops the errors that say that a token is not valid.
func keepOutage(err error) error {
	if errors.Is(err, ErrUnavailable) || errors.Is(err, errGone) || sentinel(err) == nil {
		return err
	}
	return nil
}

package bearer

import (
	"errors"
	"net/http"
)

const (
	revokePath     = "/revoke"
	introspectPath = "/introspect"
)

// readCall reads a request of a service that asks about a token, and the token
// (RFC 7009 section 2.1, RFC 7662 section 2.1). The caller is authenticated
// before anything that it sent is looked at. token_type_hint is ignored, as both
// allow: a token says what it is.
func (i *Issuer) readCall(r *http.Request, body *requestBody) (token string, refusal *tokenError) {
	if r.Method != http.MethodPost {
		return "", refusedMethod
	}
	if err := i.authenticate(r); err != nil {
		return "", err
	}
	if hasParameter(r.URL, "token", "client_secret") {
		return "", refusedURL
	}
	if mediaType(r) != formType {
		return "", refusedFormType
	}
	text, refusal := body.readAll()
	if refusal != nil {
		return "", refusal
	}
	f, ok := parseForm(text)
	// RFC 6749 section 2.3: one way to authenticate in a request, and here it is Basic.
	if !ok || f["token"] == "" || f["client_secret"] != "" {
		return "", refusedForm
	}
	return f["token"], nil
}

// authenticate lets the operator's function decide on a caller. One without
// credentials is told how to authenticate, like one with wrong ones (RFC 6749
// section 5.2).
func (i *Issuer) authenticate(r *http.Request) *tokenError {
	start := i.observer.start()
	id, secret, ok := basicClient(r)
	if !ok || id == "" || secret == "" {
		return refusedClient
	}
	err := i.callers(r.Context(), id, secret)
	if err == nil {
		return nil
	}
	refusal, cause := refusedClient, ErrBadCredentials
	if !errors.Is(err, ErrBadCredentials) {
		refusal, cause = outOfReach, ErrUnavailable
	}
	i.observer.observe(r.Context(), start, Event{Kind: EventCallerRefused, Cause: cause, Issuer: i.name})
	return refusal
}

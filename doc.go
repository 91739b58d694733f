// Package bearer issues and verifies JWT bearer tokens inside a Go server: an
// [Issuer] serves POST /token, and a [Middleware] admits requests whose
// Authorization header carries a valid token, with its claims, typed, in their
// context.
//
//	ring, err := keys.NewRing(key)
//	issuer, err := bearer.NewIssuer("https://api.example.com", ring, authenticator)
//	verify, err := bearer.NewMiddleware[bearer.Claims](issuer.Trust())
//	issuer.Mount(mux)
//	mux.Handle("GET /me", verify.Wrap(me))
//
//	claims, ok := bearer.FromContext[bearer.Claims](r.Context())
//
// # What is checked
//
// A token is admitted if it is one canonical compact JWS within the size limit;
// its header is strict JSON without crit, and its typ is among the trust's; a key
// of its issuer, pinned to the header's algorithm, verifies the signature; the
// payload is strict JSON with an exp in the future, nbf and iat not in the
// future, the trust's iss and one of its audiences; the claims decode into C and
// validate; and the issuer's revocations do not know it. Everything else is
// refused, before anything it says is used. The header's jwk, jku, x5u and x5c
// are never used, and a token is looked for in the Authorization header only.
//
// A token that was admitted is remembered for five minutes at most
// ([WithTokenCache]). Until then its text stands for its signature and its claims;
// its time, its key and the revocations are checked on every request. Single
// tokens, sessions and all that an account was given can be revoked:
// [Issuer.Revoke] and what follows it.
//
// Where something could not be checked, because keys, revocations or accounts
// are out of reach, the answer is 503: never an admission, and never the word
// that the token is wrong.
//
// # What is NOT checked
//
// Possession: whoever holds a bearer token is its user (RFC 6750 section 5.1).
// There is no DPoP (RFC 9449) and no mutual TLS (RFC 8705). Whether a token was
// used before: jti is an identity for revocation, not a nonce. What an account
// may do, beyond the scopes, roles and predicates that guards name: roles in a
// token are as old as the token. Encrypted tokens (JWE) are refused. The
// contents of claims that are not registered are as good as the issuer.
//
// # What you must do around it
//
//   - Serve over TLS only, or behind a proxy on the same host that does. A token
//     in the clear is everybody's.
//   - Keep the machines' clocks within the leeway, by NTP.
//   - Keep signing keys and secrets in a secret store, not in the source or in an
//     image; rotate them, and remove one that leaked. Prefer an asymmetric key
//     where verifiers are not the issuer: who can verify HMAC can also sign.
//   - Name an audience for each service, and give tokens that live long only
//     where revocations are checked.
//   - Keep the Authorization header out of logs. This package logs nothing, and
//     its errors and events hold no token, password, private token or key; what
//     an Authenticator, a guard or a Source puts in its own errors is theirs.
//   - Bound the server itself: ReadHeaderTimeout, MaxHeaderBytes, connections.
package bearer

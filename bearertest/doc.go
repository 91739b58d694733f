// Package bearertest lets users test what they put behind package bearer. What a
// test needs depends on how much of the stack it runs:
//
//   - a handler alone: [WithClaims] or [WithToken] make a request that looks
//     admitted, without keys, tokens or a middleware
//   - a router with its middleware and guards: an [Issuer] makes any token on call
//     and misbehaves on command, a [Clock] makes them expire
//   - the whole stack, with an application's own token endpoint: a bearer.Issuer
//     on a httptest.Server, as in the example of the package
//   - an application's own wiring of the middleware into its router: [Conformance]
//     compares every answer with the one that it should have, and
//     [MountConformance] the mounted issuer's with net/http's
package bearertest

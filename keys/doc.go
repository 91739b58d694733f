// Package keys holds the keys that sign and verify tokens, each pinned to one
// algorithm.
//
// A [Key] comes from [New], [Generate] or [Parse], which refuse what is too
// weak, broken or of the wrong kind for its algorithm, and say what to use
// instead. A verifier finds keys in a [Source]: [Static] is a fixed set, [Ring]
// the keys that an issuer owns, of which one signs. Because a key carries its
// own algorithm, the header of a token can only choose among the keys that were
// made for what it names: a public key never becomes an HMAC secret
// (RFC 8725 section 3.1).
//
// The keys of a [Ring] change while it runs: they are published, sign, retire
// and are gone, by the clock alone. Rotate brings one in, Remove takes a leaked
// one out, Save and Replace carry the set to the replicas.
//
// Keys are immutable and safe for concurrent use, and copy what they are made
// of. They print as their algorithm and id, whatever the verb.
//
// What this package does NOT do: it does not check that a [crypto.Signer] holds
// the private part of the public key it shows, it does not erase memory, it does
// not encrypt what it saves nor carry it anywhere, and it does not read
// certificates or encrypted PEM.
package keys

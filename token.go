package bearer

import (
	"slices"
	"time"

	"github.com/gobearer/bearer/keys"
)

// A Token is what arrived, verified. Its strings are parts of the token's payload,
// or of what is remembered of it: who keeps one keeps all of that in memory, and
// clones it (strings.Clone) if that matters.
type Token[C any] struct {
	Info
	Claims C
}

// Info is what every verified token says, whatever its claims' type. An absent
// claim leaves its field empty.
type Info struct {
	Issuer    string         // iss
	Subject   string         // sub, else the nameidentifier URI
	ID        string         // jti
	Session   string         // sid
	KeyID     string         // of the key that verified it; empty where that key has no id
	Algorithm keys.Algorithm // of the key that verified it
	Audience  []string       // aud
	Scopes    []string       // scope and scp
	Roles     []string       // the role URI, role and roles
	IssuedAt  time.Time      // iat, else nbf
	NotBefore time.Time      // nbf
	ExpiresAt time.Time      // exp
}

func (t Info) clone() Info {
	t.Audience, t.Scopes, t.Roles = slices.Clone(t.Audience), slices.Clone(t.Scopes), slices.Clone(t.Roles)
	return t
}

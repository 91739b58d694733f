package accounts

// A HashFunc does a scheme's work.
type HashFunc = func(s Scheme, password, stored string) (fresh string, ok bool)

// WrapHash puts wrap around what computes a's hashes.
func (a *Authenticator) WrapHash(wrap func(HashFunc) HashFunc) { a.hash = wrap(a.hash) }

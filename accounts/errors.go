package accounts

import "errors"

// The causes of an error, found with errors.Is.
var (
	ErrNotFound = errors.New("accounts: no such account")
	ErrExists   = errors.New("accounts: the user name or the id is taken")
	ErrUserName = errors.New("accounts: not a user name")
	ErrPassword = errors.New("accounts: not a password that can be set") // too short or too long
	ErrHash     = errors.New("accounts: not a password hash")            // malformed, or of no scheme that this package knows
	ErrBusy     = errors.New("accounts: too many logins at once")        // the token endpoint answers 503
)

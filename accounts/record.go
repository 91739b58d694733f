package accounts

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/gobearer/bearer"
)

// A Record is an account as a [Store] keeps it. It prints as its id alone, in
// any verb and in slog, and marshals to no text.
type Record struct {
	bearer.Account
	Login        string   // the user name as it is compared: UserName(Account.UserName)
	PasswordHash string   // made by Hash, or of a scheme that WithSchemes accepts
	PrivateToken [32]byte // HashPrivateToken of the private token
	Disabled     bool
}

// Format implements fmt.Formatter.
func (r Record) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "accounts.Record(%q)", r.ID) }

// LogValue implements slog.LogValuer.
func (r Record) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(r)) }

// MarshalText refuses, so that no log in JSON or XML has the hashes either.
func (Record) MarshalText() ([]byte, error) {
	return nil, errors.New("accounts: a Record does not marshal")
}

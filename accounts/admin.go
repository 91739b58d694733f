package accounts

import (
	"context"
	"crypto/rand"
	"iter"

	"github.com/gobearer/bearer"
)

// An Admin changes the accounts of a store. Scheme is that of new hashes; the
// zero Scheme is Argon2id(19456, 2, 1).
type Admin struct {
	Store  AdminStore
	Scheme Scheme
}

// Create adds an account and returns its private token, which cannot be read
// again. An account without an ID gets a random one. The error wraps ErrUserName,
// ErrPassword or ErrExists.
func (a Admin) Create(ctx context.Context, account bearer.Account, password string) (privateToken string, err error) {
	login, err := UserName(account.UserName)
	if err != nil {
		return "", err
	}
	hash, err := a.Scheme.hash(password)
	if err != nil {
		return "", err
	}
	if account.ID == "" {
		account.ID = rand.Text()
	}
	token, tokenHash := NewPrivateToken()
	err = a.Store.Create(ctx, &Record{Account: account, Login: login, PasswordHash: hash, PrivateToken: tokenHash})
	if err != nil {
		return "", err
	}
	return token, nil
}

// SetPassword changes a password. Sessions that were begun with the old one, and
// their tokens, stay: bearer.Issuer.RevokeSubject ends them. The error wraps
// ErrPassword or ErrNotFound.
func (a Admin) SetPassword(ctx context.Context, userName, password string) error {
	hash, err := a.Scheme.hash(password)
	if err != nil {
		return err
	}
	return a.update(ctx, userName, func(r *Record) { r.PasswordHash = hash })
}

// ReplacePrivateToken returns a new private token, which cannot be read again.
// The old one begins nothing any more; sessions that were begun with it, and their
// refresh tokens with it as the client's secret, stay until
// bearer.Issuer.RevokeSubject ends them. The error wraps ErrNotFound.
func (a Admin) ReplacePrivateToken(ctx context.Context, userName string) (privateToken string, err error) {
	token, hash := NewPrivateToken()
	if err := a.update(ctx, userName, func(r *Record) { r.PrivateToken = hash }); err != nil {
		return "", err
	}
	return token, nil
}

// SetDisabled disables an account or enables it again. Access tokens that it has
// been issued stay valid until they expire or bearer.Issuer.RevokeSubject ends
// them. The error wraps ErrNotFound.
func (a Admin) SetDisabled(ctx context.Context, userName string, disabled bool) error {
	return a.update(ctx, userName, func(r *Record) { r.Disabled = disabled })
}

func (a Admin) update(ctx context.Context, userName string, change func(*Record)) error {
	login, err := UserName(userName)
	if err != nil {
		return ErrNotFound
	}
	return a.Store.Update(ctx, login, func(r *Record) error {
		change(r)
		return nil
	})
}

// List yields every account in the order of Login, or the error that ends it.
// An account that is created meanwhile may be missing.
func (a Admin) List(ctx context.Context) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		const page = 100
		for after := ""; ; {
			records, err := a.Store.List(ctx, after, page)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, r := range records {
				if !yield(r, nil) {
					return
				}
				after = r.Login
			}
			if len(records) < page {
				return
			}
		}
	}
}

package bearer

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/gobearer/bearer/refresh"
)

// refreshGrace is how long the token before the newest one may be presented
// again: by a client that sent it twice at once, or never got the answer. A thief
// gains no more by it than the token that was told anyway.
const refreshGrace = 10 * time.Second

// sessions make, read and rotate refresh tokens. The zero sessions are off.
type sessions struct {
	store          refresh.Store
	issuer         string // others may share the store and the secret
	secret         []byte
	idle, absolute time.Duration
	renew          func(ctx context.Context, id, userName string) (*Account, error)
}

// A login is what a family of refresh tokens is bound to, as the store keeps it.
type login struct {
	Audience []string `json:"aud"`
	Account  string   `json:"sub"`
	UserName string   `json:"userName"`
	Validity Validity `json:"validity"`
	Scopes   []string `json:"scopes"`
	Client   [32]byte `json:"client"` // SHA-256 of the client's id and secret; zero: none was sent
}

// A refreshToken is one taken apart: base64url of the family's random handle, the
// generation and a MAC of both. So a token that nobody was given never reaches
// the store, the next one can be told again without being stored, and neither the
// store nor a stolen token gives it away.
type refreshToken struct {
	handle     [32]byte
	generation uint32
}

func (t refreshToken) id() [32]byte { return sha256.Sum256(t.handle[:]) }

// id returns the sid of the tokens that a refresh token stands for. It follows
// from the token, so that they can be revoked when no store knows it any more.
func (s *sessions) id(t refreshToken) string {
	return uuid([16]byte(s.mac("session", t.handle[:])))
}

func (s *sessions) text(t refreshToken) string {
	b := binary.BigEndian.AppendUint32(t.handle[:], t.generation)
	return base64.RawURLEncoding.EncodeToString(append(b, s.mac("refresh token", b)...))
}

// mac is of b, whose length goes with the purpose.
func (s *sessions) mac(purpose string, b []byte) []byte {
	m := hmac.New(sha256.New, s.secret)
	m.Write([]byte("bearer " + purpose + "\x00" + s.issuer + "\x00"))
	m.Write(b)
	return m.Sum(nil)
}

// parse is false for every text that text has not made.
func (s *sessions) parse(text string) (t refreshToken, ok bool) {
	const size = len(t.handle) + 4 + sha256.Size
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != size || len(text) != base64.RawURLEncoding.EncodedLen(size) {
		return refreshToken{}, false
	}
	signed, mac := b[:size-sha256.Size], b[size-sha256.Size:]
	if !hmac.Equal(mac, s.mac("refresh token", signed)) {
		return refreshToken{}, false
	}
	copy(t.handle[:], signed)
	t.generation = binary.BigEndian.Uint32(signed[len(t.handle):])
	return t, true
}

// storable is an instant that a store compares with others.
func storable(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// A storeError is what a store of refresh tokens or of revocations returned. It
// says nothing about the client, whatever it wraps: a client that is told that its
// token is invalid throws it away.
type storeError struct{ error }

func (e *storeError) Unwrap() error { return e.error }

// An unendedError is the outcome of a refresh token whose session has ended, while
// its access tokens could not be ended. The client has to try again; the operator
// learns the outcome now.
type unendedError struct {
	refresh.Outcome
	error
}

func (e *unendedError) Error() string { return e.error.Error() }

// begin makes the first refresh token of a login.
func (i *Issuer) begin(ctx context.Context, t refreshToken, a *Account, g grant) (string, error) {
	data, err := json.Marshal(login{
		Audience: i.audience, Account: a.ID, UserName: a.UserName,
		Validity: g.validity, Scopes: a.Scopes, Client: g.client,
	})
	if err != nil {
		return "", err
	}
	created := storable(g.at)
	err = i.sessions.store.Create(ctx, refresh.Family{
		ID: t.id(), Data: data, Created: created,
		Expires: created.Add(i.sessions.absolute), Idle: created.Add(i.sessions.idle),
	})
	if err != nil {
		return "", &storeError{err}
	}
	return i.sessions.text(t), nil
}

// family returns what a refresh token of this Issuer was given for. The error is a
// refresh.Outcome, or the store's.
func (i *Issuer) family(ctx context.Context, text string) (refreshToken, refresh.Family, login, error) {
	t, ok := i.sessions.parse(text)
	if !ok {
		return t, refresh.Family{}, login{}, refresh.Unknown
	}
	f, err := i.sessions.store.Lookup(ctx, t.id())
	if errors.Is(err, refresh.ErrNotFound) {
		return t, f, login{}, refresh.Unknown
	}
	if err != nil {
		return t, f, login{}, &storeError{err}
	}
	var l login
	if err := json.Unmarshal(f.Data, &l); err != nil {
		return t, f, login{}, fmt.Errorf("a family of refresh tokens: %w", err)
	}
	// This issuer's audience may have changed since.
	if !slices.Equal(l.Audience, i.audience) {
		return t, f, login{}, refresh.Unknown
	}
	return t, f, l, nil
}

// renew answers a refresh token (RFC 6749 section 6). Everything that can fail
// comes before the use of the token, which is the one step that cannot be taken
// twice: a client that gets 503 has lost nothing. account is who it is for, once
// that is known.
func (i *Issuer) renew(ctx context.Context, start time.Time, r tokenRequest) (response *TokenResponse, account string, err error) {
	t, f, l, err := i.family(ctx, r.refresh)
	if err != nil {
		return nil, "", err
	}
	session := i.sessions.id(t)
	// RFC 6749 section 6: the client must be the one that it was issued to.
	if l.Client != r.client {
		return nil, l.Account, refresh.Unknown
	}
	if i.revocations != nil {
		revoked, err := i.revocations.Revoked(ctx, Info{
			Issuer: i.name, Subject: l.Account, Session: session, IssuedAt: f.Created, ExpiresAt: f.Expires,
		})
		if err != nil {
			return nil, l.Account, &storeError{err}
		}
		if revoked {
			return nil, l.Account, refresh.Revoked
		}
	}
	a, err := i.sessions.renew(ctx, l.Account, l.UserName)
	switch {
	case errors.Is(err, ErrBadCredentials), err == nil && (a == nil || a.ID != l.Account):
		return nil, l.Account, refresh.Revoked // no account that may log in any more
	case err != nil:
		return nil, l.Account, &outsideError{err}
	}
	renewed := *a
	if renewed.Scopes, err = narrow(a.Scopes, l.Scopes, r.scopes); err != nil {
		return nil, l.Account, err
	}
	response, event, err := i.tokenFor(ctx, &renewed, grant{validity: l.Validity, session: session, at: r.at, form: r.form})
	if err != nil {
		return nil, l.Account, err
	}
	now := storable(i.clock())
	outcome, err := i.sessions.store.Use(ctx, refresh.Use{
		ID: t.id(), Generation: t.generation, Now: now, Grace: refreshGrace, Idle: now.Add(i.sessions.idle),
	})
	switch {
	case err != nil:
		return nil, l.Account, &storeError{err}
	case outcome == refresh.Reused, outcome == refresh.Revoked:
		// RFC 9700 section 4.14.2: one of the two is a thief, and nobody knows
		// which. The access tokens end with the family. If they cannot now the
		// answer is 503, and who repeats the request ends them.
		if err := i.RevokeSession(context.WithoutCancel(ctx), session); err != nil && !errors.Is(err, errNoStore) {
			return nil, l.Account, &unendedError{outcome, err}
		}
		return nil, l.Account, outcome
	case outcome != refresh.Rotated && outcome != refresh.Replayed:
		return nil, l.Account, outcome
	}
	t.generation++
	response.RefreshToken = i.sessions.text(t)
	i.observer.observe(ctx, start, event)
	return response, l.Account, nil
}

var errScope = errors.New("bearer: a scope that was not granted")

// narrow returns the scopes of a new token: those that the account has now, was
// granted at login, and are asked for, where any are (RFC 6749 section 6).
func narrow(now, granted, asked []string) ([]string, error) {
	scopes := slices.DeleteFunc(slices.Clone(now), func(s string) bool { return !slices.Contains(granted, s) })
	if asked == nil {
		return scopes, nil
	}
	for _, s := range asked {
		if !slices.Contains(scopes, s) {
			return nil, errScope
		}
	}
	return asked, nil
}

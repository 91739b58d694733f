package bearer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gobearer/bearer/internal/revoked"
)

// A Revocation takes tokens of one issuer back: exactly one of ID, Session and
// Subject says which. It is what a store of revocations is given, by a method
// Revoke(context.Context, Revocation) error beside those of Revocations; once
// that has returned, no token of it passes. A second one about the same tokens
// adds to the first: the later Before and the later Until count.
// bearertest.RevocationStore tests a store.
type Revocation struct {
	Issuer  string
	ID      string    // jti: one token
	Session string    // sid: every token of one login
	Subject string    // sub: every token whose iat is Before or earlier, or that has none
	Before  time.Time // with Subject
	Until   time.Time // when the last of them has expired everywhere; zero: they never expire
}

var errNoStore = errors.New("bearer: revoke: the issuer's revocations cannot be written to")

// Revoke takes one token of this Issuer back, by its ID, until it would have
// expired. From its return on requests with it are refused. It fails where the
// Issuer has no revocations, or a store that cannot be written to.
func (i *Issuer) Revoke(ctx context.Context, t Info) error {
	if i != nil && t.Issuer != i.name {
		return fmt.Errorf("bearer: revoke: %w", ErrIssuer)
	}
	r := Revocation{ID: t.ID}
	if !t.ExpiresAt.IsZero() {
		// A verifier may still accept the token for its leeway.
		r.Until = t.ExpiresAt.Add(maxLeeway)
	}
	return i.revoke(ctx, r)
}

// RevokeSession takes back every token that was or will be issued for one login
// with a refresh token, the refresh token included. session is the tokens' sid:
// Info.Session.
func (i *Issuer) RevokeSession(ctx context.Context, session string) error {
	return i.revoke(ctx, Revocation{Session: session, Until: i.outlived(time.Time{})})
}

// RevokeSubject takes back every token that this Issuer gave to an account up to
// an instant, refresh tokens included: to log out everywhere, when a password was
// changed, when an account is disabled. subject is Account.ID. Tokens say when
// they were issued in whole seconds, so one that is issued later in the same
// second goes with them.
func (i *Issuer) RevokeSubject(ctx context.Context, subject string, before time.Time) error {
	return i.revoke(ctx, Revocation{Subject: subject, Before: before, Until: i.outlived(before)})
}

// outlived is when the last token of now or earlier, or of at or earlier, has
// expired.
func (i *Issuer) outlived(at time.Time) time.Time {
	if i == nil || i.ring == nil {
		return time.Time{}
	}
	longest := i.sessions.absolute
	for _, l := range i.lifetimes {
		longest = max(longest, l.atMost())
	}
	if now := i.clock(); at.Before(now) {
		at = now
	}
	return at.Add(longest + maxLeeway)
}

func (i *Issuer) revoke(ctx context.Context, r Revocation) error {
	if i == nil || i.ring == nil {
		return errZeroIssuer
	}
	store, ok := i.revocations.(interface {
		Revoke(ctx context.Context, r Revocation) error
	})
	if !ok {
		return errNoStore
	}
	r.Issuer = i.name
	if _, err := revoked.NewEntry(r.Issuer, r.ID, r.Session, r.Subject, r.Before, r.Until); err != nil {
		return fmt.Errorf("bearer: revoke: %w", err)
	}
	start := i.observer.start()
	event := Event{Kind: EventRevoked, Issuer: i.name, Account: r.Subject}
	err := store.Revoke(ctx, r)
	if err != nil {
		err = fmt.Errorf("bearer: revoke: %w", err)
		event.Cause = ErrUnavailable
	}
	i.observer.observe(ctx, start, event)
	return err
}

// memoryRevocations holds the revocations of one process.
type memoryRevocations struct {
	clock func() time.Time
	table revoked.Table
}

func (m *memoryRevocations) OnlyReads() Revocations { return m }

func (m *memoryRevocations) Revoked(_ context.Context, t Info) (bool, error) {
	return m.table.Revoked(t.Issuer, t.ID, t.Session, t.Subject, t.IssuedAt), nil
}

func (m *memoryRevocations) Revoke(_ context.Context, r Revocation) error {
	entry, err := revoked.NewEntry(r.Issuer, r.ID, r.Session, r.Subject, r.Before, r.Until)
	if err != nil {
		return err
	}
	m.table.Add(entry, m.clock())
	return nil
}

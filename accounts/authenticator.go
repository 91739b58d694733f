package accounts

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/gobearer/bearer"
)

// maxPasswordBytes is far above what a person or a password manager types.
const maxPasswordBytes = 1024

// storeTimeout bounds each call of a store or a throttle.
const storeTimeout = 2 * time.Second

// An Authenticator checks credentials against a [Store]. It is safe for
// concurrent use; its zero value lets nobody in.
type Authenticator struct {
	config
	store Store
	gate  gate
	hash  func(s Scheme, password, stored string) (fresh string, ok bool) // Scheme.run
}

// New returns an Authenticator for bearer.NewIssuer. The error joins every
// *bearer.OptionError.
func New(store Store, opts ...Option) (*Authenticator, error) {
	c, errs := newConfig(opts)
	if isNil(store) {
		errs = append(errs, &bearer.OptionError{Option: "store", Reason: "is nil: use a database's, or a MemoryStore in tests"})
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if c.throttle == nil {
		c.throttle = new(MemoryThrottle)
	}
	return &Authenticator{config: c, store: store, gate: newGate(c.slots, c.queue), hash: Scheme.run}, nil
}

// Format implements fmt.Formatter. It prints no more than the type: a store may
// be one in memory, with all of its accounts.
func (Authenticator) Format(f fmt.State, _ rune) { fmt.Fprint(f, "accounts.Authenticator") }

// Authenticate implements bearer.Authenticator. The error wraps
// bearer.ErrBadCredentials for all credentials that open no account, after the
// same work for each; it is a *bearer.ThrottledError for too many attempts; wraps
// ErrBusy when too many logins are waiting; and is any other where the store or
// the throttle failed or ctx ended. Each store call may take two seconds.
func (a *Authenticator) Authenticate(ctx context.Context, c bearer.Credentials) (*bearer.Account, error) {
	if a == nil || a.store == nil {
		return nil, errors.New("accounts: the Authenticator was not made by New")
	}
	start := time.Now()
	e := Event{Network: network(c.ClientAddr)}
	record, fresh, err := a.login(ctx, c, &e)
	e.Duration = time.Since(start)
	a.observer.observe(ctx, e)
	if err != nil {
		return nil, err
	}
	if fresh != "" {
		a.upgrade(ctx, record, fresh, e)
	}
	return &record.Account, nil
}

// login returns the account that c opens, and a new hash if its own is of an old
// scheme.
func (a *Authenticator) login(ctx context.Context, c bearer.Credentials, e *Event) (_ *Record, fresh string, err error) {
	place := a.gate.enter()
	if place == nil {
		e.Outcome = Busy
		return nil, "", ErrBusy
	}
	defer place.leave()

	login, nameErr := UserName(c.UserName)
	attempt := Attempt{Account: digest(login), Network: e.Network}
	if nameErr != nil {
		attempt.Account = digest(c.UserName)
	}
	verdict, err := a.admit(ctx, attempt)
	e.Known = verdict.Known
	switch {
	case err != nil:
		return nil, "", e.failed(ctx, ThrottleFailed, err)
	case verdict.Wait > 0:
		e.Outcome = verdict.By
		return nil, "", &bearer.ThrottledError{RetryAfter: verdict.Wait}
	case place == a.gate.spare && !verdict.Known:
		a.refund(ctx, attempt, verdict)
		e.Outcome = Busy
		return nil, "", ErrBusy
	}
	record, err := a.lookup(ctx, login, nameErr)
	if record != nil && record.Login != login {
		// A store that takes two names for one gives guessers an account's attempts
		// for each of them. To callers there is no account of the other name.
		record, e.Err = nil, errOtherLogin
	}
	if err != nil {
		a.refund(ctx, attempt, verdict)
		return nil, "", e.failed(ctx, StoreFailed, err)
	}
	if record != nil {
		e.Account = record.ID
	}
	queued := time.Now()
	err = a.gate.compute(ctx, func() {
		e.Waited = time.Since(queued)
		e.Outcome, fresh = a.check(record, c)
	})
	if err != nil {
		a.refund(ctx, attempt, verdict)
		e.Waited = time.Since(queued)
		return nil, "", e.failed(ctx, Abandoned, err)
	}
	if e.Outcome != Granted {
		return nil, "", bearer.ErrBadCredentials
	}
	// The attempt was admitted, so the answer stands whether or not its success
	// can be noted: unnoted, it goes on counting as a failure.
	e.Err = bounded(context.WithoutCancel(ctx), func(ctx context.Context) error {
		return a.throttle.Succeed(ctx, attempt, verdict)
	})
	return record, fresh, nil
}

// check does the same for every account and for none: one hash of each scheme,
// and one comparison of a private token. Only then does it decide.
func (a *Authenticator) check(record *Record, c bearer.Credentials) (outcome, fresh string) {
	password := c.Password
	tooLong := len(password) > maxPasswordBytes
	if tooLong {
		password = "" // never cut: the rest would not matter
	}
	known := record != nil
	if !known {
		record = new(Record)
	}
	scheme, _ := SchemeOf(record.PasswordHash)
	usable, right := false, false
	for i, s := range a.schemes {
		stored := ""
		switch {
		case s == scheme:
			stored, usable = record.PasswordHash, true
		case i > 0:
			stored = s.decoy()
		}
		// Without a stored hash the current scheme makes the one to upgrade to.
		f, ok := a.hash(s, password, stored)
		if s == scheme {
			right = ok
		}
		if i == 0 {
			fresh = f
		}
	}
	token := HashPrivateToken(c.PrivateToken)
	rightToken := subtle.ConstantTimeCompare(token[:], record.PrivateToken[:]) == 1
	switch {
	case !known:
		outcome = UnknownUser
	case tooLong:
		outcome = PasswordTooLong
	case !usable:
		outcome = UnusableHash
	case !right:
		outcome = WrongPassword
	case !rightToken:
		outcome = WrongPrivateToken
	case record.Disabled:
		outcome = AccountDisabled
	default:
		return Granted, fresh
	}
	return outcome, ""
}

// upgrade replaces a hash of an old scheme, now that its password is known.
func (a *Authenticator) upgrade(ctx context.Context, record *Record, fresh string, e Event) {
	e.Outcome = HashUpgraded
	e.Err = bounded(context.WithoutCancel(ctx), func(ctx context.Context) error {
		return a.store.UpgradeHash(ctx, record.ID, record.PasswordHash, fresh)
	})
	if e.Err != nil {
		e.Outcome = UpgradeFailed
	}
	a.observer.observe(ctx, e)
}

func (a *Authenticator) admit(ctx context.Context, attempt Attempt) (v Verdict, err error) {
	err = bounded(ctx, func(ctx context.Context) (err error) {
		v, err = a.throttle.Admit(ctx, attempt)
		return err
	})
	return v, err
}

// lookup returns nil for an account that does not exist.
func (a *Authenticator) lookup(ctx context.Context, login string, nameErr error) (record *Record, err error) {
	if nameErr != nil {
		return nil, nil
	}
	err = bounded(ctx, func(ctx context.Context) (err error) {
		record, err = a.store.Lookup(ctx, login)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return record, err
}

var errOtherLogin = errors.New("accounts: the store has returned an account with another Login")

// refund is for attempts that tried no password. Where it fails they count.
func (a *Authenticator) refund(ctx context.Context, attempt Attempt, v Verdict) {
	_ = bounded(context.WithoutCancel(ctx), func(ctx context.Context) error {
		return a.throttle.Refund(ctx, attempt, v)
	})
}

// failed notes why nobody could tell whether the credentials are right. A client
// that went away is no failure of the store's.
func (e *Event) failed(ctx context.Context, outcome string, err error) error {
	e.Outcome, e.Err = outcome, err
	if ctx.Err() != nil {
		e.Outcome = Abandoned
	}
	return fmt.Errorf("accounts: %s: %w", e.Outcome, err)
}

func bounded(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return f(ctx)
}

// isNil also finds the nil pointer in an interface that is not nil.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	r := reflect.ValueOf(v)
	return r.Kind() == reflect.Pointer && r.IsNil()
}

// Renew returns an account as it is now, for bearer.WithRefreshTokens. The error
// wraps bearer.ErrBadCredentials where the user name has no account any more, or
// another one, or the account is disabled.
func (a *Authenticator) Renew(ctx context.Context, id, userName string) (*bearer.Account, error) {
	if a == nil || a.store == nil {
		return nil, errors.New("accounts: the Authenticator was not made by New")
	}
	login, nameErr := UserName(userName)
	record, err := a.lookup(ctx, login, nameErr)
	switch {
	case err != nil:
		return nil, fmt.Errorf("accounts: %s: %w", StoreFailed, err)
	case record == nil || record.ID != id || record.Disabled:
		return nil, bearer.ErrBadCredentials
	}
	return &record.Account, nil
}

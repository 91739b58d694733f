package accounts

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/gobearer/bearer/internal/zone"
)

// A MemoryStore is an [AdminStore] in memory, for tests and trials. Its zero
// value is empty and ready. It is NOT enough for production: its accounts end
// with the process, and no other process sees them.
//
// A profile comes back as a jsontext.Value. Create and Update fail for one that
// does not encode as JSON, and for a time zone that time.LoadLocation does not
// find by its name.
type MemoryStore struct{ table }

// A table holds records in memory. Those that are in it never change: they are
// copied in, replaced and copied out.
type table struct {
	mu      sync.RWMutex
	records map[string]*Record // by Login
	logins  map[string]string  // by ID
	save    func(map[string]*Record) error
}

// Format implements fmt.Formatter. It prints no account: fmt reads what is not
// exported as it is, past the Format of a Record.
func (t *table) Format(f fmt.State, _ rune) { fmt.Fprint(f, "accounts in memory") }

// Lookup implements [Store].
func (t *table) Lookup(ctx context.Context, login string) (*Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	r, ok := t.records[login]
	if !ok {
		return nil, ErrNotFound
	}
	return r.clone(), nil
}

// UpgradeHash implements [Store].
func (t *table) UpgradeHash(ctx context.Context, id, from, to string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r, ok := t.records[t.logins[id]]
	if !ok || r.PasswordHash != from {
		return nil
	}
	upgraded := *r
	upgraded.PasswordHash = to
	return t.put(&upgraded)
}

// Create implements [AdminStore].
func (t *table) Create(ctx context.Context, r *Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r, err := r.storable()
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	_, login := t.records[r.Login]
	_, id := t.logins[r.ID]
	if login || id {
		return ErrExists
	}
	return t.put(r)
}

// Update implements [AdminStore]. change must not call the store.
func (t *table) Update(ctx context.Context, login string, change func(*Record) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	before, ok := t.records[login]
	if !ok {
		return ErrNotFound
	}
	r := before.clone()
	if err := change(r); err != nil {
		return err
	}
	if r.ID != before.ID || r.Login != before.Login {
		return errIdentity
	}
	r, err := r.storable()
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return t.put(r)
}

// List implements [AdminStore].
func (t *table) List(ctx context.Context, after string, limit int) ([]*Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	var page []*Record
	for _, login := range slices.Sorted(maps.Keys(t.records)) {
		if login <= after {
			continue
		}
		if len(page) >= limit {
			break
		}
		page = append(page, t.records[login].clone())
	}
	return page, nil
}

// put takes the record in, unless it cannot be saved.
func (t *table) put(r *Record) error {
	if t.records == nil {
		t.records, t.logins = map[string]*Record{}, map[string]string{}
	}
	before, replaced := t.records[r.Login]
	t.records[r.Login], t.logins[r.ID] = r, r.Login
	if t.save == nil {
		return nil
	}
	err := t.save(t.records)
	switch {
	case err == nil:
	case replaced:
		t.records[r.Login] = before
	default:
		delete(t.records, r.Login)
		delete(t.logins, r.ID)
	}
	return err
}

var (
	errIdentity = errors.New("accounts: an update cannot change an account's ID or Login")
	errNameless = errors.New("accounts: an account needs an ID and a Login")
	errProfile  = errors.New("accounts: the profile does not encode as JSON")
	errTimeZone = errors.New("accounts: the time zone is not the one that time.LoadLocation finds by its name")
)

// storable returns a copy that shares nothing with r, with the profile as JSON.
func (r *Record) storable() (*Record, error) {
	if r.ID == "" || r.Login == "" {
		return nil, errNameless
	}
	if !zone.Loadable(r.TimeZone) {
		return nil, errTimeZone
	}
	c := *r
	c.Roles, c.Scopes, c.Profile = slices.Clone(r.Roles), slices.Clone(r.Scopes), nil
	if r.Profile == nil {
		return &c, nil
	}
	text, err := json.Marshal(r.Profile)
	if err != nil {
		return nil, errProfile // the cause quotes values
	}
	if string(text) != "null" {
		c.Profile = jsontext.Value(text)
	}
	return &c, nil
}

// clone copies what storable has returned.
func (r *Record) clone() *Record {
	c := *r
	c.Roles, c.Scopes = slices.Clone(r.Roles), slices.Clone(r.Scopes)
	if text, ok := r.Profile.(jsontext.Value); ok {
		c.Profile = text.Clone()
	}
	return &c
}

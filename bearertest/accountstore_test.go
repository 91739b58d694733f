package bearertest_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/gobearer/bearer/accounts"
	"github.com/gobearer/bearer/bearertest"
)

func TestMemoryStoreConforms(t *testing.T) {
	bearertest.AccountStore(t, func(*testing.T) accounts.AdminStore { return new(accounts.MemoryStore) })
}

func TestFileStoreConforms(t *testing.T) {
	bearertest.AccountStore(t, func(t *testing.T) accounts.AdminStore {
		s, err := accounts.OpenFile(filepath.Join(t.TempDir(), "accounts.json"))
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

// A broken is a store that breaks the promises that it has functions for.
type broken struct {
	accounts.AdminStore
	lookup  func(context.Context, string) (*accounts.Record, error)
	upgrade func(ctx context.Context, id, from, to string) error
	create  func(context.Context, *accounts.Record) error
	update  func(context.Context, string, func(*accounts.Record) error) error
	list    func(context.Context, string, int) ([]*accounts.Record, error)
}

func (b *broken) Lookup(ctx context.Context, login string) (*accounts.Record, error) {
	if b.lookup != nil {
		return b.lookup(ctx, login)
	}
	return b.AdminStore.Lookup(ctx, login)
}

func (b *broken) UpgradeHash(ctx context.Context, id, from, to string) error {
	if b.upgrade != nil {
		return b.upgrade(ctx, id, from, to)
	}
	return b.AdminStore.UpgradeHash(ctx, id, from, to)
}

func (b *broken) Create(ctx context.Context, r *accounts.Record) error {
	if b.create != nil {
		return b.create(ctx, r)
	}
	return b.AdminStore.Create(ctx, r)
}

func (b *broken) Update(ctx context.Context, login string, change func(*accounts.Record) error) error {
	if b.update != nil {
		return b.update(ctx, login, change)
	}
	return b.AdminStore.Update(ctx, login, change)
}

func (b *broken) List(ctx context.Context, after string, limit int) ([]*accounts.Record, error) {
	if b.list != nil {
		return b.list(ctx, after, limit)
	}
	return b.AdminStore.List(ctx, after, limit)
}

// loses lets a fault into every record that the store returns.
func loses(fault func(*accounts.Record)) func(*broken) {
	return func(b *broken) {
		b.lookup = func(ctx context.Context, login string) (*accounts.Record, error) {
			r, err := b.AdminStore.Lookup(ctx, login)
			if err == nil {
				fault(r)
			}
			return r, err
		}
	}
}

// floats reads JSON as a map[string]any does.
func floats(profile any) any {
	text, err := json.Marshal(profile)
	if err != nil {
		return err.Error()
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return err.Error()
	}
	return v
}

// all reads the whole store.
func all(s accounts.AdminStore) []*accounts.Record {
	list, err := s.List(context.Background(), "", 1<<20)
	if err != nil {
		panic(err)
	}
	return list
}

// Every fault has a check that finds it, and the store without a fault passes.
func TestAccountStoreFindsBrokenStores(t *testing.T) {
	const (
		empty     = "an empty store has no account"
		members   = "every member survives"
		injection = "text that means something to a database comes back as it was"
		unstored  = "text that is no UTF-8 or holds a NUL comes back as it was or is refused"
		profile   = "a profile keeps its numbers"
		zone      = "a time zone comes back as it was or is refused"
		byteWise  = "logins and ids are compared byte for byte"
		copies    = "what goes into the store and comes out of it is a copy"
		taken     = "a taken login and a taken id are refused"
		creates   = "one of many that create a login or an id at once succeeds"
		updates   = "an update changes every member but ID and Login"
		failing   = "a change that fails, panics, or alters ID or Login writes nothing"
		updating  = "updates at the same time are all kept"
		upgrades  = "an upgrade replaces the hash that it was made from and no other"
		upgrading = "an upgrade and an update at the same time undo nothing of each other"
		ended     = "with a context that has ended nothing is found and nothing written"
		listed    = "a list has every account in the order of the logins' bytes"
	)
	tests := []struct {
		name  string
		fault func(*broken)
		want  string // the check that fails, among others
	}{
		{"another error for an account that is not there", func(b *broken) {
			b.lookup = func(ctx context.Context, login string) (*accounts.Record, error) {
				r, err := b.AdminStore.Lookup(ctx, login)
				if err != nil {
					return nil, fmt.Errorf("no rows: %v", err)
				}
				return r, nil
			}
		}, empty},
		{"an update of nobody is no error", func(b *broken) {
			b.update = func(ctx context.Context, login string, change func(*accounts.Record) error) error {
				if err := b.AdminStore.Update(ctx, login, change); err != accounts.ErrNotFound {
					return err
				}
				return nil
			}
		}, empty},
		{"two members are swapped", loses(func(r *accounts.Record) { r.Email, r.Website = r.Website, r.Email }), members},
		{"a column is not read", loses(func(r *accounts.Record) { r.DNS = "" }), members},
		{"the private token is cut at a zero byte", loses(func(r *accounts.Record) {
			i := bytes.IndexByte(r.PrivateToken[:], 0)
			clear(r.PrivateToken[max(i, 0):])
		}), members},
		{"disabled is not kept", loses(func(r *accounts.Record) { r.Disabled = false }), members},
		{"roles are joined by commas", loses(func(r *accounts.Record) {
			if len(r.Roles) > 0 {
				r.Roles = strings.Split(strings.Join(r.Roles, ","), ",")
			}
		}), members},
		{"roles are a set", loses(func(r *accounts.Record) {
			slices.Sort(r.Roles)
			r.Roles = slices.Compact(r.Roles)
		}), members},
		{"empty roles are dropped", loses(func(r *accounts.Record) {
			r.Roles = slices.DeleteFunc(r.Roles, func(s string) bool { return s == "" })
		}), members},
		{"scopes are roles", loses(func(r *accounts.Record) { r.Scopes = r.Roles }), members},
		{"no lists at all become one of nothing", loses(func(r *accounts.Record) {
			if len(r.Scopes) == 0 {
				r.Scopes = []string{""}
			}
		}), members},
		{"quotes are doubled", loses(func(r *accounts.Record) { r.Name = strings.ReplaceAll(r.Name, "'", "''") }), injection},
		{"space is trimmed", loses(func(r *accounts.Record) { r.UserName = strings.TrimSpace(r.UserName) }), injection},
		{"text is cut at 255 bytes", loses(func(r *accounts.Record) { r.Website = r.Website[:min(255, len(r.Website))] }), injection},
		{"text is normalised", loses(func(r *accounts.Record) { r.Name = strings.ReplaceAll(r.Name, "e\u0301", "é") }), injection},
		{"four-byte runes are lost", loses(func(r *accounts.Record) {
			r.Name = strings.Map(func(c rune) rune { return min(c, '\uffff') }, r.Name)
		}), injection},
		{"text ends at a NUL", loses(func(r *accounts.Record) { r.Email, _, _ = strings.Cut(r.Email, "\x00") }), unstored},
		{"text is made valid", loses(func(r *accounts.Record) { r.Culture = strings.ToValidUTF8(r.Culture, "?") }), unstored},
		{"what was refused is there", func(b *broken) {
			b.create = func(ctx context.Context, r *accounts.Record) error {
				if err := b.AdminStore.Create(ctx, r); err != nil {
					return err
				}
				if strings.ContainsRune(r.Name, 0) {
					return fmt.Errorf("a NUL")
				}
				return nil
			}
		}, unstored},
		{"numbers of a profile are floats", loses(func(r *accounts.Record) { r.Profile = floats(r.Profile) }), profile},
		{"a time zone is an offset", loses(func(r *accounts.Record) {
			if r.TimeZone != nil {
				r.TimeZone = time.FixedZone(r.TimeZone.String(), 3600)
			}
		}), zone},
		{"a time zone's name is lost", loses(func(r *accounts.Record) { r.TimeZone = nil }), zone},
		{"a time zone becomes another of its name", func(b *broken) {
			b.create = func(ctx context.Context, r *accounts.Record) error {
				c := *r
				if r.TimeZone != nil && r.TimeZone.String() == "Asia/Kolkata" {
					c.TimeZone, _ = time.LoadLocation("Asia/Kolkata")
				}
				return b.AdminStore.Create(ctx, &c)
			}
		}, zone},
		{"case does not count", func(b *broken) {
			b.lookup = func(ctx context.Context, login string) (*accounts.Record, error) {
				for _, r := range all(b.AdminStore) {
					if strings.EqualFold(r.Login, login) {
						login = r.Login
					}
				}
				return b.AdminStore.Lookup(ctx, login)
			}
		}, byteWise},
		{"a login is a pattern", func(b *broken) {
			b.lookup = func(ctx context.Context, login string) (*accounts.Record, error) {
				for _, r := range all(b.AdminStore) {
					prefix, isPattern := strings.CutSuffix(login, "%")
					if isPattern && strings.HasPrefix(r.Login, prefix) {
						login = r.Login
					}
				}
				return b.AdminStore.Lookup(ctx, login)
			}
		}, byteWise},
		{"trailing space does not count", func(b *broken) {
			b.create = func(ctx context.Context, r *accounts.Record) error {
				for _, other := range all(b.AdminStore) {
					if strings.TrimRight(other.Login, " ") == strings.TrimRight(r.Login, " ") {
						return accounts.ErrExists
					}
				}
				return b.AdminStore.Create(ctx, r)
			}
		}, byteWise},
		{"the caller's record goes in", func(b *broken) {
			given := map[string]*accounts.Record{}
			var mu sync.Mutex
			b.create = func(ctx context.Context, r *accounts.Record) error {
				mu.Lock()
				defer mu.Unlock()
				given[r.Login] = r
				return b.AdminStore.Create(ctx, r)
			}
			b.lookup = func(ctx context.Context, login string) (*accounts.Record, error) {
				mu.Lock()
				defer mu.Unlock()
				r, err := b.AdminStore.Lookup(ctx, login)
				if err == nil && given[login] != nil {
					r.Roles = given[login].Roles
				}
				return r, err
			}
		}, copies},
		{"the store's record comes out", func(b *broken) {
			var mu sync.Mutex
			cached := map[string]*accounts.Record{}
			b.lookup = func(ctx context.Context, login string) (*accounts.Record, error) {
				mu.Lock()
				defer mu.Unlock()
				if cached[login] == nil {
					r, err := b.AdminStore.Lookup(ctx, login)
					if err != nil {
						return nil, err
					}
					cached[login] = r
				}
				return cached[login], nil
			}
		}, copies},
		{"a taken login is overwritten", func(b *broken) {
			b.create = func(ctx context.Context, r *accounts.Record) error {
				if err := b.AdminStore.Create(ctx, r); err != accounts.ErrExists {
					return err
				}
				return b.AdminStore.Update(ctx, r.Login, func(old *accounts.Record) error {
					id := old.ID
					*old = *r
					old.ID = id
					return nil
				})
			}
		}, taken},
		{"a taken id is not seen", func(b *broken) {
			b.create = func(ctx context.Context, r *accounts.Record) error {
				c := *r
				for _, other := range all(b.AdminStore) {
					if other.ID == r.ID && other.Login != r.Login {
						c.ID += "'"
					}
				}
				return b.AdminStore.Create(ctx, &c)
			}
		}, taken},
		{"a conflict is any error", func(b *broken) {
			b.create = func(ctx context.Context, r *accounts.Record) error {
				if err := b.AdminStore.Create(ctx, r); err != nil {
					return fmt.Errorf("UNIQUE constraint failed: %v", err)
				}
				return nil
			}
		}, taken},
		{"create looks before it writes", func(b *broken) {
			b.create = func(ctx context.Context, r *accounts.Record) error {
				if _, err := b.AdminStore.Lookup(ctx, r.Login); err == nil {
					return accounts.ErrExists
				}
				time.Sleep(time.Millisecond)
				if err := b.AdminStore.Create(ctx, r); err != nil && err != accounts.ErrExists {
					return err
				}
				return nil
			}
		}, creates},
		{"an update keeps the roles", func(b *broken) {
			b.update = func(ctx context.Context, login string, change func(*accounts.Record) error) error {
				return b.AdminStore.Update(ctx, login, func(r *accounts.Record) error {
					roles := r.Roles
					err := change(r)
					r.Roles = roles
					return err
				})
			}
		}, updates},
		{"an update does not clear", func(b *broken) {
			b.update = func(ctx context.Context, login string, change func(*accounts.Record) error) error {
				return b.AdminStore.Update(ctx, login, func(r *accounts.Record) error {
					before := *r
					err := change(r)
					r.Name, r.Email = cmp.Or(r.Name, before.Name), cmp.Or(r.Email, before.Email)
					return err
				})
			}
		}, updates},
		{"a failing change is written", func(b *broken) {
			b.update = func(ctx context.Context, login string, change func(*accounts.Record) error) error {
				var failed error
				err := b.AdminStore.Update(ctx, login, func(r *accounts.Record) error {
					id, login := r.ID, r.Login
					failed = change(r)
					if failed != nil {
						r.ID, r.Login = id, login
					}
					return nil
				})
				return cmp.Or(failed, err)
			}
		}, failing},
		{"a failing change's error is lost", func(b *broken) {
			b.update = func(ctx context.Context, login string, change func(*accounts.Record) error) error {
				err := b.AdminStore.Update(ctx, login, change)
				if err != nil && err != accounts.ErrNotFound {
					err = fmt.Errorf("rolled back: %v", err)
				}
				return err
			}
		}, failing},
		{"another id is left out without a word", func(b *broken) {
			b.update = func(ctx context.Context, login string, change func(*accounts.Record) error) error {
				return b.AdminStore.Update(ctx, login, func(r *accounts.Record) error {
					id := r.ID
					err := change(r)
					r.ID = id
					return err
				})
			}
		}, failing},
		{"an update reads and writes apart", func(b *broken) {
			b.update = func(ctx context.Context, login string, change func(*accounts.Record) error) error {
				r, err := b.AdminStore.Lookup(ctx, login)
				if err != nil {
					return err
				}
				id := r.ID
				if err := change(r); err != nil {
					return err
				}
				time.Sleep(time.Millisecond)
				return b.AdminStore.Update(ctx, login, func(stored *accounts.Record) error {
					if r.ID != id || r.Login != login {
						return fmt.Errorf("renamed")
					}
					*stored = *r
					return nil
				})
			}
		}, updating},
		{"an upgrade of any hash", func(b *broken) {
			b.upgrade = func(ctx context.Context, id, from, to string) error {
				for _, r := range all(b.AdminStore) {
					if r.ID == id {
						from = r.PasswordHash
					}
				}
				return b.AdminStore.UpgradeHash(ctx, id, from, to)
			}
		}, upgrades},
		{"an upgrade of every account with this hash", func(b *broken) {
			b.upgrade = func(ctx context.Context, _, from, to string) error {
				for _, r := range all(b.AdminStore) {
					if err := b.AdminStore.UpgradeHash(ctx, r.ID, from, to); err != nil {
						return err
					}
				}
				return nil
			}
		}, upgrades},
		{"an upgrade that comes late is an error", func(b *broken) {
			b.upgrade = func(ctx context.Context, id, from, to string) error {
				for _, r := range all(b.AdminStore) {
					if r.ID == id && r.PasswordHash != from {
						return fmt.Errorf("0 rows affected")
					}
				}
				return b.AdminStore.UpgradeHash(ctx, id, from, to)
			}
		}, upgrades},
		{"an upgrade does nothing", func(b *broken) {
			b.upgrade = func(context.Context, string, string, string) error { return nil }
		}, upgrades},
		{"an upgrade looks before it writes", func(b *broken) {
			b.upgrade = func(ctx context.Context, id, from, to string) error {
				for _, r := range all(b.AdminStore) {
					if r.ID != id || r.PasswordHash != from {
						continue
					}
					time.Sleep(time.Millisecond)
					return b.AdminStore.Update(ctx, r.Login, func(stored *accounts.Record) error {
						stored.PasswordHash = to
						return nil
					})
				}
				return nil
			}
		}, upgrading},
		{"what the context ended is not there", func(b *broken) {
			b.lookup = func(ctx context.Context, login string) (*accounts.Record, error) {
				r, err := b.AdminStore.Lookup(ctx, login)
				if err != nil {
					return nil, accounts.ErrNotFound
				}
				return r, nil
			}
		}, ended},
		{"the context is ignored by Lookup", func(b *broken) {
			b.lookup = func(_ context.Context, login string) (*accounts.Record, error) {
				return b.AdminStore.Lookup(context.Background(), login)
			}
		}, ended},
		{"the context is ignored by UpgradeHash", func(b *broken) {
			b.upgrade = func(_ context.Context, id, from, to string) error {
				return b.AdminStore.UpgradeHash(context.Background(), id, from, to)
			}
		}, ended},
		{"the context is ignored by Create", func(b *broken) {
			b.create = func(_ context.Context, r *accounts.Record) error {
				return b.AdminStore.Create(context.Background(), r)
			}
		}, ended},
		{"the context is read before an update and not after it", func(b *broken) {
			b.update = func(ctx context.Context, login string, change func(*accounts.Record) error) error {
				if err := ctx.Err(); err != nil {
					return err
				}
				return b.AdminStore.Update(context.Background(), login, change)
			}
		}, ended},
		{"the context is ignored by List", func(b *broken) {
			b.list = func(_ context.Context, after string, limit int) ([]*accounts.Record, error) {
				return b.AdminStore.List(context.Background(), after, limit)
			}
		}, ended},
		{"a list in the order of a dictionary", func(b *broken) {
			b.list = func(ctx context.Context, after string, limit int) ([]*accounts.Record, error) {
				if err := ctx.Err(); err != nil {
					return nil, err
				}
				list := slices.DeleteFunc(all(b.AdminStore), func(r *accounts.Record) bool {
					return strings.ToLower(r.Login) <= strings.ToLower(after)
				})
				slices.SortFunc(list, func(x, y *accounts.Record) int {
					return strings.Compare(strings.ToLower(x.Login), strings.ToLower(y.Login))
				})
				return list[:min(limit, len(list))], nil
			}
		}, listed},
		{"a list from a login on", func(b *broken) {
			b.list = func(ctx context.Context, after string, limit int) ([]*accounts.Record, error) {
				if r, err := b.AdminStore.Lookup(ctx, after); err == nil && limit > 0 {
					list, err := b.AdminStore.List(ctx, after, limit-1)
					return append([]*accounts.Record{r}, list...), err
				}
				return b.AdminStore.List(ctx, after, limit)
			}
		}, listed},
		{"a list without a limit", func(b *broken) {
			b.list = func(ctx context.Context, after string, _ int) ([]*accounts.Record, error) {
				return b.AdminStore.List(ctx, after, 1<<20)
			}
		}, listed},
		{"a list of half the members", func(b *broken) {
			b.list = func(ctx context.Context, after string, limit int) ([]*accounts.Record, error) {
				list, err := b.AdminStore.List(ctx, after, limit)
				for _, r := range list {
					r.Profile = nil
				}
				return list, err
			}
		}, listed},
	}
	caught := map[string]bool{}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := &broken{AdminStore: new(accounts.MemoryStore)}
			test.fault(b)
			if !bearertest.AccountStoreFails(t, test.want, b) {
				t.Errorf("%q does not find it", test.want)
			}
		})
		caught[test.want] = true
	}
	for _, check := range bearertest.AccountStoreChecks() {
		if !caught[check] {
			t.Errorf("no broken store is for %q", check)
		}
		if bearertest.AccountStoreFails(t, check, &broken{AdminStore: new(accounts.MemoryStore)}) {
			t.Errorf("a store without a fault fails %q", check)
		}
	}
}

package accounts_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/accounts"
)

// A desk is an Admin and who lets in the accounts that it makes.
type desk struct {
	accounts.Admin
	store    *accounts.MemoryStore
	auth     *accounts.Authenticator
	outcomes []string
}

func newDesk(t *testing.T, opts ...accounts.Option) *desk {
	t.Helper()
	d := &desk{store: new(accounts.MemoryStore)}
	d.Admin.Store = d.store
	auth, err := accounts.New(d.store, append(opts, accounts.DangerouslyWithoutThrottle(),
		accounts.WithObserver(func(_ context.Context, e accounts.Event) { d.outcomes = append(d.outcomes, e.Outcome) }))...)
	if err != nil {
		t.Fatal(err)
	}
	d.auth = auth
	return d
}

func (d *desk) create(t *testing.T, userName string) (privateToken string) {
	t.Helper()
	token, err := d.Create(t.Context(), bearer.Account{UserName: userName}, passwordOf(userName))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// opens logs in, and wants an outcome.
func (d *desk) opens(t *testing.T, userName, password, privateToken, want string) {
	t.Helper()
	d.outcomes = nil
	_, err := d.auth.Authenticate(t.Context(), bearer.Credentials{UserName: userName, Password: password, PrivateToken: privateToken})
	if (err == nil) != (want == accounts.Granted) || len(d.outcomes) == 0 || d.outcomes[0] != want {
		t.Errorf("%s: %q, %v, want %q", userName, d.outcomes, err, want)
	}
}

func TestAdminCreates(t *testing.T) {
	d := newDesk(t)
	password := passwordOf("Tom")
	d.opens(t, "Tom", password, "x", accounts.UnknownUser)
	account := bearer.Account{UserName: "Tom", Name: "Tom Sawyer", Email: "tom@example.com", Roles: []string{"user"}, Scopes: []string{"read"}}
	token, err := d.Create(t.Context(), account, password)
	if err != nil {
		t.Fatal(err)
	}
	d.opens(t, "Tom", password, token, accounts.Granted)
	d.opens(t, "Tom", password, token+"x", accounts.WrongPrivateToken)
	d.opens(t, "Tom", password+"x", token, accounts.WrongPassword)

	if random, err := base64.RawURLEncoding.Strict().DecodeString(token); len(random) != 32 || err != nil {
		t.Errorf("a private token of %d bytes, %v", len(random), err)
	}
	got, err := d.auth.Authenticate(t.Context(), bearer.Credentials{UserName: "TOM", Password: password, PrivateToken: token})
	if err != nil {
		t.Fatal(err)
	}
	account.ID = got.ID
	if len(got.ID) < 26 || fmt.Sprintf("%#v", *got) != fmt.Sprintf("%#v", account) {
		t.Errorf("%+v, want %+v with an id of 128 random bits", got, account)
	}
	r, err := d.store.Lookup(t.Context(), "tom")
	if err != nil {
		t.Fatal(err)
	}
	if r.PrivateToken != accounts.HashPrivateToken(token) || schemeOf(t, r.PasswordHash).String() != currentScheme || r.Login != "tom" || r.Disabled {
		t.Errorf("%v is stored otherwise", r)
	}
	if _, err := d.Create(t.Context(), bearer.Account{ID: "1087", UserName: "ada"}, password); err != nil {
		t.Error(err)
	}
	if ada, err := d.store.Lookup(t.Context(), "ada"); err != nil || ada.ID != "1087" || ada.PrivateToken == r.PrivateToken {
		t.Errorf("%v, %v: the id that was given", ada, err)
	}
}

// Every account has another id, another private token and another salt.
func TestAdminCreatesAtRandom(t *testing.T) {
	d := newDesk(t)
	seen := map[string]bool{}
	for _, userName := range []string{"anna", "bert", "cleo"} {
		token, err := d.Create(t.Context(), bearer.Account{UserName: userName}, "the same password")
		if err != nil {
			t.Fatal(err)
		}
		r, err := d.store.Lookup(t.Context(), userName)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{r.ID, token, r.PasswordHash} {
			if seen[text] {
				t.Errorf("%q twice", text)
			}
			seen[text] = true
		}
	}
}

// Whoever spells an account's user name otherwise logs in to it, and cannot get
// another one beside it.
func TestUserNamesAreOne(t *testing.T) {
	for name, all := range spellings {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.auth.WrapHash(func(accounts.HashFunc) accounts.HashFunc {
				return func(accounts.Scheme, string, string) (string, bool) { return "", true } // as only the name counts
			})
			token, err := d.Create(t.Context(), bearer.Account{UserName: all[0]}, "correct horse")
			if err != nil {
				t.Fatal(err)
			}
			for _, other := range all {
				d.opens(t, other, "correct horse", token, accounts.Granted)
				if token, err := d.Create(t.Context(), bearer.Account{UserName: other}, "correct horse"); token != "" || !errors.Is(err, accounts.ErrExists) {
					t.Errorf("a second %+q: %v", other, err)
				}
			}
			last := all[len(all)-1]
			if err := d.SetDisabled(t.Context(), last, true); err != nil {
				t.Errorf("%+q: %v", last, err)
			}
			d.opens(t, all[0], "correct horse", token, accounts.AccountDisabled)
		})
	}
}

func TestAdminDisables(t *testing.T) {
	d := newDesk(t)
	tom, ada := d.create(t, "tom"), d.create(t, "ada")
	for range 2 { // twice is no error
		if err := d.SetDisabled(t.Context(), "tom", true); err != nil {
			t.Fatal(err)
		}
	}
	d.opens(t, "tom", passwordOf("tom"), tom, accounts.AccountDisabled)
	d.opens(t, "ada", passwordOf("ada"), ada, accounts.Granted)
	if err := d.SetDisabled(t.Context(), "tom", false); err != nil {
		t.Fatal(err)
	}
	d.opens(t, "tom", passwordOf("tom"), tom, accounts.Granted)
}

func TestAdminSetsPasswords(t *testing.T) {
	d := newDesk(t)
	tom, ada := d.create(t, "tom"), d.create(t, "ada")
	if err := d.SetPassword(t.Context(), "tom", "another password"); err != nil {
		t.Fatal(err)
	}
	d.opens(t, "tom", passwordOf("tom"), tom, accounts.WrongPassword)
	d.opens(t, "tom", "another password", tom, accounts.Granted)
	d.opens(t, "ada", passwordOf("ada"), ada, accounts.Granted)
	// A disabled account stays one.
	if err := errors.Join(d.SetDisabled(t.Context(), "tom", true), d.SetPassword(t.Context(), "tom", "a third password")); err != nil {
		t.Fatal(err)
	}
	d.opens(t, "tom", "a third password", tom, accounts.AccountDisabled)
}

func TestAdminReplacesPrivateTokens(t *testing.T) {
	d := newDesk(t)
	old, ada := d.create(t, "tom"), d.create(t, "ada")
	token, err := d.ReplacePrivateToken(t.Context(), "tom")
	if err != nil {
		t.Fatal(err)
	}
	if random, err := base64.RawURLEncoding.Strict().DecodeString(token); len(random) != 32 || err != nil || token == old {
		t.Errorf("a private token of %d bytes, %v", len(random), err)
	}
	d.opens(t, "tom", passwordOf("tom"), old, accounts.WrongPrivateToken)
	d.opens(t, "tom", passwordOf("tom"), token, accounts.Granted)
	d.opens(t, "ada", passwordOf("ada"), token, accounts.WrongPrivateToken)
	d.opens(t, "ada", passwordOf("ada"), ada, accounts.Granted)
}

// An Admin with another scheme makes hashes that the Authenticator has to accept,
// and replaces.
func TestAdminWithAnotherScheme(t *testing.T) {
	current, other := accounts.Argon2id(19456, 2, 1), accounts.Bcrypt(10)
	for _, tt := range []struct {
		name string
		opts []accounts.Option
		want []string
	}{
		{"accepted", []accounts.Option{accounts.WithSchemes(current, other)}, []string{accounts.Granted, accounts.HashUpgraded}},
		{"not accepted", nil, []string{accounts.UnusableHash}},
		{"the current one", []accounts.Option{accounts.WithSchemes(other)}, []string{accounts.Granted}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t, tt.opts...)
			d.Scheme = other
			tom := d.create(t, "tom")
			d.opens(t, "tom", passwordOf("tom"), tom, tt.want[0])
			if !slices.Equal(d.outcomes, tt.want) {
				t.Errorf("%q, want %q", d.outcomes, tt.want)
			}
		})
	}
}

// What is refused leaves everything as it was.
func TestAdminErrors(t *testing.T) {
	const good = "correct horse"
	create := func(account bearer.Account, password string) func(context.Context, accounts.Admin) error {
		return func(ctx context.Context, a accounts.Admin) error {
			token, err := a.Create(ctx, account, password)
			if token != "" {
				return errors.New("a private token beside an error")
			}
			return err
		}
	}
	set := func(userName, password string) func(context.Context, accounts.Admin) error {
		return func(ctx context.Context, a accounts.Admin) error { return a.SetPassword(ctx, userName, password) }
	}
	replace := func(userName string) func(context.Context, accounts.Admin) error {
		return func(ctx context.Context, a accounts.Admin) error {
			token, err := a.ReplacePrivateToken(ctx, userName)
			if token != "" {
				return errors.New("a private token beside an error")
			}
			return err
		}
	}
	disable := func(userName string) func(context.Context, accounts.Admin) error {
		return func(ctx context.Context, a accounts.Admin) error { return a.SetDisabled(ctx, userName, true) }
	}
	weak := func(ctx context.Context, a accounts.Admin) error {
		a.Scheme = accounts.Bcrypt(4)
		return a.SetPassword(ctx, "tom", good)
	}
	d, ada := newDesk(t), bearer.Account{UserName: "ada"}
	if _, err := d.Create(t.Context(), bearer.Account{ID: "1087", UserName: "tom"}, good); err != nil {
		t.Fatal(err)
	}
	before, err := d.store.Lookup(t.Context(), "tom")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		do   func(context.Context, accounts.Admin) error
		want error // nil: a *bearer.OptionError
	}{
		{"create: no user name", create(bearer.Account{}, good), accounts.ErrUserName},
		{"create: a user name with a space", create(bearer.Account{UserName: "tom sawyer"}, good), accounts.ErrUserName},
		{"create: a user name of 257 bytes", create(bearer.Account{UserName: strings.Repeat("x", 257)}, good), accounts.ErrUserName},
		{"create: a user name that is taken", create(bearer.Account{UserName: "Tom"}, good), accounts.ErrExists},
		{"create: an id that is taken", create(bearer.Account{ID: "1087", UserName: "ada"}, good), accounts.ErrExists},
		{"create: no password", create(ada, ""), accounts.ErrPassword},
		{"create: a password of 7 characters", create(ada, "passwör"), accounts.ErrPassword},
		{"create: a password of 1025 bytes", create(ada, strings.Repeat("x", 1025)), accounts.ErrPassword},
		{"set: a password of 7 characters", set("tom", "1234567"), accounts.ErrPassword},
		{"set: a password of 1025 bytes", set("tom", strings.Repeat("x", 1025)), accounts.ErrPassword},
		{"set: a password with a line break", set("tom", good+"\n"), accounts.ErrPassword},
		{"set: nobody's password", set("ada", good), accounts.ErrNotFound},
		{"set: the password of who cannot be", set("tom sawyer", good), accounts.ErrNotFound},
		{"set: with a scheme that is too weak", weak, nil},
		{"replace: nobody's private token", replace("ada"), accounts.ErrNotFound},
		{"replace: the private token of who cannot be", replace("tom\x00"), accounts.ErrNotFound},
		{"disable: nobody", disable("ada"), accounts.ErrNotFound},
		{"disable: who cannot be", disable(""), accounts.ErrNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.do(t.Context(), d.Admin)
			var option *bearer.OptionError
			if tt.want != nil && !errors.Is(err, tt.want) || tt.want == nil && !errors.As(err, &option) {
				t.Errorf("%v, want %v", err, tt.want)
			}
			if all := listed(t, d.Admin, t.Context()); !slices.Equal(all, []string{"tom"}) {
				t.Errorf("accounts %q", all)
			}
			if after, err := d.store.Lookup(t.Context(), "tom"); err != nil || !reflect.DeepEqual(after, before) {
				t.Errorf("tom's account is another: %v", err)
			}
		})
	}
	// The twins, at the bounds.
	for userName, password := range map[string]string{"a": "passwörd", strings.Repeat("x", 256): strings.Repeat("x", 1024), "tom@example.com": "8 chars!"} {
		if token, err := d.Create(t.Context(), bearer.Account{UserName: userName}, password); token == "" || err != nil {
			t.Errorf("%.20s: %v", userName, err)
		}
	}
}

func listed(t *testing.T, a accounts.Admin, ctx context.Context) (logins []string) {
	t.Helper()
	for r, err := range a.List(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		logins = append(logins, r.Login)
	}
	return logins
}

// A pagingStore notes what it is asked for.
type pagingStore struct {
	accounts.MemoryStore
	asked []string
	err   error
}

func (s *pagingStore) List(ctx context.Context, after string, limit int) ([]*accounts.Record, error) {
	s.asked = append(s.asked, after)
	if s.err != nil && len(s.asked) > 1 {
		return nil, s.err
	}
	return s.MemoryStore.List(ctx, after, limit)
}

func TestAdminLists(t *testing.T) {
	for _, n := range []int{0, 1, 99, 100, 101, 250} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			store := &pagingStore{}
			var want []string
			for i := range n {
				login := fmt.Sprintf("user-%03d", i)
				want = append(want, login)
				if err := store.Create(t.Context(), &accounts.Record{Account: bearer.Account{ID: fmt.Sprint(n - i), UserName: login}, Login: login}); err != nil {
					t.Fatal(err)
				}
			}
			admin := accounts.Admin{Store: store}
			if got := listed(t, admin, t.Context()); !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
			if len(store.asked) != n/100+1 {
				t.Errorf("asked after %q", store.asked)
			}
			// Who has seen enough asks no more.
			store.asked = nil
			for range admin.List(t.Context()) {
				break
			}
			if len(store.asked) != 1 {
				t.Errorf("asked after %q", store.asked)
			}
			store.asked, store.err = nil, errDown
			var seen int
			var last error
			for r, err := range admin.List(t.Context()) {
				if last != nil {
					t.Error("it goes on after an error")
				}
				if last = err; r != nil {
					seen++
				}
			}
			if n < 100 && (seen != n || last != nil) || n >= 100 && (seen != 100 || !errors.Is(last, errDown)) {
				t.Errorf("%d accounts, and then %v", seen, last)
			}
		})
	}
}

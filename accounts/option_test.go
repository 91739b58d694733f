package accounts_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/accounts"
)

// optionErrors are the mistakes that New joined.
func optionErrors(t testing.TB, err error) []*bearer.OptionError {
	t.Helper()
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("%v is not errors.Join's", err)
	}
	var all []*bearer.OptionError
	for _, err := range joined.Unwrap() {
		problem, ok := err.(*bearer.OptionError)
		if !ok {
			t.Fatalf("%v is a %T", err, err)
		}
		all = append(all, problem)
	}
	return all
}

func ignore(context.Context, accounts.Event) {}

func TestMistakesAtOnce(t *testing.T) {
	a, err := accounts.New(nil, accounts.Option{}, accounts.WithSchemes(accounts.Bcrypt(4)), accounts.WithSlots(0), accounts.WithQueue(-1),
		accounts.WithThrottle(nil), accounts.DangerouslyWithoutThrottle(), accounts.WithObserver(nil), accounts.WithSlots(1))
	var got []string
	for _, problem := range optionErrors(t, err) {
		got = append(got, problem.Option)
	}
	want := []string{"Option", "WithSchemes", "WithSlots", "WithQueue", "WithThrottle", "WithObserver", "WithSlots", "DangerouslyWithoutThrottle", "store"}
	if a != nil || !slices.Equal(got, want) {
		t.Errorf("%v and the mistakes\n%q, want\n%q", a, got, want)
	}
}

// Each row has one mistake, and a twin without it.
func TestOptions(t *testing.T) {
	of := func(store accounts.Store, opts ...accounts.Option) func() error {
		return func() error {
			a, err := accounts.New(store, opts...)
			if (a == nil) != (err != nil) {
				t.Errorf("an authenticator %v and an error %v", a, err)
			}
			return err
		}
	}
	with := func(opts ...accounts.Option) func() error { return of(new(accounts.MemoryStore), opts...) }
	type configTest struct {
		name   string
		make   func() error
		option string
		says   string // of the reason: what to use instead
		twin   func() error
	}
	current, old := accounts.Argon2id(19456, 2, 1), accounts.Bcrypt(4)
	unthrottled, throttle := accounts.DangerouslyWithoutThrottle(), accounts.WithThrottle(&spyThrottle{})
	tests := []configTest{
		{"no store", of(nil), "store", "database", with()},
		{"a nil pointer as the store", of((*accounts.MemoryStore)(nil)), "store", "MemoryStore", with()},
		{"an empty option", with(accounts.Option{}), "Option", "leave it out", with()},
		{"no slots", with(accounts.WithSlots(0)), "WithSlots", "leave it out", with(accounts.WithSlots(1))},
		{"slots below zero", with(accounts.WithSlots(-1)), "WithSlots", "leave it out", with(accounts.WithSlots(1024))},
		{"slots that overflow", with(accounts.WithSlots(math.MaxInt/32 + 1)), "WithSlots", "1024", with(accounts.WithSlots(2))},
		{"a queue below zero", with(accounts.WithQueue(-1)), "WithQueue", "leave it out", with(accounts.WithQueue(0))},
		{"a queue that overflows", with(accounts.WithQueue(math.MaxInt)), "WithQueue", "65536", with(accounts.WithQueue(65536))},
		{"a nil throttle", with(accounts.WithThrottle(nil)), "WithThrottle", "MemoryThrottle", with(throttle)},
		{"a nil pointer as the throttle", with(accounts.WithThrottle((*spyThrottle)(nil))), "WithThrottle", "MemoryThrottle", with(throttle)},
		{"a throttle and none", with(throttle, unthrottled), "DangerouslyWithoutThrottle", "one of them", with(unthrottled)},
		{"none and a throttle", with(unthrottled, throttle), "DangerouslyWithoutThrottle", "one of them", with(throttle)},
		{"a nil observer", with(accounts.WithObserver(nil)), "WithObserver", "leave it out", with(accounts.WithObserver(ignore))},
		{"a scheme twice", with(accounts.WithSchemes(current, old, old)), "WithSchemes", "once", with(accounts.WithSchemes(current, old, accounts.Bcrypt(5)))},
		{"the current scheme as an old one", with(accounts.WithSchemes(current, current)), "WithSchemes", "once", with(accounts.WithSchemes(current))},
		// The zero Scheme and the one that it stands for are one.
		{"the default scheme twice", with(accounts.WithSchemes(current, accounts.Scheme{})), "WithSchemes", "once", with(accounts.WithSchemes(accounts.Scheme{}))},
		{"the default scheme twice, the other way round", with(accounts.WithSchemes(accounts.Scheme{}, current)), "WithSchemes", "once", with(accounts.WithSchemes(accounts.Scheme{}, old))},
		{"a current scheme that is too weak", with(accounts.WithSchemes(old)), "WithSchemes", "Argon2id", with(accounts.WithSchemes(current, old))},
		{"a current scheme for old hashes", with(accounts.WithSchemes(schemeOf(t, djangoHash("")))), "WithSchemes", "Argon2id", with(accounts.WithSchemes(current, schemeOf(t, djangoHash(""))))},
		{"an old scheme out of bounds", with(accounts.WithSchemes(current, accounts.Bcrypt(31))), "WithSchemes", "4 to 16", with(accounts.WithSchemes(current, accounts.Bcrypt(16)))},
	}
	for name, opt := range map[string]accounts.Option{
		"WithSchemes": accounts.WithSchemes(current), "WithSlots": accounts.WithSlots(1), "WithQueue": accounts.WithQueue(1), "WithThrottle": throttle,
		"DangerouslyWithoutThrottle": unthrottled, "WithObserver": accounts.WithObserver(ignore),
	} {
		tests = append(tests, configTest{name + " twice", with(opt, opt), name, "give it once", with(opt)})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			all := optionErrors(t, tt.make())
			if len(all) != 1 || all[0].Option != tt.option || !strings.Contains(all[0].Reason, tt.says) {
				t.Errorf("%v, want one of %s that says %q", errors.Join(tt.make()), tt.option, tt.says)
			}
			if err := tt.twin(); err != nil {
				t.Errorf("the twin: %v", err)
			}
		})
	}
}

// What a caller changes after construction changes nothing that runs.
func TestNewCopies(t *testing.T) {
	accepted := []accounts.Scheme{accounts.Bcrypt(4), schemeOf(t, djangoHash(""))}
	f := newFixture(t, accounts.WithSchemes(accounts.Argon2id(19456, 2, 1), accepted...))
	accepted[0] = accounts.Bcrypt(16)
	f.log(t, "olga")
	if want := []string{"argon2id m=19456 t=2 p=1", "bcrypt cost=4", "pbkdf2-sha256 i=1 l=32, Django"}; !slices.Equal(f.hashed(), want) {
		t.Errorf("%q, want %q", f.hashed(), want)
	}
}

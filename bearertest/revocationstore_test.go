package bearertest_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/bearertest"
	"github.com/gobearer/bearer/keys"
)

// memoryRevocations are what an Issuer has unless it is told otherwise.
func memoryRevocations(t testing.TB) bearertest.Revoker {
	t.Helper()
	key, err := keys.Generate(keys.EdDSA)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keys.NewRing(key)
	if err != nil {
		t.Fatal(err)
	}
	nobody := func(context.Context, bearer.Credentials) (*bearer.Account, error) {
		return nil, bearer.ErrBadCredentials
	}
	issuer, err := bearer.NewIssuer("https://issuer.test", ring, bearer.AuthenticatorFunc(nobody))
	if err != nil {
		t.Fatal(err)
	}
	return issuer.Trust().Revocations.(bearertest.Revoker)
}

func TestMemoryRevocations(t *testing.T) {
	bearertest.RevocationStore(t, func(t *testing.T) bearertest.Revoker { return memoryRevocations(t) })
}

// A revoker keeps revocations in the plainest way, but for one fault.
type revoker struct {
	fault string

	mu    sync.Mutex
	list  []bearer.Revocation
	calls int
}

var errRevoker = errors.New("the store refuses")

func (s *revoker) has(fault string) bool { return s.fault == fault }

func (s *revoker) Revoke(ctx context.Context, r bearer.Revocation) error {
	if err := ctx.Err(); err != nil {
		if s.has("a write that a context ends is reported as done") {
			return nil
		}
		return err
	}
	named := func(names ...string) int {
		return len(slices.DeleteFunc(names, func(name string) bool { return name == "" }))
	}
	malformed := named(r.ID, r.Session, r.Subject) != 1 || (r.Subject == "") != r.Before.IsZero()
	if malformed && !s.has("malformed revocations are taken") {
		return errRevoker
	}
	if s.has("a revocation without an end is refused") && r.Until.IsZero() ||
		s.has("what has ended already is refused") && r.Until.Before(time.Now()) && !r.Until.IsZero() {
		return errRevoker
	}
	s.mu.Lock()
	if s.has("two writers at once lose one") {
		old := slices.Clone(s.list)
		s.mu.Unlock()
		time.Sleep(100 * time.Microsecond)
		s.mu.Lock()
		s.list = old
	}
	defer s.mu.Unlock()
	switch {
	case s.has("zero is an end") && r.Until.IsZero():
		r.Until = time.Unix(0, 0)
	case s.has("ends are cut to 32 bits") && r.Until.Unix() > 1<<31:
		r.Until = time.Unix(int64(int32(r.Until.Unix())), 0)
	case s.has("instants are cut to days"):
		r.Before = r.Before.Truncate(24 * time.Hour)
	}
	if s.has("the last one counts") || s.has("the first one counts") || s.has("the earlier end counts") {
		k := slices.IndexFunc(s.list, func(old bearer.Revocation) bool {
			return old.Issuer == r.Issuer && old.ID == r.ID && old.Session == r.Session && old.Subject == r.Subject
		})
		switch {
		case k < 0:
		case s.has("the first one counts"):
			return nil
		case s.has("the last one counts"):
			s.list[k] = r
			return nil
		default:
			ends := []time.Time{s.list[k].Until, r.Until}
			s.list[k].Until = slices.MinFunc(ends, time.Time.Compare)
			s.list[k].Before = slices.MaxFunc([]time.Time{s.list[k].Before, r.Before}, time.Time.Compare)
			return nil
		}
	}
	s.list = append(s.list, r)
	if s.has("only the newest 100 are kept") && len(s.list) > 100 {
		s.list = s.list[1:]
	}
	return nil
}

func (s *revoker) Revoked(ctx context.Context, t bearer.Info) (bool, error) {
	if err := ctx.Err(); err != nil {
		if s.has("what a context ends is not revoked") {
			return false, nil
		}
		if s.has("what a context ends is revoked") {
			return true, nil
		}
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls++; s.has("every thousandth answer is wrong") && s.calls%1000 == 0 {
		return true, nil
	}
	now := time.Now()
	return slices.ContainsFunc(s.list, func(r bearer.Revocation) bool {
		ended := !r.Until.IsZero() && r.Until.Before(now)
		return !ended && s.meets(r, t)
	}), nil
}

func (s *revoker) meets(r bearer.Revocation, t bearer.Info) bool {
	same := func(name, of string) bool { return s.same(r.Issuer, name, t.Issuer, of) }
	switch {
	case s.has("malformed revocations are taken") && r.ID+r.Session+r.Subject == "":
		return false
	case r.ID != "":
		return same(r.ID, t.ID) || s.has("an id is a session too") && same(r.ID, t.Session)
	case r.Session != "":
		return same(r.Session, t.Session) && !s.has("sessions are ignored") || s.has("a session is a subject too") && same(r.Session, t.Subject)
	case !same(r.Subject, t.Subject):
		return false
	case s.has("a token without iat is of no time"):
		return !t.IssuedAt.IsZero() && !t.IssuedAt.Truncate(time.Second).After(r.Before)
	case s.has("a token of the instant itself passes"):
		return t.IssuedAt.Truncate(time.Second).Before(r.Before)
	case s.has("an instant cuts by the wall clock"):
		return t.IssuedAt.Format(time.DateTime) <= r.Before.Format(time.DateTime)
	case s.has("an instant cuts for all time"):
		return true
	}
	return !t.IssuedAt.Truncate(time.Second).After(r.Before)
}

func (s *revoker) same(issuer, name, ofIssuer, of string) bool {
	cut := func(text string) string { return text[:min(len(text), 255)] }
	switch s.fault {
	case "every issuer is the same":
		return name == of
	case "issuer and name are joined":
		return issuer+name == ofIssuer+of
	case "issuer and name are joined by a colon":
		return issuer+":"+name == ofIssuer+":"+of
	case "issuer and name are joined by a line break":
		return issuer+"\n"+name == ofIssuer+"\n"+of
	case "issuer and name have no order":
		return min(issuer, name) == min(ofIssuer, of) && max(issuer, name) == max(ofIssuer, of)
	case "issuer and name cancel out":
		return issuer == name && ofIssuer == of || issuer == ofIssuer && name == of
	case "names have no case":
		return issuer == ofIssuer && strings.EqualFold(name, of)
	case "spaces at the end do not count":
		return issuer == ofIssuer && strings.TrimRight(name, " ") == strings.TrimRight(of, " ")
	case "names are patterns":
		return issuer == ofIssuer && (name == of || name == "*" || name == "%")
	case "names are cut to 255 bytes":
		return cut(issuer) == cut(ofIssuer) && cut(name) == cut(of)
	case "names end at a NUL":
		name, _, _ := strings.Cut(name, "\x00")
		other, _, _ := strings.Cut(of, "\x00")
		return issuer == ofIssuer && name == other
	case "bytes that are no UTF-8 are replaced":
		return issuer == ofIssuer && strings.ToValidUTF8(name, "\ufffd") == strings.ToValidUTF8(of, "\ufffd")
	}
	return issuer == ofIssuer && name == of
}

// The suite finds each fault, by the checks that are for it.
func TestRevocationStoreFindsFaults(t *testing.T) {
	make := func(fault string) func() bearertest.Revoker {
		return func() bearertest.Revoker { return &revoker{fault: fault} }
	}
	if failed := bearertest.RevocationStoreFails(t, make("")); len(failed) > 0 {
		t.Errorf("a store without a fault fails: %q", failed)
	}
	const (
		grains = "each of the three is revoked by its own name in its own issuer"
		cuts   = "an instant cuts what was issued then, earlier, or at no known time"
		pairs  = "an issuer and a name that together read like two others are not these"
		names  = "names are compared byte for byte"
		hard   = "a name that is too much for a store is refused or kept as it is"
		added  = "a later instant is added and an earlier one takes nothing back"
		ends   = "a later end is added and an earlier one takes nothing back"
		lasts  = "an entry lasts until its end, and without one for ever"
		ended  = "with a context that has ended nothing revoked passes"
		race   = "what was revoked is so at once, whoever else writes"
	)
	for _, tt := range []struct{ fault, check string }{
		{"malformed revocations are taken", "a revocation that does not say what it means is refused"},
		{"a revocation without an end is refused", lasts},
		{"what has ended already is refused", ends},
		{"zero is an end", lasts},
		{"ends are cut to 32 bits", lasts},
		{"only the newest 100 are kept", ends},
		{"instants are cut to days", cuts},
		{"the last one counts", added},
		{"the last one counts", ends},
		{"the first one counts", added},
		{"the first one counts", ends},
		{"the earlier end counts", ends},
		{"an id is a session too", grains},
		{"a session is a subject too", grains},
		{"sessions are ignored", grains},
		{"a token without iat is of no time", cuts},
		{"a token of the instant itself passes", cuts},
		{"an instant cuts by the wall clock", cuts},
		{"an instant cuts for all time", cuts},
		{"every issuer is the same", grains},
		{"every issuer is the same", "an empty name is nobody's"},
		{"issuer and name are joined", pairs},
		{"issuer and name are joined by a colon", pairs},
		{"issuer and name are joined by a line break", pairs},
		{"issuer and name have no order", pairs},
		{"issuer and name cancel out", pairs},
		{"names have no case", names},
		{"spaces at the end do not count", names},
		{"names are patterns", names},
		{"names are cut to 255 bytes", names},
		{"names are cut to 255 bytes", hard},
		{"names end at a NUL", hard},
		{"bytes that are no UTF-8 are replaced", hard},
		{"a write that a context ends is reported as done", ended},
		{"what a context ends is not revoked", ended},
		{"what a context ends is revoked", ended},
		{"two writers at once lose one", race},
		{"every thousandth answer is wrong", names},
	} {
		t.Run(cmp.Or(tt.fault, "none"), func(t *testing.T) {
			if failed := bearertest.RevocationStoreFails(t, make(tt.fault)); !slices.Contains(failed, tt.check) {
				t.Errorf("%q fails, want %q", failed, tt.check)
			}
		})
	}
}

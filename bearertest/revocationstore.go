package bearertest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobearer/bearer"
)

// A Revoker is a store of revocations that an issuer can write to, as
// bearer.WithRevocations takes it.
type Revoker interface {
	bearer.Revocations
	Revoke(ctx context.Context, r bearer.Revocation) error
}

// RevocationStore tests that a store keeps the promises of bearer.Revocation.
// newStore makes an empty one for each subtest, and cleans up after it.
//
// A store may refuse, with an error, a name that is no UTF-8, holds a NUL or has
// more than 256 bytes, to revoke it and to be asked for it. It may keep an entry
// for longer than its Until, and a token whose iat lies in the same second as a
// Before may be taken with it.
func RevocationStore(t *testing.T, newStore func(t *testing.T) Revoker) {
	t.Helper()
	for _, c := range revocationStoreChecks {
		t.Run(c.name, func(t *testing.T) { c.check(t, newStore(t)) })
	}
}

// revocationStoreChecks take testing.TB so that a test can run them on broken
// stores.
var revocationStoreChecks = []struct {
	name  string
	check func(testing.TB, Revoker)
}{
	{"an empty store has revoked nothing", checkNothingRevoked},
	{"each of the three is revoked by its own name in its own issuer", checkGrains},
	{"an instant cuts what was issued then, earlier, or at no known time", checkInstants},
	{"an issuer and a name that together read like two others are not these", checkAmbiguous},
	{"names are compared byte for byte", checkNames},
	{"a name that is too much for a store is refused or kept as it is", checkHardNames},
	{"an empty name is nobody's", checkNobody},
	{"a revocation that does not say what it means is refused", checkMalformed},
	{"a later instant is added and an earlier one takes nothing back", checkAddedInstants},
	{"a later end is added and an earlier one takes nothing back", checkAddedEnds},
	{"an entry lasts until its end, and without one for ever", checkEnds},
	{"with a context that has ended nothing revoked passes", checkEndedContext},
	{"what was revoked is so at once, whoever else writes", checkRevokeRace},
}

const revokedIssuer = "https://issuer.test"

// A grain is one of the three ways to name tokens.
type grain struct {
	name   string
	revoke func(issuer, name string) bearer.Revocation
	token  func(issuer, name string) bearer.Info
}

// whole is a second that has begun: every store can write it.
func whole() time.Time { return time.Now().Truncate(time.Second) }

// grains revoke for an hour, and tokens that were issued before.
func grains() []grain {
	now := whole()
	until, issued := now.Add(time.Hour), now.Add(-time.Minute)
	return []grain{
		{
			"token",
			func(issuer, name string) bearer.Revocation {
				return bearer.Revocation{Issuer: issuer, ID: name, Until: until}
			},
			func(issuer, name string) bearer.Info { return bearer.Info{Issuer: issuer, ID: name, IssuedAt: issued} },
		},
		{
			"session",
			func(issuer, name string) bearer.Revocation {
				return bearer.Revocation{Issuer: issuer, Session: name, Until: until}
			},
			func(issuer, name string) bearer.Info {
				return bearer.Info{Issuer: issuer, Session: name, IssuedAt: issued}
			},
		},
		{
			"subject",
			func(issuer, name string) bearer.Revocation {
				return bearer.Revocation{Issuer: issuer, Subject: name, Before: now, Until: until}
			},
			func(issuer, name string) bearer.Info {
				return bearer.Info{Issuer: issuer, Subject: name, IssuedAt: issued}
			},
		},
	}
}

func mustRevoke(t testing.TB, s Revoker, r bearer.Revocation) {
	t.Helper()
	if err := s.Revoke(t.Context(), r); err != nil {
		t.Errorf("Revoke(%+v): %v", r, err)
	}
}

func wantRevoked(t testing.TB, s Revoker, info bearer.Info, want bool) {
	t.Helper()
	got, err := s.Revoked(t.Context(), info)
	if err != nil || got != want {
		t.Errorf("Revoked(issuer %.40q, id %.40q, session %.40q, subject %.40q, issued %v): %t, %v, want %t",
			info.Issuer, info.ID, info.Session, info.Subject, info.IssuedAt, got, err, want)
	}
}

func checkNothingRevoked(t testing.TB, s Revoker) {
	for _, info := range []bearer.Info{
		{Issuer: revokedIssuer, ID: "id", Session: "session", Subject: "subject", IssuedAt: whole(), ExpiresAt: whole().Add(time.Hour)},
		{Issuer: revokedIssuer, ID: "id"},
		{Issuer: revokedIssuer},
		{},
	} {
		wantRevoked(t, s, info, false)
	}
}

func checkGrains(t testing.TB, s Revoker) {
	all := grains()
	for _, g := range all {
		name := "of a " + g.name
		wantRevoked(t, s, g.token(revokedIssuer, name), false)
		for range 2 { // again is no error
			mustRevoke(t, s, g.revoke(revokedIssuer, name))
			wantRevoked(t, s, g.token(revokedIssuer, name), true)
		}
		wantRevoked(t, s, g.token(revokedIssuer, name+"'s neighbour"), false)
		wantRevoked(t, s, g.token("https://other.test", name), false)
		for _, other := range all {
			if other.name != g.name {
				wantRevoked(t, s, other.token(revokedIssuer, name), false)
			}
		}
	}
	// One of a token's names is enough.
	issued := whole().Add(-time.Minute)
	for _, tt := range []struct {
		id, session, subject string
		want                 bool
	}{
		{"of a token", "s", "u", true},
		{"i", "of a session", "u", true},
		{"i", "s", "of a subject", true},
		{"of a token", "of a session", "of a subject", true},
		{"i", "s", "u", false},
		{"of a session", "of a subject", "of a token", false},
	} {
		wantRevoked(t, s, bearer.Info{
			Issuer: revokedIssuer, ID: tt.id, Session: tt.session, Subject: tt.subject, IssuedAt: issued, ExpiresAt: issued.Add(time.Hour),
			Audience: []string{"https://api.test"}, Scopes: []string{"read"}, KeyID: "1",
		}, tt.want)
	}
}

func checkInstants(t testing.TB, s Revoker) {
	now := whole()
	for _, tt := range []struct {
		name   string
		before time.Time
	}{
		{"now", now},
		{"now with a fraction", now.Add(900 * time.Millisecond)},
		{"in another time zone", now.In(time.FixedZone("east", 14*60*60))},
		{"of this process's clock", time.Now()},
		{"in an hour", now.Add(time.Hour)},
		{"of a year ago", now.AddDate(-1, 0, 0)},
		{"of 1970", time.Unix(0, 0)},
		{"before 1970", time.Unix(-1000, 0)},
		{"of the year 2200", time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		token := func(issued time.Time) bearer.Info {
			return bearer.Info{Issuer: revokedIssuer, ID: "id", Session: "session", Subject: tt.name, IssuedAt: issued}
		}
		mustRevoke(t, s, bearer.Revocation{Issuer: revokedIssuer, Subject: tt.name, Before: tt.before, Until: tt.before.AddDate(300, 0, 0)})
		at := tt.before.Truncate(time.Second)
		wantRevoked(t, s, token(at), true)
		wantRevoked(t, s, token(at.UTC()), true)
		wantRevoked(t, s, token(at.Add(-time.Second)), true)
		wantRevoked(t, s, token(at.Add(-500*time.Millisecond)), true)
		wantRevoked(t, s, token(at.AddDate(-100, 0, 0)), true)
		wantRevoked(t, s, token(time.Time{}), true)
		wantRevoked(t, s, token(at.Add(time.Second)), false)
		wantRevoked(t, s, token(at.Add(time.Second).In(time.FixedZone("west", -11*60*60))), false)
		wantRevoked(t, s, token(at.AddDate(1, 0, 0)), false)
	}
}

// ambiguous are pairs of an issuer and a name, of which two with the same text
// in one line are different.
var ambiguous = [][][2]string{
	{{"ab", "c"}, {"a", "bc"}},
	{{"https://a.test", "/b/c"}, {"https://a.test/b", "/c"}, {"https://a.test/", "b/c"}},
	{{"a:b", "c"}, {"a", "b:c"}},
	{{"a|b", "c"}, {"a", "b|c"}},
	{{"a b", "c"}, {"a", "b c"}},
	{{"a\nb", "c"}, {"a", "b\nc"}},
	{{"a\x1fb", "c"}, {"a", "b\x1fc"}},
	{{"a#b", "c"}, {"a", "b#c"}},
	{{"a{b}", "c"}, {"a", "{b}c"}},
	{{"a','b", "c"}, {"a", "b','c"}},
	{{"1:a", "b"}, {"1", ":ab"}, {"1:", "ab"}},
	{{"2:ab", "1:c"}, {"2", ":ab1:c"}},
	{{"0", "0"}, {"00", "0"}, {"0", "00"}},
	{{"a", "b"}, {"b", "a"}},
	{{"same", "same"}, {"other", "other"}},
}

func checkAmbiguous(t testing.TB, s Revoker) {
	for _, g := range grains() {
		for _, pairs := range ambiguous {
			mustRevoke(t, s, g.revoke(pairs[0][0], pairs[0][1]))
			wantRevoked(t, s, g.token(pairs[0][0], pairs[0][1]), true)
			for _, other := range pairs[1:] {
				wantRevoked(t, s, g.token(other[0], other[1]), false)
			}
		}
	}
}

// storeNames are all different, and all that some database takes for another or
// for a part of its language.
var storeNames = []string{
	"a", "A", "a ", " a", "a\t", "ä", "a\u0308", "ß", "ss", "K", "\u212a", "é", "e\u0301",
	"'", "''", `"`, `\`, "%", "_", "*", "?", "a*", "[a]", "(a)", "{a}", "$1", ":a", "a:b", "-", "--", ";", "\n", "\r\n", "0", "00", "1", "-1", "1e0",
	"'; DROP TABLE revocations; --", "x' OR '1'='1", "'||'a", `\'; --`, "*3\r\n$3\r\nSET\r\n", "return 1", "NULL", "null", "nil", "true", "\u2028", "\ufeffa", "😀",
	strings.Repeat("x", 255) + "y", strings.Repeat("x", 255) + "z", strings.Repeat("x", 255),
}

func checkNames(t testing.TB, s Revoker) {
	for _, g := range grains() {
		for k, name := range storeNames {
			issuer := fmt.Sprintf("%s/%s/%d", revokedIssuer, g.name, k)
			mustRevoke(t, s, g.revoke(issuer, name))
			mustRevoke(t, s, g.revoke(name, "names of issuers"))
		}
		// A part of all pairs, in which each name meets each of its neighbours.
		for k := range storeNames {
			issuer := fmt.Sprintf("%s/%s/%d", revokedIssuer, g.name, k)
			for n := max(0, k-6); n < min(len(storeNames), k+7); n++ {
				wantRevoked(t, s, g.token(issuer, storeNames[n]), n == k)
			}
			wantRevoked(t, s, g.token(storeNames[k], "names of issuers"), true)
			wantRevoked(t, s, g.token(storeNames[k]+"'", "names of issuers"), storeNames[k]+"'" == "''")
		}
	}
}

func checkHardNames(t testing.TB, s Revoker) {
	long := strings.Repeat("long", 3000)
	for _, g := range grains() {
		for _, tt := range []struct{ name, other string }{
			{"nul\x00", "nul"},
			{"nul\x00a", "nul\x00b"},
			{"\x00", ""},
			{"\xff", "\ufffd"},
			{"broken\xc3", "broken"},
			{strings.Repeat("x", 256) + "y", strings.Repeat("x", 256)},
			{strings.Repeat("x", 1000) + "y", strings.Repeat("x", 1000) + "z"},
			{long + "y", long + "z"},
		} {
			for _, r := range []struct {
				revoked     bearer.Revocation
				same, other bearer.Info
			}{
				{g.revoke(revokedIssuer, tt.name), g.token(revokedIssuer, tt.name), g.token(revokedIssuer, tt.other)},
				{g.revoke(tt.name, "name"), g.token(tt.name, "name"), g.token(tt.other, "name")},
			} {
				kept := s.Revoke(t.Context(), r.revoked) == nil
				if got, err := s.Revoked(t.Context(), r.same); kept && err == nil && !got {
					t.Errorf("a %s, %.20q: revoked without an error, and accepted", g.name, tt.name)
				}
				if got, err := s.Revoked(t.Context(), r.other); err == nil && got {
					t.Errorf("a %s, %.20q: %.20q was revoked too", g.name, tt.name, tt.other)
				}
			}
		}
	}
}

func checkNobody(t testing.TB, s Revoker) {
	for _, g := range grains() {
		mustRevoke(t, s, g.revoke(revokedIssuer, "somebody"))
	}
	for _, info := range []bearer.Info{
		{Issuer: revokedIssuer},
		{Issuer: revokedIssuer, IssuedAt: whole().Add(-time.Hour)},
		{Issuer: revokedIssuer, ID: "id"},
		{Issuer: revokedIssuer, Session: "session"},
		{Issuer: revokedIssuer, Subject: "subject"},
		{ID: "somebody", Session: "somebody", Subject: "somebody"},
	} {
		wantRevoked(t, s, info, false)
	}
}

func checkMalformed(t testing.TB, s Revoker) {
	now := whole()
	for _, r := range []bearer.Revocation{
		{},
		{Until: now.Add(time.Hour)},
		{Before: now},
		{Subject: "u"},
		{ID: "i", Before: now},
		{Session: "s", Before: now},
		{ID: "i", Session: "s"},
		{ID: "i", Subject: "u", Before: now},
		{Session: "s", Subject: "u", Before: now},
		{ID: "i", Session: "s", Subject: "u", Before: now},
		{ID: "i", Session: "s", Subject: "u"},
	} {
		r.Issuer = revokedIssuer
		if err := s.Revoke(t.Context(), r); err == nil {
			t.Errorf("Revoke(%+v) is no error", r)
		}
	}
	for _, info := range []bearer.Info{{}, {ID: "i"}, {Session: "s"}, {Subject: "u"}, {Subject: "u", IssuedAt: now.Add(-time.Hour)}} {
		info.Issuer = revokedIssuer
		wantRevoked(t, s, info, false)
	}
}

func checkAddedInstants(t testing.TB, s Revoker) {
	now := whole()
	early, late := now.Add(-time.Hour), now.Add(-time.Minute)
	for name, order := range map[string][]time.Time{"early, late": {early, late}, "late, early": {late, early}, "late twice": {late, early, late, early}} {
		for _, before := range order {
			mustRevoke(t, s, bearer.Revocation{Issuer: revokedIssuer, Subject: name, Before: before, Until: now.Add(time.Hour)})
		}
		for issued, want := range map[time.Time]bool{early: true, late: true, late.Add(time.Second): false} {
			wantRevoked(t, s, bearer.Info{Issuer: revokedIssuer, Subject: name, IssuedAt: issued}, want)
		}
	}
}

// crowd revokes enough for a store to clean up.
func crowd(t testing.TB, s Revoker) {
	t.Helper()
	now := time.Now()
	for n := range 200 {
		mustRevoke(t, s, bearer.Revocation{Issuer: revokedIssuer, ID: fmt.Sprint("crowd ", n), Until: now.Add(time.Duration(n-100) * time.Minute)})
	}
}

func checkAddedEnds(t testing.TB, s Revoker) {
	now := time.Now()
	outlived, late := now.Add(-time.Hour), now.Add(time.Hour)
	var never time.Time
	orders := map[string][]time.Time{
		"outlived, late": {outlived, late}, "late, outlived": {late, outlived}, "outlived, never": {outlived, never}, "never, outlived": {never, outlived},
		"late, never, outlived": {late, never, outlived}, "all twice": {outlived, late, outlived, late, outlived},
	}
	wantRevokedUntil(t, s, orders)
}

// wantRevokedUntil revokes each name of each grain until one instant after the
// other, and wants it revoked while there is a crowd of others.
func wantRevokedUntil(t testing.TB, s Revoker, ends map[string][]time.Time) {
	t.Helper()
	for _, g := range grains() {
		for name, order := range ends {
			for _, until := range order {
				r := g.revoke(revokedIssuer, name)
				r.Until = until
				mustRevoke(t, s, r)
			}
		}
	}
	crowd(t, s)
	for _, g := range grains() {
		for name := range ends {
			wantRevoked(t, s, g.token(revokedIssuer, name), true)
		}
	}
}

func checkEnds(t testing.TB, s Revoker) {
	now := time.Now()
	wantRevokedUntil(t, s, map[string][]time.Time{
		"soon": {now.Add(10 * time.Minute)}, "with a fraction": {whole().Add(time.Hour + time.Millisecond)}, "in 120 months": {now.AddDate(10, 0, 0)},
		"in a century": {now.AddDate(100, 0, 0)}, "in the year 9999": {time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)},
		"in another time zone": {now.Add(10 * time.Minute).In(time.FixedZone("west", -12*60*60))}, "never": {{}},
	})
}

func checkEndedContext(t testing.TB, s Revoker) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, g := range grains() {
		mustRevoke(t, s, g.revoke(revokedIssuer, "revoked"))
		if got, err := s.Revoked(ended, g.token(revokedIssuer, "revoked")); err == nil && !got {
			t.Errorf("a revoked %s is accepted", g.name)
		}
		if got, err := s.Revoked(ended, g.token(revokedIssuer, "another")); err == nil && got {
			t.Errorf("another %s is refused", g.name)
		}
		if err := s.Revoke(ended, g.revoke(revokedIssuer, "meanwhile")); err == nil {
			wantRevoked(t, s, g.token(revokedIssuer, "meanwhile"), true)
		}
		wantRevoked(t, s, g.token(revokedIssuer, "revoked"), true)
	}
}

func checkRevokeRace(t testing.TB, s Revoker) {
	const writers, each = 8, 12
	all, now := grains(), whole()
	cut := func(n int) time.Time { return now.Add(-time.Duration(n) * time.Minute) }
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				name := fmt.Sprint(w, ",", n)
				for _, g := range all {
					wantRevoked(t, s, g.token(revokedIssuer, name), false)
					mustRevoke(t, s, g.revoke(revokedIssuer, name))
					wantRevoked(t, s, g.token(revokedIssuer, name), true)
				}
				// Everybody adds to one entry; the latest counts, whoever came last.
				before := cut((w*each + n) * 7 % (writers * each))
				mustRevoke(t, s, bearer.Revocation{Issuer: revokedIssuer, Subject: "everybody's", Before: before, Until: now.Add(time.Hour)})
				wantRevoked(t, s, bearer.Info{Issuer: revokedIssuer, Subject: "everybody's", IssuedAt: before}, true)
			}
		})
	}
	wg.Wait()
	for w := range writers {
		for n := range each {
			for _, g := range all {
				wantRevoked(t, s, g.token(revokedIssuer, fmt.Sprint(w, ",", n)), true)
			}
		}
	}
	wantRevoked(t, s, bearer.Info{Issuer: revokedIssuer, Subject: "everybody's", IssuedAt: cut(0)}, true)
	wantRevoked(t, s, bearer.Info{Issuer: revokedIssuer, Subject: "everybody's", IssuedAt: cut(0).Add(time.Second)}, false)
}

package bearertest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/accounts"
)

// AccountStore tests that a store keeps the promises of accounts.AdminStore.
// newStore makes an empty one for each subtest, and cleans up after it.
//
// A store may return an empty list for nil and nil for an empty one, UTC for no
// time zone, and a profile of another type and with another order of members,
// that encodes to the same values. It may refuse text that is no UTF-8 or holds a
// NUL, a Login or an ID of more than 256 bytes, a time zone that
// time.LoadLocation does not find by its name, and a profile that does not encode
// as JSON.
func AccountStore(t *testing.T, newStore func(t *testing.T) accounts.AdminStore) {
	t.Helper()
	for _, c := range accountStoreChecks {
		t.Run(c.name, func(t *testing.T) { c.check(t, newStore(t)) })
	}
}

// accountStoreChecks take testing.TB so that a test can run them on broken stores.
var accountStoreChecks = []struct {
	name  string
	check func(testing.TB, accounts.AdminStore)
}{
	{"an empty store has no account", checkEmpty},
	{"every member survives", checkMembers},
	{"text that means something to a database comes back as it was", checkInjection},
	{"text that is no UTF-8 or holds a NUL comes back as it was or is refused", checkUnstorable},
	{"a profile keeps its numbers", checkProfile},
	{"a time zone comes back as it was or is refused", checkTimeZone},
	{"logins and ids are compared byte for byte", checkBytes},
	{"what goes into the store and comes out of it is a copy", checkCopies},
	{"a taken login and a taken id are refused", checkTaken},
	{"one of many that create a login or an id at once succeeds", checkCreateRace},
	{"an update changes every member but ID and Login", checkUpdate},
	{"a change that fails, panics, or alters ID or Login writes nothing", checkFailedUpdate},
	{"updates at the same time are all kept", checkUpdateRace},
	{"an upgrade replaces the hash that it was made from and no other", checkUpgrade},
	{"an upgrade and an update at the same time undo nothing of each other", checkUpgradeRace},
	{"with a context that has ended nothing is found and nothing written", checkContext},
	{"a list has every account in the order of the logins' bytes", checkList},
}

func checkEmpty(t testing.TB, s accounts.AdminStore) {
	ctx := t.Context()
	for _, login := range []string{"", "nobody", "%"} {
		if r, err := s.Lookup(ctx, login); !errors.Is(err, accounts.ErrNotFound) {
			t.Errorf("Lookup(%q): %v, %v, want ErrNotFound", login, r, err)
		}
		err := s.Update(ctx, login, func(*accounts.Record) error {
			t.Errorf("Update(%q) calls change", login)
			return nil
		})
		if !errors.Is(err, accounts.ErrNotFound) {
			t.Errorf("Update(%q): %v, want ErrNotFound", login, err)
		}
	}
	if list, err := s.List(ctx, "", 10); len(list) > 0 || err != nil {
		t.Errorf("List: %v, %v, want none", list, err)
	}
}

func checkMembers(t testing.TB, s accounts.AdminStore) {
	full := fullRecord("full")
	disabled := fullRecord("disabled")
	disabled.Disabled, disabled.Roles, disabled.Scopes = true, []string{"one"}, []string{}
	bare := &accounts.Record{Account: bearer.Account{ID: "bare-id"}, Login: "bare"}
	for _, r := range []*accounts.Record{full, disabled, bare} {
		create(t, s, r)
	}
	for _, r := range []*accounts.Record{full, disabled, bare} {
		expect(t, s, r)
	}
}

func checkInjection(t testing.TB, s accounts.AdminStore) {
	texts := []string{
		`'; DROP TABLE accounts; --`, `' OR '1'='1`, `" OR ""="`, "`", `''`, `\`, `\'; --`, `\\`, `\n`, `\u0000`,
		`%`, `_`, `%s%d%v`, `$1`, `?`, `?1`, `:id`, `@id`, `{}`, `[]`, `["admin"]`, `{"a":["b"]}`, `null`, `NULL`, `NaN`, `0`, `1e3`, `t`,
		`<script>&amp;</script>`, `a,b`, `{a,"b"}`, `(a)`, `a"b`, ` leading`, `trailing `, "line\r\nbreak\ttab", "\x01\x1f\x7f",
		"😀👩\u200d👩\u200d👧", "\u202eمرحبا שלום\u202c", "e\u0301", "\u00a0\u2028\ufeff\ufffd\U0010fffd", strings.Repeat("ß'\"\\%", 30),
	}
	var all []*accounts.Record
	for _, text := range texts {
		all = append(all, textRecord(text))
	}
	everything := strings.Join(texts, " ")
	long := textRecord(strings.Repeat(everything, 10<<10/len(everything)+1))
	long.ID, long.Login = "long", "long"
	all = append(all, long)
	for _, r := range all {
		create(t, s, r)
	}
	for _, r := range all {
		expect(t, s, r)
		upgraded := r.PasswordHash + "'"
		if err := s.UpgradeHash(t.Context(), r.ID, r.PasswordHash, upgraded); err != nil {
			t.Errorf("UpgradeHash of %q: %v", r.ID, err)
		}
		r.PasswordHash = upgraded
		update(t, s, r.Login, func(stored *accounts.Record) { stored.Name += `';` })
		r.Name += `';`
	}
	for _, r := range all {
		expect(t, s, r)
		if _, err := s.List(t.Context(), r.Login, 1); err != nil {
			t.Errorf("List after %q: %v", r.Login, err)
		}
	}
	expectList(t, s, all)
}

func checkUnstorable(t testing.TB, s accounts.AdminStore) {
	var kept []*accounts.Record
	for member := range textMembers(new(accounts.Record)) {
		for _, text := range []string{"\x00", "a\x00b", "\xff", "a\xc3", "\xed\xa0\x80"} {
			r := fullRecord(fmt.Sprint("account-", member, "-", len(kept)))
			*textMembers(r)[member] = text
			if err := s.Create(t.Context(), r); err == nil {
				kept = append(kept, r)
				continue
			}
			if got, err := s.Lookup(t.Context(), r.Login); err == nil {
				t.Errorf("%q was refused and is there: %v", text, got)
			}
		}
	}
	for _, r := range kept {
		expect(t, s, r)
	}
	expectList(t, s, kept)
}

func checkProfile(t testing.TB, s accounts.AdminStore) {
	for i, text := range []string{
		`{"n":[9007199254740993,-0.1,1e400,123456789.123456789123456789,1.50],"deep":[[[{"":{}}]]],"t":true,"n2":null}`,
		`"a text"`, `[]`, `{}`, `0`, `false`,
		`{"text":"\u0000\u001f\"\\\ud83d\ude00\u2028"}`,
		`"` + strings.Repeat("x", 60<<10) + `"`,
	} {
		r := fullRecord(fmt.Sprint("account-", i))
		r.Profile = jsontext.Value(text)
		create(t, s, r)
		expect(t, s, r)
	}
	type profile struct {
		Desk  int      `json:"desk"`
		Names []string `json:"names"`
	}
	r := fullRecord("struct")
	r.Profile = profile{7, []string{"a", "b"}}
	create(t, s, r)
	expect(t, s, r)
}

func checkTimeZone(t testing.TB, s accounts.AdminStore) {
	for i, name := range []string{"UTC", "Asia/Kolkata", "America/New_York", "America/Argentina/Buenos_Aires", "Etc/GMT+12"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		r := fullRecord(fmt.Sprint("account-", i))
		r.TimeZone = zone
		create(t, s, r)
		expect(t, s, r)
	}
	for i, zone := range []*time.Location{
		time.FixedZone("", 3600), time.FixedZone("Nowhere/At_All", 3600), time.FixedZone("Asia/Kolkata", 3600), time.FixedZone("../zone", 60),
	} {
		r := fullRecord(fmt.Sprint("fixed-", i))
		r.TimeZone = zone
		if err := s.Create(t.Context(), r); err == nil {
			expect(t, s, r)
		}
	}
}

func checkBytes(t testing.TB, s accounts.AdminStore) {
	create(t, s, fullRecord("stra\u00dfe_%"))
	for _, login := range []string{
		"STRA\u1e9eE_%", "Stra\u00dfe_%", "strasse_%", "stra\u00dfe__", "stra\u00dfe_%%", "stra_e_%", "%", "stra\u00dfe_", " stra\u00dfe_%", "stra\u00dfe_% ",
		"stra\u00dfe_%\n", "id-stra\u00dfe_%",
	} {
		if r, err := s.Lookup(t.Context(), login); !errors.Is(err, accounts.ErrNotFound) {
			t.Errorf("Lookup(%q): %v, %v, want ErrNotFound", login, r, err)
		}
	}
	// As bytes they differ, and so each may be there.
	distinct := []string{"tom", "Tom", "tom ", "caf\u00e9", "cafe\u0301", "cafe", "a", "a\t", "1", "01", "1.0"}
	for _, login := range distinct {
		create(t, s, fullRecord(login))
	}
	for _, login := range distinct {
		expect(t, s, fullRecord(login))
		update(t, s, login, func(r *accounts.Record) { r.Email = "of " + login })
	}
	for _, login := range distinct {
		want := fullRecord(login)
		want.Email = "of " + login
		expect(t, s, want)
	}
}

func checkCopies(t testing.TB, s accounts.AdminStore) {
	want := fullRecord("account")
	given := fullRecord("account")
	create(t, s, given)
	spoil(given)
	expect(t, s, want)

	found, err := s.Lookup(t.Context(), "account")
	if err != nil {
		t.Fatal(err)
	}
	spoil(found)
	expect(t, s, want)

	list, err := s.List(t.Context(), "", 1)
	if err != nil || len(list) != 1 {
		t.Fatalf("List: %v, %v", list, err)
	}
	spoil(list[0])
	expect(t, s, want)

	var kept *accounts.Record
	roles := []string{"a", "b"}
	update(t, s, "account", func(r *accounts.Record) { r.Roles, kept = roles, r })
	want.Roles = []string{"a", "b"}
	roles[0] = "spoiled"
	spoil(kept)
	expect(t, s, want)
}

// spoil changes everything that a careless copy shares.
func spoil(r *accounts.Record) {
	for _, member := range textMembers(r) {
		*member = "spoiled"
	}
	for _, list := range [][]string{r.Roles, r.Scopes} {
		for i := range list {
			list[i] = "spoiled"
		}
	}
	switch p := r.Profile.(type) {
	case map[string]any:
		p["spoiled"] = true
		if list, ok := p["list"].([]any); ok && len(list) > 0 {
			list[0] = "spoiled"
		}
	default:
		if v := reflect.ValueOf(p); v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			for i := range v.Len() {
				v.Bytes()[i] = '1' // a number
			}
		}
	}
	r.PrivateToken, r.Disabled = [32]byte{1}, !r.Disabled
}

func checkTaken(t testing.TB, s accounts.AdminStore) {
	first := fullRecord("first")
	create(t, s, first)
	sameLogin, sameID := fullRecord("first"), fullRecord("second")
	sameLogin.ID, sameLogin.Name = "id-other", "another"
	sameID.ID, sameID.Name = first.ID, "another"
	for what, r := range map[string]*accounts.Record{"login": sameLogin, "id": sameID, "login and id": fullRecord("first")} {
		if err := s.Create(t.Context(), r); !errors.Is(err, accounts.ErrExists) {
			t.Errorf("a taken %s: %v, want ErrExists", what, err)
		}
	}
	expectList(t, s, []*accounts.Record{first})

	// What was refused has taken nothing itself.
	free := fullRecord("other")
	create(t, s, free)
	second := fullRecord("second")
	create(t, s, second)
	expectList(t, s, []*accounts.Record{first, free, second})
}

func checkCreateRace(t testing.TB, s accounts.AdminStore) {
	const racers = 8
	for round := range 5 {
		for what, record := range map[string]func(i int) *accounts.Record{
			"login": func(i int) *accounts.Record {
				r := fullRecord(fmt.Sprint("login-", round))
				r.ID = fmt.Sprint("id-", round, "-", i)
				return r
			},
			"id": func(i int) *accounts.Record {
				r := fullRecord(fmt.Sprint("id-", round, "-", i))
				r.ID = fmt.Sprint("one-id-", round)
				return r
			},
		} {
			var winners []*accounts.Record
			var mu sync.Mutex
			together(racers, func(i int) {
				r := record(i)
				switch err := s.Create(t.Context(), r); {
				case err == nil:
					mu.Lock()
					defer mu.Unlock()
					winners = append(winners, r)
				case !errors.Is(err, accounts.ErrExists):
					t.Errorf("create of one %s: %v, want ErrExists", what, err)
				}
			})
			if len(winners) != 1 {
				t.Fatalf("%d of %d that create one %s succeed, want 1", len(winners), racers, what)
			}
			expect(t, s, winners[0])
		}
	}
	if list, err := s.List(t.Context(), "", 100); err != nil || len(list) != 10 {
		t.Errorf("%d accounts, %v, want 10", len(list), err)
	}
}

func checkUpdate(t testing.TB, s accounts.AdminStore) {
	bystander := fullRecord("bystander")
	create(t, s, bystander)
	create(t, s, fullRecord("account"))

	want := textRecord("changed")
	want.ID, want.Login = "id-account", "account"
	want.TimeZone, want.Disabled = time.UTC, true
	update(t, s, "account", func(r *accounts.Record) {
		if d := difference(r, fullRecord("account")); d != "" {
			t.Errorf("change gets %s", d)
		}
		*r = *want
	})
	expect(t, s, want)

	bare := &accounts.Record{Account: bearer.Account{ID: "id-account"}, Login: "account"}
	update(t, s, "account", func(r *accounts.Record) { *r = *bare })
	expect(t, s, bare)

	// To what it is already.
	update(t, s, "account", func(*accounts.Record) {})
	expectList(t, s, []*accounts.Record{bare, bystander})
}

var errChange = errors.New("the change fails")

func checkFailedUpdate(t testing.TB, s accounts.AdminStore) {
	want := fullRecord("account")
	create(t, s, want)
	bystander := fullRecord("bystander")
	create(t, s, bystander)

	err := s.Update(t.Context(), "account", func(r *accounts.Record) error {
		spoil(r)
		return fmt.Errorf("wrapped: %w", errChange)
	})
	if !errors.Is(err, errChange) {
		t.Errorf("a change that fails: %v, want its error", err)
	}
	for what, change := range map[string]func(*accounts.Record){
		"another login":  func(r *accounts.Record) { r.Login = "renamed" },
		"a taken login":  func(r *accounts.Record) { r.Login = "bystander" },
		"no login":       func(r *accounts.Record) { r.Login = "" },
		"another id":     func(r *accounts.Record) { r.ID = "another" },
		"a taken id":     func(r *accounts.Record) { r.ID = "id-bystander" },
		"no id":          func(r *accounts.Record) { r.ID = "" },
		"another's both": func(r *accounts.Record) { r.ID, r.Login = bystander.ID, bystander.Login },
	} {
		err := s.Update(t.Context(), "account", func(r *accounts.Record) error {
			r.Name = "renamed"
			change(r)
			return nil
		})
		if err == nil {
			t.Errorf("a change to %s is no error", what)
		}
	}
	func() {
		defer func() { _ = recover() }()
		_ = s.Update(t.Context(), "account", func(r *accounts.Record) error {
			r.Name = "panicked"
			panic(errChange)
		})
	}()
	expectList(t, s, []*accounts.Record{want, bystander})

	// None of them holds a lock or a connection.
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		done <- s.Update(ctx, "account", func(r *accounts.Record) error {
			r.Name = "updated"
			return nil
		})
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Fatalf("after updates that failed: %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("after updates that failed, the next one hangs")
	}
	want.Name = "updated"
	expect(t, s, want)
}

func checkUpdateRace(t testing.TB, s accounts.AdminStore) {
	const writers, times = 8, 5
	want := fullRecord("account")
	want.Roles = nil
	create(t, s, want)
	together(writers, func(i int) {
		for j := range times {
			err := s.Update(t.Context(), "account", func(r *accounts.Record) error {
				r.Roles = append(r.Roles, fmt.Sprint(i, "-", j))
				return nil
			})
			if err != nil {
				t.Errorf("update: %v", err)
			}
		}
	})
	got, err := s.Lookup(t.Context(), "account")
	if err != nil {
		t.Fatal(err)
	}
	for i := range writers {
		for j := range times {
			if role := fmt.Sprint(i, "-", j); !slices.Contains(got.Roles, role) {
				t.Errorf("the update %s is lost", role)
			}
		}
	}
	if len(got.Roles) != writers*times {
		t.Errorf("%d updates are there, want %d", len(got.Roles), writers*times)
	}
}

func checkUpgrade(t testing.TB, s accounts.AdminStore) {
	want, bystander := fullRecord("account"), fullRecord("bystander")
	bystander.PasswordHash = want.PasswordHash
	create(t, s, want)
	create(t, s, bystander)
	upgrade := func(id, from, to string) {
		t.Helper()
		if err := s.UpgradeHash(t.Context(), id, from, to); err != nil {
			t.Errorf("UpgradeHash(%q, %q, %q): %v", id, from, to, err)
		}
		expectList(t, s, []*accounts.Record{want, bystander})
	}
	old := want.PasswordHash
	want.PasswordHash = "upgraded"
	upgrade(want.ID, old, "upgraded")
	// It has changed meanwhile: nothing happens, and without an error.
	upgrade(want.ID, old, "late")
	upgrade(want.ID, "UPGRADED", "late")
	upgrade(want.ID, "", "late")
	upgrade(want.ID, "%", "late")
	// No account has this id, whatever the store says to that.
	_ = s.UpgradeHash(t.Context(), want.Login, "upgraded", "late")
	expectList(t, s, []*accounts.Record{want, bystander})
}

func checkUpgradeRace(t testing.TB, s accounts.AdminStore) {
	for round := range 10 {
		want := fullRecord(fmt.Sprint("account-", round))
		create(t, s, want)
		old := want.PasswordHash
		password := round%2 == 0 // the update is one of the password
		together(4, func(i int) {
			if i > 0 {
				if err := s.UpgradeHash(t.Context(), want.ID, old, "upgraded"); err != nil {
					t.Errorf("UpgradeHash: %v", err)
				}
				return
			}
			err := s.Update(t.Context(), want.Login, func(r *accounts.Record) error {
				r.Disabled = true
				if password {
					r.PasswordHash = "new password"
				}
				return nil
			})
			if err != nil {
				t.Errorf("Update: %v", err)
			}
		})
		want.Disabled, want.PasswordHash = true, "upgraded"
		if password {
			want.PasswordHash = "new password"
		}
		expect(t, s, want)
	}
}

func checkContext(t testing.TB, s accounts.AdminStore) {
	want := fullRecord("account")
	create(t, s, want)
	ended, cancel := context.WithCancel(t.Context())
	cancel()

	_, lookup := s.Lookup(ended, "account")
	_, missing := s.Lookup(ended, "nobody")
	_, list := s.List(ended, "", 10)
	late, cancelLate := context.WithCancel(t.Context())
	defer cancelLate()
	for what, err := range map[string]error{
		"Lookup":            lookup,
		"Lookup of nobody":  missing,
		"List":              list,
		"Create":            s.Create(ended, fullRecord("another")),
		"Create of a taken": s.Create(ended, want),
		"UpgradeHash":       s.UpgradeHash(ended, want.ID, want.PasswordHash, "upgraded"),
		"Update": s.Update(ended, "account", func(r *accounts.Record) error {
			r.Name = "updated"
			return nil
		}),
		"Update during which it ends": s.Update(late, "account", func(r *accounts.Record) error {
			r.Name = "updated"
			cancelLate()
			return nil
		}),
	} {
		switch {
		case err == nil:
			t.Errorf("%s succeeds", what)
		case errors.Is(err, accounts.ErrNotFound), errors.Is(err, accounts.ErrExists):
			t.Errorf("%s could not tell, and says %v", what, err)
		}
	}
	expectList(t, s, []*accounts.Record{want})
}

func checkList(t testing.TB, s accounts.AdminStore) {
	// U+FFFD comes before U+1F600 as bytes, and after it in UTF-16.
	logins := []string{"b", "Z", "a", "ab", "a-b", "a b", "a_b", "_", "é", "e\u0301", "z", "ß", "\ufffd", "\U0001f600", "10", "9", "~", "А", "ä", "aa", "A"}
	var all []*accounts.Record
	for _, login := range logins {
		r := fullRecord(login)
		create(t, s, r)
		all = append(all, r)
	}
	expectList(t, s, all)
	slices.Sort(logins)
	for i, login := range logins {
		list, err := s.List(t.Context(), login, 2)
		if want := logins[i+1 : min(i+3, len(logins))]; err != nil || !slices.Equal(loginsOf(list), want) {
			t.Errorf("after %q: %q, %v, want %q", login, loginsOf(list), err, want)
		}
		// A login that no account has stands where it would.
		list, err = s.List(t.Context(), login+"\x01", 1)
		if want := logins[i+1 : min(i+2, len(logins))]; err != nil || !slices.Equal(loginsOf(list), want) {
			t.Errorf("after %q: %q, %v, want %q", login+"\x01", loginsOf(list), err, want)
		}
	}
	if list, err := s.List(t.Context(), "", 0); err != nil || len(list) > 0 {
		t.Errorf("none asked for: %q, %v", loginsOf(list), err)
	}
}

// fullRecord has something in every member, and in no two the same.
func fullRecord(login string) *accounts.Record {
	kolkata, _ := time.LoadLocation("Asia/Kolkata") // else nil: checkTimeZone tells
	r := &accounts.Record{
		Account: bearer.Account{
			ID: "id-" + login, UserName: "User-" + login, Name: "O'Brien, Ünal", Email: "a@example.org", Website: "https://example.org/?a=b&c=%20",
			DNS: "dns.example.org", Locale: "en-IN", Culture: "en-GB", TimeZone: kolkata,
			Roles: []string{"clerk", "a,b", `"quoted"`, "", "clerk", `{x}`}, Scopes: []string{"read:all", "write", `a\b`},
			Profile: map[string]any{"name": "Tom", "list": []any{1.0, "two", nil, true}, "": map[string]any{}},
		},
		Login: login, PasswordHash: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA",
	}
	for i := range r.PrivateToken {
		r.PrivateToken[i] = byte(i * 9) // a zero among them, and no UTF-8
	}
	return r
}

// textRecord has text wherever there can be text.
func textRecord(text string) *accounts.Record {
	r := fullRecord(text)
	for _, member := range textMembers(r) {
		*member = text
	}
	r.Roles, r.Scopes = []string{text, "and", text + text}, []string{text}
	r.Profile = map[string]any{text: text, "list": []any{text}}
	return r
}

func textMembers(r *accounts.Record) []*string {
	return []*string{&r.ID, &r.UserName, &r.Name, &r.Email, &r.Website, &r.DNS, &r.Locale, &r.Culture, &r.Login, &r.PasswordHash}
}

func create(t testing.TB, s accounts.AdminStore, r *accounts.Record) {
	t.Helper()
	if err := s.Create(t.Context(), r); err != nil {
		t.Fatalf("Create of %.100q: %v", r.Login, err)
	}
}

func update(t testing.TB, s accounts.AdminStore, login string, change func(*accounts.Record)) {
	t.Helper()
	err := s.Update(t.Context(), login, func(r *accounts.Record) error {
		change(r)
		return nil
	})
	if err != nil {
		t.Fatalf("Update of %.100q: %v", login, err)
	}
}

// expect looks an account up.
func expect(t testing.TB, s accounts.AdminStore, want *accounts.Record) {
	t.Helper()
	got, err := s.Lookup(t.Context(), want.Login)
	if err != nil {
		t.Fatalf("Lookup of %.100q: %v", want.Login, err)
	}
	if d := difference(got, want); d != "" {
		t.Errorf("Lookup of %.100q: %s", want.Login, d)
	}
}

// expectList reads the store page by page, with pages of several sizes.
func expectList(t testing.TB, s accounts.AdminStore, want []*accounts.Record) {
	t.Helper()
	want = slices.Clone(want)
	slices.SortFunc(want, func(a, b *accounts.Record) int { return strings.Compare(a.Login, b.Login) })
	for _, size := range []int{1, 3, len(want) + 1} {
		var got []*accounts.Record
		for after := ""; len(got) <= len(want); after = got[len(got)-1].Login {
			page, err := s.List(t.Context(), after, size)
			if err != nil || len(page) > size {
				t.Fatalf("List after %.100q: %d accounts of %d, %v", after, len(page), size, err)
			}
			got = append(got, page...)
			if len(page) < size {
				break
			}
		}
		if !slices.Equal(loginsOf(got), loginsOf(want)) {
			t.Fatalf("List by %d: %.100q, want %.100q", size, loginsOf(got), loginsOf(want))
		}
		for i := range want {
			if d := difference(got[i], want[i]); d != "" {
				t.Errorf("List by %d: %.100q: %s", size, want[i].Login, d)
			}
		}
	}
}

func loginsOf(records []*accounts.Record) []string {
	var logins []string
	for _, r := range records {
		logins = append(logins, r.Login)
	}
	return logins
}

// difference says which members differ; empty: none.
func difference(got, want *accounts.Record) string {
	if got == nil {
		return "no record"
	}
	var differ []string
	differs := func(name string, got, want any) {
		differ = append(differ, fmt.Sprintf("%s is %.300q, want %.300q", name, fmt.Sprint(got), fmt.Sprint(want)))
	}
	names := []string{"ID", "UserName", "Name", "Email", "Website", "DNS", "Locale", "Culture", "Login", "PasswordHash"}
	gotTexts, wantTexts := textMembers(got), textMembers(want)
	for i, name := range names {
		if *gotTexts[i] != *wantTexts[i] {
			differs(name, *gotTexts[i], *wantTexts[i])
		}
	}
	if !slices.Equal(got.Roles, want.Roles) {
		differs("Roles", got.Roles, want.Roles)
	}
	if !slices.Equal(got.Scopes, want.Scopes) {
		differs("Scopes", got.Scopes, want.Scopes)
	}
	if !sameZone(got.TimeZone, want.TimeZone) {
		differs("TimeZone", got.TimeZone, want.TimeZone)
	}
	if g, w := profileText(got.Profile), profileText(want.Profile); g != w {
		differs("Profile", g, w)
	}
	if got.PrivateToken != want.PrivateToken {
		differs("PrivateToken", got.PrivateToken, want.PrivateToken)
	}
	if got.Disabled != want.Disabled {
		differs("Disabled", got.Disabled, want.Disabled)
	}
	return strings.Join(differ, "; ")
}

// sameZone compares the names, which the token endpoint tells clients, and the
// offsets in summer and winter.
func sameZone(a, b *time.Location) bool {
	if a.String() != b.String() {
		return false // of nil it is UTC
	}
	for _, month := range []time.Month{time.January, time.July} {
		day := time.Date(2026, month, 1, 0, 0, 0, 0, time.UTC)
		_, x := day.In(cmp.Or(a, time.UTC)).Zone()
		_, y := day.In(cmp.Or(b, time.UTC)).Zone()
		if x != y {
			return false
		}
	}
	return true
}

// profileText is a profile's JSON with its members in one order and its numbers
// as they are.
func profileText(profile any) string {
	if profile == nil {
		return ""
	}
	text, err := json.Marshal(profile)
	if err != nil {
		return err.Error()
	}
	v := jsontext.Value(text)
	if err := v.Format(jsontext.ReorderRawObjects(true)); err != nil {
		return err.Error()
	}
	return string(v)
}

// together calls f from n goroutines at once.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	wg.Wait()
}

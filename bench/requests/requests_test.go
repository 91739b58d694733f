package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gobearer/bearer"
)

func TestMain(m *testing.M) {
	quiet()
	os.Exit(m.Run())
}

// A tiny scale runs the code of every row and says nothing about its time.
var tiny = scale{cold: 8, warm: 4, garbage: 3000}

func TestEveryRowAnswersRight(t *testing.T) {
	all, err := scenarios(tiny)
	if err != nil {
		t.Fatal(err)
	}
	o := options{rounds: 1, time: 1}
	if err := measure(all, o, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.baseline() == nil || s.floor() == nil || s.bestPeer() == nil {
			t.Errorf("%s has no row to compare with", s.title())
		}
		if s.find(func(r *row) bool { return r.kind == own && r.wrong == "" }) == nil {
			t.Errorf("%s: bearer is missing, or answers wrongly", s.title())
		}
	}
	var page, picture bytes.Buffer
	found, err := findings(tiny)
	if err != nil {
		t.Fatal(err)
	}
	report(&page, o, all, found, time.Second)
	t.Log("\n" + page.String())
	for _, s := range all {
		if !strings.Contains(strings.ToLower(page.String()), "## "+strings.ToLower(s.title())+"\n") {
			t.Errorf("the page has no table for %s", s.title())
		}
	}
	for _, c := range contestants {
		if !strings.Contains(page.String(), "| "+c.name+" |") && !strings.Contains(page.String(), "| **"+c.name+"** |") {
			t.Errorf("the page has no row for %s", c.name)
		}
	}
	draw(&picture, all)
	for d := xml.NewDecoder(&picture); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, alg := range algorithms {
		if len(bars(all, alg)) < 10 {
			t.Errorf("the picture has %d bars for %s", len(bars(all, alg)), alg)
		}
	}
}

// A page that says warm of what was never remembered would be the worst lie.
func TestCacheIsWhereTheRowsSay(t *testing.T) {
	for _, alg := range algorithms {
		k, err := newKey(alg)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range payloads {
			tokens, err := p.tokens(k, tiny.warm)
			if err != nil {
				t.Fatal(err)
			}
			on, err := watch(k, p)
			if err != nil {
				t.Fatal(err)
			}
			off, err := watch(k, p, bearer.WithTokenCache(0))
			if err != nil {
				t.Fatal(err)
			}
			for round, want := range []int{0, len(tokens)} {
				if hits, err := on.hits(tokens...); hits != want || err != nil {
					t.Errorf("%s, %s, round %d: %d hits, %v", alg, p.name, round, hits, err)
				}
				if hits, err := off.hits(tokens...); hits != 0 || err != nil {
					t.Errorf("%s, %s, round %d with the cache off: %d hits, %v", alg, p.name, round, hits, err)
				}
			}
		}
	}
}

func TestPayloadsAreAsLongAsTheirNamesSay(t *testing.T) {
	for p, want := range map[*payload]int{small: 269, seed: 1352} {
		for _, i := range []int{0, 2047} {
			if text, _ := p.claims(i); len(text) != want {
				t.Errorf("%s: token %d has %d", p.name, i, len(text))
			}
		}
	}
}

// What is called strict must be: a lax set-up would look too fast.
func TestStrictRefuses(t *testing.T) {
	good, answer := small.claims(0)
	sub := func(old, new string) string {
		text := strings.Replace(good, old, new, 1)
		if text == good {
			t.Fatalf("no %s in %s", old, good)
		}
		return text
	}
	for name, text := range map[string]string{
		"wrong issuer":   sub(issuer, "https://other.example/"),
		"wrong audience": sub(audience, "https://other.example"),
		"no expiry":      sub(`"exp":`, `"was":`),
		"expired":        sub(`"exp":`, `"exp":1,"was":`),
		"not yet valid":  sub(`"nbf":`, `"nbf":4102444800,"was":`),
	} {
		t.Run(name, func(t *testing.T) { eachStrict(t, typ, text, answer, func(*contestant) bool { return false }) })
	}
	t.Run("nothing is wrong", func(t *testing.T) { eachStrict(t, typ, good, answer, func(*contestant) bool { return true }) })
	t.Run("wrong type", func(t *testing.T) {
		eachStrict(t, "logout+jwt", good, answer, func(c *contestant) bool { return strings.Contains(c.documented+c.strict, "no check of `typ`") })
	})
}

func eachStrict(t *testing.T, typ, text, answer string, accepts func(*contestant) bool) {
	for _, alg := range algorithms {
		k, err := newKey(alg)
		if err != nil {
			t.Fatal(err)
		}
		other := k
		other.typ = typ
		raw, err := other.token(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range contestants {
			if c.kind == floor {
				continue
			}
			h, err := c.open(setup{key: k, payload: small, strict: true})
			if errors.Is(err, errUnsupported) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			client := newClient(h)
			status := client.send(token{"Bearer " + raw, answer})
			if accepted := status == http.StatusOK && string(client.w.body) == answer; accepted != accepts(&c) {
				t.Errorf("%s, %s: status %d, %q", c.name, alg, status, client.w.body)
			}
		}
	}
}

func TestWrongAnswerFailsTheRun(t *testing.T) {
	k, err := newKey("HS256")
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := small.tokens(k, 4)
	if err != nil {
		t.Fatal(err)
	}
	another := contestant{name: "another's claims", open: func(s setup) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { reply(w, "user-000000", "acme000000") }), nil
	}}
	everybody := contestant{name: "runs the handler behind a refusal", open: func(s setup) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			refuse(w)
			reply(w, "user-000001", "acme000001")
		}), nil
	}}
	for c, p := range map[*contestant]path{&another: warm, &everybody: refused} {
		r, err := c.row(p, setup{key: k, payload: small, tokens: tokens})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.prepare(); !errors.Is(err, errWrong) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// A path is how much of the work a request needs.
type path string

const (
	cold    path = "never seen before"
	warm    path = "seen before"
	refused path = "refused"
	issuing path = "issued"
)

// A scenario is a table: one kind of request, a row for each contestant.
type scenario struct {
	path path
	alg  string
	kind string // of the tokens
	rows []*row
}

func (s *scenario) title() string { return fmt.Sprintf("%s, %s, %s", s.path, s.alg, s.kind) }

// A scale is how many different tokens there are.
type scale struct {
	cold    int // tokens that a middleware sees once
	warm    int // tokens in rotation
	garbage int // of a flood
}

var full = scale{cold: 2048, warm: 256, garbage: 1_000_000}

// scenarios are all tables.
func scenarios(sc scale) ([]*scenario, error) {
	real, err := newKeys()
	if err != nil {
		return nil, err
	}
	forger, err := newKeys()
	if err != nil {
		return nil, err
	}
	var all []*scenario
	var errs []error
	add := func(s *scenario, err error) { all, errs = append(all, s), append(errs, err) }
	for _, p := range []path{cold, warm} {
		n := map[path]int{cold: sc.cold + 1, warm: sc.warm}[p]
		for _, alg := range algorithms {
			for _, payload := range payloads {
				add(newScenario(p, payload.name, setup{key: real[alg], payload: payload}, func() ([]token, error) {
					return payload.tokens(real[alg], n)
				}))
			}
		}
	}
	for _, f := range forgeries {
		add(newScenario(refused, f.name, setup{key: real[f.alg], payload: small, early: f.early}, func() ([]token, error) {
			return f.tokens(forger[f.alg], sc.warm)
		}))
	}
	for _, alg := range []string{"HS256", "ES256"} {
		add(newIssuing(real[alg]))
	}
	return all, errors.Join(errs...)
}

// newKeys has a key for each algorithm.
func newKeys() (map[string]key, error) {
	keys := make(map[string]key)
	for _, alg := range algorithms {
		k, err := newKey(alg)
		if err != nil {
			return nil, err
		}
		keys[alg] = k
	}
	return keys, nil
}

// newScenario makes the rows of every contestant for what s says.
func newScenario(p path, kind string, s setup, tokens func() ([]token, error)) (*scenario, error) {
	sn := &scenario{path: p, alg: s.key.alg, kind: kind}
	var err error
	if s.tokens, err = tokens(); err != nil {
		return nil, fmt.Errorf("%s: %w", sn.title(), err)
	}
	for _, c := range contestants {
		if c.only != nil && !slices.Contains(c.only, p) {
			continue
		}
		for _, strict := range []bool{false, true} {
			if strict && c.strict == "" {
				continue
			}
			s.strict = strict
			r, err := c.row(p, s)
			if errors.Is(err, errUnsupported) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", sn.title(), c.name, err)
			}
			sn.rows = append(sn.rows, r)
		}
	}
	return sn, nil
}

// row is what a contestant does about the tokens of s.
func (c contestant) row(p path, s setup) (*row, error) {
	r := &row{name: c.name, kind: c.kind, warmUp: len(s.tokens)}
	if s.strict {
		r.name += ", strict"
	}
	if p == cold {
		r.fresh, r.warmUp = len(s.tokens)-1, 0
	}
	var status int
	r.start = func() (func() work, error) {
		h, err := c.open(s)
		if err != nil {
			return nil, err
		}
		return func() work {
			client := newClient(h)
			if p != refused {
				return func(i int) bool {
					t := s.tokens[i%len(s.tokens)]
					return client.send(t) == http.StatusOK && (c.mute || string(client.w.body) == t.answer)
				}
			}
			return func(i int) bool {
				t := s.tokens[i%len(s.tokens)]
				return client.send(t) == status && !bytes.HasSuffix(client.w.body, []byte(t.answer))
			}
		}, nil
	}
	h, err := c.open(s)
	if err != nil {
		return nil, err
	}
	if p == refused {
		status = newClient(h).send(s.tokens[0])
		if status != http.StatusBadRequest && status != http.StatusUnauthorized {
			r.wrong = fmt.Sprintf("answers %d", status)
		}
	}
	return r, nil
}

// tokens are n good ones.
func (p *payload) tokens(k key, n int) ([]token, error) {
	tokens := make([]token, n)
	for i := range tokens {
		text, answer := p.claims(i)
		raw, err := k.token(text)
		if err != nil {
			return nil, err
		}
		tokens[i] = token{"Bearer " + raw, answer}
	}
	return tokens, nil
}

// A forgery is a kind of token that nobody should accept.
type forgery struct {
	name string
	alg  string
	make func(forger key, text string) (string, error)

	early bool // there is no need to look at their signature
	few   bool // they are large
}

var forgeries = []forgery{
	{name: "garbage", alg: "HS256", early: true, make: func(key, string) (string, error) {
		random := make([]byte, 300)
		rand.Read(random)
		text := encode(string(random))
		return text[:40] + "." + text[40:] + "." + text[:43], nil
	}},
	{name: "`none`", alg: "HS256", early: true, make: func(_ key, text string) (string, error) {
		return encode(`{"alg":"none","typ":"JWT"}`) + "." + encode(text) + ".", nil
	}},
	{name: "bad signature", alg: "HS256", make: badSignature},
	{name: "bad signature", alg: "RS256", make: badSignature},
	{name: "bad signature", alg: "ES256", make: badSignature},
	{name: "bad signature", alg: "EdDSA", make: badSignature},
	{name: "unknown `kid`", alg: "ES256", early: true, make: func(forger key, text string) (string, error) {
		forger.kid = "unknown"
		return forger.token(text)
	}},
	{name: "bad signature, 4 KB of nested JSON", alg: "HS256", make: func(forger key, text string) (string, error) {
		const depth = 1900
		return badSignature(forger, text[:len(text)-1]+`,"nested":`+strings.Repeat("[", depth)+strings.Repeat("]", depth)+"}")
	}},
	{name: "bad signature, 256 KB", alg: "HS256", early: true, few: true, make: func(forger key, text string) (string, error) {
		return badSignature(forger, text[:len(text)-1]+`,"long":"`+strings.Repeat("a", 192<<10)+`"}`)
	}},
}

// badSignature is one by a key that the contestants do not have.
func badSignature(forger key, text string) (string, error) { return forger.token(text) }

func (f forgery) tokens(forger key, n int) ([]token, error) {
	if f.few {
		n = min(n, 8)
	}
	tokens := make([]token, n)
	for i := range tokens {
		text, answer := small.claims(i)
		raw, err := f.make(forger, text)
		if err != nil {
			return nil, err
		}
		tokens[i] = token{"Bearer " + raw, answer}
	}
	return tokens, nil
}

package jws_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/gobearer/bearer/internal/jws"
)

// isKnown reports whether a token's header need not be read again: only that
// takes memory.
func isKnown(t *testing.T, h *jws.Headers, token string) bool {
	t.Helper()
	return testing.AllocsPerRun(10, func() {
		if _, err := h.Parse(token, limit); err != nil {
			t.Error(err)
		}
	}) == 0
}

func remember(t *testing.T, h *jws.Headers, token string) {
	t.Helper()
	e, err := h.Parse(token, limit)
	if err != nil {
		t.Fatal(err)
	}
	h.Remember(&e)
}

func withKeyID(kid any) string {
	return withHeader(fmt.Sprintf(`{"alg":"ES256","typ":"JWT","kid":"%v"}`, kid))
}

func TestHeadersReadAsBefore(t *testing.T) {
	var h jws.Headers
	for _, token := range []string{withHeader(plain), withHeader(`{"typ":"at+jwt","kid":"k\u00e9y","alg":"ES256"}`)} {
		want, err := jws.Parse(token, limit)
		if err != nil {
			t.Fatal(err)
		}
		if isKnown(t, &h, token) {
			t.Fatal("known before it was remembered")
		}
		remember(t, &h, token)
		if !isKnown(t, &h, token) {
			t.Fatal("not known after it was remembered")
		}
		// Another payload and another signature behind the same header.
		token = strings.Split(token, ".")[0] + "." + encode("other") + ".AAAA"
		got, err := h.Parse(token, limit)
		if err != nil {
			t.Fatal(err)
		}
		if got.Algorithm != want.Algorithm || got.KeyID != want.KeyID || got.Type != want.Type {
			t.Errorf("got %q %q %q, want %q %q %q", got.Algorithm, got.KeyID, got.Type, want.Algorithm, want.KeyID, want.Type)
		}
		checkInvariants(t, token, got)
	}
}

// A known header excuses nothing else.
func TestHeadersRefuseAsBefore(t *testing.T) {
	var h jws.Headers
	remember(t, &h, withHeader(plain))
	for _, test := range envelopes {
		if _, err := h.Parse(test.token, limit); err != test.err {
			t.Errorf("%s: %v, want %v", test.name, err, test.err)
		}
	}
}

// What was parsed, and not verified, is not remembered, and so never takes the
// place of anything.
func TestHeadersForgetNothingForTheUnverified(t *testing.T) {
	var h jws.Headers
	remember(t, &h, withKeyID("ours"))
	for i := range 1000 {
		if isKnown(t, &h, withKeyID(i)) {
			t.Fatalf("header %d is known", i)
		}
	}
	if !isKnown(t, &h, withKeyID("ours")) {
		t.Error("the verified header was forgotten")
	}
}

func TestHeadersAreBounded(t *testing.T) {
	var h jws.Headers
	known := func() (n int) {
		for i := range 100 {
			if isKnown(t, &h, withKeyID(i)) {
				n++
			}
		}
		return n
	}
	for i := range 100 {
		remember(t, &h, withKeyID(i))
		remember(t, &h, withKeyID(i)) // once is enough
	}
	if n := known(); n != 16 || !isKnown(t, &h, withKeyID(99)) || !isKnown(t, &h, withKeyID(84)) {
		t.Errorf("%d headers are known, want the last 16", n)
	}
	if long := withKeyID(strings.Repeat("x", 500)); isKnown(t, &h, long) {
		t.Error("known before it was remembered")
	} else if remember(t, &h, long); isKnown(t, &h, long) {
		t.Error("a long header takes memory for itself")
	}
}

func TestNoHeaders(t *testing.T) {
	var none *jws.Headers
	if e, err := none.Parse(withHeader(plain), limit); err != nil || e.Algorithm != "HS256" {
		t.Errorf("%v, %v", e, err)
	}
}

func TestHeadersConcurrently(t *testing.T) {
	var h jws.Headers
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for j := range 500 {
				kid := fmt.Sprint((i + j) % 40)
				e, err := h.Parse(withKeyID(kid), limit)
				if err != nil || e.KeyID != kid {
					t.Errorf("%q, %v, want %q", e.KeyID, err, kid)
				}
				h.Remember(&e)
			}
		})
	}
	all.Wait()
}

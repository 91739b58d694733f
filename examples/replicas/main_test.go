package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gobearer/bearer/adapters/bearerredis"
)

func TestReplicas(t *testing.T) {
	address := os.Getenv("BEARER_REDIS_ADDR")
	if address == "" && os.Getenv("BEARER_INTEGRATION") != "" {
		t.Fatal("BEARER_REDIS_ADDR is not set")
	}
	if address == "" {
		t.Skip("BEARER_REDIS_ADDR is not set")
	}
	var out strings.Builder
	// What is tested is not how soon a busy machine's Redis answers.
	patient := bearerredis.WithTimeouts(30*time.Second, 30*time.Second)
	if err := run(t.Context(), address, &out, false, patient); err != nil {
		t.Fatal(err)
	}
	const want = `issuer 1 gave a token: 200 OK
API 1 answers 200
API 2 answers 200
issuer 2 revoked the session: 200 OK
API 1 answers 401
API 2 answers 401
`
	if out.String() != want {
		t.Errorf("%s, want\n%s", out.String(), want)
	}
}

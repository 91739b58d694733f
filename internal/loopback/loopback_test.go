package loopback_test

import (
	"testing"

	"github.com/gobearer/bearer/internal/loopback"
)

func TestIs(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "LocalHost": true, "127.0.0.1": true, "127.255.0.9": true, "::1": true, "::ffff:127.0.0.1": true,
		"": false, "localhost.": false, "localhost.example": false, "example.localhost": false, "127.1": false, "0.0.0.0": false,
		"::": false, "128.0.0.1": false, "[::1]": false, "127.0.0.1:80": false, "10.0.0.1": false,
	} {
		t.Run(host, func(t *testing.T) {
			if got := loopback.Is(host); got != want {
				t.Errorf("%t, want %t", got, want)
			}
		})
	}
}

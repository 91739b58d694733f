package bearer_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/keys"
)

// grownBy is by how much the heap is larger after f, for as long as keep is kept.
func grownBy(keep any, f func()) int64 {
	size := func() int64 {
		runtime.GC()
		runtime.GC() // for what the first one found in pools
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return int64(s.HeapAlloc)
	}
	before := size()
	f()
	grown := size() - before
	runtime.KeepAlive(keep)
	return grown
}

const (
	keptTokens = 300
	longBytes  = 11_000
)

// A revocation is of an id. It must not keep the payload that the id stood in.
func TestRevocationsKeepNoPayload(t *testing.T) {
	k := goldenKey(t)
	i := issuerWith(t, k, &loginSpy{}, testClock)
	m := newMiddleware[struct{}](t, i.Trust())
	long := strings.Repeat("x", longBytes)
	grown := grownBy(i, func() {
		for n := range keptTokens {
			verified, err := m.Verify(t.Context(), forge(t, k, header(k), payloadWith("aud", `"`+testIssuer+`"`, "jti", fmt.Sprintf(`"%d"`, n), "long", `"`+long+`"`)))
			if err != nil {
				t.Fatal(err)
			}
			if err := i.Revoke(t.Context(), verified.Info); err != nil {
				t.Fatal(err)
			}
		}
	})
	if most := int64(keptTokens * longBytes / 4); grown > most {
		t.Errorf("%d revocations keep %d bytes", keptTokens, grown)
	}
}

// A source that remembers the ids for which it has no key, as most do, must not
// keep the headers that they stood in, which anybody can send.
func TestHeadersAreNotKept(t *testing.T) {
	k := goldenKey(t)
	ids := make([]string, 0, keptTokens)
	source := sourceFunc(func(h keys.Header) []*keys.Key {
		ids = append(ids, h.KeyID)
		return nil
	})
	m := newMiddleware[struct{}](t, trust(source))
	long := strings.Repeat("x", longBytes)
	grown := grownBy(&ids, func() {
		for n := range keptTokens {
			token := forge(t, k, fmt.Sprintf(`{"alg":"HS256","kid":"unknown id %d","long":%q}`, n, long), goodPayload(""))
			if _, err := m.Verify(t.Context(), token); !isOneSentinel(err, bearer.ErrUnknownKey) {
				t.Fatal(err)
			}
		}
	})
	if len(ids) != keptTokens {
		t.Fatalf("%d ids", len(ids))
	}
	if most := int64(keptTokens * longBytes / 4); grown > most {
		t.Errorf("%d ids keep %d bytes", len(ids), grown)
	}
}

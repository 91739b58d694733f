package bearertest

import (
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/gobearer/bearer/refresh"
)

// RevocationStoreFails returns the names of the checks of RevocationStore that
// fail with the stores that newStore makes.
func RevocationStoreFails(t *testing.T, newStore func() Revoker) (names []string) {
	for _, c := range revocationStoreChecks {
		if fails(t, func(t testing.TB) { c.check(t, newStore()) }) {
			names = append(names, c.name)
		}
	}
	return names
}

// RefreshStoreFails returns the names of the checks of RefreshStore that fail
// with the stores that newStore makes.
func RefreshStoreFails(t *testing.T, newStore func() refresh.Store) (names []string) {
	for _, c := range refreshStoreChecks {
		if fails(t, func(t testing.TB) { c.check(t, newStore()) }) {
			names = append(names, c.name)
		}
	}
	return names
}

func fails(t *testing.T, check func(testing.TB)) bool {
	r := &verdict{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		check(r)
	}()
	<-done
	return r.Failed()
}

// A verdict notes that a check failed, and leaves the test as it is.
type verdict struct {
	testing.TB
	failed atomic.Bool
}

func (v *verdict) Failed() bool          { return v.failed.Load() }
func (v *verdict) Fail()                 { v.failed.Store(true) }
func (v *verdict) FailNow()              { v.Fail(); runtime.Goexit() }
func (v *verdict) Error(...any)          { v.Fail() }
func (v *verdict) Errorf(string, ...any) { v.Fail() }
func (v *verdict) Fatal(...any)          { v.FailNow() }
func (v *verdict) Fatalf(string, ...any) { v.FailNow() }

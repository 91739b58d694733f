package bearertest

import (
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/gobearer/bearer/accounts"
)

// AccountStoreFails says whether a check of AccountStore fails, with a recorder
// in testing.T's place.
func AccountStoreFails(t *testing.T, check string, s accounts.AdminStore) bool {
	r := &recorder{TB: t}
	for _, c := range accountStoreChecks {
		if c.name != check {
			continue
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.check(r, s)
		}()
		<-done
	}
	return r.Failed()
}

// A recorder notes that a check failed, and leaves the test as it is.
type recorder struct {
	testing.TB
	failed atomic.Bool
}

func (r *recorder) Failed() bool          { return r.failed.Load() }
func (r *recorder) Fail()                 { r.failed.Store(true) }
func (r *recorder) FailNow()              { r.Fail(); runtime.Goexit() }
func (r *recorder) Error(...any)          { r.Fail() }
func (r *recorder) Errorf(string, ...any) { r.Fail() }
func (r *recorder) Fatal(...any)          { r.FailNow() }
func (r *recorder) Fatalf(string, ...any) { r.FailNow() }

// AccountStoreChecks are the names of the checks.
func AccountStoreChecks() []string {
	var names []string
	for _, c := range accountStoreChecks {
		names = append(names, c.name)
	}
	return names
}

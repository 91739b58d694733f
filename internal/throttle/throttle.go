// Package throttle says how logins are counted, wherever the counters are kept:
// in the memory of package accounts or in a script of a shared store. Whatever
// follows it gives the same verdicts.
//
// Each rule counts the attempts of strangers, or those of known callers, in
// buckets: one for each account, for each network, or for each pair of the two.
// Beside a bucket every pair that fills it has a share: what it has put in.
//
//   - Admit asks the buckets of the caller's rules how long he has to wait. The
//     longest wait is the verdict. Where there is none, one attempt is added to
//     each of these buckets and to the pair's shares of them.
//   - Succeed takes what is in the pair's share out of the bucket and out of the
//     share, by every rule. The pair is known from now on.
//   - Refund does the same by the rules that Admit counted the attempt by, but
//     takes one attempt at most.
//
// Strangers and known callers have no bucket in common, so neither delays the
// other. A success takes back no more than the pair has put in, so nobody clears
// the guesses at other accounts by logging in to his own.
package throttle

// Durations and instants are whole microseconds, instants since 1970: scripts
// that calculate in floating point are exact up to 2^53, which is in 2255.
const (
	Second int64 = 1e6
	Minute       = 60 * Second
	Day          = 24 * 60 * Minute
)

// What throttled a login.
const (
	ByNetwork = "throttled_network"
	ByAccount = "throttled_account"
)

// A Rule is a way of counting attempts.
type Rule struct {
	Known     bool   // the callers that it counts
	Network   bool   // a bucket is for one network
	Account   bool   // a bucket is for one account
	Throttled string // the Verdict's By
	Free      int64  // attempts that pass without a wait
	Drain     int64  // in which one attempt is forgotten; also the longest wait
}

// Rules are all of them.
var Rules = [...]Rule{
	{Known: false, Network: true, Throttled: ByNetwork, Free: 50, Drain: Minute},
	{Known: false, Account: true, Throttled: ByAccount, Free: 10, Drain: 15 * Minute},
	{Known: true, Network: true, Throttled: ByNetwork, Free: 200, Drain: Minute},
	{Known: true, Network: true, Account: true, Throttled: ByAccount, Free: 20, Drain: 15 * Minute},
}

const (
	UnderWay    = 10 * Second // what a login takes at most, from Admit to Succeed
	KnownFor    = 30 * Day    // since the last success
	MaxNetworks = 16          // known for one account
)

// A Bucket holds attempts and loses one in each drain interval. A share is one
// too. An empty bucket is as good as none: no wait is as long as the attempts
// that lead to it take to drain.
type Bucket struct {
	Empty int64 // when it will have lost everything
	Last  int64 // when an attempt was added last
}

// Level returns the time in which a bucket will lose what is in it at an instant.
// Where that is before the last attempt nothing has been lost since.
func (b Bucket) Level(at int64) int64 { return max(0, b.Empty-max(b.Last, at)) }

// Wait returns how long the next attempt has to wait. What counts are the attempts
// in the bucket at the last one, less what was taken back since; a part of one is
// one. From free of them on the wait is 1 s, 2 s, 4 s and so on since the last
// one, up to drain, so that a guesser who keeps on gets one attempt in each drain
// interval.
func (r Rule) Wait(b Bucket, now int64) int64 {
	n := (b.Empty - b.Last + r.Drain - 1) / r.Drain
	if n < r.Free || b.Last > now {
		// After a clock was set back one attempt is let in, which sets last right.
		return 0
	}
	// 2^20 s are longer than any drain.
	wait := min(Second<<min(n-r.Free, 20), r.Drain)
	return max(0, b.Last+wait-now)
}

// Add adds an attempt now to what is left at an instant.
func (r Rule) Add(b Bucket, now, at int64) Bucket {
	return Bucket{Empty: now + b.Level(at) + r.Drain, Last: now}
}

package accounts

// This file and known.go are what a [Throttle] does, apart from where it keeps
// its state: another one that follows them gives the same verdicts.
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

// Durations and instants are whole microseconds, instants since 1970: scripts
// that calculate in floating point are exact up to 2^53, which is in 2255.
const (
	second int64 = 1e6
	minute       = 60 * second
	day          = 24 * 60 * minute
)

// A rule is a way of counting attempts.
type rule struct {
	known     bool   // the callers that it counts
	network   bool   // a bucket is for one network
	account   bool   // a bucket is for one account
	throttled string // Verdict.By
	free      int64  // attempts that pass without a wait
	drain     int64  // in which one attempt is forgotten; also the longest wait
}

var rules = [...]rule{
	{known: false, network: true, throttled: ThrottledNetwork, free: 50, drain: minute},
	{known: false, account: true, throttled: ThrottledAccount, free: 10, drain: 15 * minute},
	{known: true, network: true, throttled: ThrottledNetwork, free: 200, drain: minute},
	{known: true, network: true, account: true, throttled: ThrottledAccount, free: 20, drain: 15 * minute},
}

const (
	underWay    = 10 * second // what a login takes at most, from Admit to Succeed
	knownFor    = 30 * day    // since the last success
	maxNetworks = 16          // known for one account
	maxAccounts = 1 << 16     // with known networks
	maxBuckets  = 1 << 17     // shares included
)

// A bucket holds attempts and loses one in each drain interval. A share is one
// too. An empty bucket is as good as none: no wait is as long as the attempts
// that lead to it take to drain.
type bucket struct {
	empty int64 // when it will have lost everything
	last  int64 // when an attempt was added last
}

// level returns the time in which a bucket will lose what is in it at an instant.
// Where that is before the last attempt nothing has been lost since.
func (b bucket) level(at int64) int64 { return max(0, b.empty-max(b.last, at)) }

// wait returns how long the next attempt has to wait. What counts are the attempts
// in the bucket at the last one, less what was taken back since; a part of one is
// one. From free of them on the wait is 1 s, 2 s, 4 s and so on since the last
// one, up to drain, so that a guesser who keeps on gets one attempt in each drain
// interval.
func (r rule) wait(b bucket, now int64) int64 {
	n := (b.empty - b.last + r.drain - 1) / r.drain
	if n < r.free || b.last > now {
		// After a clock was set back one attempt is let in, which sets last right.
		return 0
	}
	// 2^20 s are longer than any drain.
	wait := min(second<<min(n-r.free, 20), r.drain)
	return max(0, b.last+wait-now)
}

// add adds an attempt now to what is left at an instant.
func (r rule) add(b bucket, now, at int64) bucket {
	return bucket{empty: now + b.level(at) + r.drain, last: now}
}

// A bucketKey says what a bucket counts: twice the rule, and one more for a
// bucket that is no share; the account; the network. What is not counted is zero.
type bucketKey [1 + 16 + 17]byte

// keysOf returns the keys of an attempt's bucket and share by rules[i].
func keysOf(i int, a Attempt) (b, share bucketKey) {
	network := networkKey(a.Network)
	share[0], b[0] = byte(2*i), byte(2*i+1)
	copy(share[1:], a.Account[:])
	copy(share[17:], network[:])
	if rules[i].account {
		copy(b[1:17], share[1:17])
	}
	if rules[i].network {
		copy(b[17:], share[17:])
	}
	return b, share
}

func (k bucketKey) rule() rule    { return rules[k[0]/2] }
func (k bucketKey) isShare() bool { return k[0]%2 == 0 }

// readAt returns the instant at which the level is read. A bucket drains once
// for all logins under way, but each of their shares drains by itself: good logins
// at the same time would take out less than they put in, and fill the bucket in
// the end. So a share begins to drain when no login can be under way any more.
func (k bucketKey) readAt(now int64) int64 {
	if k.isShare() {
		return now - underWay
	}
	return now
}

// worth ranks buckets for a full memory: zero for empty ones, and else by the
// attempts in them, so that a spray of single attempts never displaces the bucket
// of an account that is under attack. A share goes before its bucket: left behind,
// it would take other pairs' attempts out of the next one.
func (k bucketKey) worth(b bucket, now int64) int64 {
	level := b.level(now)
	if level == 0 {
		return 0
	}
	thousandths := 1000 * level / k.rule().drain
	return 2*(1+thousandths) + int64(k[0]%2)
}

package accounts

import "github.com/gobearer/bearer/internal/throttle"

const (
	maxAccounts = 1 << 16 // with known networks
	maxBuckets  = 1 << 17 // shares included
)

// A bucketKey says what a bucket counts: twice the rule, and one more for a
// bucket that is no share; the account; the network. What is not counted is zero.
type bucketKey [1 + 16 + 17]byte

// keysOf returns the keys of an attempt's bucket and share by throttle.Rules[i].
func keysOf(i int, a Attempt) (b, share bucketKey) {
	network := networkKey(a.Network)
	share[0], b[0] = byte(2*i), byte(2*i+1)
	copy(share[1:], a.Account[:])
	copy(share[17:], network[:])
	if throttle.Rules[i].Account {
		copy(b[1:17], share[1:17])
	}
	if throttle.Rules[i].Network {
		copy(b[17:], share[17:])
	}
	return b, share
}

func (k bucketKey) rule() throttle.Rule { return throttle.Rules[k[0]/2] }
func (k bucketKey) isShare() bool       { return k[0]%2 == 0 }

// readAt returns the instant at which the level is read. A bucket drains once
// for all logins under way, but each of their shares drains by itself: good logins
// at the same time would take out less than they put in, and fill the bucket in
// the end. So a share begins to drain when no login can be under way any more.
func (k bucketKey) readAt(now int64) int64 {
	if k.isShare() {
		return now - throttle.UnderWay
	}
	return now
}

// worth ranks buckets for a full memory: zero for empty ones, and else by the
// attempts in them, so that a spray of single attempts never displaces the bucket
// of an account that is under attack. A share goes before its bucket: left behind,
// it would take other pairs' attempts out of the next one.
func (k bucketKey) worth(b throttle.Bucket, now int64) int64 {
	level := b.Level(now)
	if level == 0 {
		return 0
	}
	thousandths := 1000 * level / k.rule().Drain
	return 2*(1+thousandths) + int64(k[0]%2)
}

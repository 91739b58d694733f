package bearer

import "time"

// Validity is how long a token is asked to live.
type Validity string

// The validities of the wire format, and their lifetimes without WithLifetime.
const (
	ValidityDefault   Validity = "Default"   // 12 000 minutes
	ValidityShortLive Validity = "ShortLive" // 30 seconds
	ValidityLongLive  Validity = "LongLive"  // 120 months
)

// Lifetime is the time between a token's issue and its expiry. The zero value
// is no lifetime.
type Lifetime struct {
	seconds int64
	months  int64
}

// Seconds is a lifetime of n seconds.
func Seconds(n int) Lifetime { return Lifetime{seconds: int64(n)} }

// Minutes is a lifetime of n minutes.
func Minutes(n int) Lifetime {
	if n < 0 || int64(n) > maxLifetimeSeconds {
		return Lifetime{seconds: int64(n)} // invalid already, and 60 n might not fit
	}
	return Lifetime{seconds: 60 * int64(n)}
}

// Months is a lifetime of n calendar months in UTC. Where the month of expiry
// has no such day it is the last one, as in .NET's AddMonths.
func Months(n int) Lifetime { return Lifetime{months: int64(n)} }

// A century is more than any token should see, and keeps every date writable.
const (
	maxLifetimeMonths  = 100 * 12
	maxLifetimeSeconds = 100 * 366 * 24 * 60 * 60
)

func (l Lifetime) valid() bool {
	return l.seconds >= 0 && l.months >= 0 && l != (Lifetime{}) &&
		l.seconds <= maxLifetimeSeconds && l.months <= maxLifetimeMonths
}

// atMost bounds the lifetime, wherever in the calendar it begins.
func (l Lifetime) atMost() time.Duration {
	return time.Duration(l.seconds)*time.Second + time.Duration(l.months)*31*24*time.Hour
}

// after returns the expiry of a token issued at t, in UTC.
func (l Lifetime) after(t time.Time) time.Time {
	t = t.UTC().Add(time.Duration(l.seconds) * time.Second)
	if l.months == 0 {
		return t
	}
	first := time.Date(t.Year(), t.Month()+time.Month(l.months), 1, t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), last)-1)
}

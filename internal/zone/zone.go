// Package zone says which time zones a store can keep by their name.
package zone

import "time"

// Loadable says whether a time zone's name is enough to get it back. One of
// time.FixedZone may bear the name of another. Nil is no zone, and is.
func Loadable(zone *time.Location) bool {
	if zone == nil {
		return true
	}
	// time.Local is another zone on another machine.
	if zone == time.Local || zone.String() == "Local" {
		return false
	}
	loaded, err := time.LoadLocation(zone.String())
	if err != nil {
		return false
	}
	for _, month := range []time.Month{time.January, time.July} {
		day := time.Date(2026, month, 1, 0, 0, 0, 0, time.UTC)
		_, want := day.In(zone).Zone()
		if _, got := day.In(loaded).Zone(); got != want {
			return false
		}
	}
	return true
}

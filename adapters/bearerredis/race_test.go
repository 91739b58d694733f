//go:build race

package bearerredis_test

// raceDetector: its own allocations are none of the package's.
const raceDetector = true

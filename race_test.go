//go:build race

package bearer_test

// raceDetector: its own allocations are none of the package's.
const raceDetector = true

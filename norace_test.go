//go:build !race

package bearer_test

const raceDetector = false

//go:build !race

package bearerredis_test

const raceDetector = false

package main

import (
	"fmt"
	"slices"
	"time"
)

// A summary is the medians of a row's samples.
type summary struct {
	time          time.Duration
	spread        float64 // of the slowest sample and the fastest one, as a part of the median
	cores         float64 // how much more two goroutines do than one
	allocs, bytes float64
}

func (r *row) summary() summary {
	times := sorted(r.serial, func(f figure) float64 { return float64(f.time) })
	middle := median(times)
	return summary{
		time:   time.Duration(middle),
		spread: (times[len(times)-1] - times[0]) / middle,
		cores:  middle / median(sorted(r.parallel, func(f figure) float64 { return float64(f.time) })),
		allocs: median(sorted(r.serial, func(f figure) float64 { return f.allocs })),
		bytes:  median(sorted(r.serial, func(f figure) float64 { return f.bytes })),
	}
}

func sorted(figures []figure, by func(figure) float64) []float64 {
	values := make([]float64, len(figures))
	for i, f := range figures {
		values[i] = by(f)
	}
	slices.Sort(values)
	return values
}

func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// find returns the fastest row that match approves of; nil: none.
func (s *scenario) find(match func(*row) bool) *row {
	var best *row
	for _, r := range s.rows {
		if match(r) && (best == nil || r.summary().time < best.summary().time) {
			best = r
		}
	}
	return best
}

func (s *scenario) baseline() *row { return s.find(func(r *row) bool { return r.name == baseline }) }
func (s *scenario) floor() *row    { return s.find(func(r *row) bool { return r.kind == floor }) }

// bestPeer is the fastest one whose answers are right, B among them.
func (s *scenario) bestPeer() *row {
	return s.find(func(r *row) bool { return r.kind == peer && r.wrong == "" })
}

// ratio is how many times as long r takes as another row.
func (r *row) ratio(to *row) string {
	if to == nil {
		return ""
	}
	x := float64(r.summary().time) / float64(to.summary().time)
	if x < 0.1 {
		return fmt.Sprintf("%.3f", x)
	}
	return fmt.Sprintf("%.2f", x)
}

func short(d time.Duration) string {
	switch ns := float64(d); {
	case ns < 1e3:
		return fmt.Sprintf("%.0f ns", ns)
	case ns < 1e4:
		return fmt.Sprintf("%.2f µs", ns/1e3)
	case ns < 1e5:
		return fmt.Sprintf("%.1f µs", ns/1e3)
	default:
		return fmt.Sprintf("%.0f µs", ns/1e3)
	}
}

package bearertest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// A TimingClass is one of several kinds of calls whose durations should tell
// nobody which kind a call was, as refused logins of different causes.
type TimingClass struct {
	Name string
	Run  func(context.Context) error // one attempt, with a check of its answer: its error ends the measurement
}

// A Timing is what [MeasureTiming] found for one class.
type Timing struct {
	Name    string
	N       int // attempts
	Median  time.Duration
	T       float64 // the largest Welch's t between this class and another, without its sign
	Against string  // that other class
}

// Timings are the classes of one measurement. They print as a table.
type Timings []Timing

// timingThreshold is that of Test Vector Leakage Assessment (Goodwill, Jun, Jaffe
// and Rohatgi, "A testing methodology for side-channel resistance validation",
// 2011): one comparison of equals in about 100 000 exceeds it by chance.
const timingThreshold = 4.5

// MeasureTiming runs n attempts of each class, one at a time: n rounds of one
// attempt of each, in an order that is drawn anew for each round, after a round
// that does not count. For each class it returns the median and the largest
// Welch's t of its durations against those of another class.
//
// The method is dudect's (Reparaz, Balasch and Verbauwhede, "Dude, is my code
// constant time?", 2017). Durations have a long tail, of interrupts and garbage
// collections, in which a difference drowns: so t is also computed without the
// largest 1, 5, 10, 25 and 50 % of each two classes' durations, where at least 100
// of each are left, and the largest counts. A t over 4.5 is strong evidence that
// the two can be told apart.
//
// A t under 4.5 does NOT prove that they cannot. It grows with the square root of
// n, so that more attempts may show what these did not; it says nothing of other
// classes, machines, stores and loads; and durations that are measured one after
// the other are not independent, as Welch's test takes them to be. Since it depends
// on what else the machine does, no test should assert it.
func MeasureTiming(ctx context.Context, n int, classes ...TimingClass) (Timings, error) {
	if n < 2 || len(classes) < 2 {
		return nil, errors.New("bearertest: MeasureTiming compares two classes at least, of two attempts each")
	}
	durations := make([][]time.Duration, len(classes))
	for round := range n + 1 {
		for _, i := range rand.Perm(len(classes)) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			start := time.Now()
			err := classes[i].Run(ctx)
			d := time.Since(start)
			if err != nil {
				return nil, fmt.Errorf("bearertest: %s: %w", classes[i].Name, err)
			}
			if round > 0 {
				durations[i] = append(durations[i], d)
			}
		}
	}
	all := make(Timings, len(classes))
	for i, c := range classes {
		slices.Sort(durations[i])
		all[i] = Timing{Name: c.Name, N: n, Median: (durations[i][(n-1)/2] + durations[i][n/2]) / 2}
	}
	for i := range all {
		for j := range i {
			t := largestT(durations[i], durations[j])
			all[i].compare(t, all[j].Name)
			all[j].compare(t, all[i].Name)
		}
	}
	return all, nil
}

func (m *Timing) compare(t float64, against string) {
	if m.Against == "" || t > m.T {
		m.T, m.Against = t, against
	}
}

// largestT takes sorted durations.
func largestT(a, b []time.Duration) float64 {
	const enough = 100 // below, chance alone makes large values
	both := slices.Sorted(slices.Values(slices.Concat(a, b)))
	t := welch(a, b)
	for _, percent := range []int{99, 95, 90, 75, 50} {
		limit := both[(len(both)*percent+99)/100-1]
		x, y := upTo(a, limit), upTo(b, limit)
		if len(x) >= enough && len(y) >= enough {
			t = max(t, welch(x, y))
		}
	}
	return t
}

func upTo(sorted []time.Duration, limit time.Duration) []time.Duration {
	n, _ := slices.BinarySearch(sorted, limit+1)
	return sorted[:n]
}

// welch is the difference of the means in standard errors. Of durations without
// any variance it is 0 or infinite.
func welch(a, b []time.Duration) float64 {
	meanA, varianceA := moments(a)
	meanB, varianceB := moments(b)
	difference := math.Abs(meanA - meanB)
	if difference == 0 {
		return 0
	}
	return difference / math.Sqrt(varianceA/float64(len(a))+varianceB/float64(len(b)))
}

func moments(durations []time.Duration) (mean, variance float64) {
	n := float64(len(durations))
	for _, d := range durations {
		mean += float64(d) / n
	}
	for _, d := range durations {
		variance += (float64(d) - mean) * (float64(d) - mean) / (n - 1)
	}
	return mean, variance
}

// String is a table, and what its largest t says.
func (all Timings) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "class\tattempts\tmedian\tlargest t\tagainst")
	largest := 0.0
	for _, m := range all {
		fmt.Fprintf(w, "%s\t%d\t%v\t%.2f\t%s\n", m.Name, m.N, m.Median.Round(time.Microsecond), m.T, m.Against)
		largest = max(largest, m.T)
	}
	_ = w.Flush() // to a Builder, which takes everything
	if largest > timingThreshold {
		fmt.Fprintf(&b, "largest t %.2f, over %.1f: two of these classes can be told apart\n", largest, timingThreshold)
	} else {
		fmt.Fprintf(&b, "largest t %.2f, not over %.1f: these attempts show no difference\n", largest, timingThreshold)
	}
	return b.String()
}

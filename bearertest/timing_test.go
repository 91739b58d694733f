package bearertest_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobearer/bearer/bearertest"
)

// takes is a class whose attempts take these durations, in fake time. The first
// attempt, which does not count, takes an hour.
func takes(name string, durations []time.Duration) bearertest.TimingClass {
	next := append([]time.Duration{time.Hour}, durations...)
	return bearertest.TimingClass{Name: name, Run: func(context.Context) error {
		time.Sleep(next[0])
		next = next[1:]
		return nil
	}}
}

func milliseconds(all ...float64) []time.Duration {
	var d []time.Duration
	for _, ms := range all {
		d = append(d, time.Duration(ms*float64(time.Millisecond)))
	}
	return d
}

// noise are n durations around base, the same for the same seed, some of them
// far above it.
func noise(seed uint64, n int, base time.Duration, outliers float64) []time.Duration {
	r := rand.New(rand.NewPCG(seed, 0))
	d := make([]time.Duration, n)
	for i := range d {
		d[i] = base + time.Duration(r.NormFloat64()*float64(time.Millisecond))
		if r.Float64() < outliers {
			d[i] += time.Duration(r.ExpFloat64() * float64(time.Second))
		}
	}
	return d
}

func measure(t *testing.T, n int, classes ...bearertest.TimingClass) bearertest.Timings {
	t.Helper()
	got, err := bearertest.MeasureTiming(t.Context(), n, classes...)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// The values are worked out by hand, but for those of Welch's own example, which
// are the textbooks'.
func TestTimingsAreWelchsT(t *testing.T) {
	for _, tt := range []struct {
		name    string
		a, b    []time.Duration
		medians [2]time.Duration
		t       float64
	}{
		// Means 2 and 4, variances 1 and 4: 2 / sqrt(1/3 + 4/3).
		{"different variances", milliseconds(1, 2, 3), milliseconds(2, 6, 4), [2]time.Duration{2 * time.Millisecond, 4 * time.Millisecond}, 1.549193338},
		{"the other way round", milliseconds(6, 4, 2), milliseconds(3, 1, 2), [2]time.Duration{4 * time.Millisecond, 2 * time.Millisecond}, 1.549193338},
		// Means 2.5, variance 5/3: 5 / sqrt(2 * 5/12).
		{"an even number", milliseconds(4, 2, 1, 3), milliseconds(6, 9, 8, 7), [2]time.Duration{2500 * time.Microsecond, 7500 * time.Microsecond}, 5.477225575},
		{"the same", milliseconds(1, 2, 3), milliseconds(3, 2, 1), [2]time.Duration{2 * time.Millisecond, 2 * time.Millisecond}, 0},
		{"no variance, one mean", milliseconds(1, 1), milliseconds(1, 1), [2]time.Duration{time.Millisecond, time.Millisecond}, 0},
		{"no variance, two means", milliseconds(1, 1), milliseconds(2, 2), [2]time.Duration{time.Millisecond, 2 * time.Millisecond}, math.Inf(1)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := measure(t, len(tt.a), takes("a", tt.a), takes("b", tt.b))
				for i, name := range []string{"a", "b"} {
					want := bearertest.Timing{Name: name, N: len(tt.a), Median: tt.medians[i], T: got[i].T, Against: []string{"b", "a"}[i]}
					if got[i] != want || got[i].T != tt.t && !(math.Abs(got[i].T-tt.t) < 1e-9) {
						t.Errorf("%+v, want %+v with a T of %v", got[i], want, tt.t)
					}
				}
			})
		})
	}
}

// Each class is compared with every other, and shows the largest difference.
func TestTimingsShowTheLargestDifference(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := measure(t, 3, takes("a", milliseconds(1, 2, 3)), takes("b", milliseconds(2, 3, 4)), takes("c", milliseconds(11, 12, 13)))
		unit := math.Sqrt(2.0 / 3) // all variances are 1
		for i, want := range []bearertest.Timing{
			{Name: "a", Against: "c", T: 10 / unit}, {Name: "b", Against: "c", T: 9 / unit}, {Name: "c", Against: "a", T: 10 / unit},
		} {
			if got[i].Name != want.Name || got[i].Against != want.Against || !(math.Abs(got[i].T-want.T) < 1e-9) {
				t.Errorf("%+v, want %+v", got[i], want)
			}
		}
	})
}

// A difference of 0.3 ms between noise of 1 ms is found beneath outliers of a
// second, and none is found where there is none.
func TestTimingsSeeThroughOutliers(t *testing.T) {
	const n, base = 1000, 30 * time.Millisecond
	for _, tt := range []struct {
		name     string
		b        time.Duration
		outliers float64
		differ   bool
	}{
		{"one distribution", base, 0, false},
		{"one distribution with outliers", base, 0.03, false},
		{"two distributions", base + 300*time.Microsecond, 0, true},
		{"two distributions with outliers", base + 300*time.Microsecond, 0.03, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := measure(t, n, takes("a", noise(1, n, base, tt.outliers)), takes("b", noise(2, n, tt.b, tt.outliers)))
				if differ := got[0].T > 4.5; differ != tt.differ {
					t.Errorf("T is %v", got[0].T)
				}
				if says := strings.Contains(got.String(), "can be told apart"); says != tt.differ {
					t.Errorf("it prints\n%s", got)
				}
			})
		})
	}
}

// The 50 % crop alone is in sight of this difference: in one half of b's
// durations, below the median of all.
func TestTimingsCompareParts(t *testing.T) {
	const n = 400
	a, b := make([]time.Duration, n), make([]time.Duration, n)
	for i := range n {
		jitter := time.Duration(i%7) * time.Millisecond
		a[i], b[i] = 100*time.Millisecond+jitter, 100*time.Millisecond+jitter
		if i >= n/2 {
			a[i], b[i] = time.Duration(i)*time.Second, time.Duration(i)*time.Second
		} else {
			b[i] += 2 * time.Millisecond
		}
	}
	synctest.Test(t, func(t *testing.T) {
		got := measure(t, n, takes("a", a), takes("b", b))
		// 200 of each, of variance 4 * 200/199: 2 / sqrt(2 * 4/199), but that 200 are
		// no multiple of 7.
		if want := 2 / math.Sqrt(2*4.0/199); !(math.Abs(got[0].T-want) < 0.1) {
			t.Errorf("%v, want about %v", got[0].T, want)
		}
	})
}

// Few durations differ by chance: parts of less than 100 are not compared.
func TestTimingsOfSmallPartsDoNotCount(t *testing.T) {
	const n = 99
	a, b := make([]time.Duration, n), make([]time.Duration, n)
	for i := range n {
		a[i], b[i] = time.Duration(i)*time.Second, time.Duration(i)*time.Second
		if i < n/2 {
			b[i] += 500 * time.Millisecond
		}
	}
	synctest.Test(t, func(t *testing.T) {
		if got := measure(t, n, takes("a", a), takes("b", b)); got[0].T > 0.1 {
			t.Errorf("%v", got[0].T)
		}
	})
}

// One at a time, one of each class in each round, in no fixed order.
func TestTimingRounds(t *testing.T) {
	const n = 200
	var order []string
	running := 0
	class := func(name string) bearertest.TimingClass {
		return bearertest.TimingClass{Name: name, Run: func(context.Context) error {
			if running++; running != 1 {
				t.Error("two at once")
			}
			time.Sleep(time.Millisecond)
			running--
			order = append(order, name)
			return nil
		}}
	}
	synctest.Test(t, func(t *testing.T) { measure(t, n, class("a"), class("b"), class("c")) })
	if len(order) != 3*(n+1) {
		t.Fatalf("%d attempts", len(order))
	}
	orders := map[string]int{}
	for round := range slices.Chunk(order, 3) {
		orders[strings.Join(round, "")]++
		if slices.Sort(round); strings.Join(round, "") != "abc" {
			t.Errorf("a round of %q", round)
		}
	}
	if len(orders) != 6 {
		t.Errorf("orders %v, want all six", orders)
	}
}

func TestTimingErrors(t *testing.T) {
	fine := bearertest.TimingClass{Name: "fine", Run: func(context.Context) error { return nil }}
	errWrong := errors.New("status 500")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name    string
		ctx     context.Context
		n       int
		classes []bearertest.TimingClass
		is      error
		says    string
	}{
		{"an answer that is not the expected one", t.Context(), 2, []bearertest.TimingClass{fine, {Name: "broken", Run: func(context.Context) error { return errWrong }}}, errWrong, "broken"},
		{"a context that has ended", ended, 2, []bearertest.TimingClass{fine, fine}, context.Canceled, ""},
		{"one class", t.Context(), 2, []bearertest.TimingClass{fine}, nil, "two classes"},
		{"one attempt", t.Context(), 1, []bearertest.TimingClass{fine, fine}, nil, "two attempts"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := bearertest.MeasureTiming(tt.ctx, tt.n, tt.classes...)
			if got != nil || err == nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

func TestTimingsPrintAsATable(t *testing.T) {
	got := bearertest.Timings{
		{Name: "unknown user", N: 1000, Median: 31234567, T: 1.234, Against: "disabled"},
		{Name: "disabled", N: 1000, Median: 31000000, T: 4.5, Against: "unknown user"},
	}.String()
	const want = `class         attempts  median    largest t  against
unknown user  1000      31.235ms  1.23       disabled
disabled      1000      31ms      4.50       unknown user
largest t 4.50, not over 4.5: these attempts show no difference
`
	if got != want {
		t.Errorf("%s", got)
	}
}

package main

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"
)

// work does the i-th operation and reports whether its outcome was right.
type work func(i int) bool

// A row is one contestant's figures in a scenario.
type row struct {
	name  string
	kind  kind
	wrong string                      // not empty: what is wrong with its answers
	start func() (func() work, error) // makes the contestant, and what makes the work of one goroutine
	right func() bool                 // whether what the work of a batch left behind is right; nil: it has said all

	fresh  int // not zero: after that many operations the contestant starts anew, by one more that does not count
	warmUp int // operations before each sample

	clients          func() work
	estimate         time.Duration // of an operation
	serial, parallel []figure
}

// A figure is of one operation.
type figure struct {
	time          time.Duration
	allocs, bytes float64
}

var errWrong = errors.New("a wrong answer")

// prepare does every kind of operation once, and learns how long one takes.
func (r *row) prepare() error {
	clients, err := r.start()
	if err != nil {
		return err
	}
	w, n, begin := clients(), max(r.warmUp, min(r.fresh, 256), 1), time.Now()
	for i := range n {
		if !w(i) {
			return fmt.Errorf("%s: %w", r.name, errWrong)
		}
	}
	r.clients, r.estimate = clients, max(time.Since(begin)/time.Duration(n), 1)
	return nil
}

// measure takes a sample of d with one goroutine and one with two.
func (r *row) measure(d time.Duration) error {
	serial, err := r.sample(d, 1)
	if err != nil {
		return err
	}
	parallel, err := r.sample(d, 2)
	if err != nil {
		return err
	}
	r.serial, r.parallel = append(r.serial, serial), append(r.parallel, parallel)
	r.estimate = max(serial.time, 1)
	return nil
}

func (r *row) sample(d time.Duration, goroutines int) (figure, error) {
	runtime.GC()
	clients, total := r.clients, max(int(d/r.estimate), 1)*goroutines
	if r.fresh == 0 {
		w := clients()
		for i := range r.warmUp {
			w(i)
		}
		return r.batch(clients, total, goroutines)
	}
	var sum figure
	batches := (total + r.fresh - 1) / r.fresh
	for range batches {
		clients, err := r.start()
		if err != nil {
			return figure{}, err
		}
		clients()(r.fresh)
		f, err := r.batch(clients, min(total, r.fresh), goroutines)
		if err != nil {
			return figure{}, err
		}
		sum.time += f.time
		sum.allocs += f.allocs
		sum.bytes += f.bytes
	}
	n := float64(batches)
	return figure{sum.time / time.Duration(batches), sum.allocs / n, sum.bytes / n}, nil
}

// batch does n operations, each goroutine its part of them.
func (r *row) batch(clients func() work, n, goroutines int) (figure, error) {
	works := make([]work, goroutines)
	for g := range works {
		works[g] = clients()
	}
	right := make([]bool, goroutines)
	run := func(g int) {
		w := works[g]
		for i := g * n / goroutines; i < (g+1)*n/goroutines; i++ {
			if !w(i) {
				return
			}
		}
		right[g] = true
	}
	var before, after runtime.MemStats
	var others sync.WaitGroup
	runtime.ReadMemStats(&before)
	begin := time.Now()
	for g := 1; g < goroutines; g++ {
		others.Go(func() { run(g) })
	}
	run(0)
	others.Wait()
	took := time.Since(begin)
	runtime.ReadMemStats(&after)
	if slices.Contains(right, false) || r.right != nil && !r.right() {
		return figure{}, fmt.Errorf("%s: %w", r.name, errWrong)
	}
	return figure{
		time:   took / time.Duration(n),
		allocs: float64(after.Mallocs-before.Mallocs) / float64(n),
		bytes:  float64(after.TotalAlloc-before.TotalAlloc) / float64(n),
	}, nil
}

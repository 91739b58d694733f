package tokencache_test

import (
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/gobearer/bearer/internal/tokencache"
)

// 256 tokens in rotation, as long as a small one and as the wire format's own.
func BenchmarkGet(b *testing.B) {
	for _, bm := range []struct {
		name   string
		length int
		others int // in the cache besides
		miss   bool
	}{
		{"480 bytes", 480, 0, false},
		{"1900 bytes", 1900, 0, false},
		{"480 bytes, full", 480, 10_000, false},
		{"1900 bytes, full", 1900, 10_000, false},
		{"480 bytes, miss", 480, 0, true},
		{"480 bytes, full, miss", 480, 10_000, true},
	} {
		c := tokencache.New[[40]int](16 << 20)
		var tokens, asked [256]string
		for n := range tokens {
			tokens[n] = tokenOf(n, bm.length)
			// A request's token is never the very string that is held.
			asked[n] = string([]byte(tokens[n]))
			if bm.miss {
				asked[n] = tokenOf(-n-1, bm.length)
			}
			put(c, tokens[n], [40]int{n}, 300, 0, 1000)
		}
		for n := range bm.others {
			put(c, tokenOf(1000+n, bm.length), [40]int{n}, 300, 0, 1000)
		}
		check := func(b *testing.B, n int) {
			if v := get(c, asked[n&255], 1); (v == nil) != bm.miss || v != nil && v[0] != n&255 {
				b.Fatal("wrong")
			}
		}
		b.Run(bm.name+"/serial", func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				check(b, n)
				n++
			}
		})
		b.Run(bm.name+"/parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				n := rand.IntN(256)
				for pb.Next() {
					check(b, n)
					n++
				}
			})
		})
	}
}

// What a token costs that is seen for the first time: with room, and without.
func BenchmarkPut(b *testing.B) {
	const n = 1 << 17
	tokens := make([]string, n)
	for i := range tokens {
		tokens[i] = token(i)
	}
	b.Run("each for the first time", func(b *testing.B) {
		b.ReportAllocs()
		c := tokencache.New[[40]int](16 << 20)
		i := 0
		for b.Loop() {
			put(c, tokens[i%n], [40]int{}, 300, 0, 1000)
			i++
		}
	})
	b.Run("each for the first time, parallel", func(b *testing.B) {
		b.ReportAllocs()
		c := tokencache.New[[40]int](16 << 20)
		var i atomic.Int64
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				put(c, tokens[i.Add(1)%n], [40]int{}, 300, 0, 1000)
			}
		})
	})
	b.Run("each for the second time", func(b *testing.B) {
		b.ReportAllocs()
		c := tokencache.New[[40]int](16 << 20)
		i := 0
		for b.Loop() {
			put(c, tokens[i%n], [40]int{}, 300, 0, 1000)
			put(c, tokens[i%n], [40]int{}, 300, 0, 1000)
			i++
		}
	})
}

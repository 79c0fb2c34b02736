package sampler_test

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/trial"
)

// What a draw costs after five earlier studies of n trials each, once the sampler has learned from them,
// and what learning from them costs, in an objective of two parameters.
func BenchmarkWarmStart(b *testing.B) {
	for _, n := range []int{100, 2_000} {
		var sources []trial.History
		for seed := range uint64(5) {
			sources = append(sources, earlier(seed, n, trial.Minimize, basin))
		}
		h := earlier(9, 20, trial.Minimize, basin)
		draw := func(b *testing.B, s *sampler.WarmStart, seed int) {
			u := &trial.Trial{Number: 20, Seen: 20, State: trial.Running}
			if _, err := s.SampleJoint(sampler.NewRequest(h, u, rand.New(rand.NewPCG(uint64(seed), 1)))); err != nil {
				b.Fatal(err)
			}
		}
		b.Run("learn/"+strconv.Itoa(n), func(b *testing.B) {
			for i := range b.N {
				draw(b, &sampler.WarmStart{Sources: sources}, i)
			}
		})
		b.Run("draw/"+strconv.Itoa(n), func(b *testing.B) {
			s := &sampler.WarmStart{Sources: sources}
			draw(b, s, 0)
			b.ResetTimer()
			for i := range b.N {
				draw(b, s, i)
			}
		})
	}
}

package sampler

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
)

func TestRandomIsUniformOnTheScaleOfTheDistribution(t *testing.T) {
	for _, c := range []struct {
		name string
		d    space.Dist
		bins int
		bin  func(x float64) int
	}{
		{"a float", space.Float{Low: -2, High: 3}, 10, func(x float64) int { return int((x + 2) / 5 * 10) }},
		{"a log float has every decade equally often", space.Float{Low: 1e-6, High: 1e4, Log: true}, 10, func(x float64) int { return int(math.Log10(x) + 6) }},
		{"a grid has every value equally often", space.Float{Low: 0, High: 1, Step: 0.25}, 5, func(x float64) int { return int(math.Round(x * 4)) }},
		{"an int has every value equally often", space.Int{Low: 3, High: 12}, 10, func(x float64) int { return int(x) - 3 }},
		{"an int in steps", space.Int{Low: 0, High: 40, Step: 10}, 5, func(x float64) int { return int(x) / 10 }},
		{"choices", space.Choose("a", "b", "c").Dist(), 3, func(x float64) int { return int(x) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			const n = 20_000
			r := Request{Rand: rand.New(rand.NewPCG(1, 2))}
			counts := make([]float64, c.bins)
			for range n {
				x, err := Random{}.Sample(r, "x", c.d)
				if err != nil {
					t.Fatal(err)
				}
				counts[min(c.bin(x), c.bins-1)]++
			}
			// Pearson's chi-square: mean k-1, variance 2(k-1); 5 standard
			// deviations above the mean will not happen by chance.
			chi2, want := 0.0, float64(n)/float64(c.bins)
			for _, got := range counts {
				chi2 += (got - want) * (got - want) / want
			}
			k := float64(c.bins - 1)
			if limit := k + 5*math.Sqrt(2*k); chi2 > limit {
				t.Errorf("counts %v: chi-square is %v, want at most %v", counts, chi2, limit)
			}
		})
	}
}

func BenchmarkRandom(b *testing.B) {
	r := Request{Rand: rand.New(rand.NewPCG(1, 2))}
	d := space.Float{Low: 1e-5, High: 1e-1, Log: true}
	for b.Loop() {
		if _, err := (Random{}).Sample(r, "x", d); err != nil {
			b.Fatal(err)
		}
	}
}

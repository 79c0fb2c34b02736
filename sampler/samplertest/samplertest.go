// Package samplertest is the conformance suite for samplers. Each failure message states the rule
// that was broken.
package samplertest

import (
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Run checks the rules that every sampler must follow. newSampler returns a fresh sampler with the
// same settings every time. Run it with the race detector too.
func Run(t *testing.T, newSampler func() sampler.Sampler) {
	for _, rule := range []struct {
		name  string
		check func(*testing.T, func() sampler.Sampler)
	}{
		{"every value is one of its distribution", testContained},
		{"both ends of every small grid are drawn", testEnds},
		{"the same request gets the same answer", testSameAnswer},
		{"a history is not modified", testUnmodified},
		{"maximizing f is minimizing -f", testDirections},
		{"goroutines do not disturb each other", testConcurrent},
		{"several objectives are served or refused", testObjectives},
		{"the search leaves regions that give no value", testExplores},
		{"explanations are sound and change nothing", testExplains},
	} {
		t.Run(rule.name, func(t *testing.T) { rule.check(t, newSampler) })
	}
}

// Improves checks that the sampler finds much better values than random search does. On a shifted
// sphere in five dimensions, after 150 trials, the median over 15 seeds of its best value must be
// less than a fourth of random search's.
func Improves(t *testing.T, newSampler func() sampler.Sampler) {
	improves(t, newSampler, 15, 150, 4)
}

// ImprovesSoon is Improves for a slow sampler that needs few trials: after 40 of them the median
// over five seeds must be less than a hundredth of what random search finds in 150.
func ImprovesSoon(t *testing.T, newSampler func() sampler.Sampler) {
	improves(t, newSampler, 5, 40, 100)
}

// improves compares medians, since single searches vary by orders of magnitude.
func improves(t *testing.T, newSampler func() sampler.Sampler, seeds, trials int, factor float64) {
	t.Helper()
	var with, without []float64
	for seed := range uint64(seeds) {
		with = append(with, bestOnSphere(t, newSampler(), seed, trials))
		// Random search always has 150 trials, the yardstick of both functions.
		without = append(without, bestOnSphere(t, uniform{}, seed, 150))
	}
	slices.Sort(with)
	slices.Sort(without)
	if got, random := with[seeds/2], without[seeds/2]; !(got < random/factor) {
		t.Errorf("the median best value of %d trials must be less than random search's of 150 by a factor of %v, but they are %v and %v",
			trials, factor, got, random)
	}
}

// bestOnSphere returns the best value of one search.
func bestOnSphere(t *testing.T, s sampler.Sampler, seed uint64, trials int) float64 {
	t.Helper()
	st := newStudy(s, seed, trial.Minimize)
	for range trials {
		st.run(t, func(u *run) {
			y := 0.0
			for i, name := range []string{"a", "b", "c", "d", "e"} {
				// Shifted, so the middle of the box is not the optimum.
				x := u.suggest(name, space.Float{Low: -5, High: 5}) - 0.7*float64(i-2) - 0.3
				y += x * x
			}
			u.complete(y)
		})
	}
	best, _ := st.log.History().Best()
	return best.Values[0]
}

// uniform is random search.
type uniform struct{}

// Sample implements sampler.Sampler.
func (uniform) Sample(r sampler.Request, name string, d space.Dist) (float64, error) {
	return d.Value(r.Rand.Float64()), nil
}

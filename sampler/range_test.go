package sampler

import (
	"math"
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// The optimum is in the new part of the range, and earlier good trials are at its edge.
func TestTPEAndGPSearchARangeThatWasWidened(t *testing.T) {
	for name, c := range map[string]struct {
		seeds      uint64
		newSampler func() JointSampler
	}{
		"TPE": {15, func() JointSampler { return &TPE{} }},
		"GP":  {3, func() JointSampler { return &GP{} }},
	} {
		var with, random []float64
		for seed := range c.seeds {
			s, log := c.newSampler(), trial.NewLog(minimize)
			best, bestRandom := math.Inf(1), math.Inf(1)
			value := func(x, y float64) float64 { return (x-2)*(x-2) + (y-0.3-0.2*(x-2))*(y-0.3-0.2*(x-2)) }
			for number := range 120 {
				ranges := map[string]space.Float{"x": {Low: 0, High: 1}, "y": {Low: -2, High: 2}}
				if number >= 60 {
					ranges["x"] = space.Float{Low: 0, High: 4}
				}
				joint, err := s.SampleJoint(request(log, number, seed))
				u := &trial.Trial{Number: number, State: trial.Complete}
				var at, other []float64
				for i, name := range []string{"x", "y"} {
					r := request(log, number, seed+100*uint64(i+1))
					x, ok := joint[name]
					if err == nil && (!ok || !ranges[name].Contains(x)) {
						x, err = s.Sample(r, name, ranges[name])
					}
					if err != nil {
						t.Fatal(err)
					}
					at, other = append(at, x), append(other, ranges[name].Value(r.Rand.Float64()))
					u.Params = append(u.Params, trial.Param{Name: name, Value: x, Dist: ranges[name]})
				}
				u.Values = []float64{value(at[0], at[1])}
				log.Put(u)
				if number >= 60 {
					best, bestRandom = min(best, u.Values[0]), min(bestRandom, value(other[0], other[1]))
				}
			}
			with, random = append(with, best), append(random, bestRandom)
		}
		if a, b := median(with), median(random); !(a < b/4) {
			t.Errorf("%s: the median best after the change is %v and random search's %v, want less than a fourth", name, a, b)
		}
	}
}

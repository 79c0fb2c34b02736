package sampler

import (
	"math"
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A parameter with another range in every trial is not modelled: its model would have to
// be made again each time.
func TestDriftSettles(t *testing.T) {
	for _, c := range []struct {
		name string
		high []int // of the ranges, one after the other
		want bool
	}{
		{"never changed", []int{1, 1, 1}, true},
		{"new", []int{1}, true},
		{"changed now", []int{1, 1, 1, 2}, false},
		{"changed before", []int{1, 1, 1, 2, 2}, true},
		{"changes always", []int{1, 2, 3, 4, 5, 6, 7, 8}, false},
		{"forth and back", []int{1, 2, 1, 2, 1, 2, 1, 1}, false},
		{"changed a lot and then lasted", []int{1, 2, 3, 3, 3}, true},
	} {
		var d cube.Drift
		for _, high := range c.high {
			d = d.With(space.Int{Low: 0, High: high})
		}
		if got := d.Settled(); got != c.want || d.Dist != space.Dist(space.Int{Low: 0, High: c.high[len(c.high)-1]}) {
			t.Errorf("%s: settled is %v with %v, want %v with the last range", c.name, got, d.Dist, c.want)
		}
	}
}

// The optimum is in the new part of the range, and earlier good trials are at its edge.
func TestTPEAndGPSearchARangeThatWasWidened(t *testing.T) {
	type sampler interface {
		Sample(Request, string, space.Dist) (float64, error)
		SampleJoint(Request) (map[string]float64, error)
	}
	for name, c := range map[string]struct {
		seeds      uint64
		newSampler func() sampler
	}{
		"TPE": {15, func() sampler { return &TPE{} }},
		"GP":  {3, func() sampler { return &GP{} }},
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

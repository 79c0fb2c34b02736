package sampler_test

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A cmaesStudy is a minimal engine around a CMAES that can run trials in parallel.
type cmaesStudy struct {
	tb      testing.TB
	sampler *sampler.CMAES
	seed    uint64
	dists   space.Space
	f       func(x []float64) float64 // of the internal values, in the order of dists
	log     *trial.Log
	next    int
}

func newCMAESStudy(tb testing.TB, s *sampler.CMAES, seed uint64, d trial.Direction, f func([]float64) float64, dists ...space.Dist) *cmaesStudy {
	st := &cmaesStudy{tb: tb, sampler: s, seed: seed, f: f, log: trial.NewLog([]trial.Direction{d})}
	for i, dist := range dists {
		st.dists = append(st.dists, space.Dimension{Name: string(rune('a' + i)), Dist: dist})
	}
	return st
}

// request returns a request for a trial and a parameter.
func (s *cmaesStudy) request(h trial.History, number int, name string) sampler.Request {
	sum := fnv.New64a()
	sum.Write([]byte(name))
	return sampler.NewRequest(h, &trial.Trial{Number: number}, rand.New(rand.NewPCG(s.seed^sum.Sum64(), uint64(number))))
}

// draw returns the parameters that c draws for trial number after h.
func (s *cmaesStudy) draw(c *sampler.CMAES, h trial.History, number int) []float64 {
	s.tb.Helper()
	joint, err := c.SampleJoint(s.request(h, number, ""))
	if err != nil {
		s.tb.Fatal(err)
	}
	var values []float64
	for _, d := range s.dists {
		x, ok := joint[d.Name]
		if !ok {
			if x, err = c.Sample(s.request(h, number, d.Name), d.Name, d.Dist); err != nil {
				s.tb.Fatal(err)
			}
		}
		if !d.Dist.Contains(x) {
			s.tb.Fatalf("trial %d: drew %v for %s, which is %v", number, x, d.Name, d.Dist)
		}
		values = append(values, x)
	}
	return values
}

// ask starts a trial.
func (s *cmaesStudy) ask() *trial.Trial {
	s.tb.Helper()
	h := s.log.History()
	t := s.trial(s.draw(s.sampler, h, s.next)...)
	t.Seen = len(h.Finished())
	s.log.Put(&trial.Trial{Number: t.Number, Seen: t.Seen})
	return t
}

// trial returns the next trial, with given values.
func (s *cmaesStudy) trial(values ...float64) *trial.Trial {
	t := &trial.Trial{Number: s.next}
	s.next++
	for i, x := range values {
		t.Params = append(t.Params, trial.Param{Name: s.dists[i].Name, Value: x, Dist: s.dists[i].Dist})
	}
	return t
}

// tell completes a trial.
func (s *cmaesStudy) tell(t *trial.Trial) {
	var x []float64
	for _, p := range t.Params {
		x = append(x, p.Value)
	}
	t.State, t.Values = trial.Complete, []float64{s.f(x)}
	s.log.Put(t)
}

// run runs n trials one by one and returns the best value.
func (s *cmaesStudy) run(n int) float64 {
	s.tb.Helper()
	for range n {
		s.tell(s.ask())
	}
	best, _ := s.log.History().Best()
	return best.Values[0]
}

// runParallel runs n trials on the given number of workers, which finish in
// random order.
func (s *cmaesStudy) runParallel(n, workers int) {
	s.tb.Helper()
	r := rand.New(rand.NewPCG(s.seed, 99))
	var running []*trial.Trial
	for range n {
		for len(running) < workers {
			running = append(running, s.ask())
		}
		i := r.IntN(len(running))
		s.tell(running[i])
		running = slices.Delete(running, i, i+1)
	}
}

func five(d space.Dist) []space.Dist { return slices.Repeat([]space.Dist{d}, 5) }

// shiftedSphere has its minimum at -1.1, -0.4, 0.3, 1, 1.7.
func shiftedSphere(x []float64) float64 {
	sum := 0.0
	for i, v := range x {
		d := v - (0.7*float64(i-2) + 0.3)
		sum += d * d
	}
	return sum
}

func rosenbrockFunction(x []float64) float64 {
	sum := 0.0
	for i := range len(x) - 1 {
		a, b := x[i+1]-x[i]*x[i], 1-x[i]
		sum += 100*a*a + b*b
	}
	return sum
}

// ellipsoid has its minimum at 0 and condition 10^6.
func ellipsoid(x []float64) float64 {
	sum, weight := 0.0, 1.0
	for _, v := range x {
		sum += weight * v * v
		weight *= 4.641588833612779 // 10^(6/9), for ten dimensions
	}
	return sum
}

package outcome

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

var unit = space.Float{High: 1}

// at returns a trial with parameters a, b and c, which ran.
func at(a, b, c float64) *trial.Trial {
	return &trial.Trial{State: trial.Complete, Values: []float64{1}, Params: []trial.Param{
		{Name: "a", Value: a, Dist: unit}, {Name: "b", Value: b, Dist: unit}, {Name: "c", Value: c, Dist: unit}}}
}

// some returns n trials at random, of which those do not run that ends says so of.
func some(n int, seed uint64, ends func(t *trial.Trial)) []*trial.Trial {
	r := rand.New(rand.NewPCG(seed, 0))
	var list []*trial.Trial
	for range n {
		t := at(r.Float64(), r.Float64(), r.Float64())
		ends(t)
		list = append(list, t)
	}
	return list
}

func infeasible(t *trial.Trial) {
	t.State, t.Values, t.Constraints = trial.Pruned, nil, map[string]float64{"infeasible": 1}
}

func chanceAt(c *Chances, a, b, d float64) float64 { return c.At(at(a, b, d).Drawn) }

func TestNothingIsLearnedWhereAllRun(t *testing.T) {
	pruned := at(1, 1, 1)
	pruned.State = trial.Pruned
	other := at(0, 0, 0)
	other.Constraints = map[string]float64{"latency": 1}
	lost := &trial.Trial{State: trial.Failed} // before it had parameters
	if c := new(Learner).Chances([]*trial.Trial{at(0, 0, 0), pruned, other, lost}); c != nil {
		t.Errorf("chances are %v, want none", c)
	}
}

// Memory grows with a and b; c has nothing to do with it.
func TestLearnsWhereMemoryEnds(t *testing.T) {
	trials := some(40, 1, func(t *trial.Trial) {
		if t.Params[0].Value+t.Params[1].Value > 1.2 {
			infeasible(t)
		}
	})
	c := new(Learner).Chances(trials)
	right := 0
	for _, u := range some(200, 2, func(*trial.Trial) {}) {
		p := c.At(u.Drawn)
		if (p > 0.5) == (u.Params[0].Value+u.Params[1].Value <= 1.2) {
			right++
		}
	}
	if right < 180 {
		t.Errorf("%d of 200 points are judged right, want at least 180", right)
	}
	r := rand.New(rand.NewPCG(3, 0))
	bad := 0
	for range 100 {
		v := c.Draw(nil, &trial.Trial{}, nil, r)
		if v["a"]+v["b"] > 1.2 {
			bad++
		}
	}
	if bad > 5 {
		t.Errorf("%d of 100 random draws do not run, want at most 5", bad)
	}
}

// What needs even more memory than a trial that had too little is less likely to run.
func TestWhatIsBeyondAFailureIsWorse(t *testing.T) {
	out := at(0.8, 0.8, 0.5)
	infeasible(out)
	c := new(Learner).Chances([]*trial.Trial{at(0.2, 0.3, 0.4), at(0.4, 0.1, 0.6), at(0.1, 0.6, 0.3), out})
	same, beyond, less := chanceAt(c, 0.8, 0.8, 0.5), chanceAt(c, 0.9, 0.95, 0.5), chanceAt(c, 0.2, 0.2, 0.5)
	if !(beyond < same && same < 0.5 && less > 0.8) {
		t.Errorf("chances are %.2f where a trial failed, %.2f beyond, %.2f at less", same, beyond, less)
	}
}

// Failures anywhere, as by a broken driver, do not rule out a region; failures in one do.
func TestFlukesDoNotPoisonTheSpace(t *testing.T) {
	fail := func(t *trial.Trial) { t.State, t.Values = trial.Failed, nil }
	n := 0
	flukes := new(Learner).Chances(some(40, 4, func(t *trial.Trial) {
		if n++; n%5 == 0 {
			fail(t)
		}
	}))
	low, high := 1.0, 0.0
	for _, u := range some(200, 5, func(*trial.Trial) {}) {
		p := flukes.At(u.Drawn)
		low, high = min(low, p), max(high, p)
	}
	if low < 0.75*high {
		t.Errorf("chances are from %.2f to %.2f, want them nearly equal", low, high)
	}
	divergence := new(Learner).Chances(some(40, 4, func(t *trial.Trial) {
		if t.Params[0].Value > 0.75 {
			fail(t)
		}
	}))
	if good, bad := chanceAt(divergence, 0.3, 0.5, 0.5), chanceAt(divergence, 0.95, 0.5, 0.5); bad > good/4 {
		t.Errorf("the chance is %.2f where trials fail and %.2f elsewhere, want at most a fourth", bad, good)
	}
}

func TestLearnerIsAFunctionOfTheHistory(t *testing.T) {
	trials := some(30, 6, func(t *trial.Trial) {
		if t.Params[2].Value > 0.8 {
			infeasible(t)
		}
	})
	var l Learner
	for _, n := range []int{30, 12, 13, 30, 29} {
		got, want := l.Chances(trials[:n]), new(Learner).Chances(trials[:n])
		if a, b := chanceAt(got, 0.5, 0.5, 0.7), chanceAt(want, 0.5, 0.5, 0.7); a != b {
			t.Errorf("after %d trials the chance is %v, want %v", n, a, b)
		}
	}
}

func TestGradientIsTheDerivative(t *testing.T) {
	trials := some(25, 7, func(t *trial.Trial) {
		switch {
		case t.Params[0].Value > 0.6:
			infeasible(t)
		case t.Params[1].Value > 0.7:
			t.State = trial.Failed
		}
	})
	trials[3].Params = trials[3].Params[:2]
	c := new(Learner).Chances(trials)
	for _, z := range [][]float64{{0.1, -0.3, 0.5}, {0.9, 0.9, 0}, {0, 0.2, math.NaN()}} {
		grad := make([]float64, 3)
		c.WorthAt(z, grad)
		for i := range z {
			const h = 1e-5
			up, down := append([]float64{}, z...), append([]float64{}, z...)
			up[i] += h
			down[i] -= h
			want := (c.WorthAt(up, nil) - c.WorthAt(down, nil)) / (2 * h)
			if math.IsNaN(z[i]) {
				want = 0
			}
			if math.Abs(grad[i]-want) > 1e-4*(1+math.Abs(want)) {
				t.Errorf("at %v the slope on axis %d is %v, want %v", z, i, grad[i], want)
			}
		}
	}
}

// Time grows with a and halves with c.
func timed(n int, seed uint64) []*trial.Trial {
	return some(n, seed, func(t *trial.Trial) {
		t.Start = time.Unix(0, 0)
		t.End = t.Start.Add(time.Duration(1e10 * math.Exp(3*t.Params[0].Value-math.Ln2*t.Params[2].Value)))
	})
}

func TestSecondsAreLearned(t *testing.T) {
	s := NewSeconds(timed(15, 8))
	for _, u := range timed(50, 9) {
		if got, want := s.Log(u.Drawn), math.Log(u.Duration().Seconds()); math.Abs(got-want) > 0.15 {
			t.Errorf("at %v the logarithm of the seconds is %.3f, want %.3f", u.Params, got, want)
		}
	}
	z := []float64{0.2, -0.5, 0.7}
	grad := make([]float64, 3)
	s.LogAt(z, grad)
	for i := range z {
		const h = 1e-5
		up, down := append([]float64{}, z...), append([]float64{}, z...)
		up[i] += h
		down[i] -= h
		if want := (s.LogAt(up, nil) - s.LogAt(down, nil)) / (2 * h); math.Abs(grad[i]-want) > 1e-5 {
			t.Errorf("the slope on axis %d is %v, want %v", i, grad[i], want)
		}
	}
}

func TestSecondsOfAFewTrialsOrEqualOnesAreUnknown(t *testing.T) {
	if s := NewSeconds(timed(4, 8)); s != nil {
		t.Error("4 trials tell how long they take, want 5")
	}
	if s := NewSeconds(some(20, 8, func(t *trial.Trial) { t.Start, t.End = time.Unix(0, 0), time.Unix(7, 0) })); s != nil {
		t.Error("trials of equal length differ in what they are said to take")
	}
}

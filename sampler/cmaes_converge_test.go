package sampler_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// library is the median that the library cmaes 0.13 reached over 3000 seeds in the same
// way: one random point, then a population of 8 from the centre of the box, redrawn while
// outside. Optuna 5.0.0 got 0.0133 and 4.50 over 500 seeds; CMAES gets 0.0132 and 4.68
// over 5000.
func TestCMAESIsAsGoodAsTheLibraryAfter200Trials(t *testing.T) {
	for _, c := range []struct {
		name    string
		f       func([]float64) float64
		dists   []space.Dist
		library float64
		margin  float64 // times the library's
	}{
		{"shifted sphere", shiftedSphere, five(space.Float{Low: -5, High: 5}), 0.0136, 1.5},
		{"Rosenbrock", rosenbrockFunction, five(space.Float{Low: -5, High: 5}), 4.69, 1.3},
	} {
		var best []float64
		for seed := range uint64(41) {
			best = append(best, newCMAESStudy(t, &sampler.CMAES{}, seed, trial.Minimize, c.f, c.dists...).run(200))
		}
		slices.Sort(best)
		t.Logf("%s: median best %.4g, quartiles %.4g and %.4g; the library's median %v",
			c.name, best[20], best[10], best[30], c.library)
		if best[20] > c.library*c.margin {
			t.Errorf("%s: median best is %v, the library's %v", c.name, best[20], c.library)
		}
	}
}

func TestCMAESConvergesInTenDimensionsAsPycma(t *testing.T) {
	for _, c := range []struct {
		name  string
		f     func([]float64) float64
		pycma int // evaluations to 1e-8
	}{
		{"sphere", func(x []float64) float64 {
			sum := 0.0
			for _, v := range x {
				sum += v * v
			}
			return sum
		}, 1400},
		{"Rosenbrock", rosenbrockFunction, 5200},
		{"ellipsoid", ellipsoid, 4000},
	} {
		var counts []int
		for seed := range uint64(5) {
			st := newCMAESStudy(t, &sampler.CMAES{}, seed, trial.Minimize, c.f, slices.Repeat([]space.Dist{space.Float{Low: -3, High: 3}}, 10)...)
			n := 0
			for n < 12_000 && st.run(100) >= 1e-8 {
				n += 100
			}
			counts = append(counts, n+100)
		}
		slices.Sort(counts)
		t.Logf("%s: %v evaluations to 1e-8, pycma about %d", c.name, counts, c.pycma)
		if counts[2] > c.pycma*13/10 {
			t.Errorf("%s: median of %d evaluations, want about %d", c.name, counts[2], c.pycma)
		}
	}
}

func TestCMAESFindsIntsLogsAndSteps(t *testing.T) {
	f := func(x []float64) float64 {
		return (x[0]-7)*(x[0]-7) + (x[1]-0.3)*(x[1]-0.3) + 1e4*(x[2]-1e-3)*(x[2]-1e-3)
	}
	var best []float64
	for seed := range uint64(21) {
		best = append(best, newCMAESStudy(t, &sampler.CMAES{}, seed, trial.Minimize, f,
			space.Int{Low: -20, High: 20}, space.Float{Low: 0, High: 1, Step: 0.1}, space.Float{Low: 1e-5, High: 1e-1, Log: true}).run(150))
	}
	slices.Sort(best)
	t.Logf("median best %.3g", best[10])
	if best[10] > 0.02 {
		t.Errorf("median best is %v, want at most 0.02: right int, next step, near in the logarithm", best[10])
	}
}

// Queued trials, and those of another sampler, are far from where the search would have
// drawn.
func TestCMAESConvergesWithForeignPoints(t *testing.T) {
	dists := five(space.Float{Low: -5, High: 5})
	for name, disturb := range map[string]func(*cmaesStudy){
		"100 random trials first": func(st *cmaesStudy) {
			random := newCMAESStudy(t, &sampler.CMAES{StartupTrials: 1000}, 5, trial.Minimize, shiftedSphere, dists...)
			random.log, random.next = st.log, st.next
			random.run(100)
			st.next = random.next
		},
		"the minimum queued late": func(st *cmaesStudy) {
			st.run(250)
			u := st.trial(-1.1, -0.4, 0.3, 1, 1.7)
			u.Seen = len(st.log.History().Finished())
			st.tell(u)
		},
		"corners queued late": func(st *cmaesStudy) {
			st.run(250)
			for range 4 {
				u := st.trial(5, -5, 5, -5, 5)
				u.Seen = len(st.log.History().Finished())
				st.tell(u)
			}
		},
	} {
		var last []float64
		for seed := range uint64(11) {
			st := newCMAESStudy(t, &sampler.CMAES{}, seed, trial.Minimize, shiftedSphere, dists...)
			disturb(st)
			st.run(700)
			all := st.log.History().Finished()
			last = append(last, all[len(all)-1].Values[0])
		}
		slices.Sort(last)
		t.Logf("%s: the last value is %.3g (median), %.3g (worst)", name, last[5], last[10])
		if last[5] > 1e-6 {
			t.Errorf("%s: the median of the last values is %v, want a search that converges", name, last[5])
		}
	}
}

func TestCMAESInParallelConverges(t *testing.T) {
	for workers, limit := range map[int]float64{1: 1e-3, 4: 1e-2, 8: 0.2} {
		var best []float64
		for seed := range uint64(11) {
			st := newCMAESStudy(t, &sampler.CMAES{}, seed, trial.Minimize, shiftedSphere, five(space.Float{Low: -5, High: 5})...)
			st.runParallel(350, workers)
			b, _ := st.log.History().Best()
			best = append(best, b.Values[0])
		}
		slices.Sort(best)
		t.Logf("%d workers: median best of 350 trials %.3g", workers, best[5])
		if best[5] > limit {
			t.Errorf("%d workers: median best is %v, want at most %v", workers, best[5], limit)
		}
	}
}

func TestCMAESMaximizingIsMinimizingTheNegative(t *testing.T) {
	rounded := func(x []float64) float64 { return math.Round(10*math.Hypot(x[0], x[1])) / 10 } // it ends on a plateau
	for _, c := range []struct {
		restart sampler.Restart
		f       func(x []float64) float64
		d, n    int
	}{
		{sampler.NoRestart, rosenbrockFunction, 5, 300},
		{sampler.IPOP, rounded, 2, 600},
		{sampler.BIPOP, rounded, 2, 600},
	} {
		dists := five(space.Float{Low: -5, High: 5})[:c.d]
		down := newCMAESStudy(t, &sampler.CMAES{Restart: c.restart}, 1, trial.Minimize, c.f, dists...)
		up := newCMAESStudy(t, &sampler.CMAES{Restart: c.restart}, 1, trial.Maximize, func(x []float64) float64 { return -c.f(x) }, dists...)
		for n := range c.n {
			a, b := down.ask(), up.ask()
			for i := range a.Params {
				if a.Params[i].Value != b.Params[i].Value {
					t.Fatalf("restart %d, trial %d: minimizing f drew %v, maximizing -f %v", c.restart, n, a.Params, b.Params)
				}
			}
			down.tell(a)
			up.tell(b)
		}
	}
}

func BenchmarkCMAESAsk(b *testing.B) {
	for _, n := range []int{100, 1000, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			st := newCMAESStudy(b, &sampler.CMAES{}, 1, trial.Minimize, shiftedSphere, five(space.Float{Low: -5, High: 5})...)
			st.run(n)
			r := st.request(st.log.History(), n, "")
			for b.Loop() {
				if _, err := st.sampler.SampleJoint(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// One trial: the cost of a finished one, and of the draw.
func BenchmarkCMAESTrial(b *testing.B) {
	st := newCMAESStudy(b, &sampler.CMAES{}, 1, trial.Minimize, shiftedSphere, five(space.Float{Low: -5, High: 5})...)
	for b.Loop() {
		st.run(1)
	}
}

func BenchmarkCMAESResume(b *testing.B) {
	st := newCMAESStudy(b, &sampler.CMAES{}, 1, trial.Minimize, shiftedSphere, five(space.Float{Low: -5, High: 5})...)
	st.run(5000)
	r := st.request(st.log.History(), 5000, "")
	for b.Loop() {
		if _, err := new(sampler.CMAES).SampleJoint(r); err != nil {
			b.Fatal(err)
		}
	}
}

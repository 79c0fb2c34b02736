package sampler_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/sampler/internal/cma"
	"github.com/bluefin-hpo/bluefin/sampler/samplertest"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

var unit = space.Float{Low: 0, High: 1}

func TestCMAESConforms(t *testing.T) {
	for name, newSampler := range map[string]func() sampler.Sampler{
		"default":          func() sampler.Sampler { return &sampler.CMAES{} },
		"small population": func() sampler.Sampler { return &sampler.CMAES{Population: 2, StartupTrials: 5} },
		"TPE for the rest": func() sampler.Sampler { return &sampler.CMAES{Independent: &sampler.TPE{}} },
		"separable, BIPOP": func() sampler.Sampler { return &sampler.CMAES{Separable: true, Restart: sampler.BIPOP} },
		"margin":           func() sampler.Sampler { return &sampler.CMAES{Margin: true} },
		"as Optuna":        func() sampler.Sampler { return &sampler.CMAES{Optuna: true} },
		"adapted rates":    func() sampler.Sampler { return &sampler.CMAES{AdaptRates: true, Restart: sampler.IPOP} },
	} {
		t.Run(name, func(t *testing.T) { samplertest.Run(t, newSampler) })
	}
}

func TestCMAESImproves(t *testing.T) {
	samplertest.Improves(t, func() sampler.Sampler { return &sampler.CMAES{} })
}

// The same search by hand: startup, then one population after another from package cma,
// with points outside the cube drawn again, as in Optuna.
func TestCMAESDrawsWithOptunaWhatPackageCMADraws(t *testing.T) {
	clipped := 0
	for _, c := range []struct {
		name            string
		s               *sampler.CMAES
		startup, lambda int
	}{
		{"default population", &sampler.CMAES{Optuna: true}, 1, 7},
		{"three startup trials, population 5", &sampler.CMAES{Optuna: true, StartupTrials: 3, Population: 5}, 3, 5},
		{"smallest settings", &sampler.CMAES{Optuna: true, StartupTrials: 1, Population: 2}, 1, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := func(x []float64) float64 { return x[0] + x[1] + x[2] } // to a corner, where most draws are outside
			st := newCMAESStudy(t, c.s, 1, trial.Minimize, f, unit, unit, unit)
			for range c.startup {
				got, want := st.ask(), map[string]float64{}
				for _, p := range got.Params {
					want[p.Name], _ = sampler.Random{}.Sample(st.request(st.log.History(), got.Number, p.Name), p.Name, p.Dist)
					if p.Value != want[p.Name] {
						t.Fatalf("startup trial %d: drew %v for %s, want the independent %v", got.Number, p.Value, p.Name, want[p.Name])
					}
				}
				st.tell(got)
			}
			state := cma.New(cma.NewConstants(3, c.lambda), []float64{0.5, 0.5, 0.5}, 1.0/6, nil)
			for g := range 60 {
				var points [][]float64
				var values []float64
				for k := range c.lambda {
					now := st.ask()
					r := st.request(trial.History{}, now.Number, "").Rand
					x := state.Draw(r)
					for try := 1; slices.Min(x) < 0 || slices.Max(x) > 1; try++ {
						if x = state.Draw(r); try == 30 {
							clipped++
							for i := range x {
								x[i] = min(max(x[i], 0), 1)
							}
						}
					}
					for i, p := range now.Params {
						if p.Value != x[i] {
							t.Fatalf("generation %d, point %d: drew %v for %s, want %v", g, k, p.Value, p.Name, x[i])
						}
					}
					points, values = append(points, x), append(values, f(x))
					st.tell(now)
				}
				state = state.Tell(points, values)
			}
		})
	}
	if clipped == 0 {
		t.Error("no point had to be clipped: the test shows less than it should")
	}
}

// afterGenerations runs a study in two dimensions with population 6: one startup trial,
// two whole generations and two members of the third.
func afterGenerations(t *testing.T, extra func(st *cmaesStudy, members int)) (*cmaesStudy, []float64) {
	t.Helper()
	// With Optuna draws do not depend on how many trials have finished.
	st := newCMAESStudy(t, &sampler.CMAES{Optuna: true}, 3, trial.Minimize, func(x []float64) float64 { return shiftedSphere(x) }, unit, unit)
	st.run(1 + 6 + 6 + 2)
	if extra != nil {
		extra(st, 2)
	}
	st.next = 100 // the same numbers whatever came between
	st.run(4)
	return st, st.draw(st.sampler, st.log.History(), 200)
}

func TestCMAESWhichTrialsCount(t *testing.T) {
	_, want := afterGenerations(t, nil)
	put := func(change func(*trial.Trial)) func(*cmaesStudy, int) {
		return func(st *cmaesStudy, _ int) {
			u := st.trial(0.9, 0.8)
			u.State, u.Values, u.Seen = trial.Complete, []float64{-5}, len(st.log.History().Finished())
			change(u)
			st.log.Put(u)
		}
	}
	for _, c := range []struct {
		name   string
		change func(*trial.Trial)
		counts bool
	}{
		{"one that began in this generation", func(*trial.Trial) {}, true},
		{"one that began with the generation", func(u *trial.Trial) { u.Seen = 13 }, true},
		{"one that began in the generation before", func(u *trial.Trial) { u.Seen = 12 }, false},
		{"one of another program, which has seen nothing", func(u *trial.Trial) { u.Seen = 0 }, false},
		{"a failed one", func(u *trial.Trial) { u.State, u.Values = trial.Failed, nil }, false},
		{"a pruned one", func(u *trial.Trial) { u.State = trial.Pruned }, false},
		{"a running one", func(u *trial.Trial) { u.State, u.Values = trial.Running, nil }, false},
		{"one with more parameters", func(u *trial.Trial) {
			u.Params = append(u.Params, trial.Param{Name: "z", Value: 0.5, Dist: unit})
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, got := afterGenerations(t, put(c.change)); slices.Equal(got, want) == c.counts {
				t.Errorf("drew %v with the trial and %v without, want it to count: %v", got, want, c.counts)
			}
		})
	}
}

func TestCMAESRanksInfeasibleTrialsLast(t *testing.T) {
	next := func(values, violations []float64) []float64 {
		st := newCMAESStudy(t, &sampler.CMAES{Population: 4}, 3, trial.Maximize, func([]float64) float64 { return 0 }, unit, unit)
		st.run(1)
		for i, v := range values {
			u := st.ask()
			u.State, u.Values, u.Constraints = trial.Complete, []float64{v}, map[string]float64{"c": violations[i]}
			st.log.Put(u)
		}
		return st.draw(st.sampler, st.log.History(), 50)
	}
	inf, nan := math.Inf(1), math.NaN()
	want := next([]float64{1, 2, 3, 4}, []float64{0, -1, -2, -3})
	for name, got := range map[string][]float64{
		"a violation outweighs any value":    next([]float64{inf, 2, 3, 4}, []float64{1, 0, 0, 0}),
		"the larger violation is worse":      next([]float64{9, 9, 9, -9}, []float64{3, 2, 1, 0}),
		"a NaN violation is worst":           next([]float64{9, 9, 3, 4}, []float64{nan, inf, 0, 0}),
		"equal violations go by the value":   next([]float64{1, 2, 3, 4}, []float64{2, 2, 2, 2}),
		"negative constraints are satisfied": next([]float64{1, 2, 3, 4}, []float64{-4, -3, -2, -1}),
	} {
		if !slices.Equal(got, want) {
			t.Errorf("%s: drew %v, want %v", name, got, want)
		}
	}
	if slices.Equal(next([]float64{1, 2, 3, 4}, []float64{0, 0, 0, 1}), want) {
		t.Error("a violation made no difference")
	}
}

func TestCMAESStartsOverWhenTheSpaceShrinks(t *testing.T) {
	st := newCMAESStudy(t, &sampler.CMAES{}, 4, trial.Minimize, shiftedSphere, unit, unit, unit)
	st.run(40)
	u := st.trial(0.1, 0.1) // without c
	u.Seen = st.next - 1
	st.tell(u)
	joint, err := st.sampler.SampleJoint(st.request(st.log.History(), 77, ""))
	if err != nil {
		t.Fatal(err)
	}
	x := cma.New(cma.NewConstants(2, 6), []float64{0.5, 0.5}, 1.0/6, nil).Draw(st.request(trial.History{}, 77, "").Rand)
	if len(joint) != 2 || joint["a"] != x[0] || joint["b"] != x[1] {
		t.Errorf("drew %v, want a and b at %v: from the centre of the smaller space", joint, x)
	}
	// Trials that were drawn in the larger space come too late.
	before := st.log.History()
	u = st.trial(0.2, 0.2, 0.2)
	u.Seen = 40
	for range 6 {
		u.Number++
		st.tell(u)
	}
	again, _ := st.sampler.SampleJoint(st.request(st.log.History(), 77, ""))
	if len(before.Finished()) == len(st.log.History().Finished()) || again["a"] != joint["a"] {
		t.Errorf("drew %v after late trials, want %v as before them", again, joint)
	}
}

func TestCMAESSpace(t *testing.T) {
	recorded := map[string]int{}
	s := &sampler.CMAES{Independent: recorder{recorded}}
	st := newCMAESStudy(t, s, 5, trial.Minimize, func(x []float64) float64 { return x[0] },
		unit, space.Choose("u", "v").Dist(), space.Int{Low: 1, High: 9}, space.Float{Low: 3, High: 3}, space.Float{Low: 1e-4, High: 1, Log: true}, space.Int{Low: 2, High: 2})
	st.run(20)
	want := map[string]int{"a": 1, "b": 20, "c": 1, "d": 20, "e": 1, "f": 20}
	for name, n := range want {
		if recorded[name] != n {
			t.Errorf("Independent drew %s %d times, want %d: during startup, and always if it is categorical or has one value",
				name, recorded[name], n)
		}
	}
}

type recorder struct{ counts map[string]int }

func (r recorder) Sample(q sampler.Request, name string, d space.Dist) (float64, error) {
	r.counts[name]++
	return sampler.Random{}.Sample(q, name, d)
}

func TestCMAESWithoutNumericParametersDrawsNothingJointly(t *testing.T) {
	st := newCMAESStudy(t, &sampler.CMAES{}, 6, trial.Minimize, func([]float64) float64 { return 0 }, space.Choose(1, 2).Dist())
	st.run(20)
	if joint, err := st.sampler.SampleJoint(st.request(st.log.History(), 20, "")); len(joint) != 0 || err != nil {
		t.Errorf("got (%v, %v), want nothing", joint, err)
	}
}

func TestCMAESAnswersAfterARestartAsItWouldHave(t *testing.T) {
	for _, workers := range []int{1, 3, 20} {
		st := newCMAESStudy(t, &sampler.CMAES{}, 7, trial.Minimize, shiftedSphere, five(space.Float{Low: -5, High: 5})...)
		st.runParallel(300, workers)
		h := st.log.History()
		kept := &sampler.CMAES{}
		r := rand.New(rand.NewPCG(uint64(workers), 0))
		for _, n := range append(r.Perm(300)[:60], 300, 299, 295, 280, 300) {
			want := st.draw(&sampler.CMAES{}, h.Before(n), 1000+n)
			if got := st.draw(kept, h.Before(n), 1000+n); !slices.Equal(got, want) {
				t.Fatalf("%d workers, after %d trials: drew %v, and %v after a restart", workers, n, got, want)
			}
		}
	}
}

func TestCMAESDrawsOfARunCanBeDrawnAgainFromWhatTrialsHadSeen(t *testing.T) {
	st := newCMAESStudy(t, &sampler.CMAES{}, 8, trial.Minimize, shiftedSphere, five(space.Float{Low: -5, High: 5})...)
	st.runParallel(200, 6)
	h := st.log.History()
	for _, u := range h.Finished() {
		for i, x := range st.draw(&sampler.CMAES{}, h.Before(u.Seen), u.Number) {
			if u.Params[i].Value != x {
				t.Fatalf("trial %d: drew %v for %s, later %v from the same history",
					u.Number, u.Params[i].Value, u.Params[i].Name, x)
			}
		}
	}
}

func TestCMAESServesTwoStudiesAtOnce(t *testing.T) {
	s := &sampler.CMAES{}
	a := newCMAESStudy(t, s, 9, trial.Minimize, shiftedSphere, unit, unit)
	b := newCMAESStudy(t, s, 10, trial.Maximize, shiftedSphere, unit, unit, unit)
	alone := newCMAESStudy(t, &sampler.CMAES{}, 9, trial.Minimize, shiftedSphere, unit, unit)
	for n := range 40 {
		b.run(1)
		got, want := a.ask(), alone.ask()
		for i, p := range want.Params {
			if got.Params[i].Value != p.Value {
				t.Fatalf("trial %d: drew %v for %s beside another study, %v alone", n, got.Params[i].Value, p.Name, p.Value)
			}
		}
		a.tell(got)
		alone.tell(want)
	}
}

func TestCMAESContinuesAfterConverging(t *testing.T) {
	for name, d := range map[string]space.Dist{
		"floats":   space.Float{Low: -5, High: 5},
		"log":      space.Float{Low: 1e-8, High: 1e8, Log: true},
		"ints":     space.Int{Low: -20, High: 20},
		"steps":    space.Float{Low: 0, High: 1, Step: 0.25},
		"log ints": space.Int{Low: 1, High: 100, Log: true},
	} {
		for worth, f := range map[string]func([]float64) float64{
			"inside":       shiftedSphere,
			"at an end":    func(x []float64) float64 { return x[0] - x[1] },
			"nowhere":      func([]float64) float64 { return math.Inf(1) },
			"all the same": func([]float64) float64 { return 0 },
		} {
			st := newCMAESStudy(t, &sampler.CMAES{}, 11, trial.Minimize, f, d, d)
			if st.run(1500); name == "floats" && worth == "inside" { // draw checks that all are contained
				best, _ := st.log.History().Best()
				if best.Values[0] > 1e-28 {
					t.Errorf("the best of 1500 trials is %v, want convergence to the last digits", best.Values[0])
				}
			}
		}
	}
}

func TestCMAESSettingsOutsideTheirRangeAreErrors(t *testing.T) {
	two := trial.NewLog([]trial.Direction{trial.Minimize, trial.Maximize})
	two.Put(&trial.Trial{State: trial.Complete, Values: []float64{1, 2}})
	one := trial.NewLog([]trial.Direction{trial.Minimize}).History()
	for _, c := range []struct {
		s    *sampler.CMAES
		h    trial.History
		want string
	}{
		{&sampler.CMAES{}, two.History(), "CMAES has 2 objectives, want 1"},
		{&sampler.CMAES{StartupTrials: -1}, one, "CMAES.StartupTrials is -1, want at least 0"},
		{&sampler.CMAES{Population: 1}, one, "CMAES.Population is 1, want at least 2"},
		{&sampler.CMAES{Sigma: -0.1}, one, "CMAES.Sigma is -0.1, want 0 to 10"},
		{&sampler.CMAES{Sigma: math.NaN()}, one, "CMAES.Sigma is NaN, want 0 to 10"},
		{&sampler.CMAES{Population: -3}, one, "CMAES.Population is -3, want at least 2"},
		{&sampler.CMAES{Source: two.History()}, one, "CMAES.Source has 2 objectives, want 1"},
		{&sampler.CMAES{Separable: true, AdaptRates: true}, one, "CMAES.Separable and CMAES.AdaptRates are both set"},
		{&sampler.CMAES{Restart: 3}, one, "CMAES.Restart is 3, want NoRestart (0), IPOP (1) or BIPOP (2)"},
	} {
		r := sampler.NewRequest(c.h, &trial.Trial{}, rand.New(rand.NewPCG(1, 1)))
		_, joint := c.s.SampleJoint(r)
		_, single := c.s.Sample(r, "x", unit)
		for _, err := range []error{joint, single} {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want %q", err, c.want)
			}
		}
	}
}

package sampler

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler/internal/auto"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// An autoStudy makes histories for Auto.
type autoStudy struct {
	log     *trial.Log
	next    int
	workers int // trials that run at the same time
}

func newAutoStudy(workers int, directions ...trial.Direction) *autoStudy {
	return &autoStudy{trial.NewLog(directions), 0, workers}
}

// add puts n random trials of the space, each changed by change if that is not nil.
func (a *autoStudy) add(n int, sp space.Space, change func(*trial.Trial)) *autoStudy {
	for range n {
		r := rand.New(rand.NewPCG(3, uint64(a.next)))
		u := &trial.Trial{Number: a.next, State: trial.Complete, Seen: max(0, a.next-a.workers+1), Values: []float64{0}}
		for i, d := range sp {
			x := r.Float64()
			u.Params = append(u.Params, trial.Param{Name: d.Name, Value: d.Dist.Value(x), Dist: d.Dist})
			if d.Dist.Len() != 1 {
				u.Values[0] += (x - 0.3) * (x - 0.3) * float64(1+i)
			}
		}
		if change != nil {
			change(u)
		}
		a.log.Put(u)
		a.next++
	}
	return a
}

// request returns a request for the trial after the first n finished ones, or after all
// if n is negative.
func (a *autoStudy) request(n int) Request {
	h := a.log.History()
	if n >= 0 {
		h = h.Before(n)
	}
	return NewRequest(h, &trial.Trial{Number: a.next}, rand.New(rand.NewPCG(7, uint64(len(h.Finished())))))
}

// repeated returns a space of d parameters with the same distribution.
func repeated(d int, dist space.Dist) space.Space {
	var sp space.Space
	for i := range d {
		sp = append(sp, space.Dimension{Name: fmt.Sprintf("x%02d", i), Dist: dist})
	}
	return sp
}

var (
	interval = space.Float{Low: 0, High: 1}
	levels15 = space.Int{Low: 1, High: 15}
	levels16 = space.Int{Low: 1, High: 16}
)

func TestAutoChooses(t *testing.T) {
	gp, tpe := &GP{Independent: &TPE{}}, &TPE{}
	// after is the CMAES that follows GP and learns from its trials.
	after := func(population int) func(h trial.History) JointSampler {
		return func(h trial.History) JointSampler {
			return &CMAES{Population: population, Restart: IPOP, Independent: tpe}
		}
	}
	gaveUp := func(h trial.History) JointSampler { // GP did
		return &CMAES{StartupTrials: 30, Source: h.Before(30), Restart: IPOP, Independent: tpe}
	}
	noise := func(u *trial.Trial) { u.Values[0] = rand.New(rand.NewPCG(4, uint64(u.Number))).NormFloat64() }
	one := func(s JointSampler) func(trial.History) JointSampler {
		return func(trial.History) JointSampler { return s }
	}
	steps := func(fine, coarse int) space.Space {
		return append(repeated(fine, levels16), space.Must(space.New(space.Dimension{Name: "a", Dist: levels15}, space.Dimension{Name: "b", Dist: levels15}, space.Dimension{Name: "c", Dist: levels15}))[:coarse]...)
	}
	withCategory := append(repeated(4, interval), space.Dimension{Name: "c", Dist: space.Choose("a", "b", "c").Dist()})
	withConstant := append(repeated(4, interval), space.Dimension{Name: "c", Dist: space.Choose("a").Dist()})
	prune := func(u *trial.Trial) { u.State, u.Values = trial.Pruned, nil }
	fail := func(u *trial.Trial) { u.State, u.Values, u.Params = trial.Failed, nil, nil }
	minimize := func(workers int) *autoStudy { return newAutoStudy(workers, trial.Minimize) }
	continuous := repeated(5, interval)
	nsga := &NSGA2{Breeding: Breeding{Independent: tpe}}
	several := func(n int) *autoStudy { return newAutoStudy(1, make([]trial.Direction, n)...) }
	second := func(u *trial.Trial) { u.Values = append(u.Values, 1-u.Values[0]) }

	for _, c := range []struct {
		name  string
		study *autoStudy
		want  func(trial.History) JointSampler
	}{
		{"a few trials", minimize(1).add(30, continuous, nil), one(gp)},
		{"a few trials, to maximize", newAutoStudy(1, trial.Maximize).add(30, continuous, nil), one(gp)},
		{"a few trials with categories", minimize(1).add(30, withCategory, nil), one(gp)},
		{"a few trials of ints with few values", minimize(1).add(30, repeated(5, levels15), nil), one(gp)},
		{"a few trials, some of which failed", minimize(1).add(9, continuous, fail).add(20, continuous, nil), one(gp)},
		{"a trial was pruned", minimize(1).add(30, continuous, nil).add(1, continuous, prune), one(tpe)},
		{"a trial has constraints", minimize(1).add(30, continuous, nil).add(1, continuous, func(u *trial.Trial) {
			u.Constraints = map[string]float64{"c": -1}
		}), one(tpe)},
		{"two objectives", several(2).add(30, continuous, second), one(gp)},
		{"two objectives, the last trial of GP", several(2).add(auto.Late-1, continuous, second), one(gp)},
		{"two objectives, the first trial after GP", several(2).add(auto.Late, continuous, second), one(nsga)},
		{"two objectives, more parameters than GP has", several(2).add(30, repeated(auto.Wide+1, interval), second), one(nsga)},
		{"two objectives with categories", several(2).add(30, withCategory, second), one(tpe)},
		{"two objectives, and a trial was pruned", several(2).add(30, continuous, second).add(1, continuous, prune), one(tpe)},
		{"four objectives", several(4).add(30, continuous, func(u *trial.Trial) { u.Values = append(u.Values, 1, 2, 3) }), one(tpe)},
		{"as many parameters as GP has", minimize(1).add(29, repeated(auto.Wide, interval), nil), one(gp)},
		{"more parameters than GP has", minimize(1).add(30, repeated(auto.Wide+1, interval), nil), one(&CMAES{Restart: IPOP, Independent: tpe})},
		{"more parameters than GP has, one of them without a choice", minimize(1).add(29, append(repeated(auto.Wide, interval), withConstant[4]), nil), one(gp)},
		{"many parameters with few values", minimize(1).add(30, repeated(auto.Wide+1, levels15), nil), one(tpe)},

		{"the last trial of GP", minimize(1).add(auto.Late-1, continuous, nil), one(gp)},
		{"the first trial after GP", minimize(1).add(auto.Late, continuous, nil), after(0)},
		{"failed trials do not count", minimize(1).add(3, continuous, fail).add(auto.Late-1, continuous, nil), one(gp)},
		{"later, with failed trials before", minimize(1).add(3, continuous, fail).add(auto.Late+40, continuous, nil), after(0)},
		{"a parameter without a choice", minimize(1).add(auto.Late, withConstant, nil), after(0)},
		{"ints with many values", minimize(1).add(auto.Late, repeated(5, levels16), nil), after(0)},
		{"ints with few values", minimize(1).add(auto.Late, repeated(5, levels15), nil), one(tpe)},
		{"half of the parameters have few values", minimize(1).add(auto.Late, steps(3, 3), nil), after(0)},
		{"most of the parameters have few values", minimize(1).add(auto.Late, steps(2, 3), nil), one(tpe)},
		{"a category", minimize(1).add(auto.Late, withCategory, nil), one(tpe)},
		{"some trials have a parameter more", minimize(1).add(1, withConstant, nil).add(auto.Late, continuous[:4], nil), one(tpe)},
		{"no parameters", minimize(1).add(auto.Late, nil, nil), one(tpe)},
		{"three parameters", minimize(1).add(auto.Late, repeated(3, interval), nil), after(0)},
		{"three parameters, eight workers", minimize(8).add(auto.Late+20, repeated(3, interval), nil), after(14)},
		{"noise, before GP is judged", minimize(1).add(29, continuous, noise), one(gp)},
		{"noise", minimize(1).add(30, continuous, noise), gaveUp},
		{"noise, later", minimize(1).add(auto.Late+40, continuous, noise), gaveUp},
		{"noise, four parameters", minimize(1).add(30, repeated(auto.Few, interval), noise), gaveUp},
		{"noise, three parameters", minimize(1).add(30, repeated(auto.Few-1, interval), noise), after(0)},
		{"noise with categories", minimize(1).add(auto.Late-1, withCategory, noise), one(gp)},
		{"three parameters with few values", minimize(1).add(auto.Late-1, repeated(3, levels15), nil), one(gp)},
		{"fewer workers than a population", minimize(7).add(auto.Late+30, continuous, nil), after(8)},
		{"as many workers as a population", minimize(8).add(auto.Late+30, continuous, nil), after(16)},
		{"many more workers than a population", minimize(40).add(auto.Late+60, continuous, nil), after(16)},
		{"workers that came later", minimize(1).add(auto.Late-auto.Recent/2-1, continuous, nil).with(20).add(auto.Recent/2+41, continuous, nil), after(16)},
		{"workers that nobody recorded", minimize(1).add(auto.Late, continuous, func(u *trial.Trial) { u.Seen = 0 }), after(0)},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := c.study.log.History()
			got := answers(t, &Auto{}, c.study.request(-1))
			want := answers(t, c.want(h), c.study.request(-1))
			if !maps.Equal(got, want) {
				t.Errorf("Auto draws %v, want %v", got, want)
			}
			others := 0 // the check can fail: the other samplers draw something else
			for _, s := range []JointSampler{gp, tpe, after(0)(h), &CMAES{StartupTrials: 30, Source: h, Independent: tpe}} {
				if len(h.Directions()) == 1 && !maps.Equal(answers(t, s, c.study.request(-1)), want) {
					others++
				}
			}
			if known := h.RankedSpace(); others == 0 && len(known) > 0 && len(h.Directions()) == 1 {
				t.Error("all samplers draw the same: the test shows nothing")
			}
		})
	}
}

// with continues with another number of workers.
func (a *autoStudy) with(workers int) *autoStudy {
	a.workers = workers
	return a
}

// answers returns what a sampler draws jointly, and for a parameter that it has not
// seen.
func answers(t *testing.T, s JointSampler, r Request) map[string]float64 {
	t.Helper()
	r.Rand = rand.New(rand.NewPCG(7, 1))
	values, err := s.SampleJoint(r)
	if err != nil {
		t.Fatal(err)
	}
	all := maps.Clone(values)
	if all == nil {
		all = map[string]float64{}
	}
	r.Rand = rand.New(rand.NewPCG(7, 2))
	if all["of its own"], err = s.Sample(r, "of its own", interval); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAutoDoublesThePopulationForManyWorkers(t *testing.T) {
	st := newAutoStudy(1, trial.Minimize).add(auto.Late+30, repeated(5, interval), nil)
	wide := newAutoStudy(1, trial.Minimize).add(40, repeated(auto.Wide+1, interval), nil)
	for _, c := range []struct{ workers, want int }{{1, 15}, {14, 15}, {15, 30}, {80, 30}} {
		got := answers(t, &Auto{Workers: c.workers}, wide.request(-1))
		if want := answers(t, &CMAES{Population: c.want, Restart: IPOP, Independent: &TPE{}}, wide.request(-1)); !maps.Equal(got, want) {
			t.Errorf("%d workers, many parameters: Auto draws %v, want the %v of a population of %d",
				c.workers, got, want, c.want)
		}
	}
	for _, c := range []struct{ workers, want int }{{1, 8}, {7, 8}, {8, 16}, {30, 16}} {
		got := answers(t, &Auto{Workers: c.workers}, st.request(-1))
		want := answers(t, &CMAES{Population: c.want, Restart: IPOP, Independent: &TPE{}}, st.request(-1))
		if !maps.Equal(got, want) {
			t.Errorf("%d workers: Auto draws %v, want the %v of a population of %d", c.workers, got, want, c.want)
		}
	}
}

func TestAutoKeepsTheModelInShortStudies(t *testing.T) {
	gp, tpe := &GP{Independent: &TPE{}}, &TPE{}
	smooth, coarse := repeated(4, interval), repeated(4, levels15)
	after := func(*autoStudy) JointSampler { return &CMAES{Restart: IPOP, Independent: tpe} }
	at := func(n int, sp space.Space) *autoStudy { return newAutoStudy(1, trial.Minimize).add(n, sp, nil) }
	for _, c := range []struct {
		name   string
		trials int
		study  *autoStudy
		want   func(*autoStudy) JointSampler
	}{
		{"short", auto.Short, at(auto.Late, smooth), nil},
		{"short, at its end", auto.Short, at(auto.Short-1, smooth), nil},
		{"short, and longer than planned", auto.Short, at(auto.Short, smooth), after},
		{"longer", auto.Short + 1, at(auto.Late, smooth), after},
		{"longer, early", auto.Short + 1, at(auto.Late-1, smooth), nil},
		{"very short", 1, at(30, smooth), nil},
		{"short, with few values", auto.Short, at(auto.Late, coarse), func(*autoStudy) JointSampler { return tpe }},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := JointSampler(gp)
			if c.want != nil {
				want = c.want(c.study)
			}
			r := c.study.request(-1)
			if got, want := answers(t, &Auto{Trials: c.trials}, r), answers(t, want, r); !maps.Equal(got, want) {
				t.Errorf("Auto draws %v, want %v", got, want)
			}
		})
	}
}

func TestAutoResumesIdentically(t *testing.T) {
	st := newAutoStudy(3, trial.Minimize).add(auto.Late+60, repeated(5, interval), nil)
	used := &Auto{}
	for _, n := range []int{0, 5, 50, auto.Late - 1, auto.Late, auto.Late + 1, auto.Late + 25, auto.Late + 60, 20, auto.Late + 30, auto.Late - 1} {
		h := st.log.History()
		r := st.request(-1)
		r.History = h.Before(n)
		if got, want := answers(t, used, r), answers(t, &Auto{}, r); !maps.Equal(got, want) {
			t.Errorf("after %d trials a used Auto draws %v, a fresh one %v", n, got, want)
		}
	}
}

func TestAutoServesSeveralStudies(t *testing.T) {
	shared := &Auto{}
	var studies []*autoStudy
	for i := range 20 { // more than it keeps
		studies = append(studies, newAutoStudy(1, trial.Minimize).add(i, repeated(4, interval), nil).add(auto.Late, repeated(4, interval), nil))
	}
	for range 2 {
		for i, st := range studies {
			if got, want := answers(t, shared, st.request(-1)), answers(t, &Auto{}, st.request(-1)); !maps.Equal(got, want) {
				t.Errorf("study %d: drew %v, want %v", i, got, want)
			}
		}
	}
}

func TestAutoRefusesSettingsOutOfRange(t *testing.T) {
	for _, c := range []struct {
		s    *Auto
		want string
	}{
		{&Auto{Trials: -1}, "Auto.Trials is -1, want at least 0"},
		{&Auto{Workers: -2}, "Auto.Workers is -2, want at least 0"},
	} {
		r := newAutoStudy(1, trial.Minimize).request(-1)
		if _, err := c.s.SampleJoint(r); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("SampleJoint: %v, want %q", err, c.want)
		}
		if _, err := c.s.Sample(r, "x", interval); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Sample: %v, want %q", err, c.want)
		}
	}
}

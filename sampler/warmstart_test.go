package sampler_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/sampler/samplertest"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// earlier returns a random search of n trials for the minimum of f over x and y in [0, 1].
func earlier(seed uint64, n int, d trial.Direction, f func(x, y float64) float64) trial.History {
	r := rand.New(rand.NewPCG(seed, 7))
	log := trial.NewLog([]trial.Direction{d})
	unit := space.Float{Low: 0, High: 1}
	for i := range n {
		x, y := r.Float64(), r.Float64()
		log.Put(&trial.Trial{Number: i, State: trial.Complete, Values: []float64{f(x, y)}, Params: []trial.Param{
			{Name: "x", Value: x, Dist: unit}, {Name: "y", Value: y, Dist: unit}}})
	}
	return log.History()
}

func basin(x, y float64) float64 { return (x-0.7)*(x-0.7) + (y-0.2)*(y-0.2) }

func TestWarmStartConforms(t *testing.T) {
	like := earlier(1, 40, trial.Minimize, basin)
	log, r := trial.NewLog([]trial.Direction{trial.Maximize}), rand.New(rand.NewPCG(1, 1))
	for i := range 80 { // with parameters of the suite, partly with other ranges and choices
		u := &trial.Trial{Number: i, State: trial.Complete, Values: []float64{r.NormFloat64()}}
		for _, d := range []space.Dimension{
			{Name: "p00", Dist: space.Float{Low: -1, High: 9}}, {Name: "p01", Dist: space.Float{Low: 1e-9, High: 1, Log: true}},
			{Name: "p03", Dist: space.Int{Low: 0, High: 20}}, {Name: "p05", Dist: space.Int{Low: 0, High: 100, Step: 25}},
			{Name: "p06", Dist: space.Choose("c", "z", "a").Dist()}, {Name: "p09", Dist: space.Float{Low: 1, High: 5}},
			{Name: "always", Dist: space.Float{Low: 0, High: 1}}, {Name: "method", Dist: space.Choose("line", "tree").Dist()},
		} {
			u.Params = append(u.Params, trial.Param{Name: d.Name, Value: d.Dist.Value(r.Float64()), Dist: d.Dist})
		}
		log.Put(u)
	}
	kinds := log.History()
	for name, newSampler := range map[string]func() sampler.Sampler{
		"no earlier study": func() sampler.Sampler { return &sampler.WarmStart{Sampler: &sampler.TPE{}} },
		"two": func() sampler.Sampler {
			return &sampler.WarmStart{Sampler: &sampler.TPE{}, Sources: []trial.History{like, {}, kinds}}
		},
	} {
		t.Run(name, func(t *testing.T) { samplertest.Run(t, newSampler) })
	}
}

// searched returns the best value of n trials of f, one after the other, and the first point.
func searched(t *testing.T, s sampler.JointSampler, seed uint64, n int, d trial.Direction,
	f func(x, y float64) float64) (best float64, first [2]float64) {
	t.Helper()
	log := trial.NewLog([]trial.Direction{d})
	unit := space.Float{Low: 0, High: 1}
	for number := range n {
		u := &trial.Trial{Number: number, Seen: number, State: trial.Running}
		request := func(name string) sampler.Request {
			return sampler.NewRequest(log.History(), u, rand.New(rand.NewPCG(seed, uint64(number)<<8+uint64(len(name)))))
		}
		joint, err := s.SampleJoint(request(""))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"x", "y"} {
			v, ok := joint[name]
			if !ok || !unit.Contains(v) {
				if v, err = s.Sample(request(name), name, unit); err != nil {
					t.Fatal(err)
				}
			}
			u.Params = append(u.Params, trial.Param{Name: name, Value: v, Dist: unit})
		}
		done := *u
		done.State, done.Values = trial.Complete, []float64{f(u.Params[0].Value, u.Params[1].Value)}
		log.Put(&done)
		if number == 0 {
			first = [2]float64{u.Params[0].Value, u.Params[1].Value}
		}
	}
	b, _ := log.History().Best()
	return b.Values[0], first
}

// Earlier studies of the same function, in the other direction and on another scale, lead to its
// minimum in eight trials.
func TestWarmStartLearnsFromOrderAlone(t *testing.T) {
	upwards := func(x, y float64) float64 { return -1e6 * math.Exp(basin(x, y)) }
	warm, cold := 0.0, 0.0
	for seed := range uint64(5) {
		s := &sampler.WarmStart{Sources: []trial.History{earlier(seed, 40, trial.Maximize, upwards)}}
		best, first := searched(t, s, seed, 8, trial.Minimize, basin)
		warm += best
		if d := basin(first[0], first[1]); d > 0.05 {
			t.Errorf("seed %d: the first trial is at %v, want one that was good before", seed, first)
		}
		best, _ = searched(t, &sampler.Auto{}, seed, 8, trial.Minimize, basin)
		cold += best
	}
	if warm > cold/5 {
		t.Errorf("best after 8 trials: %v with an earlier study and %v without, want a fifth", warm/5, cold/5)
	}
}

// Studies whose best is the worst here cost little.
func TestWarmStartDropsStudiesThatMislead(t *testing.T) {
	against := func(x, y float64) float64 { return -basin(x, y) }
	s := &sampler.WarmStart{Sources: []trial.History{earlier(1, 40, trial.Minimize, against)}}
	best, _ := searched(t, s, 3, 30, trial.Minimize, basin)
	if best > 1e-3 {
		t.Errorf("best after 30 trials is %v, want below 0.001 although the earlier study misleads", best)
	}
	log := trial.NewLog([]trial.Direction{trial.Minimize})
	for _, u := range earlier(9, 12, trial.Minimize, basin).Finished() {
		log.Put(u)
	}
	e, err := s.Explain(sampler.NewRequest(log.History(), &trial.Trial{Number: 12}, rand.New(rand.NewPCG(1, 1))))
	if err != nil {
		t.Fatal(err)
	}
	if share := warmFact(t, e, "warm_share"); share != 0 {
		t.Errorf("after 12 trials that contradict it the earlier study draws %v of the trials, want none", share)
	}
}

func warmFact(t *testing.T, e sampler.Explanation, name string) float64 {
	t.Helper()
	for _, f := range e.Facts {
		if f.Name == name {
			return f.Value
		}
	}
	t.Fatalf("no fact %q in %+v", name, e.Facts)
	return 0
}

// A study without a parameter in common, with few or only bad trials, or without any, teaches nothing:
// the draws are those of Sampler, bit for bit.
func TestWarmStartWithNothingToLearnIsItsSampler(t *testing.T) {
	failed := trial.NewLog([]trial.Direction{trial.Minimize})
	for _, u := range earlier(1, 20, trial.Minimize, basin).Finished() {
		bad := *u
		switch u.Number % 3 {
		case 0:
			bad.State, bad.Values = trial.Failed, nil
		case 1:
			bad.Values = []float64{math.NaN()}
		default:
			bad.Constraints = map[string]float64{"memory": 1}
		}
		failed.Put(&bad)
	}
	stranger := trial.NewLog([]trial.Direction{trial.Minimize})
	for _, u := range earlier(2, 20, trial.Minimize, basin).Finished() {
		other := *u
		other.Params = []trial.Param{{Name: "x", Value: 0, Dist: space.Choose("a", "b").Dist()},
			{Name: "y", Value: 0.5, Dist: space.Float{Low: 0.1, High: 1, Log: true}}}
		stranger.Put(&other)
	}
	for name, h := range map[string]trial.History{"none": {}, "few": earlier(1, 4, trial.Minimize, basin),
		"bad": failed.History(), "stranger": stranger.History()} {
		warm, _ := searched(t, &sampler.WarmStart{Sources: []trial.History{h}}, 1, 14, trial.Minimize, basin)
		cold, _ := searched(t, &sampler.Auto{}, 1, 14, trial.Minimize, basin)
		if warm != cold {
			t.Errorf("%s: best is %v, want %v as without the study", name, warm, cold)
		}
	}
}

func TestWarmStartRefusesWhatItCannotCompare(t *testing.T) {
	two := trial.NewLog([]trial.Direction{trial.Minimize, trial.Maximize}).History()
	one := trial.NewLog([]trial.Direction{trial.Minimize}).History()
	for want, c := range map[string]struct {
		s *sampler.WarmStart
		h trial.History
	}{
		"WarmStart has 2 objectives, want 1":            {&sampler.WarmStart{}, two},
		"WarmStart.Sources[1] has 2 objectives, want 1": {&sampler.WarmStart{Sources: []trial.History{one, two}}, one},
		"WarmStart.Portfolio is -1, want at least 0":    {&sampler.WarmStart{Portfolio: -1}, one},
	} {
		r := sampler.NewRequest(c.h, &trial.Trial{}, rand.New(rand.NewPCG(1, 1)))
		if _, err := c.s.SampleJoint(r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
}

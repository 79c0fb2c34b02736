package sampler_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// An ending is how a trial ends.
type ending int

const (
	runs ending = iota
	infeasible
	fails
	failsMute // and the record does not say with which parameters, so nothing can be learned
)

// searchFor runs n trials of an objective, which asks for parameters by get.
func searchFor(t *testing.T, s sampler.Sampler, seed uint64, n int,
	objective func(get func(name string, d space.Dist) float64) (float64, ending)) []*trial.Trial {
	t.Helper()
	log := trial.NewLog([]trial.Direction{trial.Minimize})
	for number := range n {
		u := &trial.Trial{Number: number, Seen: number}
		request := func(name string) sampler.Request {
			h := uint64(0)
			for _, c := range name {
				h = 31*h + uint64(c)
			}
			return sampler.NewRequest(log.History(), u, rand.New(rand.NewPCG(seed<<32+uint64(number), h)))
		}
		if j, ok := s.(sampler.JointSampler); ok {
			joint, err := j.SampleJoint(request(""))
			if err != nil {
				t.Fatal(err)
			}
			u.Joint = joint
		}
		value, end := objective(func(name string, d space.Dist) float64 {
			x, ok := u.Joint[name]
			if !ok || !d.Contains(x) {
				var err error
				if x, err = s.Sample(request(name), name, d); err != nil {
					t.Fatal(err)
				}
			}
			u.Params = append(u.Params, trial.Param{Name: name, Value: x, Dist: d})
			return x
		})
		done := *u
		done.Joint = nil
		switch end {
		case runs:
			done.State, done.Values = trial.Complete, []float64{value}
		case infeasible:
			done.State, done.Constraints = trial.Pruned, map[string]float64{"infeasible": 1}
		case failsMute:
			done.State, done.Params = trial.Failed, nil
		default:
			done.State = trial.Failed
		}
		log.Put(&done)
	}
	return log.History().Finished()
}

func learners() map[string]func() sampler.Sampler {
	return map[string]func() sampler.Sampler{
		"TPE":  func() sampler.Sampler { return &sampler.TPE{} },
		"GP":   func() sampler.Sampler { return &sampler.GP{} },
		"Auto": func() sampler.Sampler { return &sampler.Auto{} },
	}
}

func count(trials []*trial.Trial, of func(*trial.Trial) bool) int {
	n := 0
	for _, t := range trials {
		if of(t) {
			n++
		}
	}
	return n
}

func ran(t *trial.Trial) bool { return t.State == trial.Complete }

// best returns the least value.
func best(trials []*trial.Trial) float64 {
	least := math.Inf(1)
	for _, t := range trials {
		if ran(t) {
			least = min(least, t.Values[0])
		}
	}
	return least
}

var unitFloat = space.Float{High: 1}

// hollow is a smooth objective in four parameters.
func hollow(get func(string, space.Dist) float64) float64 {
	sum := 0.0
	for i := range 4 {
		x := get(fmt.Sprint("x", i), unitFloat) - 0.3 - 0.1*float64(i)
		sum += x * x
	}
	return sum
}

// One trial in five fails by chance. What is learned from that must not cost more than the trials that it
// takes: the values are as good as where nothing can be learned from failures.
func TestFlukesDoNotMislead(t *testing.T) {
	if testing.Short() {
		t.Skip("draws thousands of points")
	}
	for name, newSampler := range learners() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var logs []float64 // of the ratio of the best values, with and without learning
			for seed := range uint64(20) {
				r := rand.New(rand.NewPCG(seed, 3))
				var unlucky [60]bool
				for i := range unlucky {
					unlucky[i] = r.Float64() < 0.2
				}
				regret := func(failure ending) float64 {
					number := -1
					return best(searchFor(t, newSampler(), seed, 60, func(get func(string, space.Dist) float64) (float64, ending) {
						value := hollow(get)
						if number++; unlucky[number] {
							return 0, failure
						}
						return value, runs
					}))
				}
				logs = append(logs, math.Log10(regret(fails)/regret(failsMute)))
			}
			slices.Sort(logs)
			t.Logf("log10 of the ratio of regrets: %.2f", logs)
			if median := (logs[9] + logs[10]) / 2; median > 0.3 {
				t.Errorf("with what is learned from flukes the best value is 10^%.2f times as far off", median)
			}
		})
	}
}

// Whatever fails, a search goes on, and soon tries what runs.
func TestWhatFailsIsAvoided(t *testing.T) {
	optimizer := space.Choose("adam", "sgd", "broken").Dist()
	batch := space.Int{Low: 1, High: 128, Log: true}
	for _, c := range []struct {
		name      string
		most      int // trials of 40 that do not run; 0: any
		objective func(get func(string, space.Dist) float64) (float64, ending)
	}{
		{"everything", 0, func(get func(string, space.Dist) float64) (float64, ending) { return hollow(get), fails }},
		{"nothing can run", 0, func(get func(string, space.Dist) float64) (float64, ending) { return hollow(get), infeasible }},
		{"a choice", 8, func(get func(string, space.Dist) float64) (float64, ending) {
			if value := hollow(get); get("optimizer", optimizer) != 2 {
				return value, runs
			}
			return 0, fails
		}},
		{"a large batch", 6, func(get func(string, space.Dist) float64) (float64, ending) {
			value := hollow(get)
			if b := get("batch", batch); b <= 16 {
				return value - b/100, runs
			}
			return 0, infeasible
		}},
		{"a parameter that not all trials have", 8, func(get func(string, space.Dist) float64) (float64, ending) {
			value := hollow(get)
			if get("optimizer", space.Choose("adam", "sgd").Dist()) == 1 && get("momentum", unitFloat) > 0.5 {
				return 0, fails
			}
			return value, runs
		}},
		{"trials before they have all parameters", 8, func(get func(string, space.Dist) float64) (float64, ending) {
			if get("optimizer", optimizer) == 2 {
				return 0, fails
			}
			return hollow(get), runs
		}},
	} {
		for name, newSampler := range learners() {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				sum := 0
				for seed := range uint64(3) {
					trials := searchFor(t, newSampler(), seed, 40, c.objective)
					sum += len(trials) - count(trials, ran)
				}
				t.Logf("%.1f of 40 do not run", float64(sum)/3)
				if c.most > 0 && sum > 3*c.most {
					t.Errorf("%d of 120 trials do not run, want at most %d", sum, 3*c.most)
				}
			})
		}
	}
}

// What is infeasible is never tried twice while there is anything else.
func TestWhatIsInfeasibleIsNotRepeated(t *testing.T) {
	samplers := learners()
	samplers["Random"] = func() sampler.Sampler { return sampler.Random{} }
	for name, newSampler := range samplers {
		t.Run(name, func(t *testing.T) {
			trials := searchFor(t, newSampler(), 1, 18, func(get func(string, space.Dist) float64) (float64, ending) {
				a, b := get("a", space.Int{Low: 1, High: 4}), get("b", space.Choose("x", "y", "z", "w").Dist())
				if a+b > 3 {
					return 0, infeasible
				}
				return -a, runs
			})
			seen := map[[2]float64]bool{}
			for _, u := range trials {
				at := [2]float64{u.Params[0].Value, u.Params[1].Value}
				if seen[at] && u.Infeasible() {
					t.Errorf("trial %d repeats %v", u.Number, at)
				}
				seen[at] = true
			}
		})
	}
}

// Cheap trials are as good: by improvement per second most trials are cheap ones, and the explanation
// says how long a trial takes.
func TestGPPerSecondPrefersShortTrials(t *testing.T) {
	spent := map[bool]float64{}
	for _, per := range []bool{false, true} {
		s := &sampler.GP{PerSecond: per}
		log := trial.NewLog([]trial.Direction{trial.Minimize})
		now := time.Unix(0, 0)
		for n := range 30 {
			u := &trial.Trial{Number: n, Seen: n, State: trial.Complete, Start: now}
			r := func(k uint64) sampler.Request {
				return sampler.NewRequest(log.History(), u, rand.New(rand.NewPCG(uint64(n), k)))
			}
			joint, err := s.SampleJoint(r(0))
			if err != nil {
				t.Fatal(err)
			}
			for k, name := range []string{"epochs", "rate"} {
				x, ok := joint[name]
				if !ok {
					x = r(uint64(k + 1)).Rand.Float64()
				}
				u.Params = append(u.Params, trial.Param{Name: name, Value: x, Dist: unitFloat})
			}
			epochs, rate := u.Params[0].Value, u.Params[1].Value
			now = now.Add(time.Duration(1e9 * math.Exp(4*epochs)))
			u.End, u.Values = now, []float64{(rate - 0.6) * (rate - 0.6)}
			log.Put(u)
			if n == 29 {
				e, err := s.Explain(r(0))
				if shown := slices.ContainsFunc(e.Facts, func(f sampler.Fact) bool { return f.Name == "seconds" }); shown != per || err != nil {
					t.Errorf("seconds are explained: %v, want %v, %v", shown, per, err)
				}
			}
		}
		spent[per] = now.Sub(time.Unix(0, 0)).Seconds()
	}
	if spent[true] > spent[false]/2 {
		t.Errorf("30 trials take %.0f s by improvement per second and %.0f s otherwise, want at most half", spent[true], spent[false])
	}
}

package importance_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/study/importance"
	"github.com/bluefin-hpo/bluefin/trial"
)

// means averages the importances of several forests, by name.
func means(t *testing.T, f importance.FANOVA, h trial.History, objective int) map[string]float64 {
	t.Helper()
	mean := map[string]float64{}
	const forests = 16
	for seed := range uint64(forests) {
		f.Seed = seed
		list, err := f.Of(h, objective)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range list {
			mean[i.Name] += i.Value / forests
		}
	}
	return mean
}

// near compares the means of forests, which are random.
func near(t *testing.T, what string, got, want map[string]float64, tolerance float64) {
	t.Helper()
	if !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
	for name, w := range want {
		if math.Abs(got[name]-w) > tolerance+0.1*w {
			t.Errorf("%s: %s is %.3f, want %.3f", what, name, got[name], w)
		}
	}
}

func TestFANOVAIsNearTheReferences(t *testing.T) {
	studies := 0
	for k, s := range references(t) {
		if len(s.Forests) == 0 {
			continue
		}
		studies++
		want := map[string]float64{}
		for _, f := range s.Forests {
			for name, x := range f {
				want[name] += x / float64(len(s.Forests))
			}
		}
		near(t, fmt.Sprintf("study %d", k), means(t, importance.FANOVA{Plain: true}, s.history(t), 0), want, 0.02)
	}
	if studies < 4 {
		t.Errorf("%d studies have forests, want at least 4", studies)
	}
}

// A live Optuna reads the same file. It gives the choices of flag one column each, and so also
// counts points with both or neither; as a float flag has its two values alone. Its other weights
// are ours if the ranges of logarithms and ints are written as those of plain floats.
func TestFANOVAIsNearThatOfALiveOptuna(t *testing.T) {
	if testing.Short() {
		t.Skip("Optuna takes seconds for each forest")
	}
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "study.db")
	db, err := sqlite.Open(ctx, path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s, err := study.Open(ctx, study.Config{Name: "s", Storage: db, Sampler: sampler.Random{}, Seed: 4,
		Directions: []trial.Direction{trial.Minimize, trial.Maximize}})
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		u, err := s.Ask(ctx)
		if err != nil {
			t.Fatal(err)
		}
		x, rate, n, z := u.Float("x", -2, 2), u.LogFloat("rate", 1e-4, 1), u.Int("n", 1, 4), u.Float("z", 0, 1)
		flag := 0.0
		if u.Categorical("flag", "off", "on") == "on" {
			flag = 1
		}
		one := x*x + math.Pow(math.Log10(rate)+2, 2) + 0.8*float64(n) + 2*flag
		two := 2*x*flag + math.Abs(math.Log10(rate)) + z
		if _, err := s.Tell(ctx, u, one, two); err != nil {
			t.Fatal(err)
		}
	}
	var want struct{ Plain, Ours []map[string]float64 }
	optuna(t, &want, `
import json, math, sys, optuna
from optuna.distributions import FloatDistribution
from optuna.importance import FanovaImportanceEvaluator
optuna.logging.set_verbosity(optuna.logging.ERROR)
plain = optuna.create_study(directions=["minimize", "maximize"])
ours = optuna.create_study(directions=["minimize", "maximize"])
for t in optuna.load_study(study_name="s", storage="sqlite:///" + sys.argv[1]).trials:
    params = dict(t.params, flag=float(t.params["flag"] == "on"))
    ranges = dict(t.distributions, flag=FloatDistribution(0, 1))
    plain.add_trial(optuna.trial.create_trial(params=params, distributions=ranges, values=t.values))
    params["rate"] = math.log(params["rate"])
    ranges.update(rate=FloatDistribution(math.log(1e-4), 0), n=FloatDistribution(0.5, 4.5))
    ours.add_trial(optuna.trial.create_trial(params=params, distributions=ranges, values=t.values))
def of(study, k):
    return FanovaImportanceEvaluator(n_trees=48, seed=1).evaluate(study, target=lambda t: t.values[k])
print(json.dumps({name: [of(s, k) for k in (0, 1)] for name, s in (("plain", plain), ("ours", ours))}))
`, path)
	h, err := s.History(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for k := range 2 {
		near(t, fmt.Sprintf("objective %d, plain", k), means(t, importance.FANOVA{Plain: true}, h, k), want.Plain[k], 0.02)
		near(t, fmt.Sprintf("objective %d", k), means(t, importance.FANOVA{}, h, k), want.Ours[k], 0.02)
	}
	// The weights matter: neither comparison would pass for the other.
	if math.Abs(want.Plain[1]["rate"]-want.Ours[1]["rate"]) < 0.1 {
		t.Errorf("Optuna says %v, and plainly %v", want.Ours[1], want.Plain[1])
	}
}

// The space of f: kind is a or b with equal probability, and only a has depth.
func conditional(n int, f func(kind, depth float64) float64) trial.History {
	r := rand.New(rand.NewPCG(5, 5))
	log := trial.NewLog([]trial.Direction{trial.Minimize})
	for number := range n {
		kind, depth := float64(r.IntN(2)), r.Float64()
		u := &trial.Trial{Number: number, State: trial.Complete, Values: []float64{f(kind, depth)},
			Params: []trial.Param{{Name: "kind", Value: kind, Dist: space.Choose("a", "b").Dist()}}}
		if kind == 0 {
			u.Params = append(u.Params, trial.Param{Name: "depth", Value: depth, Dist: space.Float{High: 1}})
		}
		log.Put(u)
	}
	return log.History()
}

// Exact: with kind a, the value is 10·depth, whose mean is 5 and whose variance is 100/12.
func TestFANOVAOfConditionalParameters(t *testing.T) {
	for _, c := range []struct {
		name        string
		b           float64 // the value with kind b
		kind, depth float64
	}{
		// Var(10·depth/2) = 25/12, of 100/24 + (5-b)²/4.
		{"kind matters only to depth", 5, 0, 0.5},
		{"kind matters most", 25, 100 / (100 + 100./24), (25. / 12) / (100 + 100./24)},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := conditional(400, func(kind, depth float64) float64 {
				if kind == 1 {
					return c.b
				}
				return 10 * depth
			})
			got := means(t, importance.FANOVA{}, h, 0)
			for name, want := range map[string]float64{"kind": c.kind, "depth": c.depth} {
				if math.Abs(got[name]-want) > 0.02 {
					t.Errorf("%s is %.3f, want %.3f", name, got[name], want)
				}
			}
		})
	}
}

func TestFANOVAAtTheEnds(t *testing.T) {
	many := space.Categorical{}
	for i := range 1000 {
		many.Choices = append(many.Choices, i)
	}
	for _, c := range []struct {
		name string
		dist func(number int) space.Dist
	}{
		{"the widest floats", func(int) space.Dist { return space.Float{Low: -math.MaxFloat64, High: math.MaxFloat64} }},
		{"the widest ints", func(int) space.Dist { return space.Int{Low: -1 << 53, High: 1 << 53} }},
		{"the widest logarithm", func(int) space.Dist { return space.Float{Low: 5e-324, High: math.MaxFloat64, Log: true} }},
		{"a logarithm of few ints", func(int) space.Dist { return space.Int{Low: 1, High: 9, Log: true} }},
		{"a logarithm of many ints", func(int) space.Dist { return space.Int{Low: 1, High: 1 << 40, Log: true} }},
		{"a grid", func(int) space.Dist { return space.Float{Low: 0.1, High: 0.75, Step: 0.2} }},
		{"one value", func(int) space.Dist { return space.Int{Low: 3, High: 3} }},
		{"many choices", func(int) space.Dist { return many }},
		{"choices that were appended", func(i int) space.Dist { return space.Categorical{Choices: many.Choices[:2+i]} }},
		{"ranges that change", func(i int) space.Dist { return space.Float{Low: -float64(i), High: float64(2 * i)} }},
		{"steps that change", func(i int) space.Dist { return space.Int{Low: -i, High: 10 + i, Step: 1 + i%3} }},
		{"kinds that change", func(i int) space.Dist {
			return []space.Dist{many, space.Float{High: 1}, space.Int{High: 5}, space.Choose("x", "y").Dist()}[i%4]
		}},
	} {
		for _, plain := range []bool{false, true} {
			r := rand.New(rand.NewPCG(1, 1))
			log := trial.NewLog([]trial.Direction{trial.Minimize})
			for i := range 60 {
				d := c.dist(i)
				v := r.Float64()
				log.Put(&trial.Trial{Number: i, State: trial.Complete, Values: []float64{(v - 0.5) * 1e308},
					Params: []trial.Param{{Name: "p", Value: d.Value(v), Dist: d}, {Name: "q", Value: r.Float64(), Dist: space.Float{High: 1}}}})
			}
			list, err := importance.Bootstrap(importance.FANOVA{Plain: plain}, log.History(), 0, 10, 1)
			if err != nil {
				t.Fatal(err)
			}
			sum := 0.0
			for _, i := range list {
				sum += i.Value
				if !(0 <= i.Low && i.Low <= i.Value && i.Value <= i.High && i.High <= 1) {
					t.Errorf("%s: %+v", c.name, i)
				}
			}
			if len(list) != 2 || math.Abs(sum-1) > 1e-9 {
				t.Errorf("%s: %+v", c.name, list)
			}
		}
	}
}

func TestFANOVAOfNothing(t *testing.T) {
	log := trial.NewLog([]trial.Direction{trial.Minimize})
	put := func(v float64) {
		n := len(log.Trials())
		log.Put(&trial.Trial{Number: n, State: trial.Complete, Values: []float64{v},
			Params: []trial.Param{{Name: "x", Value: float64(n), Dist: space.Float{High: 9}}}})
	}
	put(3)
	const want = "importances need 2 complete trials with finite values, and there are 1"
	if _, err := (importance.FANOVA{}).Of(log.History(), 0); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	put(3)
	list, err := importance.FANOVA{}.Of(log.History(), 0)
	if err != nil || len(list) != 1 || list[0].Value != 0 {
		t.Errorf("of equal values: %v, %v", list, err)
	}
	if _, err := (importance.FANOVA{Trees: -1}).Of(log.History(), 0); err == nil {
		t.Error("-1 trees pass")
	}
}

func TestFANOVAIsAFunctionOfItsSeed(t *testing.T) {
	h := references(t)[2].history(t)
	of := func(seed uint64) []importance.Importance {
		list, err := importance.FANOVA{Seed: seed}.Of(h, 0)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	first := of(1)
	for range 5 {
		if again := of(1); !slices.Equal(first, again) {
			t.Fatalf("%v, then %v", first, again)
		}
	}
	if slices.Equal(first, of(2)) {
		t.Error("another seed has the same forest")
	}
}

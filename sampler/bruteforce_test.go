package sampler_test

import (
	"math"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// tree has treeLeaves combinations.
func tree(ask func(string, space.Dist) float64) {
	switch ask("kind", space.Choose("line", "tree", "none").Dist()) {
	case 0:
		ask("slope", space.Float{Low: 0, High: 1, Step: 0.5})
	case 1:
		ask("depth", space.Int{Low: 1, High: 8, Log: true})
		ask("prune", space.Choose(true, false).Dist())
	}
}

const treeLeaves = 3 + 8*2 + 1

func TestBruteForceTriesEveryCombinationOnce(t *testing.T) {
	states := []trial.State{trial.Complete, trial.Pruned, trial.Failed}
	for seed := range 5 {
		log := trial.NewLog([]trial.Direction{trial.Minimize})
		seen := map[string]bool{}
		for i := range treeLeaves {
			u := begin(t, sampler.BruteForce{}, log.History(), 2000*seed+i, tree)
			if seen[combination(u)] {
				t.Fatalf("seed %d, trial %d tries %s again while others are left", seed, i, combination(u))
			}
			seen[combination(u)] = true
			log.Put(finish(u, states[i%3]))
		}
		repeats := map[string]bool{}
		for i := range 1500 { // exhausted: anything goes, and everything comes
			repeats[combination(begin(t, sampler.BruteForce{}, log.History(), 2000*seed+treeLeaves+i, tree))] = true
		}
		if len(repeats) != treeLeaves {
			t.Errorf("seed %d: %d combinations repeat, want all %d", seed, len(repeats), treeLeaves)
		}
	}
}

func TestBruteForceAvoidsRunningTrialsWhileThereIsAnythingElse(t *testing.T) {
	for seed := range 20 {
		log := trial.NewLog([]trial.Direction{trial.Minimize})
		seen := map[string]bool{}
		for i := range treeLeaves {
			u := begin(t, sampler.BruteForce{}, log.History(), 1000*seed+i, tree)
			if seen[combination(u)] {
				t.Fatalf("seed %d, trial %d tries %s, which runs, while others are left", seed, i, combination(u))
			}
			seen[combination(u)] = true
			log.Put(u)
		}
	}
}

func TestBruteForceTriesWhatOthersHaveOnlyStarted(t *testing.T) {
	// One trial runs at kind=none and the rest has been tried, so only that is open.
	log := trial.NewLog([]trial.Direction{trial.Minimize})
	number := 0
	for len(log.History().Finished()) < treeLeaves-1 {
		u := begin(t, sampler.BruteForce{}, log.History(), number, tree)
		number++
		if u.Params[0].Value != 2 {
			log.Put(finish(u, trial.Complete))
		} else {
			log.Put(u)
		}
	}
	for i := range 20 {
		if u := begin(t, sampler.BruteForce{}, log.History(), number+i, tree); u.Params[0].Value != 2 {
			t.Fatalf("drew %s, want kind=none, which may not be finished", combination(u))
		}
	}
}

func TestBruteForceContinuesWhereATrialFailed(t *testing.T) {
	log := trial.NewLog([]trial.Direction{trial.Minimize})
	kind := space.Choose("line", "tree", "none").Dist()
	for number, n := range []int{2, 1} { // none is tried; one failed at kind=tree before its depth
		log.Put(&trial.Trial{Number: number, State: trial.Failed, Params: []trial.Param{{Name: "kind", Value: float64(n), Dist: kind}}})
	}
	u := &trial.Trial{Number: 2, State: trial.Complete, Values: []float64{0}, Params: []trial.Param{
		{Name: "kind", Value: 1, Dist: kind}, {Name: "depth", Value: 1, Dist: space.Int{Low: 1, High: 8, Log: true}}, {Name: "prune", Value: 0, Dist: space.Choose(true, false).Dist()},
	}}
	log.Put(u)
	seen := map[string]bool{combination(u): true}
	for i := range treeLeaves - 2 {
		v := begin(t, sampler.BruteForce{}, log.History(), 3+i, tree)
		if seen[combination(v)] || v.Params[0].Value == 2 {
			t.Fatalf("trial %d tries %s again", 3+i, combination(v))
		}
		seen[combination(v)] = true
		log.Put(finish(v, trial.Complete))
	}
}

func TestBruteForceFindsTheLastOfManyValues(t *testing.T) {
	for _, d := range []space.Dist{
		space.Int{Low: 1, High: 1000, Log: true},
		space.Int{Low: -7, High: 2993, Step: 3},
		space.Float{Low: 0, High: 1, Step: 0.001},
	} {
		log := trial.NewLog([]trial.Direction{trial.Minimize})
		one := func(ask func(string, space.Dist) float64) { ask("x", d) }
		for number := range d.Len() {
			log.Put(finish(begin(t, sampler.BruteForce{}, log.History(), number, one), trial.Complete))
		}
		values := map[float64]bool{}
		for _, u := range log.History().Finished() {
			values[u.Params[0].Value] = true
		}
		if len(values) != d.Len() {
			t.Errorf("%v: %d trials tried %d values, want each once", d, d.Len(), len(values))
		}
	}
}

func TestBruteForceWeighsHalfByWhatIsLeft(t *testing.T) {
	// After one trial each, line has 2 left, none has 0, and tree 8 that are known: 7
	// depths and one prune. So tree is drawn with probability (1/2 + 8/10)/2 = 0.65.
	log := trial.NewLog([]trial.Direction{trial.Minimize})
	kind := space.Choose("line", "tree", "none").Dist()
	for number, params := range [][]trial.Param{
		{{Name: "kind", Value: 0, Dist: kind}, {Name: "slope", Value: 0, Dist: space.Float{Low: 0, High: 1, Step: 0.5}}},
		{{Name: "kind", Value: 1, Dist: kind}, {Name: "depth", Value: 3, Dist: space.Int{Low: 1, High: 8, Log: true}}, {Name: "prune", Value: 0, Dist: space.Choose(true, false).Dist()}},
		{{Name: "kind", Value: 2, Dist: kind}},
	} {
		log.Put(&trial.Trial{Number: number, State: trial.Complete, Values: []float64{0}, Params: params})
	}
	const n = 4000
	trees := 0
	for i := range n {
		if begin(t, sampler.BruteForce{}, log.History(), 3+i, tree).Params[0].Value == 1 {
			trees++
		}
	}
	if p, sd := float64(trees)/n, math.Sqrt(0.65*0.35/n); math.Abs(p-0.65) > 5*sd {
		t.Errorf("tree is drawn with frequency %v, want 0.65", p)
	}
}

func TestBruteForceRefusesContinua(t *testing.T) {
	_, err := sampler.BruteForce{}.Sample(sampler.Request{Trial: &trial.Trial{}}, "x", space.Float{Low: 0, High: 1})
	if err == nil || !strings.Contains(err.Error(), `BruteForce draws "x" from a float in [0, 1], want finitely many values`) {
		t.Errorf("error is %v", err)
	}
}

func TestBruteForceKnowsHowManyAreLeft(t *testing.T) {
	three, two := space.Int{Low: 1, High: 3}, space.Choose("a", "b").Dist()
	at := func(number int, s trial.State, params ...trial.Param) *trial.Trial {
		return finish(&trial.Trial{Number: number, Params: params}, s)
	}
	i, c := trial.Param{Name: "i", Value: 1, Dist: three}, trial.Param{Name: "c", Value: 0, Dist: two}
	x := trial.Param{Name: "x", Value: 0.5, Dist: space.Float{High: 1}}
	for _, test := range []struct {
		name   string
		trials []*trial.Trial
		want   int
	}{
		{"nothing is known", nil, 1},
		{"somebody is finding out", []*trial.Trial{at(0, trial.Running)}, 0},
		{"nothing was learned", []*trial.Trial{at(0, trial.Failed)}, math.MaxInt},
		{"the objective suggests nothing", []*trial.Trial{at(0, trial.Complete)}, 0},
		{"some trials suggest nothing", []*trial.Trial{at(0, trial.Complete), at(1, trial.Complete, i, c)}, 3},
		{"one branch is known", []*trial.Trial{at(0, trial.Complete, i, c)}, 3},
		{"beside a running one", []*trial.Trial{at(0, trial.Complete, i, c), at(1, trial.Running)}, 2},
		{"what is being tried is not left", []*trial.Trial{at(0, trial.Running, i, c)}, 3},
		{"a continuum is for Sample to refuse", []*trial.Trial{at(0, trial.Complete, x)}, 1},
	} {
		log := trial.NewLog([]trial.Direction{trial.Minimize})
		for _, u := range test.trials {
			log.Put(u)
		}
		if got := (sampler.BruteForce{}).Left(log.History()); got != test.want {
			t.Errorf("%s: %d are left, want %d", test.name, got, test.want)
		}
	}
}

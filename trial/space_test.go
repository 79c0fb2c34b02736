package trial_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/oracle"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

func directions(t *testing.T, names []string) (ds []trial.Direction) {
	t.Helper()
	for _, name := range names {
		d, err := trial.ParseDirection(name)
		if err != nil {
			t.Fatal(err)
		}
		ds = append(ds, d)
	}
	return ds
}

func names(s space.Space) []string {
	list := []string{}
	for _, d := range s {
		list = append(list, d.Name)
	}
	return list
}

func numbers(trials []*trial.Trial) []int {
	list := []int{}
	for _, t := range trials {
		list = append(list, t.Number)
	}
	return list
}

var minimize = []trial.Direction{trial.Minimize}

func TestSpaceIsTheReferencesIntersection(t *testing.T) {
	var v struct {
		Cases []struct {
			Trials []struct {
				State  string
				Params []string
				AHigh  *float64 `json:"a_high"` // the upper end of a in this trial
			}
			Complete []string `json:"intersection"`
			Ranked   []string `json:"intersection_incl_pruned"`
		}
	}
	oracle.Load(t, "search_space.json", &v)
	for i, c := range v.Cases {
		log := trial.NewLog(minimize)
		for number, row := range c.Trials {
			state, err := trial.ParseState(row.State)
			if err != nil {
				t.Fatal(err)
			}
			u := &trial.Trial{Number: number, State: state}
			if state == trial.Complete {
				u.Values = []float64{0}
			}
			for _, name := range row.Params {
				d := space.Float{Low: 0, High: 1}
				if name == "a" && row.AHigh != nil {
					d.High = *row.AHigh
				}
				u.Params = append(u.Params, trial.Param{Name: name, Value: 0.5, Dist: d})
			}
			log.Put(u)
		}
		if got := names(log.History().Space()); !slices.Equal(got, c.Complete) {
			t.Errorf("case %d: of the complete trials %v, want %v", i, got, c.Complete)
		}
		if got := names(log.History().RankedSpace()); !slices.Equal(got, c.Ranked) {
			t.Errorf("case %d: of the complete and pruned trials %v, want %v", i, got, c.Ranked)
		}
	}
}

func TestParetoFrontIsTheReferences(t *testing.T) {
	var v struct {
		Cases []struct {
			Directions  []string
			Values      [][]float64
			Constraints [][]float64
			Best        []int `json:"best_trials"`
		} `json:"best_trials"`
	}
	oracle.Load(t, "multiobjective.json", &v)
	for i, c := range v.Cases {
		log := trial.NewLog(directions(t, c.Directions))
		// The order in which trials finish does not matter.
		for _, number := range rand.New(rand.NewPCG(uint64(i), 1)).Perm(len(c.Values)) {
			u := &trial.Trial{Number: number, State: trial.Complete, Values: c.Values[number]}
			for k, x := range c.Constraints[number] {
				if u.Constraints == nil {
					u.Constraints = map[string]float64{}
				}
				u.Constraints[fmt.Sprint(k)] = x
			}
			log.Put(u)
		}
		if got := numbers(log.History().ParetoFront()); !slices.Equal(got, c.Best) {
			t.Errorf("case %d: front is %v, want %v", i, got, c.Best)
		}
	}
}

func complete(number int, values ...float64) *trial.Trial {
	return &trial.Trial{Number: number, State: trial.Complete, Values: values}
}

func infeasible(number int, value float64) *trial.Trial {
	t := complete(number, value)
	t.Constraints = map[string]float64{"c": 0.1, "d": -1}
	return t
}

func TestBest(t *testing.T) {
	maximize := []trial.Direction{trial.Maximize}
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		name       string
		directions []trial.Direction
		trials     []*trial.Trial
		want       int // -1: none
	}{
		{"no trial", minimize, nil, -1},
		{"the lowest value", minimize, []*trial.Trial{complete(0, 2), complete(1, 1), complete(2, 3)}, 1},
		{"the highest value", maximize, []*trial.Trial{complete(0, 2), complete(1, 1), complete(2, 3)}, 2},
		{"of equal ones the first to finish", minimize, []*trial.Trial{complete(4, 1), complete(0, 1)}, 4},
		{"NaN is worst", minimize, []*trial.Trial{complete(0, nan), complete(1, inf)}, 1},
		{"NaN is worst, upwards", maximize, []*trial.Trial{complete(0, nan), complete(1, -inf)}, 1},
		{"infeasible ones are not best", minimize, []*trial.Trial{infeasible(0, -5), complete(1, 9)}, 1},
		{"only infeasible ones", minimize, []*trial.Trial{infeasible(0, -5)}, -1},
		{"pruned and failed ones are not best", minimize, []*trial.Trial{
			{Number: 0, State: trial.Pruned, Values: []float64{-5}}, {Number: 1, State: trial.Failed}, {Number: 2},
		}, -1},
		{"the first objective decides", []trial.Direction{trial.Minimize, trial.Maximize}, []*trial.Trial{complete(0, 1, 0), complete(1, 2, 9)}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			log := trial.NewLog(c.directions)
			for _, u := range c.trials {
				log.Put(u)
			}
			got := -1
			if best, ok := log.History().Best(); ok {
				got = best.Number
			}
			if got != c.want {
				t.Errorf("best is trial %d, want %d", got, c.want)
			}
		})
	}
}

// randomLog puts trials in random order and all states.
func randomLog(seed uint64, n int, put func(log *trial.Log, u *trial.Trial)) *trial.Log {
	r := rand.New(rand.NewPCG(seed, 2))
	log := trial.NewLog(minimize)
	for number := range n { // all start before one ends
		put(log, &trial.Trial{Number: number, State: trial.Running})
	}
	for _, number := range r.Perm(n) {
		u := &trial.Trial{Number: number, Params: []trial.Param{{Name: "a", Value: 0, Dist: space.Float{}}}}
		if r.IntN(4) > 0 {
			u.Params = append(u.Params, trial.Param{Name: "b", Value: 0, Dist: space.Float{High: float64(r.IntN(8) / 7)}})
		}
		switch r.IntN(5) {
		case 0: // still running
			u.State = trial.Running
		case 1:
			u.State = trial.Failed
		case 2:
			u.State = trial.Pruned
		default:
			u.State, u.Values = trial.Complete, []float64{float64(r.IntN(10))}
		}
		put(log, u)
	}
	return log
}

func TestAHistoryNeverChangesAndLaterOnesBeginWithIt(t *testing.T) {
	type snapshot struct {
		history           trial.History
		finished, running []*trial.Trial
		best              *trial.Trial
		space             []string
	}
	take := func(h trial.History) snapshot {
		best, _ := h.Best()
		return snapshot{h, slices.Clone(h.Finished()), slices.Clone(h.Running()), best, names(h.RankedSpace())}
	}
	var all []snapshot
	log := randomLog(1, 200, func(log *trial.Log, u *trial.Trial) {
		log.Put(u)
		all = append(all, take(log.History()))
	})
	last := log.History().Finished()
	for i, s := range all {
		now := take(s.history)
		if !slices.Equal(now.finished, s.finished) || !slices.Equal(now.running, s.running) || now.best != s.best || !slices.Equal(now.space, s.space) {
			t.Fatalf("snapshot %d has changed", i)
		}
		ranked := slices.DeleteFunc(slices.Clone(s.finished), func(u *trial.Trial) bool { return u.State == trial.Failed })
		if got := s.history.NumRanked(); got != len(ranked) {
			t.Fatalf("snapshot %d: %d trials are ranked, want %d", i, got, len(ranked))
		}
		if n := len(s.finished); !slices.Equal(s.finished, last[:n]) {
			t.Fatalf("snapshot %d: the last history does not begin with the same pointers", i)
		}
		for _, u := range s.running {
			if u.State != trial.Running {
				t.Fatalf("snapshot %d: trial %d is %v among the running ones", i, u.Number, u.State)
			}
		}
		if !slices.IsSorted(numbers(s.running)) {
			t.Fatalf("snapshot %d: running trials are %v, want them by number", i, numbers(s.running))
		}
	}
	// Appending to what a history returns does not change the history.
	h := all[len(all)-2].history
	_ = append(h.Finished(), complete(999, -1))
	if got := log.History().Finished(); slices.ContainsFunc(got, func(u *trial.Trial) bool { return u.Number == 999 }) {
		t.Error("appending to Finished wrote into a later history")
	}
}

func TestBeforeIsTheHistoryAsItWas(t *testing.T) {
	var then []trial.History // by the number of finished trials
	log := randomLog(3, 100, func(log *trial.Log, u *trial.Trial) {
		log.Put(u)
		if h := log.History(); len(h.Finished()) == len(then) {
			then = append(then, h)
		}
	})
	for n, want := range then {
		got := log.History().Before(n)
		if !slices.Equal(got.Finished(), want.Finished()) {
			t.Fatalf("before %d: other finished trials", n)
		}
		best, ok := got.Best()
		wantBest, wantOK := want.Best()
		if best != wantBest || ok != wantOK {
			t.Fatalf("before %d: best is %v, want %v", n, best, wantBest)
		}
		for _, common := range []func(trial.History) space.Space{trial.History.Space, trial.History.RankedSpace} {
			if !slices.Equal(names(common(got)), names(common(want))) {
				t.Fatalf("before %d: space is %v, want %v", n, names(common(got)), names(common(want)))
			}
		}
		if len(got.Running()) != 0 {
			t.Fatalf("before %d: %d trials are running, want none", n, len(got.Running()))
		}
	}
	if got := log.History().Before(1 << 40); len(got.Finished()) != len(log.History().Finished()) {
		t.Errorf("before the end of time: %d trials, want all", len(got.Finished()))
	}
}

func TestAFinishedTrialStaysAsItWasPut(t *testing.T) {
	log := trial.NewLog(minimize)
	log.Put(complete(0, 1))
	log.Put(complete(0, -9))
	log.Put(&trial.Trial{Number: 0, State: trial.Running})
	h := log.History()
	if best, ok := h.Best(); !ok || best.Values[0] != 1 || len(h.Finished()) != 1 || len(h.Running()) != 0 {
		t.Errorf("best is %v of %d finished and %d running trials, want 1 of 1 and 0", best, len(h.Finished()), len(h.Running()))
	}
}

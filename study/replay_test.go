package study_test

import (
	"encoding/json"
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// jittery is an objective that sleeps at varying places, so trials finish out of order and see each
// other half drawn.
func jittery(finite bool) study.Objective {
	var mu sync.Mutex
	r := rand.New(rand.NewPCG(1, 2))
	pause := func(most int) {
		mu.Lock()
		d := time.Duration(r.IntN(most)) * time.Microsecond
		mu.Unlock()
		time.Sleep(d)
	}
	return func(t *study.Trial) (float64, error) {
		v := 0.0
		if !finite {
			x := t.Float("x", -1, 1)
			pause(2000)
			lr := t.LogFloat("lr", 1e-5, 1e-1)
			v += (x-0.3)*(x-0.3) + math.Abs(math.Log10(lr)+3)/10
		}
		k := t.Int("k", 0, 9)
		pause(2000)
		s := study.Suggest(t, "s", space.Float{Low: 0, High: 1, Step: 0.25})
		v += float64((k-4)*(k-4))/20 + s
		if t.Categorical("c", "a", "b", "c") == "b" && !finite {
			pause(2000)
			v -= t.Float("y", 0, 1)
		}
		for step := range 3 {
			pause(2000)
			if err := t.Report(step, v+1/float64(step+1)); err != nil {
				return 0, err
			}
		}
		if t.Number()%13 == 5 {
			return 0, errors.New("bad luck")
		}
		return v, nil
	}
}

// A study of two connections with four workers each is drawn again from its file.
func TestReplay(t *testing.T) {
	grid := sampler.Grid{Seed: 1, Values: map[string][]any{"k": {0, 3, 4, 5}, "s": {0.25, 0.5}, "c": {"a", "b", "c"}}}
	for _, c := range []struct {
		name   string
		fresh  func() sampler.Sampler
		trials int
		finite bool
		looks  bool // at running trials
		pruner pruner.Pruner
	}{
		{"Random", func() sampler.Sampler { return sampler.Random{} }, 60, false, false, nil},
		{"QMC", func() sampler.Sampler { return sampler.QMC{Seed: 1} }, 60, false, false, nil},
		{"Halton", func() sampler.Sampler { return sampler.QMC{Seed: 1, Sequence: sampler.Halton} }, 60, false, false, nil},
		{"Grid", func() sampler.Sampler { return grid }, 24, true, false, nil},
		{"Grid, which goes round again", func() sampler.Sampler { return struct{ sampler.Sampler }{grid} }, 36, true, true, nil},
		{"BruteForce", func() sampler.Sampler { return sampler.BruteForce{} }, 60, true, true, nil},
		{"CMAES", func() sampler.Sampler { return &sampler.CMAES{Population: 10} }, 100, false, false, nil},
		{"CMAES as Optuna's", func() sampler.Sampler { return &sampler.CMAES{Population: 10, Optuna: true} }, 60, false, false, nil},
		{"CMAES, separable", func() sampler.Sampler { return &sampler.CMAES{Population: 10, Separable: true} }, 100, false, false, nil},
		{"CMAES, adapting rates", func() sampler.Sampler { return &sampler.CMAES{Population: 10, AdaptRates: true} }, 100, false, false, nil},
		{"CMAES with margin", func() sampler.Sampler { return &sampler.CMAES{Population: 10, Margin: true} }, 100, false, false, nil},
		{"CMAES with IPOP", func() sampler.Sampler { return &sampler.CMAES{Population: 10, Restart: sampler.IPOP} }, 100, false, false, nil},
		{"CMAES with BIPOP and median", func() sampler.Sampler { return &sampler.CMAES{Population: 10, Restart: sampler.BIPOP} }, 100, false, false, pruner.Median{}},
		{"CMAES under Hyperband", func() sampler.Sampler { return &sampler.CMAES{Population: 5} }, 100, false, false, pruner.Hyperband{StudyName: "test"}},
		{"GP", func() sampler.Sampler { return &sampler.GP{} }, 30, false, true, nil},
		{"Auto", func() sampler.Sampler { return &sampler.Auto{} }, 40, false, true, nil},
		{"TPE", func() sampler.Sampler { return &sampler.TPE{} }, 60, false, true, nil},
		{"TPE, one at a time", func() sampler.Sampler { return &sampler.TPE{Independent: true} }, 60, false, true, nil},
		{"TPE by groups", func() sampler.Sampler { return &sampler.TPE{Groups: true} }, 60, false, true, nil},
		{"TPE in a finite space", func() sampler.Sampler { return &sampler.TPE{} }, 60, true, true, nil},
		{"TPE with median", func() sampler.Sampler { return &sampler.TPE{} }, 60, false, true, pruner.Median{}},
		{"TPE under Hyperband", func() sampler.Sampler { return &sampler.TPE{StartupTrials: 5} }, 80, false, true, pruner.Hyperband{StudyName: "test"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "study.db")
			configure := func(cfg *study.Config) { cfg.Sampler, cfg.Pruner, cfg.Seed = c.fresh(), c.pruner, 7 }
			connect := func() *sqlite.DB {
				db, err := sqlite.Open(t.Context(), file, sqlite.Options{NoSync: true})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { db.Close() })
				return db
			}
			if _, err := open(t, connect(), configure).Enqueue(t.Context(), map[string]any{"k": 4}); err != nil {
				t.Fatal(err)
			}
			objective := jittery(c.finite)
			var workers sync.WaitGroup
			for _, st := range []*study.Study{open(t, connect(), configure), open(t, connect(), configure)} {
				workers.Go(func() {
					if err := st.Optimize(t.Context(), objective, study.Budget{Trials: c.trials, Workers: 4}); err != nil {
						t.Error(err)
					}
				})
			}
			workers.Wait()

			db := connect()
			st := open(t, db, configure)
			random := open(t, db, func(cfg *study.Config) { cfg.Seed = 7 })
			looked, unequal, learned := 0, 0, 0
			for _, record := range trials(t, st) {
				drawn, err := st.Replay(t.Context(), record.Number)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(values(drawn), values(record.Params)) {
					t.Errorf("trial %d has %v, drawn again %v", record.Number, values(record.Params), values(drawn))
				}
				if record.SystemAttrs["bluefin:running"] != nil {
					looked++
				}
				if drawn, err := random.Replay(t.Context(), record.Number); err != nil || !slices.Equal(values(drawn), values(record.Params)) {
					learned++
				}
			}
			if (learned > c.trials/3) != (c.name != "Random") {
				t.Errorf("%d of %d trials are not what random search draws", learned, c.trials)
			}
			if (looked > 0) != c.looks {
				t.Errorf("%d of %d trials have a record of what was running", looked, c.trials)
			}
			again := open(t, forget(t, db), configure)
			for _, record := range trials(t, again) {
				if drawn, err := again.Replay(t.Context(), record.Number); err != nil || !slices.Equal(values(drawn), values(record.Params)) {
					unequal++
				}
			}
			t.Logf("%d trials, all drawn again the same; %d saw others running, and without that %d come out otherwise", c.trials, looked, unequal)
			if seldom := strings.HasPrefix(c.name, "Grid"); (unequal > 0) != c.looks && !seldom {
				t.Errorf("without what was running, %d trials come out otherwise", unequal)
			}
		})
	}
}

func values(params []trial.Param) []float64 {
	var all []float64
	for _, p := range params {
		all = append(all, p.Value)
	}
	return all
}

// forget copies the study without the attribute that says which trials were running.
func forget(t *testing.T, from storage.Storage) *storage.Memory {
	t.Helper()
	s, err := from.Export(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	for i, tr := range s.Trials {
		c := *tr
		c.SystemAttrs = maps.Clone(c.SystemAttrs)
		delete(c.SystemAttrs, "bluefin:running")
		s.Trials[i] = &c
	}
	to := &storage.Memory{}
	if _, err := to.Import(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestReplayOfWhatCannotBe(t *testing.T) {
	everyStorage(t, func(t *testing.T, s storage.Storage) {
		st := open(t, s, func(c *study.Config) { c.Sampler = &sampler.TPE{StartupTrials: 1} })
		if _, err := st.Replay(t.Context(), 0); !errors.Is(err, storage.ErrNotExist) {
			t.Errorf("a trial that is not there: got %v", err)
		}
		if _, err := st.Enqueue(t.Context(), map[string]any{"x": 0.25}); err != nil {
			t.Fatal(err)
		}
		if drawn, err := st.Replay(t.Context(), 0); err != nil || len(drawn) != 0 {
			t.Errorf("a trial that waits has nothing to draw: got %v, %v", drawn, err)
		}
		if err := st.Optimize(t.Context(), sphere, study.Budget{Trials: 3}); err != nil {
			t.Fatal(err)
		}
		if drawn, err := st.Replay(t.Context(), 0); err != nil || drawn[0].Value != 0.25 || !slices.Equal(values(drawn), values(trials(t, st)[0].Params)) {
			t.Errorf("a queued value stays: got %v, %v", drawn, err)
		}
		x := []trial.Param{{Name: "x", Value: 0.5, Dist: space.Float{Low: -1, High: 1}}}
		for name, attr := range map[string]string{"no list": `"a"`, "no trial": `[[99,1],[-4,2]]`, "more parameters than there are": `[[1,9]]`, "fewer than none": `[[1,-9]]`, "no pairs": `[[1]]`, "itself": `[[3,1]]`} {
			number, err := s.Add(t.Context(), 1, &trial.Trial{Number: -1, State: trial.Complete, Values: []float64{1}, Params: x, SystemAttrs: map[string]json.RawMessage{"bluefin:running": json.RawMessage(attr)}})
			if err != nil {
				t.Fatal(err)
			}
			if drawn, err := st.Replay(t.Context(), number); err != nil || len(drawn) != 1 {
				t.Errorf("an attribute that another program has broken, with %s: got %v, %v", name, drawn, err)
			}
		}
		wrong := open(t, s, func(c *study.Config) { c.Sampler = sampler.Grid{Values: map[string][]any{"x": {7.0}}} })
		if _, err := wrong.Replay(t.Context(), 1); err == nil {
			t.Error("a sampler that fails: got no error")
		}
	})
}

// An orphan draws the rest of its parameters as its first worker would have, beside the same
// running trial.
func TestAnOrphanIsDrawnAgainBesideWhatWasRunning(t *testing.T) {
	dims := space.Must(space.New(space.Dimension{Name: "x", Dist: space.Float{High: 1}}, space.Dimension{Name: "y", Dist: space.Float{High: 1}}))
	objective := func(t *study.Trial) (float64, error) { return t.Float("x", 0, 1) + t.Float("y", 0, 1), nil }
	var y []float64 // in each case
	for _, c := range []struct {
		saved int // number of parameters that the worker saved
		alone bool
	}{{2, false}, {1, false}, {1, true}} {
		everyStorage(t, func(t *testing.T, s storage.Storage) {
			st := open(t, s, func(c *study.Config) { c.Sampler, c.Seed = &sampler.TPE{}, 3 })
			if err := st.Optimize(t.Context(), objective, study.Budget{Trials: 15}); err != nil {
				t.Fatal(err)
			}
			var beside []*study.Trial
			for range 5 {
				if c.alone {
					break
				}
				tr, err := st.Ask(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				objective(tr)
				beside = append(beside, tr)
			}
			for range 5 - len(beside) {
				if _, err := s.Add(t.Context(), 1, &trial.Trial{Number: -1, State: trial.Failed}); err != nil {
					t.Fatal(err)
				}
			}
			asked, err := st.AskDetached(t.Context(), study.Detached{Params: dims[:c.saved], Lease: storage.Lease{Duration: time.Nanosecond}})
			if err != nil {
				t.Fatal(err)
			}
			for i, tr := range beside {
				if _, err := st.Tell(t.Context(), tr, float64(i)); err != nil {
					t.Fatal(err)
				}
			}
			other := open(t, s, func(c *study.Config) { c.Sampler, c.Seed = &sampler.TPE{}, 3 })
			heir, err := other.Ask(t.Context())
			if err != nil || heir.Number() != asked.Number {
				t.Fatal(heir, err)
			}
			objective(heir)
			if x := heir.Params()["x"]; x != asked.Params[0].Value {
				t.Errorf("a saved value stays: got %v, want %v", x, asked.Params[0].Value)
			}
			y = append(y, heir.Params()["y"].(float64))
			heir.SetUserAttr("done", true)
			if _, err := other.Tell(t.Context(), heir, 1); err != nil {
				t.Fatal(err)
			}
		})
	}
	if y[0] != y[1] || y[2] != y[0] || y[3] != y[0] || y[4] == y[0] {
		t.Errorf("drawn at once, drawn again, and with nothing running: got %v, want four equal and two others", y)
	}
}

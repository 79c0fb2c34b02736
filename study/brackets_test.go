package study

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// curve is an objective whose reports approach a minimum.
func curve(t *Trial) (float64, error) {
	x, y := t.Float("x", -1, 1), t.Float("y", -1, 1)
	v := (x-0.3)*(x-0.3) + (x+y)*(x+y)
	for step := range 9 {
		if err := t.Report(step, v+1/float64(step+1)); err != nil {
			return 0, err
		}
	}
	return v, nil
}

// The reference is a simulation of curve under Hyperband where each bracket has its own log and
// sampler.
func TestHyperbandGivesEachBracketASearchOfItsOwn(t *testing.T) {
	const trials, seed = 150, 5
	hyperband := pruner.Hyperband{StudyName: "study", MaxResource: 9}
	by := hyperband.Bracketing(trial.History{}) // of three brackets
	for name, fresh := range map[string]func() sampler.JointSampler{
		"CMAES": func() sampler.JointSampler { return &sampler.CMAES{Population: 4} },
		"TPE":   func() sampler.JointSampler { return &sampler.TPE{StartupTrials: 5} },
	} {
		t.Run(name, func(t *testing.T) {
			st, err := Open(t.Context(), Config{Sampler: fresh(), Pruner: hyperband, Seed: seed})
			if err != nil {
				t.Fatal(err)
			}
			if err := st.Optimize(t.Context(), curve, Budget{Trials: trials}); err != nil {
				t.Fatal(err)
			}
			all, err := st.Trials(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			logs, samplers := map[int]*trial.Log{}, map[int]sampler.JointSampler{}
			joint := map[int]int{} // trials that were drawn jointly
			for number, record := range all {
				own := by.Bracket(number)
				if logs[own] == nil {
					logs[own], samplers[own] = trial.NewLog(st.Directions()), fresh()
				}
				r := sampler.NewRequest(logs[own].History(), &trial.Trial{Number: number}, rand.New(rand.NewPCG(random(seed, number, ""))))
				drawn, err := samplers[own].SampleJoint(r)
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range record.Params {
					want, ok := drawn[p.Name]
					if !ok {
						r.Rand = rand.New(rand.NewPCG(random(seed, number, p.Name)))
						if want, err = samplers[own].Sample(r, p.Name, p.Dist); err != nil {
							t.Fatal(err)
						}
					}
					if p.Value != want {
						t.Fatalf("trial %d in bracket %d has %s = %v, want %v", number, own, p.Name, p.Value, want)
					}
				}
				if len(drawn) > 0 {
					joint[own]++
				}
				c := *record
				c.Seen = len(logs[own].History().Finished())
				logs[own].Put(&c)
			}
			for own := range 3 {
				if joint[own] < 10 {
					t.Errorf("only %d trials of bracket %d were drawn by a model", joint[own], own)
				}
			}
		})
	}
}

// watcher records what it is shown.
type watcher struct {
	pruner.Hyperband
	mu    sync.Mutex
	drawn map[int][]int // by trial: the finished ones that its sampler saw
	seen  map[int][]int // and their Seen
	whole int           // the longest history that the pruner saw
}

func (w *watcher) Sample(r sampler.Request, _ string, d space.Dist) (float64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drawn[r.Trial.Number], w.seen[r.Trial.Number] = nil, nil
	for _, t := range r.History.Finished() {
		w.drawn[r.Trial.Number] = append(w.drawn[r.Trial.Number], t.Number)
		w.seen[r.Trial.Number] = append(w.seen[r.Trial.Number], t.Seen)
	}
	return d.Value(r.Rand.Float64()), nil
}

func (w *watcher) Prune(h trial.History, t *trial.Trial) (pruner.Verdict, error) {
	w.mu.Lock()
	w.whole = max(w.whole, len(h.Finished()))
	w.mu.Unlock()
	return w.Hyperband.Prune(h, t)
}

func watch(t *testing.T, s storage.Storage, trials int) *watcher {
	w := &watcher{Hyperband: pruner.Hyperband{StudyName: "study"}, drawn: map[int][]int{}, seen: map[int][]int{}}
	st, err := Open(t.Context(), Config{Name: "study", Storage: s, Sampler: w, Pruner: w, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Optimize(t.Context(), curve, Budget{Trials: trials}); err != nil {
		t.Fatal(err)
	}
	return w
}

// Brackets start late: the first complete trial with reports shows how long trials are. Resuming
// changes nothing.
func TestASamplerSeesItsBracketAndThePrunerAll(t *testing.T) {
	s := &storage.Memory{}
	if _, err := s.Create(t.Context(), "study", []trial.Direction{trial.Minimize}); err != nil {
		t.Fatal(err)
	}
	for range 3 { // without reports the length of a trial is unknown
		if _, err := s.Add(t.Context(), 1, &trial.Trial{Number: -1, State: trial.Complete, Values: []float64{9}}); err != nil {
			t.Fatal(err)
		}
	}
	first, second := watch(t, s, 30), watch(t, s, 60)
	other := &storage.Memory{}
	snapshot, err := s.Export(t.Context(), "study")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Import(t.Context(), snapshot); err != nil {
		t.Fatal(err)
	}
	h := func() trial.History {
		st, _ := Load(t.Context(), Config{Name: "study", Storage: s})
		h, _ := st.sync(context.Background())
		return h
	}()
	by := pruner.Hyperband{StudyName: "study", MaxResource: 9}.Bracketing(h)
	if got := first.Bracketing(h); got != by {
		t.Fatalf("the brackets are %v, want those of 9 steps", got)
	}
	parted := 0
	for number := 3; number < 60; number++ {
		w := first
		if number >= 30 {
			w = second
		}
		var want, seen []int
		for _, u := range h.Finished()[:number] {
			if number < 4 || by.Bracket(u.Number) == by.Bracket(number) {
				seen = append(seen, min(u.Seen, len(want)))
				want = append(want, u.Number)
			}
		}
		if !slices.Equal(w.drawn[number], want) || !slices.Equal(w.seen[number], seen) {
			t.Errorf("trial %d was drawn from %v with Seen %v, want %v with %v", number, w.drawn[number], w.seen[number], want, seen)
		}
		if len(want) < number {
			parted++
		}
	}
	if parted < 50 || second.whole < 58 {
		t.Errorf("%d trials were drawn from a bracket; the pruner saw %d finished trials of 59", parted, second.whole)
	}
	// An orphan is drawn from its bracket as it was at the start.
	if _, err := other.Begin(t.Context(), 1, storage.Claim{Lease: storage.Lease{Owner: "dead"}, Seen: 40}); err != nil {
		t.Fatal(err)
	}
	st, err := Load(t.Context(), Config{Name: "study", Storage: other, Sampler: second, Pruner: second})
	if err != nil {
		t.Fatal(err)
	}
	again, err := st.Ask(t.Context())
	if err != nil || again.Number() != 60 {
		t.Fatal(again, err)
	}
	again.Float("x", -1, 1)
	if _, err := st.TellError(t.Context(), again, errors.New("enough")); err != nil {
		t.Fatal(err)
	}
	var want []int
	for _, u := range h.Finished()[:40] {
		if by.Bracket(u.Number) == by.Bracket(60) {
			want = append(want, u.Number)
		}
	}
	if !slices.Equal(second.drawn[60], want) {
		t.Errorf("the orphan was drawn from %v, want %v", second.drawn[60], want)
	}
}

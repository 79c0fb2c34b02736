package study_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Workers do not draw what a slow objective has drawn jointly but not suggested yet.
func TestWorkersKnowWhatOthersAreAboutToTry(t *testing.T) {
	for name, c := range map[string]struct {
		sampler         sampler.Sampler
		workers, trials int
	}{
		"TPE": {&sampler.TPE{}, 8, 60},
		"GP":  {&sampler.GP{}, 4, 40},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := open(t, &storage.Memory{}, func(cfg *study.Config) { cfg.Sampler = c.sampler })
			err := st.Optimize(t.Context(), func(u *study.Trial) (float64, error) {
				x := u.Int("x", 0, 9)
				time.Sleep(2 * time.Millisecond)
				y := u.Int("y", 0, 7)
				time.Sleep(time.Millisecond)
				if x == 7 {
					return 0, errors.New("no value")
				}
				return float64((x-3)*(x-3) + y), nil
			}, study.Budget{Trials: c.trials, Workers: c.workers})
			if err != nil {
				t.Fatal(err)
			}
			seen := map[string]int{}
			for _, u := range trials(t, st) {
				if u.Seen < c.workers { // the space is unknown until a trial is complete
					continue
				}
				at := fmt.Sprint(u.Params)
				if before, ok := seen[at]; ok {
					t.Errorf("trial %d tried %v, as trial %d did", u.Number, at, before)
				}
				seen[at] = u.Number
			}
		})
	}
}

// An announcer draws two parameters jointly and records what it saw of other trials.
type announcer struct {
	mu   sync.Mutex
	seen []map[string]float64
}

func (a *announcer) SampleJoint(r sampler.Request) (map[string]float64, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, t := range r.Running() {
		if t.Number != r.Trial.Number {
			a.seen = append(a.seen, t.Joint)
		}
	}
	return map[string]float64{"x": 0.25, "y": 0.30000000000000004}, nil
}

func (*announcer) Sample(sampler.Request, string, space.Dist) (float64, error) { return 0.5, nil }

func TestOtherProcessesKnowWhatATrialIsAboutToTry(t *testing.T) {
	ctx := context.Background()
	file := &storage.Memory{}
	a, b := &announcer{}, &announcer{}
	first := open(t, file, func(cfg *study.Config) { cfg.Sampler = a })
	second := open(t, file, func(cfg *study.Config) { cfg.Sampler = b })
	u, err := first.Ask(ctx)
	if err != nil {
		t.Fatal(err)
	}
	u.Float("x", 0, 1)
	for { // until it is saved
		all := trials(t, second)
		if len(all[0].Params) == 1 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	v, err := second.Ask(ctx)
	if err != nil {
		t.Fatal(err)
	}
	v.Float("x", 0, 1)
	v.Float("y", 0, 1)
	if want := map[string]float64{"y": 0.30000000000000004}; len(b.seen) != 1 || !maps.Equal(b.seen[0], want) {
		t.Errorf("the other process knew %v, want %v", b.seen, want)
	}
	u.Float("y", 0, 1)
	for _, told := range []struct {
		st *study.Study
		t  *study.Trial
	}{{first, u}, {second, v}} {
		if _, err := told.st.Tell(ctx, told.t, 1); err != nil {
			t.Fatal(err)
		}
	}
	// The second trial suggested everything at once and had nothing to publish. Its record contains
	// what it saw of the first, so it can be replayed.
	record := trials(t, second)[1]
	if record.SystemAttrs["bluefin:joint"] != nil {
		t.Errorf("a trial that asked for all at once has %s", record.SystemAttrs["bluefin:joint"])
	}
	var glimpses any
	if err := json.Unmarshal(record.SystemAttrs["bluefin:running"], &glimpses); err != nil || fmt.Sprint(glimpses) != "[[0 1 map[y:0.30000000000000004]]]" {
		t.Errorf("the record of what was running is %v, %v", glimpses, err)
	}
	b.seen = nil
	if _, err := second.Replay(ctx, 1); err != nil || len(b.seen) != 1 || !maps.Equal(b.seen[0], map[string]float64{"y": 0.30000000000000004}) {
		t.Errorf("drawn again, it saw %v, %v", b.seen, err)
	}
}

// An interrupter cancels a context while it draws.
type interrupter struct{ cancel context.CancelFunc }

func (i interrupter) Sample(sampler.Request, string, space.Dist) (float64, error) {
	i.cancel()
	return 0.5, nil
}

func TestADetachedTrialThatIsInterruptedGoesToTheQueue(t *testing.T) {
	everyStorage(t, func(t *testing.T, s storage.Storage) {
		ctx, cancel := context.WithCancel(t.Context())
		st := open(t, s, func(cfg *study.Config) { cfg.Sampler = interrupter{cancel} })
		_, err := st.AskDetached(ctx, study.Detached{Params: space.Must(space.New(space.Dimension{Name: "x", Dist: space.Float{High: 1}})), Lease: storage.Lease{Duration: time.Hour}})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error is %v, want that of the context", err)
		}
		if all := trials(t, st); len(all) != 1 || all[0].State != trial.Waiting || len(all[0].Params) != 1 {
			t.Errorf("the trials are %+v, want one that waits with its parameter", all)
		}
	})
}

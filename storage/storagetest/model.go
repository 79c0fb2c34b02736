package storagetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// testModel runs the same random calls on the storage and on storage.Memory and
// compares their results.
func testModel(t *testing.T, s suite) {
	// Few seeds and many calls: the states that break storages take long chains to reach.
	for seed := range uint64(4) {
		m := model{suite: s, rand: rand.New(rand.NewPCG(seed, 0)), reference: &storage.Memory{}}
		m.name = fmt.Sprintf("model %d", seed)
		a, err := m.Create(m.ctx, m.name, minimize)
		b, err2 := m.reference.Create(m.ctx, m.name, minimize)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		m.id, m.referenceID = a.ID, b.ID
		for step := range 250 {
			if what := m.step(); t.Failed() {
				t.Fatalf("seed %d, step %d: %s", seed, step, what)
			}
		}
	}
}

// A model has the two storages and what Since has reported of each.
type model struct {
	suite
	rand      *rand.Rand
	reference *storage.Memory
	name      string
	// ids may differ, since the suite's storage may have held studies before
	id, referenceID int64
	// what Since has reported of the storage and of the reference
	known, wanted knowledge
	// one more than the highest number, so calls may also name a trial that does not exist
	trials int
}

// step makes one random call and describes it.
func (m *model) step() string {
	switch r := m.rand.IntN(20); {
	// Lifetimes of an hour or of nothing: a lease is over at once or not at all, so the clock
	// decides nothing.
	case r < 5:
		c := storage.Claim{Lease: storage.Lease{Owner: m.owner()}, Budget: m.rand.IntN(60), Seen: m.rand.IntN(9)}
		if m.rand.IntN(3) > 0 {
			c.Duration = time.Hour
		}
		// Most claims resume, so orphans live on and gather checkpoints.
		c.Orphans = storage.Orphans{Policy: storage.Policy(max(0, m.rand.IntN(6)-3)), Limit: m.rand.IntN(4) - 1}
		if m.rand.IntN(2) == 0 {
			c.Slice = &storage.Slice{Number: m.rand.IntN(m.trials+2) - 1, Until: m.rand.IntN(9)}
			if m.rand.IntN(2) == 0 {
				c.Slice.Number = m.paused()
			}
		}
		a, err := m.Begin(m.ctx, m.id, c)
		b, err2 := m.reference.Begin(m.ctx, m.referenceID, c)
		m.sameError(err, err2)
		if err == nil && err2 == nil {
			m.sameTrial(a, b)
			m.trials = max(m.trials, a.Number+1)
		}
		return fmt.Sprintf("Begin(%+v)", c)
	// Added trials are waiting ones or random ones, many of which CheckAdd refuses: both must
	// refuse the same.
	case r < 6:
		t := &trial.Trial{Number: -1, State: trial.Waiting, SystemAttrs: m.attrs()}
		if m.rand.IntN(3) == 0 {
			u := m.update()
			t = &trial.Trial{Number: m.rand.IntN(m.trials+2) - 1, State: u.State, Params: u.Params,
				Values: u.Values, Reports: u.Reports, Constraints: u.Constraints}
			if m.rand.IntN(2) == 0 {
				t.Start = time.Unix(int64(m.rand.IntN(1e9)), 0)
				t.End = t.Start.Add(time.Hour)
			}
		}
		a, err := m.Add(m.ctx, m.id, t)
		b, err2 := m.reference.Add(m.ctx, m.referenceID, t)
		m.sameError(err, err2)
		if err == nil && a != b {
			m.Errorf("Add: got number %d, want %d", a, b)
		}
		if err == nil {
			m.trials = max(m.trials, a+1)
		}
		return fmt.Sprintf("Add(%+v)", t)
	// Random owners: some writes come from a worker that has lost its trial.
	case r < 18:
		n, u := m.rand.IntN(m.trials+1), m.update()
		m.sameError(m.Write(m.ctx, m.id, n, u), m.reference.Write(m.ctx, m.referenceID, n, u))
		return fmt.Sprintf("Write(%d, %+v)", n, u)
	}
	// Checkpoints have no part in Since, so they are compared by themselves.
	if m.rand.IntN(3) == 0 {
		n := m.rand.IntN(m.trials + 1)
		a, err := m.Checkpoint(m.ctx, m.id, n)
		b, err2 := m.reference.Checkpoint(m.ctx, m.referenceID, n)
		m.sameError(err, err2)
		if !reflect.DeepEqual(a, b) {
			m.Errorf("got checkpoint %+v, want %+v", a, b)
		}
		return fmt.Sprintf("Checkpoint(%d)", n)
	}
	return m.compareSince()
}

// compareSince updates the knowledge of both storages and compares it. It does not
// compare the answers, because Since may return trials that did not change.
func (m *model) compareSince() string {
	if m.rand.IntN(3) == 0 {
		// Starting over from revision 0 must lead to the same as all increments together.
		m.known, m.wanted = knowledge{}, knowledge{}
	}
	from := m.known.revision
	m.sameError(m.known.update(m.ctx, m.Storage, m.id), m.wanted.update(m.ctx, m.reference, m.referenceID))
	if len(m.known.trials) != len(m.wanted.trials) || !slices.Equal(m.known.finished, m.wanted.finished) {
		m.Errorf("got %d trials, finished %v, want %d, %v",
			len(m.known.trials), m.known.finished, len(m.wanted.trials), m.wanted.finished)
		return ""
	}
	var start time.Time
	for number, want := range m.wanted.trials {
		m.sameTrial(m.known.trials[number], want)
		// Trial must agree with what Since has built up.
		if got, err := m.Trial(m.ctx, m.id, number); err != nil {
			m.Errorf("Trial(%d): %v", number, err)
		} else {
			m.sameTrial(got, want)
		}
		if at := m.known.trials[number].Start; !at.IsZero() && (start.IsZero() || at.Before(start)) {
			start = at
		}
	}
	// Extent must agree with a count over all trials.
	if n, at, err := m.Extent(m.ctx, m.id); err != nil || n != len(m.wanted.trials) || !at.Equal(start) {
		m.Errorf("Extent: got %d, %v, %v, want %d, %v", n, at, err, len(m.wanted.trials), start)
	}
	// Best must agree with the engine's own rule, ties and infeasible trials included.
	log := trial.NewLog(minimize)
	for _, number := range m.wanted.finished {
		log.Put(m.wanted.trials[number])
	}
	want, some := log.History().Best()
	for _, s := range []struct {
		storage.Storage
		id int64
	}{{m.Storage, m.id}, {m.reference, m.referenceID}} {
		if got, err := s.Best(m.ctx, s.id); (err == nil) != some {
			m.Errorf("Best: got %v, want one: %v", err, some)
		} else if some {
			m.sameTrial(got, want)
		}
	}
	// The numbers just outside are missing, never another trial.
	for _, number := range []int{-1, len(m.wanted.trials)} {
		_, err := m.Trial(m.ctx, m.id, number)
		m.want(err, storage.ErrNotExist, "Trial of no trial")
	}
	return fmt.Sprintf("Since(%d)", from)
}

// knowledge accumulates the answers of Since.
type knowledge struct {
	revision int64
	trials   map[int]*trial.Trial
	finished []int // in the order of Since
}

func (k *knowledge) update(ctx context.Context, s storage.Storage, id int64) error {
	c, err := s.Since(ctx, id, k.revision)
	if err != nil {
		return err
	}
	k.revision = c.Revision
	if k.trials == nil {
		k.trials = map[int]*trial.Trial{}
	}
	for _, t := range c.Trials {
		// A trial may be reported again after it finished; the first time fixes its place.
		if old := k.trials[t.Number]; t.State.Finished() && (old == nil || !old.State.Finished()) {
			k.finished = append(k.finished, t.Number)
		}
		k.trials[t.Number] = t
	}
	return nil
}

// paused returns the number of a paused trial as last read, or -1.
func (m *model) paused() int {
	number := -1
	for n, t := range m.wanted.trials {
		if t.Paused() && (number < 0 || n < number) {
			number = n
		}
	}
	return number
}

// owner is one of three, so that owners often meet and often differ.
func (m *model) owner() string { return string(rune('a' + m.rand.IntN(3))) }

// update returns an update that is valid more often than not.
func (m *model) update() storage.Update {
	var u storage.Update
	if m.rand.IntN(2) == 0 {
		u.Owner = m.owner()
	}
	if m.rand.IntN(4) == 0 {
		u.Renew = time.Hour
	}
	if m.rand.IntN(8) == 0 {
		u.Checkpoint = &storage.Checkpoint{Step: m.rand.IntN(20) - 1, Data: []byte{byte(m.rand.IntN(256))},
			Keep: m.rand.IntN(2) == 0}
	}
	for range m.rand.IntN(3) {
		d := []space.Dist{space.Float{High: 1}, space.Float{Low: 1, High: 9, Log: true},
			space.Int{Low: 1, High: 5, Step: 2}, space.Categorical{Choices: []any{"a", nil, 1.5}}}[m.rand.IntN(4)]
		name := string(rune('p' + m.rand.IntN(4)))
		u.Params = append(u.Params, trial.Param{Name: name, Value: d.Value(m.rand.Float64()), Dist: d})
	}
	for range m.rand.IntN(3) {
		u.Reports = append(u.Reports, trial.Report{Step: m.rand.IntN(20) - 1, Value: m.float()})
	}
	if m.rand.IntN(4) == 0 {
		u.Constraints = map[string]float64{string(rune('c' + m.rand.IntN(3))): m.float()}
	}
	u.UserAttrs, u.SystemAttrs = m.attrs(), m.attrs()
	if m.rand.IntN(8) == 0 {
		u.State = trial.Waiting
		u.SystemAttrs = map[string]json.RawMessage{sysattr.Paused: json.RawMessage(fmt.Sprint(m.rand.IntN(20)))}
	} else if m.rand.IntN(2) == 0 {
		u.State = trial.State(m.rand.IntN(5))
		if u.State == trial.Complete || u.State == trial.Pruned && m.rand.IntN(2) == 0 {
			u.Values = []float64{m.float()}
		}
	}
	u.Replace, u.Start = m.rand.IntN(3) == 0, m.rand.IntN(6) == 0
	return u
}

// float is an ordinary number more often than not, else a value that encodings lose.
func (m *model) float() float64 {
	special := []float64{m.rand.NormFloat64(), 0, math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat64, -5e-324}
	return special[max(0, m.rand.IntN(14)-7)]
}

// attrs include a key that follows from reports, which resuming must rewind, and a
// constraint in Optuna's form.
func (m *model) attrs() map[string]json.RawMessage {
	if m.rand.IntN(3) > 0 {
		return nil
	}
	keys := []string{"a", "k ey", "日本", sysattr.RungPrefix + "0", sysattr.ConstraintPrefix + "c", sysattr.Paused, sysattr.Until}
	return map[string]json.RawMessage{keys[m.rand.IntN(len(keys))]: json.RawMessage(fmt.Sprint(m.rand.IntN(10)))}
}

// sameError compares which sentinels two errors match; their texts may differ.
func (m *model) sameError(got, want error) {
	m.Helper()
	for _, target := range []error{storage.ErrExist, storage.ErrNotExist, storage.ErrFinished,
		storage.ErrLost, storage.ErrBudget, storage.ErrChanged, storage.ErrInvalid} {
		if errors.Is(got, target) != errors.Is(want, target) {
			m.Errorf("got error %v, want %v", got, want)
		}
	}
	if (got == nil) != (want == nil) {
		m.Errorf("got error %v, want %v", got, want)
	}
}

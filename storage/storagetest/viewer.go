package storagetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/process"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/internal/awkward"
	"github.com/bluefin-hpo/bluefin/trial"
)

// RunViewer checks what storage.Viewer adds to storage.Storage: each answer is compared with what
// follows from the trials. open returns an empty storage, which RunViewer closes.
func RunViewer(t *testing.T, open func(t testing.TB) storage.Viewer) {
	for _, group := range []struct {
		name string
		test func(*testing.T, viewer)
	}{
		{"Trials", testViewTrials},
		{"Empty", testViewEmpty},
		{"Workers", testViewWorkers},
		{"Checkpoints", testViewCheckpoints},
		{"IDs", testViewIDs},
		{"Await", testAwait},
	} {
		t.Run(group.name, func(t *testing.T) {
			v := open(t)
			t.Cleanup(func() {
				if err := v.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
			group.test(t, viewer{suite{t, context.Background(), v}, v})
		})
	}
}

// A viewer is a suite that sees all of its storage.
type viewer struct {
	suite
	view storage.Viewer
}

// texts formats trials.
func texts(trials []*trial.Trial) []string {
	all := []string{}
	for _, t := range trials {
		all = append(all, Text(t))
	}
	return all
}

// check compares every answer about a study with its trials.
func (v viewer) check(study storage.Study) {
	v.Helper()
	all := v.since(study.ID, 0)
	byNumber := slices.Clone(all.Trials)
	slices.SortFunc(byNumber, func(a, b *trial.Trial) int { return a.Number - b.Number })

	tally, err := v.view.Tally(v.ctx, study.ID)
	if err != nil || tally.Revision != all.Revision {
		v.Errorf("Tally: got revision %d, %v, want %d", tally.Revision, err, all.Revision)
	}
	states, changed, reported := map[trial.State]int{}, time.Time{}, false
	var numbers []int
	var values []float64
	for _, t := range byNumber {
		states[t.State]++
		for _, at := range []time.Time{t.Start, t.End} {
			if at.After(changed) {
				changed = at
			}
		}
		reported = reported || len(t.Reports) > 0
		if t.State == trial.Complete {
			numbers, values = append(numbers, t.Number), append(values, t.Values[0])
		}
	}
	for state := trial.Running; state <= trial.Waiting; state++ {
		if tally.States[state] != states[state] {
			v.Errorf("Tally: got %d trials that are %v, want %d", tally.States[state], state, states[state])
		}
	}
	if !tally.Changed.Equal(changed) {
		v.Errorf("Tally: got %v as the last change, want %v", tally.Changed, changed)
	}
	if n, x, err := v.view.Values(v.ctx, study.ID); err != nil || !slices.Equal(n, numbers) || !slices.Equal(x, values) {
		v.Errorf("Values: got %v, %v, %v, want %v, %v", n, x, err, numbers, values)
	}
	if got, err := v.view.Reported(v.ctx, study.ID); err != nil || got != reported {
		v.Errorf("Reported: got %v, %v, want %v", got, err, reported)
	}
	for _, r := range [][2]int{{0, len(byNumber)}, {1, 3}, {len(byNumber) - 1, len(byNumber) + 5}, {2, 2}, {len(byNumber), len(byNumber) + 1}} {
		first, end := min(max(0, r[0]), len(byNumber)), min(max(0, r[1]), len(byNumber))
		got, err := v.view.Range(v.ctx, study.ID, r[0], r[1])
		if want := texts(byNumber[first:max(first, end)]); r[0] >= 0 && (err != nil || !slices.Equal(texts(got), want)) {
			v.Errorf("Range(%d, %d): got %v, %v, want %v", r[0], r[1], texts(got), err, want)
		}
	}
	for _, most := range []int{1, 3, len(byNumber) + 1} {
		for _, reports := range []bool{true, false} {
			v.checkSome(study.ID, all, most, reports)
		}
	}
}

// checkSome reads a study in parts.
func (v viewer) checkSome(study int64, all storage.Changes, most int, reports bool) {
	v.Helper()
	var read []*trial.Trial
	revision := int64(0)
	for {
		c, err := v.view.Some(v.ctx, study, revision, most, reports)
		if err != nil || len(c.Trials) > most {
			v.Fatalf("Some(%d, %d): got %d trials, %v", revision, most, len(c.Trials), err)
		}
		if len(c.Trials) == 0 {
			break
		}
		if c.Revision <= revision {
			v.Fatalf("Some(%d, %d): got revision %d, want a later one", revision, most, c.Revision)
		}
		revision, read = c.Revision, append(read, c.Trials...)
	}
	// Parts come in the order of changes, so the finished ones need not keep their order.
	want := map[int]string{}
	for _, t := range all.Trials {
		if !reports {
			c := *t
			c.Reports, t = nil, &c
		}
		want[t.Number] = Text(t)
	}
	for _, t := range read {
		if want[t.Number] != Text(t) {
			v.Errorf("Some(most %d, reports %v): got %s, want %s", most, reports, Text(t), want[t.Number])
		}
		delete(want, t.Number)
	}
	// Rule: the last part leads to where Since is, so a reader continues with Since.
	if len(want) > 0 || revision != all.Revision && len(all.Trials) > 0 {
		v.Errorf("Some(most %d): %d trials are missing, revision %d, want %d", most, len(want), revision, all.Revision)
	}
}

func testViewTrials(t *testing.T, v viewer) {
	s, err := v.Import(v.ctx, awkward.Study())
	if err != nil {
		t.Fatal(err)
	}
	other := v.create("other")
	v.begin(other.ID, claim("w"))
	v.check(s)
	random := rand.New(rand.NewPCG(1, 2))
	// Rule: answers follow a study while it grows.
	for i := range 30 {
		got := v.begin(s.ID, claim("w"))
		u := storage.Update{Owner: "w", Params: x(random.Float64())}
		if random.IntN(2) == 0 {
			u.Reports = []trial.Report{{Step: i, Value: random.Float64()}}
		}
		switch random.IntN(5) {
		case 0:
			u.State = trial.Failed
		case 1:
			u.State = trial.Waiting
		case 2:
			u.State, u.Values = trial.Complete, []float64{random.Float64(), 1}
		case 3:
			u.State, u.Values = trial.Pruned, []float64{random.Float64()}
		}
		v.write(s.ID, got.Number, u)
		if i%10 == 9 {
			v.check(s)
		}
	}
	v.check(other)
}

func testViewEmpty(t *testing.T, v viewer) {
	v.check(v.create("a"))
	_, err := v.view.Tally(v.ctx, 99)
	v.want(err, storage.ErrNotExist, "Tally of no study")
	_, err = v.view.Some(v.ctx, 99, 0, 3, false)
	v.want(err, storage.ErrNotExist, "Some of no study")
}

// testViewWorkers checks that leases are shown with the process that holds them.
func testViewWorkers(t *testing.T, v viewer) {
	s := v.create("a")
	c := claim("w")
	c.Process = process.Self()
	v.begin(s.ID, c)
	v.begin(s.ID, claim("nobody"))
	if _, err := v.Add(v.ctx, s.ID, &trial.Trial{Number: -1}); err != nil {
		t.Fatal(err)
	}
	ended := v.begin(s.ID, claim("ended"))
	v.write(s.ID, ended.Number, storage.Update{Owner: "ended", State: trial.Failed})
	got, err := v.view.Workers(v.ctx, s.ID)
	if err != nil || len(got) != 2 {
		t.Fatalf("Workers: got %v, %v, want trials 0 and 1, which have a lease", got, err)
	}
	host, pid := process.Parse(process.Self())
	if w := got[0]; w.Host != host || w.PID != pid || w.Gone || w.Left < 55*time.Minute || w.Left > time.Hour {
		t.Errorf("the worker of trial 0 is %+v, want this process, for an hour", w)
	}
	if w := got[1]; w.Host != "" || w.PID != 0 || w.Gone || w.Left < 55*time.Minute {
		t.Errorf("the worker of trial 1 is %+v, want none with a process", w)
	}
}

func testViewCheckpoints(t *testing.T, v viewer) {
	s := v.create("a")
	v.begin(s.ID, claim("w"))
	if _, _, ok, err := v.view.CheckpointSize(v.ctx, s.ID, 0); ok || err != nil {
		t.Errorf("CheckpointSize without one: got %v, %v", ok, err)
	}
	for _, size := range []int{3, 300_000, 0} {
		v.write(s.ID, 0, storage.Update{Checkpoint: &storage.Checkpoint{Step: size, Data: make([]byte, size), Keep: true}})
		if step, got, ok, err := v.view.CheckpointSize(v.ctx, s.ID, 0); step != size || got != int64(size) || !ok || err != nil {
			t.Errorf("CheckpointSize: got step %d, %d bytes, %v, %v, want %d", step, got, ok, err, size)
		}
		if c, err := v.Checkpoint(v.ctx, s.ID, 0); err != nil || len(c.Data) != size || c.Step != size || !c.Keep {
			t.Errorf("Checkpoint: got step %d, %d bytes, %v, want %d", c.Step, len(c.Data), err, size)
		}
	}
}

// testViewIDs checks that the two numbers of a trial belong together.
func testViewIDs(t *testing.T, v viewer) {
	seen := map[int64]string{}
	for _, name := range []string{"a", "b"} {
		s := v.create(name)
		for n := range 3 {
			v.begin(s.ID, claim("w"))
			id, err := v.view.TrialID(v.ctx, s.ID, n)
			if err != nil || seen[id] != "" {
				t.Fatalf("TrialID(%q, %d): got %d, %v, which is of %s", name, n, id, err, seen[id])
			}
			seen[id] = fmt.Sprint(name, n)
			if study, number, err := v.view.TrialByID(v.ctx, id); err != nil || study != s.ID || number != n {
				t.Errorf("TrialByID(%d): got %d, %d, %v, want %d, %d", id, study, number, err, s.ID, n)
			}
		}
		_, err := v.view.TrialID(v.ctx, s.ID, 3)
		v.want(err, storage.ErrNotExist, "TrialID of no trial")
	}
	_, _, err := v.view.TrialByID(v.ctx, 1<<40)
	v.want(err, storage.ErrNotExist, "TrialByID of no trial")
}

// testAwait checks that a change wakes who waits for it, and that a second passes otherwise.
func testAwait(t *testing.T, v viewer) {
	s := v.create("a")
	v.begin(s.ID, claim("w"))
	now := v.since(s.ID, 0).Revision
	if err := v.view.Await(v.ctx, s.ID, now-1); err != nil {
		t.Errorf("Await of a change that was made: %v", err)
	}
	began := time.Now()
	if err := v.view.Await(v.ctx, s.ID, now); err != nil || time.Since(began) > 5*time.Second {
		t.Errorf("Await without a change took %v, %v, want a second", time.Since(began), err)
	}
	done := make(chan error, 1)
	go func() { done <- v.view.Await(v.ctx, s.ID, now) }()
	time.Sleep(50 * time.Millisecond)
	v.write(s.ID, 0, storage.Update{Params: x(1)})
	if err := <-done; err != nil || len(v.since(s.ID, now).Trials) != 1 {
		t.Errorf("Await of a change: %v", err)
	}
	ctx, cancel := context.WithCancel(v.ctx)
	cancel()
	if err := v.view.Await(ctx, s.ID, v.since(s.ID, 0).Revision); err == nil {
		t.Error("Await with a context that has ended: got no error")
	}
}

package samplertest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// testContained runs studies whose trials end in every way. run.suggest checks the values.
func testContained(t *testing.T, newSampler func() sampler.Sampler) {
	for _, c := range []struct {
		name      string
		objective func(*run)
	}{
		{"every kind of distribution", mixed(1)},
		{"ranges at the limits of float64", extreme},
		{"parameters that depend on others", conditional},
		{"ranges that change", moving},
		{"no parameters", nothing},
		{"only failures", func(u *run) { u.suggest("x", kinds[0]); u.trial.State = trial.Failed }},
		{"only running trials", func(u *run) { u.suggest("x", kinds[0]) }},
		{"all infeasible", func(u *run) {
			x := u.suggest("x", kinds[0])
			u.trial.Constraints = map[string]float64{"c": 1 + x*x}
			u.complete(x)
		}},
		{"all equal", func(u *run) { u.suggest("x", kinds[0]); u.suggest("y", kinds[3]); u.complete(1) }},
		{"one dimension", func(u *run) { u.complete(u.suggest("x", kinds[0])) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			// Enough trials to leave every startup phase.
			st := newStudy(newSampler(), 1, trial.Minimize)
			for range 80 {
				st.run(t, c.objective)
			}
		})
	}
}

// testEnds runs many short studies, since a sampler may settle on a value.
func testEnds(t *testing.T, newSampler func() sampler.Sampler) {
	// Rule: rounding must not cut off the ends, where optima often lie.
	grids := map[string]space.Dist{
		"float": space.Float{Low: 0, High: 1, Step: 0.25},
		"int":   space.Int{Low: 1, High: 4},
		"log":   space.Int{Low: 1, High: 4, Log: true},
		"step":  space.Int{Low: 0, High: 30, Step: 10},
		"cat":   space.Choose("a", "b", "c").Dist(),
	}
	drawn := map[string]map[float64]bool{}
	for seed := range uint64(10) {
		st := newStudy(newSampler(), seed, trial.Minimize)
		for range 40 {
			st.run(t, func(u *run) {
				for name, d := range grids {
					x := u.suggest(name, d)
					if drawn[name] == nil {
						drawn[name] = map[float64]bool{}
					}
					drawn[name][x] = true
				}
				// Random values, so the sampler has no reason to avoid an end.
				u.complete(randomness(seed, u.trial.Number, "value").Float64())
			})
		}
	}
	for name, d := range grids {
		for _, u := range []float64{0, 1} {
			if x := d.Value(u); !drawn[name][x] {
				t.Errorf("both ends of a grid must be drawn, but %v of %s (%v) never was in 400 draws", x, name, d)
			}
		}
	}
}

// snapshots returns the histories of a study, each one trial longer than the one before, and the
// number of the next trial after each.
func snapshots(t *testing.T, s sampler.Sampler) (histories []trial.History, next []int) {
	t.Helper()
	st := newStudy(s, 2, trial.Minimize)
	for range 60 {
		histories, next = append(histories, st.log.History()), append(next, st.next)
		st.run(t, mixed(1))
	}
	return histories, next
}

// answer returns all that s draws for one trial.
func answer(t *testing.T, s sampler.Sampler, h trial.History, number int) map[string]float64 {
	t.Helper()
	request := func(name string) sampler.Request {
		return sampler.NewRequest(h, &trial.Trial{Number: number}, randomness(3, number, name))
	}
	all := map[string]float64{}
	if joint, ok := s.(sampler.JointSampler); ok {
		values, err := joint.SampleJoint(request(""))
		if err != nil {
			t.Errorf("a sampler must serve every valid request, but SampleJoint failed: %v", err)
		}
		for name, x := range values {
			all["joint "+name] = x
		}
	}
	for i, d := range kinds {
		name := fmt.Sprintf("p%02d", i)
		x, err := s.Sample(request(name), name, d)
		if err != nil {
			t.Errorf("a sampler must serve every valid request, but Sample failed: %v", err)
		}
		all[name] = x
	}
	return all
}

// testSameAnswer checks that a restart changes nothing: another process must draw the
// same from the same file.
func testSameAnswer(t *testing.T, newSampler func() sampler.Sampler) {
	histories, next := snapshots(t, newSampler())
	used := newSampler()
	// Back and forth, so the sampler may have cached later trials.
	for _, i := range append(rand.New(rand.NewPCG(1, 1)).Perm(len(histories)), 59, 0, 30) {
		want := answer(t, newSampler(), histories[i], next[i])
		for range 2 {
			if got := answer(t, used, histories[i], next[i]); !maps.Equal(got, want) {
				t.Fatalf("trial %d: a draw must depend on the request alone, but a used sampler drew %v and a fresh one %v",
					next[i], got, want)
			}
			// Rule: another study in between must leave no trace.
			other := sampler.NewRequest(histories[9], &trial.Trial{Number: 9}, randomness(7, 9, "x"))
			if _, err := used.Sample(other, "x", kinds[0]); err != nil {
				t.Fatalf("a sampler must serve every valid request, but Sample failed: %v", err)
			}
		}
	}
}

// text returns everything that a history holds.
func text(h trial.History) string {
	s := fmt.Sprintf("%v %v %v\n", h.Directions(), h.Space(), h.RankedSpace())
	for _, t := range append(h.Finished(), h.Running()...) {
		s += fmt.Sprintf("%+v\n", *t)
	}
	return s
}

// testUnmodified checks that histories stay as they are: all samplers and pruners share
// them.
func testUnmodified(t *testing.T, newSampler func() sampler.Sampler) {
	histories, next := snapshots(t, uniform{}) // no sampler under test has seen these
	h, number := histories[len(histories)-1], next[len(next)-1]
	before := text(h)
	answer(t, newSampler(), h, number)
	if after := text(h); after != before {
		t.Errorf("a sampler must not change a history, but it was\n%s and is\n%s", before, after)
	}
}

// testDirections checks that only the order of values counts, not their sign.
func testDirections(t *testing.T, newSampler func() sampler.Sampler) {
	down := newStudy(newSampler(), 4, trial.Minimize)
	up := newStudy(newSampler(), 4, trial.Maximize)
	for range 60 {
		a, b := down.run(t, mixed(1)), up.run(t, mixed(-1))
		for i := range a.Params {
			if a.Params[i].Value != b.Params[i].Value {
				t.Fatalf("trial %d, %s: maximizing f must draw what minimizing -f draws, but drew %v and %v",
					a.Number, a.Params[i].Name, b.Params[i].Value, a.Params[i].Value)
			}
		}
	}
}

// testConcurrent checks that the workers of a study can share a sampler.
func testConcurrent(t *testing.T, newSampler func() sampler.Sampler) {
	histories, next := snapshots(t, newSampler())
	var want []map[string]float64
	for i, h := range histories {
		// A fresh sampler for each gives the answers without any concurrency.
		want = append(want, answer(t, newSampler(), h, next[i]))
	}
	shared := newSampler()
	var wg sync.WaitGroup
	for g := range uint64(8) {
		wg.Go(func() {
			for _, i := range rand.New(rand.NewPCG(g, 5)).Perm(len(histories)) {
				if got := answer(t, shared, histories[i], next[i]); !maps.Equal(got, want[i]) {
					t.Errorf("trial %d: a draw must not depend on concurrent calls, but it was %v beside them and %v alone",
						next[i], got, want[i])
					return // one difference says it
				}
			}
		})
	}
	wg.Wait()
}

// testObjectives accepts errors, but no panic and no value out of range.
func testObjectives(t *testing.T, newSampler func() sampler.Sampler) {
	s := newSampler()
	// Rule: a sampler for one objective returns an error; guessing would search in the wrong
	// direction.
	log := trial.NewLog([]trial.Direction{trial.Minimize, trial.Maximize})
	for number := range 40 {
		u := &trial.Trial{Number: number, State: trial.Complete}
		request := func(name string) sampler.Request {
			return sampler.NewRequest(log.History(), &trial.Trial{Number: number}, randomness(6, number, name))
		}
		joint, isJoint := s.(sampler.JointSampler)
		var values map[string]float64
		if isJoint {
			var err error
			if values, err = joint.SampleJoint(request("")); err != nil {
				return
			}
		}
		for i, d := range kinds {
			name := fmt.Sprintf("p%02d", i)
			x, ok := values[name]
			if !ok {
				var err error
				if x, err = s.Sample(request(name), name, d); err != nil {
					return
				}
			}
			if !d.Contains(x) {
				t.Fatalf("trial %d, %s: a value must be one of its distribution, but is %v for %v", number, name, x, d)
			}
			u.Params = append(u.Params, trial.Param{Name: name, Value: x, Dist: d})
		}
		u.Values = []float64{u.Params[0].Value, u.Params[3].Value}
		log.Put(u)
	}
}

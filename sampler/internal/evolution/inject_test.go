package evolution

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cma"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// hollow has its minimum 0 in the middle of the cube.
func hollow(x []float64) float64 {
	sum := 0.0
	for i, u := range x {
		c := u - 0.3 - 0.1*float64(i)
		sum += c * c
	}
	return sum
}

// injected returns the states before and after a generation of a converging
// search in five dimensions. One of its members is at x and the best; attrs are
// its system attributes. The others are at the mean.
func injected(t *testing.T, x float64, attrs map[string]json.RawMessage) (before, after *cma.State) {
	t.Helper()
	s := &Strategy{}
	h := run(t, s, 2, 5, 1+20*8, hollow)
	before = s.fold(h, nil).state
	log := trial.NewLog(h.Directions())
	for _, u := range h.Finished() {
		log.Put(u)
	}
	bounds := s.bounds(s.fold(h, nil).space)
	for k := range 8 {
		u := &trial.Trial{Number: 200 + k, State: trial.Complete, Seen: len(h.Finished()), Values: []float64{float64(k)}}
		if k == 0 {
			u.SystemAttrs = attrs
		}
		for i, m := range bounds.Fold(before.Mean) {
			if k == 0 {
				m = x
			}
			u.Params = append(u.Params, trial.Param{Name: "00" + string(rune('0'+i)), Value: m, Dist: space.Float{Low: 0, High: 1}})
		}
		log.Put(u)
	}
	after = s.fold(log.History(), nil).state
	if after.Generation != before.Generation+1 {
		t.Fatalf("generation %d follows %d", after.Generation, before.Generation)
	}
	return before, after
}

func TestAQueuedPointCountsWithAStepOfBoundedLength(t *testing.T) {
	queued := map[string]json.RawMessage{"fixed_params": json.RawMessage(`{"000": 0.9}`)}
	for _, c := range []struct {
		name   string
		attrs  map[string]json.RawMessage
		length float64 // of the step that it tells
	}{
		{"queued", queued, cma.MaxStep(5)},
		{"another sampler's", map[string]json.RawMessage{"other": json.RawMessage(`1`)}, 2 * cma.MaxStep(5)},
	} {
		before, after := injected(t, 0.9, c.attrs)
		moved := make([]float64, 5)
		for i := range moved {
			moved[i] = after.Mean[i] - before.Mean[i]
		}
		// All others are at the mean, so it moved by the weight of the best and that step.
		direction := before.Shorten([]float64{0.9, 0.9, 0.9, 0.9, 0.9}, c.length)
		for i := range moved {
			if want := before.Weights[0] * (direction[i] - before.Mean[i]); math.Abs(moved[i]-want) > 0.02*math.Abs(want) {
				t.Errorf("%s: the mean moved by %v in coordinate %d, want %v", c.name, moved[i], i, want)
			}
		}
		if grown := after.Sigma / before.Sigma; grown > math.E {
			t.Errorf("%s: the step size grew by a factor %v, want at most e", c.name, grown)
		}
	}
}

func TestAQueuedPointThatIsNearIsToldAsItIs(t *testing.T) {
	s := &Strategy{}
	h := run(t, s, 2, 3, 30, slope)
	e := s.fold(h, nil)
	u := *h.Finished()[len(h.Finished())-1]
	v := u
	v.SystemAttrs = map[string]json.RawMessage{"fixed_params": json.RawMessage(`{}`)}
	state := func(t *trial.Trial) *cma.State {
		e := e
		e.members = slices.Repeat([]*trial.Trial{t}, e.state.Lambda)
		return e.tell(trial.Minimize, s)
	}
	if a, b := state(&u), state(&v); !slices.Equal(a.Mean, b.Mean) || a.Sigma != b.Sigma {
		t.Errorf("a trial that was queued moves the mean to %v, the same one drawn to %v", b.Mean, a.Mean)
	}
}

// Queued guesses in a far corner, when the search is about to converge elsewhere, cost
// little.
func TestQueuedPointsNeitherDerailNorBlindTheSearch(t *testing.T) {
	var with, without []float64
	for seed := range uint64(9) {
		without = append(without, gap(runQueued(t, seed, 400, 0, hollow)))
		with = append(with, gap(runQueued(t, seed, 400, 3, hollow)))
	}
	slices.Sort(with)
	slices.Sort(without)
	t.Logf("median gap after 400 trials, of which three are in a far corner: %.3g, without them %.3g", with[4], without[4])
	if with[4] > 100*without[4] || with[4] > 1e-4 {
		t.Errorf("median gap is %v with far points, %v without: want at most a hundred times as much", with[4], without[4])
	}
}

// runQueued runs n trials of f in five dimensions; those from number 200 on are
// queued at the far corner.
func runQueued(t *testing.T, seed uint64, n, queued int, f func([]float64) float64) trial.History {
	t.Helper()
	s := &Strategy{}
	log := trial.NewLog([]trial.Direction{trial.Minimize})
	for _, u := range run(t, s, seed, 5, 200, f).Finished() {
		log.Put(u)
	}
	for k := range queued {
		u := &trial.Trial{Number: 200 + k, State: trial.Complete, Seen: 200 + k, SystemAttrs: map[string]json.RawMessage{"fixed_params": nil}}
		x := []float64{1, 1, 1, 1, 1}
		for i, v := range x {
			u.Params = append(u.Params, trial.Param{Name: "00" + string(rune('0'+i)), Value: v, Dist: space.Float{Low: 0, High: 1}})
		}
		u.Values = []float64{f(x)}
		log.Put(u)
	}
	for number := 200 + queued; number < n; number++ {
		u := &trial.Trial{Number: number, State: trial.Complete, Seen: number}
		joint := s.Draw(log.History(), nil, u, rand.New(rand.NewPCG(seed, uint64(number))))
		var x []float64
		for i := range 5 {
			name := "00" + string(rune('0'+i))
			x = append(x, joint[name])
			u.Params = append(u.Params, trial.Param{Name: name, Value: joint[name], Dist: space.Float{Low: 0, High: 1}})
		}
		u.Values = []float64{f(x)}
		log.Put(u)
	}
	return log.History()
}

package evolution

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// run runs n trials of f in the unit cube of d dimensions.
func run(t *testing.T, s *Strategy, seed uint64, d, n int, f func(x []float64) float64) trial.History {
	return runOn(t, s, seed, slices.Repeat([]space.Dist{space.Float{Low: 0, High: 1}}, d), n, f)
}

// runOn runs n trials of f on the given distributions.
func runOn(t *testing.T, s *Strategy, seed uint64, dists []space.Dist, n int, f func(x []float64) float64) trial.History {
	t.Helper()
	log := trial.NewLog([]trial.Direction{trial.Minimize})
	for number := range n {
		u := &trial.Trial{Number: number, State: trial.Complete, Seen: number}
		random := func(place byte) *rand.Rand {
			return rand.New(rand.NewChaCha8([32]byte{byte(seed), byte(number), byte(number >> 8), place}))
		}
		joint := s.Draw(log.History(), nil, u, random(0))
		x := make([]float64, len(dists))
		for i, dist := range dists {
			name := fmt.Sprintf("%03d", i)
			v, ok := joint[name]
			if !ok {
				v = dist.Value(random(byte(1 + i)).Float64())
			}
			x[i] = v
			u.Params = append(u.Params, trial.Param{Name: name, Value: v, Dist: dist})
		}
		u.Values = []float64{f(x)}
		log.Put(u)
	}
	return log.History()
}

func gap(h trial.History) float64 {
	best, _ := h.Best()
	return best.Values[0]
}

// resumes checks that a fresh strategy draws what a used one does, after the first
// so many trials of the history that study makes with the used one.
func resumes(t *testing.T, fresh func() *Strategy, study func(*Strategy) trial.History, after ...int) {
	t.Helper()
	used := fresh()
	h := study(used)
	for _, n := range after {
		draw := func(s *Strategy) string {
			return fmt.Sprint(s.Draw(h.Before(n), nil, &trial.Trial{Number: n}, rand.New(rand.NewPCG(uint64(n), 1))))
		}
		if got, want := draw(fresh()), draw(used); got != want || got == "map[]" {
			t.Errorf("after %d trials a fresh strategy draws %v, a used one %v", n, got, want)
		}
	}
}

// TestTheFirstSearchStartsAtTheBeliefs, and one of other beliefs is another search.
func TestTheFirstSearchStartsAtTheBeliefs(t *testing.T) {
	near := func(x float64) space.Space {
		return space.Must(space.New(space.Dim("x", space.Float{Low: 0, High: 10}.Near(x, space.Confident))))
	}
	log := trial.NewLog([]trial.Direction{trial.Minimize})
	log.Put(&trial.Trial{State: trial.Complete, Values: []float64{1},
		Params: []trial.Param{{Name: "x", Value: 5, Dist: space.Float{Low: 0, High: 10}},
			{Name: "y", Value: 5, Dist: space.Float{Low: 0, High: 10}}}})
	s := &Strategy{}
	for _, c := range []struct {
		beliefs space.Space
		want    []float64
	}{
		{near(2), []float64{0.2, 0.5}}, {nil, []float64{0.5, 0.5}}, {near(9), []float64{0.9, 0.5}},
		{near(2), []float64{0.2, 0.5}},
	} {
		if got := s.fold(log.History(), c.beliefs).state.Mean; !slices.Equal(got, c.want) {
			t.Errorf("with beliefs %v the search starts at %v, want %v", c.beliefs, got, c.want)
		}
	}
}

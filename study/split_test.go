package study

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// modulo splits trials by the remainder of their number.
type modulo int

func (m modulo) Bracket(number int) int { return number % int(m) }

// bracketed builds the history of a bracket from scratch.
func bracketed(h trial.History, by pruner.Bracketing, own int) *trial.Log {
	log := trial.NewLog(h.Directions())
	for _, t := range h.Finished() {
		if by.Bracket(t.Number) != own {
			continue
		}
		c := *t
		c.Seen = 0
		for _, u := range h.Finished()[:t.Seen] {
			if by.Bracket(u.Number) == own {
				c.Seen++
			}
		}
		log.Put(&c)
	}
	for _, t := range h.Running() {
		if by.Bracket(t.Number) == own {
			log.Put(t)
		}
	}
	return log
}

// parallel returns the histories of a study with several workers, one for each start and end of a
// trial.
func parallel(seed uint64, n, workers int) []trial.History {
	r := rand.New(rand.NewPCG(seed, 3))
	log := trial.NewLog([]trial.Direction{trial.Minimize})
	var all []trial.History
	var live []*trial.Trial
	for number := 0; number < n || len(live) > 0; {
		if number < n && len(live) < workers {
			t := &trial.Trial{Number: number, Seen: len(log.History().Finished()), Params: []trial.Param{{Name: "x", Dist: space.Float{High: float64(1 + r.IntN(20)/19)}}}}
			live = append(live, t)
			log.Put(t)
			number++
		} else {
			i := r.IntN(len(live))
			t := *live[i]
			t.State = []trial.State{trial.Complete, trial.Complete, trial.Pruned, trial.Failed}[r.IntN(4)]
			if t.State == trial.Complete {
				t.Values = []float64{r.Float64()}
			}
			if r.IntN(3) == 0 {
				t.Reports = []trial.Report{{Step: t.Number}}
			}
			live = slices.Delete(live, i, i+1)
			log.Put(&t)
		}
		all = append(all, log.History())
	}
	return all
}

// equalHistories compares all that a sampler can see, except pointers.
func equalHistories(t *testing.T, what string, got, want trial.History) {
	t.Helper()
	same := func(a, b *trial.Trial) bool {
		return a.Number == b.Number && a.State == b.State && a.Seen == b.Seen && slices.Equal(a.Values, b.Values) && slices.Equal(a.Params, b.Params)
	}
	if !slices.EqualFunc(got.Finished(), want.Finished(), same) {
		t.Fatalf("%s: got %v finished, want %v", what, got.Finished(), want.Finished())
	}
	if !slices.Equal(got.Directions(), want.Directions()) || !slices.Equal(got.RankedSpace(), want.RankedSpace()) || !slices.Equal(got.Space(), want.Space()) {
		t.Fatalf("%s: other directions or spaces", what)
	}
	for _, pick := range []func(trial.History) (*trial.Trial, bool){trial.History.Best, trial.History.FirstReported} {
		a, okA := pick(got)
		b, okB := pick(want)
		if okA != okB || okA && a.Number != b.Number {
			t.Fatalf("%s: best or first reported trial is %v, want %v", what, a, b)
		}
	}
}

func TestABracketIsTheHistoryOfItsTrials(t *testing.T) {
	for _, workers := range []int{1, 8} {
		var b brackets
		var early []splitHistory
		all := parallel(1, 120, workers)
		for i, h := range all {
			p := b.split(h, modulo(3))
			early = append(early, p)
			for own := range 3 {
				want := bracketed(h, modulo(3), own).History()
				equalHistories(t, "at once", p.of(own), want)
				if got := p.beside(own, h.Running()); !slices.Equal(got, want.Running()) {
					t.Fatalf("beside trial %d run %v, want %v", own, got, want.Running())
				}
			}
			if i%20 == 0 {
				equalHistories(t, "from the start", new(brackets).split(h, modulo(3)).of(1), p.of(1))
			}
		}
		last := early[len(early)-1]
		for i, p := range early {
			for own := range 3 {
				equalHistories(t, "later", p.of(own), bracketed(all[i], modulo(3), own).History())
				got := p.of(own).Finished()
				if !slices.Equal(got, last.of(own).Finished()[:len(got)]) {
					t.Fatal("a later history of the bracket does not begin with the same pointers")
				}
			}
		}
	}
}

func TestSplittingAgain(t *testing.T) {
	all := parallel(2, 60, 4)
	h, before := all[len(all)-1], all[len(all)/2]
	var b brackets
	for _, c := range []struct {
		name string
		h    trial.History
		by   pruner.Bracketing
	}{
		{"first", before, modulo(2)}, {"another bracketing", h, modulo(5)}, {"an earlier history", before, modulo(5)},
		{"an equal bracketing", h, modulo(5)}, {"back again", h, modulo(2)},
	} {
		p := b.split(c.h, c.by)
		for number := range 5 {
			equalHistories(t, c.name, p.of(number), bracketed(c.h, c.by, c.by.Bracket(number)).History())
		}
	}
	if got := b.split(h, nil).of(3); !slices.Equal(got.Finished(), h.Finished()) {
		t.Error("without a bracketing all trials are in one bracket, as they are")
	}
	// A bracket without finished trials.
	if got := b.split(all[0], modulo(9)).of(7); len(got.Finished())+len(got.Running()) != 0 || len(got.Directions()) != 1 {
		t.Errorf("an empty bracket: got %+v", got)
	}
}

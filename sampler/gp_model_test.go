package sampler

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A gpStudy is a minimal engine around a GP.
type gpStudy struct {
	log  *trial.Log
	seed uint64
	s    *GP
	next int
}

func newGPStudy(s *GP, seed uint64, d trial.Direction) *gpStudy {
	return &gpStudy{trial.NewLog([]trial.Direction{d}), seed, s, 0}
}

func (g *gpStudy) request(place byte) Request {
	n := g.next
	return NewRequest(g.log.History(), &trial.Trial{Number: n},
		rand.New(rand.NewChaCha8([32]byte{byte(g.seed), byte(n), byte(n >> 8), place})))
}

// ask draws a trial of the given space. joint reports whether all of it was drawn jointly.
func (g *gpStudy) ask(t *testing.T, sp space.Space) (u *trial.Trial, joint bool) {
	t.Helper()
	drawn, err := g.s.SampleJoint(g.request(0))
	if err != nil {
		t.Fatal(err)
	}
	u, joint = &trial.Trial{Number: g.next}, true
	for i, d := range sp {
		x, ok := drawn[d.Name]
		if !ok {
			joint = false
			if x, err = g.s.Sample(g.request(byte(i+1)), d.Name, d.Dist); err != nil {
				t.Fatal(err)
			}
		}
		if !d.Dist.Contains(x) {
			t.Fatalf("trial %d, %s: drew %v, want %v", g.next, d.Name, x, d.Dist)
		}
		u.Params = append(u.Params, trial.Param{Name: d.Name, Value: x, Dist: d.Dist})
	}
	g.next++
	return u, joint
}

func (g *gpStudy) tell(u *trial.Trial, value float64) {
	c := *u
	c.State, c.Values = trial.Complete, []float64{value}
	g.log.Put(&c)
}

var unit2 = space.Must(space.New(space.Dimension{Name: "x", Dist: space.Float{Low: 0, High: 1}}, space.Dimension{Name: "y", Dist: space.Float{Low: 0, High: 1}}))

func value(u *trial.Trial, name string) float64 {
	p, _ := u.Param(name)
	return p.Value
}

func bowl(u *trial.Trial) float64 {
	x, y := value(u, "x"), value(u, "y")
	return (x-0.7)*(x-0.7) + 2*(y-0.2)*(y-0.2)
}

func TestGPStartsUpWith10RandomTrialsByDefault(t *testing.T) {
	for _, c := range []struct{ setting, want int }{{0, 10}, {1, 1}, {3, 3}} {
		g := newGPStudy(&GP{StartupTrials: c.setting}, 1, trial.Minimize)
		for n := range c.want + 3 {
			u, joint := g.ask(t, unit2)
			if joint != (n >= c.want) {
				t.Errorf("StartupTrials %d: with %d trials the model is used: %v", c.setting, n, joint)
			}
			if n%3 == 2 { // which counts too
				c := *u
				c.State = trial.Pruned
				g.log.Put(&c)
				continue
			}
			g.tell(u, bowl(u))
		}
	}
}

// From the first failure on, draws keep away from what fails.
func TestGPBeginsAlthoughMostTrialsFail(t *testing.T) {
	for _, state := range []trial.State{trial.Complete, trial.Pruned} {
		g := newGPStudy(&GP{}, 1, trial.Minimize)
		for n := range 10 + 2 {
			u, joint := g.ask(t, unit2)
			if joint != (n > 0) {
				t.Errorf("after %d failed trials and %d %v all are drawn jointly: %v", min(n, 10), n-min(n, 10), state, joint)
			}
			c := *u
			c.State = trial.Failed
			if n == 10 {
				c.State, c.Values = state, []float64{1}
			}
			g.log.Put(&c)
		}
	}
}

func TestGPFindsTheBottomOfABowlIn20Trials(t *testing.T) {
	for seed := range uint64(5) {
		for _, direction := range []trial.Direction{trial.Minimize, trial.Maximize} {
			g := newGPStudy(&GP{}, seed, direction)
			for range 20 {
				u, _ := g.ask(t, unit2)
				sign := 1.0
				if direction == trial.Maximize {
					sign = -1
				}
				g.tell(u, sign*bowl(u))
			}
			if best, _ := g.log.History().Best(); math.Abs(best.Values[0]) > 1e-3 {
				t.Errorf("seed %d, %v: best is %v after 20 trials, want at most 0.001", seed, direction, best.Values[0])
			}
		}
	}
}

func TestGPWorkersStayApart(t *testing.T) {
	g := newGPStudy(&GP{}, 1, trial.Minimize)
	for range 14 {
		u, _ := g.ask(t, unit2)
		g.tell(u, bowl(u))
	}
	var batch []*trial.Trial
	for range 6 { // they all run
		u, _ := g.ask(t, unit2)
		g.log.Put(u)
		batch = append(batch, u)
	}
	for i, u := range batch {
		for _, v := range batch[:i] {
			if d := math.Hypot(value(u, "x")-value(v, "x"), value(u, "y")-value(v, "y")); d < 0.002 {
				t.Errorf("trials %d and %d run %v apart", v.Number, u.Number, d)
			}
		}
	}
	// If they did not see each other, they would all try nearly the same point.
	alone := g.log.History().Before(14)
	var points [][2]float64
	for n := range 3 {
		r := NewRequest(alone, &trial.Trial{Number: 14}, rand.New(rand.NewPCG(uint64(n), 1)))
		drawn, err := g.s.SampleJoint(r)
		if err != nil {
			t.Fatal(err)
		}
		points = append(points, [2]float64{drawn["x"], drawn["y"]})
	}
	if d := math.Hypot(points[0][0]-points[1][0], points[0][1]-points[1][1]); d > 0.01 {
		t.Errorf("two searches of the same acquisition function ended %v apart: the test above shows little", d)
	}
}

func TestGPAvoidsInfeasibleRegions(t *testing.T) {
	// The bottom of the bowl, (0.7, 0.2), is not allowed: x + y ≤ 0.6.
	for seed := range uint64(3) {
		g := newGPStudy(&GP{}, seed, trial.Minimize)
		feasible := 0
		for n := range 40 {
			u, _ := g.ask(t, unit2)
			excess := value(u, "x") + value(u, "y") - 0.6
			u.Constraints = map[string]float64{"sum": excess}
			if n >= 20 && excess <= 0 {
				feasible++
			}
			g.tell(u, bowl(u))
		}
		best, ok := g.log.History().Best()
		// On the line, the bowl is lowest at x = 0.5667, y = 0.0333.
		if want := 0.0733; !ok || best.Values[0] > want {
			t.Errorf("seed %d: best feasible value is %v, want at most %v", seed, best.Values, want)
		}
		if feasible < 5 {
			t.Errorf("seed %d: %d of the last 20 trials are feasible, want at least 5", seed, feasible)
		}
	}
}

func TestGPLooksForAFeasibleTrialFirst(t *testing.T) {
	g := newGPStudy(&GP{}, 1, trial.Minimize)
	for range 25 {
		u, _ := g.ask(t, unit2)
		// Only a small corner is feasible, where the bowl is high.
		u.Constraints = map[string]float64{"corner": math.Hypot(value(u, "x"), value(u, "y")-1) - 0.1}
		g.tell(u, bowl(u))
	}
	if _, ok := g.log.History().Best(); !ok {
		t.Error("no trial is feasible after 25")
	}
}

func TestGPTriesNoPointOfADiscreteSpaceTwice(t *testing.T) {
	sp := space.Must(space.New(
		space.Dimension{Name: "a", Dist: space.Choose("p", "q", "r").Dist()},
		space.Dimension{Name: "b", Dist: space.Int{Low: 1, High: 8, Log: true}},
		space.Dimension{Name: "c", Dist: space.Choose(true, false).Dist()},
	))
	g := newGPStudy(&GP{}, 1, trial.Minimize)
	seen := map[string]bool{}
	for range 48 + 5 {
		u, _ := g.ask(t, sp)
		c := fmt.Sprint(value(u, "a"), value(u, "b"), value(u, "c"))
		if seen[c] && len(seen) < 48 {
			t.Errorf("trial %d is %s again, %d of 48 are left", u.Number, c, 48-len(seen))
		}
		seen[c] = true
		g.tell(u, math.Abs(value(u, "b")-5)+value(u, "a"))
	}
}

func TestGPLeavesToIndependentWhatIsNotInEveryTrial(t *testing.T) {
	inner := &counting{}
	g := newGPStudy(&GP{Independent: inner}, 1, trial.Minimize)
	for n := range 20 {
		sp := slices.Clone(unit2)
		if n%2 == 0 {
			sp = append(sp, space.Dimension{Name: "z", Dist: space.Float{Low: 0, High: 1}})
		}
		u, _ := g.ask(t, sp)
		g.tell(u, bowl(u))
	}
	if want := map[string]int{"x": 10, "y": 10, "z": 10}; fmt.Sprint(inner.calls) != fmt.Sprint(want) {
		t.Errorf("Independent drew %v, want %v", inner.calls, want)
	}
}

// A counting sampler counts its draws by name.
type counting struct{ calls map[string]int }

func (c *counting) Sample(r Request, name string, d space.Dist) (float64, error) {
	if c.calls == nil {
		c.calls = map[string]int{}
	}
	c.calls[name]++
	return Random{}.Sample(r, name, d)
}

func TestGPRefuses(t *testing.T) {
	for _, c := range []struct {
		s          *GP
		directions []trial.Direction
		want       string
	}{
		{&GP{}, make([]trial.Direction, 4), "GP has 4 objectives, want at most 3"},
		{&GP{StartupTrials: -1}, make([]trial.Direction, 1), "GP.StartupTrials is -1, want at least 0"},
	} {
		r := Request{History: trial.NewLog(c.directions).History(), Trial: &trial.Trial{}}
		_, err := c.s.SampleJoint(r)
		_, err2 := c.s.Sample(r, "x", space.Float{})
		for _, err := range []error{err, err2} {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want %q", err, c.want)
			}
		}
	}
}

// A fit depends on a prefix of the history only, not on earlier requests.
func TestGPDrawsTheSameAfterARestart(t *testing.T) {
	g := newGPStudy(&GP{}, 1, trial.Minimize)
	for n := range 70 {
		u, _ := g.ask(t, unit2)
		v := bowl(u) * math.Exp(float64(n)/5) // the scale changes
		if n%9 == 0 {
			v = math.Inf(1)
		}
		g.tell(u, v)
		want, err := g.s.SampleJoint(g.request(0))
		if err != nil {
			t.Fatal(err)
		}
		got, err := (&GP{}).SampleJoint(g.request(0))
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("after %d trials a fresh sampler draws %v (%v), a used one %v", n+1, got, err, want)
		}
	}
}

func BenchmarkGP(b *testing.B) {
	for _, n := range []int{50, 100, 200, 300} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 2))
			log := trial.NewLog([]trial.Direction{trial.Minimize})
			for number := range n {
				u := &trial.Trial{Number: number, State: trial.Complete}
				y := 0.0
				for i := range 5 {
					x := r.Float64()
					y += math.Sin(3*x) * x
					u.Params = append(u.Params, trial.Param{Name: fmt.Sprint(i), Value: x, Dist: space.Float{Low: 0, High: 1}})
				}
				u.Values = []float64{y}
				log.Put(u)
			}
			s := &GP{}
			for number := n; b.Loop(); number++ {
				if _, err := s.SampleJoint(NewRequest(log.History(), &trial.Trial{Number: number}, rand.New(rand.NewPCG(uint64(number), 3)))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// methods is a function of a method and its settings. The best method, c, is best only
// with the right settings.
func methods(u *trial.Trial) float64 {
	switch value(u, "a method") {
	case 0:
		return 0.3 + math.Abs(value(u, "rate")-0.5)
	case 1:
		return 0.4 + (value(u, "low")-0.2)*(value(u, "low")-0.2)
	}
	return 4*(value(u, "high")-0.85)*(value(u, "high")-0.85) + (value(u, "rate")-0.3)*(value(u, "rate")-0.3)
}

func TestGPModelsTheSettingsOfAMethod(t *testing.T) {
	for seed := range uint64(3) {
		g := newGPStudy(&GP{}, seed, trial.Minimize)
		for range 35 {
			sp := space.Must(space.New(
				space.Dimension{Name: "a method", Dist: space.Choose("a", "b", "c").Dist()}, // drawn first
				space.Dimension{Name: "rate", Dist: interval},
			))
			drawn, err := g.s.SampleJoint(g.request(0))
			if err != nil {
				t.Fatal(err)
			}
			method, ok := drawn["a method"]
			if !ok {
				method, _ = g.s.Sample(g.request(byte(1)), "a method", sp[0].Dist)
			}
			if name := []string{"", "low", "high"}[int(method)]; name != "" {
				sp = append(sp, space.Dimension{Name: name, Dist: interval})
			}
			u, joint := g.ask(t, space.Must(space.New(sp...)))
			if joint != (g.next > 10) {
				t.Errorf("seed %d: trial %d was drawn jointly: %v", seed, u.Number, joint)
			}
			g.tell(u, methods(u))
		}
		if best, _ := g.log.History().Best(); best.Values[0] > 1e-3 {
			t.Errorf("seed %d: the best is %v, want at most 0.001", seed, best.Values[0])
		}
	}
}

package tpe

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A life is a study in which everything happens to trials that can.
type life struct {
	r       *rand.Rand
	log     *trial.Log
	next    int
	running []*trial.Trial
	steady  bool // all trials have the same space
}

// dists returns the space of a trial: it may depend on the number, and on the
// first value.
func (l *life) dists(number int) space.Space {
	moving := space.Float{Low: float64(number / 50 % 3), High: 10}
	if l.steady {
		moving = space.Float{Low: 0, High: 10}
	}
	sp := space.Space{
		{Name: "a", Dist: space.Float{Low: -1, High: 1}},
		{Name: "b", Dist: space.Float{Low: 1e-4, High: 1, Log: true}},
		{Name: "c", Dist: space.Choose("x", "y", "z").Dist()},
		{Name: "d", Dist: space.Int{Low: 1, High: 12}},
		{Name: "e", Dist: space.Int{Low: 1, High: 300, Log: true}},
		{Name: "f", Dist: moving},
		{Name: "g", Dist: space.Float{Low: 0, High: 1, Step: 0.125}},
		{Name: "h", Dist: space.Int{Low: 4, High: 4}},
	}
	if !l.steady && l.r.IntN(3) == 0 {
		return sp[:6]
	}
	return sp
}

// step starts a trial, ends one, or both.
func (l *life) step() {
	if k := l.r.IntN(4); k > 0 || len(l.running) == 0 {
		u := &trial.Trial{Number: l.next, State: trial.Running}
		l.next++
		for _, d := range l.dists(u.Number) {
			x := d.Dist.Value(l.r.Float64() * l.r.Float64())
			u.Params = append(u.Params, trial.Param{Name: d.Name, Value: x, Dist: d.Dist})
		}
		known := *u // others see some of its parameters
		switch l.r.IntN(3) {
		case 0:
			known.Params = u.Params[:l.r.IntN(len(u.Params))]
		case 1:
			known.Params = nil
			known.SystemAttrs = published(u.Params, 40)
		}
		l.log.Put(&known)
		l.running = append(l.running, u)
	}
	if len(l.running) > l.r.IntN(5) {
		i := l.r.IntN(len(l.running))
		u := l.running[i]
		l.running = slices.Delete(l.running, i, i+1)
		l.end(u)
		l.log.Put(u)
	}
}

func (l *life) end(u *trial.Trial) {
	u.State = trial.Complete
	y := math.Round(l.r.NormFloat64()*100) / 100
	switch l.r.IntN(12) {
	case 0:
		u.State = trial.Failed
	case 1, 2:
		u.State = trial.Pruned
		for step := range l.r.IntN(4) {
			u.Reports = append(u.Reports, trial.Report{Step: step, Value: []float64{y, math.NaN(), 1}[l.r.IntN(3)]})
		}
	case 3:
		u.Constraints = map[string]float64{"c": l.r.NormFloat64()}
	case 4:
		y = math.Inf(1 - 2*l.r.IntN(2))
	}
	if u.State == trial.Complete {
		for range len(l.log.History().Directions()) {
			u.Values = append(u.Values, y)
			y = -y + l.r.NormFloat64()
		}
	}
}

// published returns the system attributes in which an Optuna worker announces its joint draw, in
// chunks.
func published(params []trial.Param, chunk int) map[string]json.RawMessage {
	values := map[string]any{}
	for _, p := range params {
		values[p.Name] = p.External()
	}
	text, _ := json.Marshal(values)
	attrs := map[string]json.RawMessage{}
	for i := 0; len(text) > 0; i++ {
		n := min(chunk, len(text))
		attrs[fmt.Sprintf("tpe:relative_params:%d", i)], _ = json.Marshal(string(text[:n]))
		text = text[n:]
	}
	return attrs
}

func (l *life) request(h trial.History, name string) Request {
	return newRequest(h, &trial.Trial{Number: l.next}, rand.New(rand.NewPCG(uint64(l.next), uint64(len(name)))))
}

// Whatever happened before, the cached densities equal those built from scratch, the draw is their
// best candidate, and a TPE without a cache draws the same.
func TestWithMemoryIsTPEWithout(t *testing.T) {
	for _, c := range []struct {
		name       string
		directions []trial.Direction
		steady     bool
		optuna     bool
	}{
		{"minimize", minimize, true, false},
		{"maximize", maximize, true, false},
		{"spaces that change", minimize, false, false},
		{"spaces that change, maximize", maximize, false, false},
		{"Optuna's rules", minimize, true, true},
		{"Optuna's rules, spaces that change", maximize, false, true},
		{"several objectives", []trial.Direction{trial.Minimize, trial.Maximize}, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for seed := range uint64(2) {
				l := &life{r: rand.New(rand.NewPCG(seed, 8)), log: trial.NewLog(c.directions), steady: c.steady}
				used := &Search{Optuna: c.optuna}
				var histories []trial.History
				for range 300 {
					l.step()
					h := l.log.History()
					histories = append(histories, h)
					if l.r.IntN(8) > 0 && l.next > 40 {
						continue
					}
					if l.r.IntN(4) == 0 { // a worker that has not heard of the last ones
						h = histories[max(0, len(histories)-1-l.r.IntN(30))]
					}
					checkDraws(t, l, h, used)
				}
			}
		})
	}
}

func checkDraws(t *testing.T, l *life, h trial.History, used *Search) {
	t.Helper()
	if used.starting(Request{History: h}) {
		return
	}
	joint := cube.Free(h.RankedSpace())
	if !used.Optuna {
		joint = cube.Free(used.whole(h))
	}
	spaces := map[string]space.Space{}
	if len(joint) > 0 && len(h.Directions()) == 1 {
		spaces[""] = joint
	}
	for _, d := range l.dists(l.next)[:7] {
		spaces[d.Name] = space.Must(space.New(d))
	}
	for _, name := range slices.Sorted(maps.Keys(spaces)) {
		sp := spaces[name]
		r := l.request(h, name)
		now := used.view(r, sp)
		rules := used.rules(len(h.Directions()))
		below, above := split(r, rules)
		points := newCandidates(sp, 20)
		points.draw(rand.New(rand.NewPCG(1, 2)), now.good)
		want := points.logPDF(poorEstimator(sp, above, rules))
		got := make([]float64, len(want))
		now.poor.LogPDF(got, points.lo, points.hi)
		sameLogs(t, name, "poor", got, want)
		now.good.LogPDF(got, points.lo, points.hi)
		sameLogs(t, name, "good", got, points.logPDF(goodEstimator(sp, below, rules)))

		gains, values := draw(used, l.request(h, name), sp)
		chosen := used.draw(l.request(h, name), sp)
		if !nearlyBest(gains, values, chosen) {
			t.Fatalf("%d trials, %q: drew %v, want the best of %v with gains %v", l.next, name, chosen, values, gains)
		}
		if fresh := (&Search{Optuna: used.Optuna}).draw(l.request(h, name), sp); !slices.Equal(fresh, chosen) {
			t.Fatalf("%d trials, %q: drew %v, without memory %v", l.next, name, chosen, fresh)
		}
	}
}

func sameLogs(t *testing.T, name, density string, got, want []float64) {
	t.Helper()
	for j := range want {
		if !(math.Abs(got[j]-want[j]) <= 1e-10*max(1, math.Abs(want[j]))) {
			t.Fatalf("%q: log density of the %s trials at %d is %v, want %v", name, density, j, got[j], want[j])
		}
	}
}

// Many trials, so the window moves.
func TestWithMemoryIsTPEWithoutInALongStudy(t *testing.T) {
	for name, tpe := range map[string]*Search{
		"joint": {}, "one at a time": {Independent: true},
		"joint, Optuna's rules": {Optuna: true}, "one at a time, Optuna's rules": {Independent: true, Optuna: true},
	} {
		t.Run(name, func(t *testing.T) {
			sp := space.Must(space.New(
				space.Dimension{Name: "a", Dist: space.Float{Low: -5, High: 5}},
				space.Dimension{Name: "b", Dist: space.Float{Low: -5, High: 5}},
				space.Dimension{Name: "c", Dist: space.Int{Low: 0, High: 30}},
			))
			log := trial.NewLog(minimize)
			for number := range 1500 {
				r := func(name string) Request {
					return newRequest(log.History(), &trial.Trial{Number: number}, rand.New(rand.NewPCG(uint64(number), uint64(len(name)))))
				}
				joint, err := tpe.SampleJoint(r(""))
				if err != nil {
					t.Fatal(err)
				}
				if number%100 == 77 {
					without, err := (&Search{Independent: tpe.Independent, Optuna: tpe.Optuna}).SampleJoint(r(""))
					if err != nil || !maps.Equal(joint, without) {
						t.Fatalf("trial %d: drew %v, without memory %v, %v", number, joint, without, err)
					}
				}
				u := &trial.Trial{Number: number, State: trial.Complete, Values: []float64{0}}
				for _, d := range sp {
					x, ok := joint[d.Name]
					if !ok {
						if x, err = tpe.Sample(r(d.Name), d.Name, d.Dist); err != nil {
							t.Fatal(err)
						}
						if number%100 == 77 {
							if without, err := (&Search{Independent: true, Optuna: tpe.Optuna}).Sample(r(d.Name), d.Name, d.Dist); err != nil || x != without {
								t.Fatalf("trial %d, %s: drew %v, without memory %v, %v", number, d.Name, x, without, err)
							}
						}
					}
					u.Params = append(u.Params, trial.Param{Name: d.Name, Value: x, Dist: d.Dist})
					u.Values[0] += (x - 1) * (x - 1)
				}
				if number%9 == 5 {
					u.State, u.Values = trial.Failed, nil
				}
				log.Put(u)
			}
		})
	}
}

// Several studies, or the brackets of one, share a TPE.
func TestServesSeveralHistoriesAtOnce(t *testing.T) {
	shared := &Search{}
	sp := floats(2, unit)
	var logs []*trial.Log
	for seed := range uint64(20) {
		logs = append(logs, study(15, seed, sp, minimize))
	}
	for range 3 {
		for i, log := range logs {
			n := len(log.History().Finished())
			got, err := shared.SampleJoint(request(log, n, 1))
			if err != nil {
				t.Fatal(err)
			}
			want, err := (&Search{}).SampleJoint(request(log, n, 1))
			if err != nil || !maps.Equal(got, want) {
				t.Fatalf("study %d: drew %v, alone %v, %v", i, got, want, err)
			}
			log.Put(&trial.Trial{Number: n, State: trial.Complete, Values: []float64{got["x0"]}, Params: []trial.Param{
				{Name: "x0", Value: got["x0"], Dist: unit}, {Name: "x1", Value: got["x1"], Dist: unit},
			}})
		}
	}
	if len(shared.histories) != 16 {
		t.Errorf("%d histories are kept, want the last 16", len(shared.histories))
	}
}

// Models of every range that a parameter ever had would fill the memory.
func TestForgetsRangesOfThePast(t *testing.T) {
	log, s := study(30, 1, floats(1, unit), minimize), &Search{}
	for k := range 10 {
		d := space.Float{Low: 0, High: 1 + float64(k)}
		for range 2 {
			if _, err := s.Sample(request(log, 30, 1), "x0", d); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := len(s.histories[0].models); n != 3 {
		t.Errorf("models of %d ranges are kept, want 3", n)
	}
}

package tpe

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// The optimum lies at the edge of a region where all trials fail.
func TestLearnsFromFailures(t *testing.T) {
	failures := func(warned bool) (failed int) {
		for seed := range uint64(10) {
			log := trial.NewLog(minimize)
			var s Search
			for number := range 120 {
				r := request(log, number, seed)
				x, err := s.SampleJoint(r)
				if err != nil {
					t.Fatal(err)
				}
				u := &trial.Trial{Number: number, State: trial.Complete}
				sum := 0.0
				for i, d := range floats(2, unit) {
					v, ok := x[d.Name]
					if !ok {
						if v, err = s.Sample(r, d.Name, d.Dist); err != nil {
							t.Fatal(err)
						}
					}
					sum += v * float64(2-i)
					u.Params = append(u.Params, trial.Param{Name: d.Name, Value: v, Dist: d.Dist})
				}
				u.Values = []float64{-sum}
				if sum > 1.5 {
					u.State, u.Values = trial.Failed, nil
					if !warned {
						u.Params = nil
					}
					if number >= 40 {
						failed++
					}
				}
				log.Put(u)
			}
		}
		return failed
	}
	with, without := failures(true), failures(false)
	t.Logf("of 800 trials %d fail, %d if TPE does not know where", with, without)
	if with*4 > without*3 {
		t.Errorf("%d of 800 trials failed, %d if TPE does not know where: want at most three quarters", with, without)
	}
}

// What an Optuna worker has announced for a running trial counts as if it were its parameters.
func TestCountsWhatOptunaWorkersAnnounce(t *testing.T) {
	sp := space.Must(space.New(
		space.Dimension{Name: "x", Dist: unit},
		space.Dimension{Name: "n", Dist: space.Int{Low: 1, High: 9}},
		space.Dimension{Name: "c", Dist: space.Choose("a", "b").Dist()},
	))
	params := []trial.Param{
		{Name: "x", Value: 0.25, Dist: unit}, {Name: "n", Value: 3, Dist: space.Int{Low: 1, High: 9}},
		{Name: "c", Value: 1, Dist: space.Choose("a", "b").Dist()},
	}
	text := func(s string) map[string]json.RawMessage {
		quoted, _ := json.Marshal(s)
		return map[string]json.RawMessage{"tpe:relative_params:0": quoted}
	}
	m := newModel(sp, rules{})
	want := m.observe(&trial.Trial{Params: params})
	for _, c := range []struct {
		name  string
		trial trial.Trial
		want  []float64
	}{
		{"in one chunk", trial.Trial{SystemAttrs: published(params, 2045)}, want},
		{"in many chunks", trial.Trial{SystemAttrs: published(params, 3)}, want},
		{"some parameters are there already", trial.Trial{Params: params[:2], SystemAttrs: published(params[1:], 9)}, want},
		{"as Optuna writes it", trial.Trial{SystemAttrs: text(`{"c": "b", "n": 3, "x": 0.25}`)}, want},
		{"nothing", trial.Trial{}, nil},
		{"one is missing", trial.Trial{SystemAttrs: published(params[1:], 9)}, nil},
		{"not in the range of today", trial.Trial{SystemAttrs: text(`{"c": "b", "n": 10, "x": 0.25}`)}, nil},
		{"another type", trial.Trial{SystemAttrs: text(`{"c": "b", "n": "3", "x": 0.25}`)}, nil},
		{"not JSON", trial.Trial{SystemAttrs: text(`{"c": "b"`)}, nil},
		{"not an object", trial.Trial{SystemAttrs: text(`3`)}, nil},
		{"not a string", trial.Trial{SystemAttrs: map[string]json.RawMessage{"tpe:relative_params:0": []byte("{}")}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := m.observePending(&c.trial); fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("observed %v, want %v", got, c.want)
			}
		})
	}
	log := study(30, 1, sp, minimize)
	log.Put(&trial.Trial{Number: 30, State: trial.Running, SystemAttrs: published(params, 9)})
	if now := (&Search{Optuna: true}).view(request(log, 31, 1), sp); now.poor.Len() != 28 {
		t.Errorf("%d trials are not good, want 27 and the running one", now.poor.Len())
	}
}

var finite = space.Must(space.New(
	space.Dimension{Name: "c", Dist: space.Choose("a", "b", "c").Dist()},
	space.Dimension{Name: "f", Dist: space.Float{Low: 0, High: 1, Step: 0.25}},
	space.Dimension{Name: "i", Dist: space.Int{Low: 2, High: 8, Step: 2}},
	space.Dimension{Name: "l", Dist: space.Int{Low: 1, High: 3, Log: true}},
	space.Dimension{Name: "one", Dist: space.Int{Low: 7, High: 7}},
)) // 3·5·4·3 points

// ask draws a trial of sp.
func ask(t *testing.T, s *Search, log *trial.Log, sp space.Space, number int, seed uint64) *trial.Trial {
	t.Helper()
	r := request(log, number, seed)
	joint, err := s.SampleJoint(r)
	if err != nil {
		t.Fatal(err)
	}
	u := &trial.Trial{Number: number}
	for _, d := range sp {
		x, ok := joint[d.Name]
		if !ok {
			if x, err = s.Sample(r, d.Name, d.Dist); err != nil {
				t.Fatal(err)
			}
		}
		u.Params = append(u.Params, trial.Param{Name: d.Name, Value: x, Dist: d.Dist})
	}
	return u
}

func TestTriesAllOfAFiniteSpaceBeforeItRepeatsItself(t *testing.T) {
	for seed := range uint64(3) {
		var s Search
		log := trial.NewLog(minimize)
		var running []*trial.Trial
		seen := map[string]bool{}
		startup := 0
		for number := range 180 {
			ranked := !s.starting(Request{History: log.History()})
			u := ask(t, &s, log, finite, number, seed)
			key := fmt.Sprint(u.Params)
			switch {
			case ranked && seen[key]:
				t.Fatalf("seed %d, trial %d: %v is tried again while %d of 180 points remain", seed, number, u.Params, 180-len(seen))
			case !ranked && seen[key]:
				startup++ // at random
			}
			seen[key] = true
			// Four run at a time, and some fail.
			log.Put(u)
			running = append(running, u)
			if len(running) == 4 {
				first := *running[0]
				running = running[1:]
				first.State, first.Values = trial.Complete, []float64{first.Params[1].Value}
				if first.Number%7 == 3 {
					first.State, first.Values = trial.Failed, nil
				}
				log.Put(&first)
			}
		}
		if len(seen)+startup != 180 {
			t.Errorf("seed %d: %d points are tried and %d repeated at random, want 180 in all", seed, len(seen), startup)
		}
		// When nothing remains it continues.
		for number := range 20 {
			ask(t, &s, log, finite, 1000+number, seed)
		}
	}
}

// Points may repeat in spaces that are infinite, or that are only a part of what trials have.
func TestMayRepeatWhatIsNotAWholeFiniteTrial(t *testing.T) {
	two := space.Must(space.New(space.Dimension{Name: "c", Dist: space.Choose("a", "b").Dist()}))
	log := study(20, 1, two, minimize)
	for number := 20; number < 24; number++ { // there are only two points
		u := ask(t, &Search{}, log, two, number, 1)
		if len(u.Params) != 1 {
			t.Fatalf("drew %v", u.Params)
		}
	}
	mixed := space.Must(space.New(space.Dimension{Name: "c", Dist: space.Choose("a", "b").Dist()}, space.Dimension{Name: "x", Dist: unit}))
	log = study(20, 1, mixed, minimize)
	if now := (&Search{}).view(request(log, 20, 1), mixed); now.untried != nil {
		t.Error("a continuous space has points to be tried once")
	}
	log = trial.NewLog(minimize)
	for number := range 20 { // x is there in every other trial
		u := &trial.Trial{Number: number, State: trial.Complete, Values: []float64{1}, Params: []trial.Param{{Name: "c", Value: 0, Dist: two[0].Dist}}}
		if number%2 == 0 {
			u.Params = append(u.Params, trial.Param{Name: "x", Value: 0.5, Dist: unit})
		}
		log.Put(u)
	}
	if now := (&Search{Optuna: true}).view(request(log, 20, 1), two); now.untried != nil {
		t.Error("trials with equal c differ in x, but c may be tried once only")
	}
}

// One point remains, and no candidate is likely to hit it.
func TestFindsTheLastPoint(t *testing.T) {
	sp := space.Must(space.New(
		space.Dimension{Name: "i", Dist: space.Int{Low: 1, High: 100}},
		space.Dimension{Name: "j", Dist: space.Float{Low: 0, High: 9, Step: 1}},
	))
	log := trial.NewLog(minimize)
	for number := range 1000 {
		i, j := float64(1+number/10), float64(number%10)
		if i == 93 && j == 7 {
			i, j = 1, 0
		}
		log.Put(&trial.Trial{Number: number, State: trial.Complete, Values: []float64{i}, Params: []trial.Param{
			{Name: "i", Value: i, Dist: sp[0].Dist}, {Name: "j", Value: j, Dist: sp[1].Dist},
		}})
	}
	got, err := (&Search{}).SampleJoint(request(log, 1000, 1))
	if want := map[string]float64{"i": 93, "j": 7}; err != nil || !maps.Equal(got, want) {
		t.Errorf("drew %v, %v, want the only point that remains, %v", got, err, want)
	}
	// A worker with an older history does not know about later trials.
	s := &Search{}
	s.view(request(log, 1000, 1), sp)
	old := request(log, 1000, 1)
	old.History = log.History().Before(500)
	untried := s.view(old, sp).untried
	for number, want := range map[int]bool{499: false, 500: true, 999: true} {
		u := log.History().Finished()[number]
		if got := untried(newModel(sp, rules{}).observe(u)); got != want {
			t.Errorf("with 500 trials the point of trial %d is untried: %v, want %v", number, got, want)
		}
	}
}

func TestUnitOfCountsTheValues(t *testing.T) {
	for _, d := range finite {
		for k := range d.Dist.Len() {
			u := cube.Nth(d.Dist, k)
			value := u
			if !cube.IsCategorical(d.Dist) {
				value = d.Dist.Value(u)
			}
			if x, _, _ := cell(d.Dist)(u); x != u {
				t.Errorf("%v: the cell of value %d is around %v, want %v", d.Dist, k, x, u)
			}
			if k > 0 && !cube.IsCategorical(d.Dist) && value <= d.Dist.Value(cube.Nth(d.Dist, k-1)) || math.IsNaN(value) {
				t.Errorf("%v: value %d is %v, want more than the one before", d.Dist, k, value)
			}
		}
	}
}

func TestRulesByDefaultAndAsOptuna(t *testing.T) {
	ours := (&Search{}).rules(1)
	for n, want := range map[int]int{1: 1, 5: 1, 6: 2, 100: 20, 249: 50, 250: 50, 1000: 50} {
		if got := ours.size(n); got != want {
			t.Errorf("of %d trials %d are good, want %d", n, got, want)
		}
	}
	optuna := (&Search{Optuna: true}).rules(1)
	for name, s := range map[string]rules{"Independent": (&Search{Independent: true}).rules(1), "Optuna, Groups": (&Search{Optuna: true, Groups: true}).rules(1)} {
		if s != optuna {
			t.Errorf("%s: rules are %+v, want %+v", name, s, optuna)
		}
	}
	if s := (&Search{}).rules(2); s.most != 0 || s.byRank || s.window != 0 || s.size(1000) != 100 {
		t.Errorf("two objectives: rules are %+v, want a tenth of the trials and nothing else", s)
	}
	if w := optuna.weights(4); fmt.Sprint(w) != "[1 1 1 1]" {
		t.Errorf("Optuna's weights are %v, want 1", w)
	}
	w := ours.weights(4)
	sum := w[0] + w[1] + w[2] + w[3]
	if ratio := w[0] / w[3]; math.Abs(sum-4) > 1e-14 || math.Abs(ratio-math.Log(4.5)/math.Log(4.5/4)) > 1e-12 {
		t.Errorf("weights are %v, want the sum 4 and ln 4.5 to ln 4.5/4", w)
	}
}

// On steps and choices, the density of the good trials does not shrink to what they share, however
// many they are.
func TestGoodTrialsLeaveTheirCells(t *testing.T) {
	sp := space.Must(space.New(
		space.Dimension{Name: "c", Dist: space.Choose("a", "b", "c").Dist()},
		space.Dimension{Name: "i", Dist: space.Int{Low: 0, High: 9}},
	))
	points := make([][]float64, 50)
	for k := range points {
		points[k] = []float64{1, 0.55} // b, 5
	}
	for name, c := range map[string]struct {
		rules       rules
		low, high   float64 // of the share of draws with another choice
		lowI, highI float64 // and another int
	}{
		"ours":   {(&Search{}).rules(1), 0.18, 0.24, 0.19, 0.27},
		"Optuna": {(&Search{Optuna: true}).rules(1), 0.03, 0.07, 0.01, 0.05},
	} {
		e := c.rules.estimate(sp, axesOf(sp), points, c.rules.weights(len(points)), pseudo{})
		r := rand.New(rand.NewPCG(1, 2))
		x, other, otherI := make([]float64, 2), 0.0, 0.0
		const n = 20_000
		for range n {
			e.Draw(r, x)
			if x[0] != 1 {
				other += 1.0 / n
			}
			if x[1] < 0.5 || x[1] >= 0.6 {
				otherI += 1.0 / n
			}
		}
		if other < c.low || other > c.high || otherI < c.lowI || otherI > c.highI {
			t.Errorf("%s: %v of the draws have another choice, %v another int: want %v to %v, %v to %v", name, other, otherI, c.low, c.high, c.lowI, c.highI)
		}
	}
}

// The poor density forgets trials before the window; good trials are kept.
func TestForgetsOldPoorTrials(t *testing.T) {
	sp := floats(2, unit)
	log := study(500, 4, sp, minimize)
	s := &Search{}
	for _, seen := range []int{500, 150, 460, 500} { // back and forth
		r := request(log, seen, 1)
		r.History = log.History().Before(seen)
		now := s.view(r, sp)
		fresh := (&Search{}).view(r, sp)
		if now.poor.Len() != fresh.poor.Len() || now.poor.Len() > 200 || now.poor.Len() < 100 {
			t.Errorf("%d trials: %d poor ones are remembered, %d without memory, want the same and at most 200", seen, now.poor.Len(), fresh.poor.Len())
		}
	}
}

// The window counts the trials of a history, whatever their numbers. A trial that has been running
// for a long time stays in it.
func TestWindowCountsTrialsAndNotNumbers(t *testing.T) {
	sp := floats(2, unit)
	log := trial.NewLog(minimize)
	slow := &trial.Trial{Number: 0, State: trial.Running, Params: []trial.Param{
		{Name: "x0", Value: 0.5, Dist: unit}, {Name: "x1", Value: 0.5, Dist: unit},
	}}
	log.Put(slow)
	for i, u := range study(500, 4, sp, minimize).History().Finished() { // as in one bracket of seven
		v := *u
		v.Number = 7 * (i + 1)
		log.Put(&v)
	}
	s := &Search{}
	now := s.view(request(log, 7*501, 1), sp)
	good := 0
	for _, i := range s.histories[0].models[0].within {
		if i >= 300 {
			good++
		}
	}
	if want := 200 - good + 1; now.poor.Len() != want {
		t.Errorf("of the last 200 trials %d are good, and one is running: %d are poor, want %d", good, now.poor.Len(), want)
	}
}

// A parameter whose range has changed is drawn alone until the new range has lasted. Until then,
// points that differ only in it are different.
func TestDrawsOnItsOwnWhatHasJustChanged(t *testing.T) {
	two := space.Choose("a", "b").Dist()
	history := func(change int) *trial.Log {
		log := trial.NewLog(minimize)
		for number := range 20 {
			d := space.Int{Low: 0, High: 3}
			if number == change {
				d.High = 4
			}
			log.Put(&trial.Trial{Number: number, State: trial.Complete, Values: []float64{1}, Params: []trial.Param{
				{Name: "c", Value: float64(number % 2), Dist: two}, {Name: "i", Value: float64(number / 2 % 3), Dist: d},
			}})
		}
		return log
	}
	for change, want := range map[int]int{-1: 2, 0: 2, 7: 2, 17: 1, 18: 1, 19: 1} {
		s, log := &Search{}, history(change)
		joint, err := s.SampleJoint(request(log, 20, 1))
		if err != nil || len(joint) != want {
			t.Errorf("changed in trial %d: drew %v, %v, want %d parameters", change, joint, err, want)
		}
		sp := cube.Free(s.whole(log.History()))
		if now := s.view(request(log, 20, 1), sp); (now.untried == nil) != (want == 1) {
			t.Errorf("changed in trial %d: points come once only: %v", change, now.untried != nil)
		}
		if change == 19 { // one trial earlier nothing had changed
			if sp := s.whole(log.History().Before(19)); len(sp) != 2 {
				t.Errorf("19 trials: the space is %v, want two parameters", sp)
			}
		}
	}
}

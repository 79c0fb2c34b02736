package schedule_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/study/schedule"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A bench trains curves under a scheduler, without a study: workers take slices and finish them in
// random order.
type bench struct {
	t       *testing.T
	s       schedule.Scheduler
	d       trial.Direction
	rand    *rand.Rand
	full    int // steps of a full training
	most    int // trials
	workers int
	value   func(number, step int) float64

	trials []*trial.Trial
	until  []int
	done   []*trial.Trial // in finishing order
	slices []schedule.Slice
}

func (b *bench) view() schedule.View {
	log := trial.NewLog([]trial.Direction{b.d})
	for _, t := range b.done {
		log.Put(t)
	}
	v := schedule.View{New: len(b.trials) < b.most, Rand: rand.New(rand.NewPCG(b.rand.Uint64(), 1))}
	for _, t := range b.trials {
		if t.State == trial.Running {
			log.Put(t)
		}
		if t.Paused() {
			v.Paused = append(v.Paused, t)
		}
	}
	v.History = log.History()
	if t, ok := v.History.FirstReported(); ok {
		last, _ := t.LastReport()
		v.Most = last.Step
	}
	return v
}

// run runs until the scheduler waits with nothing running, and returns how many steps that took.
func (b *bench) run() (steps int) {
	b.t.Helper()
	for range 100000 {
		var running []int
		for i, t := range b.trials {
			if t.State == trial.Running {
				running = append(running, i)
			}
		}
		if len(running) < b.workers {
			v := b.view()
			slice, err := b.s.Next(v)
			if err != nil {
				b.t.Fatal(err)
			}
			if slice.Number != schedule.Wait {
				b.slices = append(b.slices, slice)
				b.begin(slice, v)
				continue
			}
			if len(running) == 0 {
				return steps
			}
		}
		steps += b.train(running[b.rand.IntN(len(running))])
	}
	b.t.Fatal("it does not end")
	return 0
}

func (b *bench) begin(slice schedule.Slice, v schedule.View) {
	b.t.Helper()
	if slice.Number == schedule.Start {
		if !v.New {
			b.t.Fatal("it starts a trial beyond the budget")
		}
		b.trials = append(b.trials, &trial.Trial{Number: len(b.trials)})
		b.until = append(b.until, slice.Until)
		return
	}
	t := *b.trials[slice.Number]
	if last, _ := t.LastReport(); !t.Paused() || slice.Until != 0 && slice.Until <= last.Step {
		b.t.Fatalf("it resumes %+v until %d", t, slice.Until)
	}
	t.State, t.SystemAttrs = trial.Running, nil
	b.trials[slice.Number], b.until[slice.Number] = &t, slice.Until
}

// train trains one step.
func (b *bench) train(i int) int {
	t := *b.trials[i]
	step := len(t.Reports) + 1
	t.Reports = append(slices.Clip(t.Reports), trial.Report{Step: step, Value: b.value(i, step)})
	switch {
	case step == b.full:
		t.State, t.Values = trial.Complete, []float64{t.Reports[step-1].Value}
	case step == b.until[i]:
		t.State, t.SystemAttrs = trial.Waiting, map[string]json.RawMessage{sysattr.Paused: fmt.Append(nil, step)}
	}
	b.trials[i] = &t
	if t.State == trial.Complete {
		b.done = append(b.done, &t)
	}
	return 1
}

// parallel curves keep their order at all steps: trial i is the better the smaller hash(i) is.
func parallel(number, step int) float64 {
	return float64(number*7919%101) + 1/float64(step)
}

// Whatever the number of workers, brackets and trials: no slice repeats a step, at most the share of a
// rung that the rule allows gets beyond it, one trial runs to its end, and with curves that do not
// cross that is the best one.
func TestHalvingKeepsItsRules(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 9))
		h := schedule.Halving{ReductionFactor: 2 + r.IntN(3), MinResource: r.IntN(3), Brackets: r.IntN(4)}
		b := &bench{t: t, s: h, rand: r, full: 1 + r.IntN(80), most: 1 + r.IntN(60), workers: 1 + r.IntN(5), value: parallel}
		if b.d = trial.Direction(r.IntN(2)); b.d == trial.Maximize {
			b.value = func(number, step int) float64 { return -parallel(number, step) }
		}
		name := fmt.Sprintf("seed %d, %+v, %d trials of %d steps, %d workers", seed, h, b.most, b.full, b.workers)
		steps := b.run()
		if total := 0; len(b.trials) != b.most {
			t.Errorf("%s: %d trials started", name, len(b.trials))
		} else {
			for _, u := range b.trials {
				total += len(u.Reports)
			}
			if total != steps {
				t.Errorf("%s: %d steps were trained, the trials have %d", name, steps, total)
			}
		}
		if len(b.done) == 0 {
			t.Errorf("%s: no trial is complete", name)
			continue
		}
		if b.workers == 1 && h.Brackets <= 1 { // the last rounds promote the best of each rung
			best := slices.MinFunc(b.trials, func(x, y *trial.Trial) int {
				return cmp.Compare(parallel(x.Number, 1), parallel(y.Number, 1))
			})
			if best.State != trial.Complete {
				t.Errorf("%s: the best trial, %d, ended with %d reports", name, best.Number, len(best.Reports))
			}
		}
		low := max(h.MinResource, 1)
		for step := low; step < b.full; step *= h.ReductionFactor {
			at, beyond := 0, 0
			for _, u := range b.trials {
				if len(u.Reports) >= step {
					at++
				}
				if len(u.Reports) > step {
					beyond++
				}
			}
			if h.Brackets <= 1 && b.full > low && beyond > at/h.ReductionFactor+b.workers+1 {
				t.Errorf("%s: %d of %d trials got beyond step %d", name, beyond, at, step)
			}
		}
	}
}

// A trial that looked poor is resumed once enough others are worse. A pruner would have stopped it.
func TestHalvingResumesATrialThatBecomesGood(t *testing.T) {
	b := &bench{t: t, s: schedule.Halving{ReductionFactor: 2}, rand: rand.New(rand.NewPCG(1, 1)), full: 8, most: 9, workers: 1,
		value: func(number, _ int) float64 { return []float64{5, 1, 9, 9, 9, 9, 9, 9, 9}[number] }}
	b.run()
	if n := len(b.trials[0].Reports); n < 2 {
		t.Errorf("trial 0, the second best of 9, has %d reports, want more than one rung", n)
	}
	if got := fmt.Sprint(b.slices[:3]); got != "[{-1 1 map[]} {-1 1 map[]} {1 2 map[]}]" {
		t.Errorf("the first slices are %v", got)
	}
}

// A trial with NaN waits forever, and rungs are those of the first reports at or after their steps.
func TestHalvingReadsSparseReports(t *testing.T) {
	paused := func(number int, reports ...trial.Report) *trial.Trial {
		return &trial.Trial{Number: number, State: trial.Waiting, Reports: reports,
			SystemAttrs: map[string]json.RawMessage{sysattr.Paused: []byte("1")}}
	}
	view := schedule.View{History: trial.NewLog([]trial.Direction{trial.Minimize}).History(), Paused: []*trial.Trial{
		paused(0, trial.Report{Step: 500, Value: 3}), paused(1, trial.Report{Step: 500, Value: math.NaN()}),
		paused(2, trial.Report{Step: 700, Value: 2}), paused(3, trial.Report{Step: 600, Value: 4}),
	}}
	got, err := schedule.Halving{}.Next(view)
	if err != nil || got.Number != 2 || got.Until != 1024 {
		t.Errorf("got %+v, %v, want the best one up to the rung at 1024", got, err)
	}
	view.Paused = view.Paused[1:2]
	if got, err = (schedule.Halving{}).Next(view); err != nil || got.Number != schedule.Wait {
		t.Errorf("got %+v, %v, want none: its value is NaN", got, err)
	}
	view.Paused = []*trial.Trial{paused(7, trial.Report{Step: 2, Value: math.NaN()})}
	view.New = true
	if got, err = (schedule.Halving{MinResource: 5}).Next(view); err != nil || got.Number != 7 || got.Until != 5 {
		t.Errorf("got %+v, %v, want the trial below the first rung up to it", got, err)
	}
}

// Brackets start at the rungs that Hyperband starts at, most at the lowest.
func TestHalvingStartsInBrackets(t *testing.T) {
	counts := map[int]int{}
	for seed := range uint64(3000) {
		v := schedule.View{History: trial.NewLog([]trial.Direction{trial.Minimize}).History(), New: true,
			Rand: rand.New(rand.NewPCG(seed, 4))}
		got, err := schedule.Halving{ReductionFactor: 3, Brackets: 3}.Next(v)
		if err != nil {
			t.Fatal(err)
		}
		counts[got.Until]++
	}
	for until, share := range map[int]float64{1: 9. / 17, 3: 5. / 17, 9: 3. / 17} {
		if got := float64(counts[until]) / 3000; math.Abs(got-share) > 0.04 {
			t.Errorf("%.2f of the trials start with a slice until %d, want %.2f", got, until, share)
		}
	}
}

func TestHalvingRefusesSettings(t *testing.T) {
	one := trial.NewLog([]trial.Direction{trial.Minimize}).History()
	for want, h := range map[string]schedule.Halving{
		"Halving.MinResource is -1, want at least 0":     {MinResource: -1},
		"Halving.ReductionFactor is 1, want at least 2":  {ReductionFactor: 1},
		"Halving.Brackets is 31, want 0 to 30":           {Brackets: 31},
		"Halving.ReductionFactor is -3, want at least 2": {ReductionFactor: -3},
	} {
		if _, err := h.Next(schedule.View{History: one, New: true}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %q", h, err, want)
		}
	}
	two := trial.NewLog(make([]trial.Direction, 2)).History()
	if _, err := (schedule.Halving{}).Next(schedule.View{History: two, New: true}); err == nil {
		t.Error("two objectives: got no error")
	}
	// Rungs beyond the largest int have no end.
	got, err := schedule.Halving{MinResource: math.MaxInt / 2, Brackets: 1}.Next(schedule.View{History: one, New: true})
	if err != nil || got.Until != math.MaxInt/2 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func BenchmarkHalving(b *testing.B) {
	for _, n := range []int{100, 1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 2))
			v := schedule.View{History: trial.NewLog([]trial.Direction{trial.Minimize}).History(), New: true, Rand: r}
			for i := range n {
				t := &trial.Trial{Number: i, State: trial.Waiting, SystemAttrs: map[string]json.RawMessage{sysattr.Paused: []byte("1")}}
				for step := range 1 << r.IntN(7) {
					t.Reports = append(t.Reports, trial.Report{Step: step + 1, Value: r.Float64()})
				}
				v.Paused = append(v.Paused, t)
			}
			for b.Loop() {
				if _, err := (schedule.Halving{}).Next(v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

package pruner_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/oracle"
	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/trial"
)

func TestHyperbandReplaysOptunaStudies(t *testing.T) {
	var file, automatic struct {
		Studies []struct {
			Direction string
			Name      string          `json:"study_name"`
			Min       int             `json:"min_resource"`
			Max       json.RawMessage `json:"max_resource"` // or "auto"
			Factor    int             `json:"reduction_factor"`
			Brackets  int             `json:"n_brackets"`
			Budgets   []int
			Trials    []struct {
				Number, Bracket int // the bracket is -1 while the resource is not known
				Reports         []report
				Pruned          bool
				Rungs           map[string]oracle.Float
			}
		} `json:"hyperband"`
	}
	oracle.Load(t, "pruners.json", &file)
	oracle.Load(t, "hyperband_auto.json", &automatic)
	if len(automatic.Studies) < 8 {
		t.Errorf("got %d studies with an automatic resource: the file has lost some", len(automatic.Studies))
	}
	pruned := 0
	for i, c := range append(file.Studies, automatic.Studies...) {
		most, err := strconv.Atoi(string(c.Max))
		if err != nil && string(c.Max) != `"auto"` {
			t.Fatalf("study %d: max_resource is %s", i, c.Max)
		}
		p := pruner.Hyperband{StudyName: c.Name, MinResource: c.Min, MaxResource: most, ReductionFactor: c.Factor}
		var past []*trial.Trial
		for _, want := range c.Trials {
			bracket := -1
			if h := history(t, c.Direction, past...); p.Brackets(h) > 0 {
				bracket = p.BracketIn(h, want.Number)
			}
			if bracket != want.Bracket {
				t.Errorf("study %d, trial %d: bracket %d, want %d", i, want.Number, bracket, want.Bracket)
			}
			now := &trial.Trial{Number: want.Number}
			made := play(t, p, history(t, c.Direction, past...), now, reports(want.Reports))
			if made != len(want.Reports) || (now.State == trial.Pruned) != want.Pruned {
				t.Fatalf("study %d, trial %d: %v after %d reports, want pruned=%v after %d", i, want.Number, now.State, made, want.Pruned, len(want.Reports))
			}
			if len(now.SystemAttrs) != len(want.Rungs) {
				t.Fatalf("study %d, trial %d: rungs are %s, want %v", i, want.Number, now.SystemAttrs, want.Rungs)
			}
			for key, value := range want.Rungs {
				var got oracle.Float
				if err := json.Unmarshal(now.SystemAttrs[key], &got); err != nil || got != value {
					t.Fatalf("study %d, trial %d: %s is %v (%v), want %v", i, want.Number, key, got, err, value)
				}
			}
			if want.Pruned {
				pruned++
			}
			past = append(past, now)
		}
		h := history(t, c.Direction, past...)
		if got := p.Brackets(h); got != c.Brackets {
			t.Errorf("study %d: %d brackets, want %d", i, got, c.Brackets)
		}
		// The shares are what the hash is reduced by: over many trials each
		// bracket has its part, within 5 standard deviations.
		total, counts := 0, make([]float64, c.Brackets)
		for _, budget := range c.Budgets {
			total += budget
		}
		const n = 20_000
		for number := range n {
			counts[p.BracketIn(h, number)]++
		}
		for b, budget := range c.Budgets {
			share := float64(budget) / float64(total)
			if sd := math.Sqrt(n * share * (1 - share)); math.Abs(counts[b]-n*share) > 5*sd {
				t.Errorf("study %d, bracket %d: %v of %d trials, want %v", i, b, counts[b], n, n*share)
			}
		}
	}
	t.Logf("%d studies, %d trials pruned", len(file.Studies), pruned)
	if len(file.Studies) < 20 || pruned < 100 {
		t.Errorf("got %d studies and %d pruned trials: the file has lost some", len(file.Studies), pruned)
	}
}

func TestHyperbandDefaultsAreMinimum1AndFactor3(t *testing.T) {
	a, b := pruner.Hyperband{MaxResource: 81}, pruner.Hyperband{MaxResource: 81, MinResource: 1, ReductionFactor: 3}
	if a.Brackets(trial.History{}) != 5 {
		t.Errorf("%d brackets for 81 steps, want 5", a.Brackets(trial.History{}))
	}
	for number := range 200 {
		if a.Bracket(number) != b.Bracket(number) {
			t.Fatalf("trial %d: bracket %d by default, %d with the defaults written out", number, a.Bracket(number), b.Bracket(number))
		}
	}
	// A trial of bracket i completes its first rung at step 3^i.
	for number := range 50 {
		now := &trial.Trial{Number: number}
		var steps []trial.Report
		for step := range 82 {
			steps = append(steps, trial.Report{Step: step, Value: 1})
		}
		first := 0
		play(t, pruner.Hyperband{MaxResource: 81}, history(t, "minimize"), now, steps[:1])
		for step := 1; len(now.SystemAttrs) == 0; step++ {
			now.Reports = nil
			play(t, pruner.Hyperband{MaxResource: 81}, history(t, "minimize"), now, steps[:step+1])
			first = step
		}
		if want := int(math.Pow(3, float64(a.Bracket(number)))); first != want {
			t.Errorf("trial %d of bracket %d has its first rung at step %d, want %d", number, a.Bracket(number), first, want)
		}
	}
}

func TestTheNameOfTheStudyChangesTheBrackets(t *testing.T) {
	same := 0
	for number := range 1000 {
		if (pruner.Hyperband{StudyName: "a", MaxResource: 81}).Bracket(number) == (pruner.Hyperband{StudyName: "b", MaxResource: 81}).Bracket(number) {
			same++
		}
	}
	if same > 600 {
		t.Errorf("%d of 1000 trials are in the same bracket under two names", same)
	}
}

func TestDerivedMaximumIsThatOfTheFirstCompleteTrialForever(t *testing.T) {
	long := func(s trial.State, step int) *trial.Trial {
		return &trial.Trial{State: s, Reports: []trial.Report{{Step: step, Value: 1}}}
	}
	trials := []*trial.Trial{long(trial.Pruned, 5000), {State: trial.Complete}, long(trial.Complete, 26), long(trial.Complete, 9000)}
	for n, want := range []int{0, 0, 0, 27, 27} {
		h := history(t, "minimize", trials[:n]...)
		var brackets pruner.Bracketing
		if want > 0 {
			brackets = pruner.Hyperband{MaxResource: want}.Bracketing(h)
		}
		if got := (pruner.Hyperband{}).Bracketing(h); got != brackets {
			t.Errorf("after %d trials the brackets are %v, want those of %d steps", n, got, want)
		}
		v, err := pruner.Hyperband{}.Prune(h, &trial.Trial{Number: 7, Reports: []trial.Report{{Step: 8000, Value: 1}}})
		if err != nil || v.Prune || (v.Attrs != nil) != (want > 0) {
			t.Errorf("after %d trials: got (%v, %v), want rungs only once the maximum is known", n, v, err)
		}
	}
	h := history(t, "minimize", trials...)
	if got := (pruner.Hyperband{MinResource: 50}).Brackets(h); got != 1 {
		t.Errorf("%d brackets where trials are shorter than the minimum of 50, want 1", got)
	}
	if got, want := (pruner.Hyperband{MaxResource: 9}).Bracketing(h), (pruner.Hyperband{MaxResource: 9}).Bracketing(trial.History{}); got != want {
		t.Errorf("a given maximum of 9 splits into %v, before any trial into %v", got, want)
	}
}

func TestBracketsDoNotCompete(t *testing.T) {
	p := pruner.Hyperband{MaxResource: 9}
	for own := range 3 {
		// All trials have better values at rung 0, those of other brackets only
		// or those of the own one too.
		var others, all []*trial.Trial
		for number := range 40 {
			u := &trial.Trial{State: trial.Pruned, SystemAttrs: map[string]json.RawMessage{}}
			if p.Bracket(number) != own {
				u.SystemAttrs = rung(0, "0.0")
			}
			others = append(others, u)
			all = append(all, &trial.Trial{State: trial.Pruned, SystemAttrs: rung(0, "0.0")})
		}
		number := 40
		for p.Bracket(number) != own {
			number++
		}
		now := &trial.Trial{Number: number, Reports: []trial.Report{{Step: int(math.Pow(3, float64(own))), Value: 1}}}
		for _, c := range []struct {
			trials []*trial.Trial
			want   bool
		}{{others, false}, {all, true}} {
			v, err := p.Prune(history(t, "minimize", c.trials...), now)
			if err != nil || v.Prune != c.want || v.Attrs == nil {
				t.Errorf("bracket %d: got (%v, %v), want a rung and pruned=%v", own, v, err, c.want)
			}
		}
	}
}

func TestBracketsAreCountedExactly(t *testing.T) {
	for _, c := range []struct{ low, high, factor, want int }{
		{1, 1, 3, 1}, {1, 2, 3, 1}, {1, 3, 3, 2}, {1, 242, 3, 5}, {1, 243, 3, 6}, {1, 125, 5, 4}, {1, 1000, 10, 4}, {1, math.MaxInt, 2, 63}, {1, 8, 2, 4}, {7, 56, 2, 4}, {1, 1 << 60, 2, 61},
	} {
		if got := (pruner.Hyperband{MinResource: c.low, MaxResource: c.high, ReductionFactor: c.factor}).Brackets(trial.History{}); got != c.want {
			t.Errorf("%+v: got %d brackets", c, got)
		}
	}
}

func TestBootstrapStopsTheFirstOfEveryBracket(t *testing.T) {
	p := pruner.Hyperband{MaxResource: 9, BootstrapCount: 1}
	seen := map[int]bool{}
	var past []*trial.Trial
	for number := range 40 {
		now := &trial.Trial{Number: number}
		play(t, p, history(t, "minimize", past...), now, []trial.Report{{Step: 1, Value: float64(-number)}, {Step: 3, Value: float64(-number)}, {Step: 9, Value: float64(-number)}})
		b := p.Bracket(number)
		if !seen[b] && now.State != trial.Pruned {
			t.Errorf("the first trial of bracket %d continues", b)
		}
		seen[b] = true
		past = append(past, now)
	}
	if len(seen) != 3 {
		t.Errorf("brackets seen are %v, want 3", seen)
	}
}

func BenchmarkHyperband(b *testing.B) {
	for _, n := range []int{100, 1000, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			trials := slices.Repeat([]*trial.Trial{nil}, n)
			for i := range trials {
				trials[i] = &trial.Trial{State: trial.Pruned, SystemAttrs: rung(0, fmt.Sprint(i))}
			}
			h, t := history(b, "minimize", trials...), &trial.Trial{Number: n, Reports: []trial.Report{{Step: 9, Value: -1}}}
			for b.Loop() {
				if _, err := (pruner.Hyperband{MaxResource: 9}).Prune(h, t); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestTheBracketsThatSamplersSee(t *testing.T) {
	whole := trial.NewLog([]trial.Direction{trial.Minimize})
	before := whole.History()
	whole.Put(&trial.Trial{Number: 0, State: trial.Complete, Values: []float64{1}, Reports: []trial.Report{{Step: 8, Value: 1}}})
	after := whole.History()
	derived := pruner.Hyperband{StudyName: "s"}
	known := pruner.Hyperband{StudyName: "s", MaxResource: 9}
	nine := known.Bracketing(before)
	for name, c := range map[string]struct {
		pruner pruner.BracketPruner
		h      trial.History
		want   pruner.Bracketing
	}{
		"none before it is known how long trials are": {derived, before, nil},
		"by the first complete trial with reports":    {derived, after, nine},
		"known from the start":                        {known, after, nine},
		"none if there is one bracket":                {pruner.Hyperband{MaxResource: 2}, after, nil},
		"none of a setting out of range":              {pruner.Hyperband{MaxResource: 9, ReductionFactor: 1}, after, nil},
		"behind Patient":                              {pruner.Patient{Pruner: derived}, after, nine},
		"none behind Patient alone":                   {pruner.Patient{}, after, nil},
		"none behind Patient of a median":             {pruner.Patient{Pruner: pruner.Median{}}, after, nil},
	} {
		if got := c.pruner.Bracketing(c.h); got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

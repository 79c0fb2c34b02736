package prunertest

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/trial"
)

const trials = 60 // in a study

// testServes asks what the engine may ask: any value, any step, any history.
func testServes(tb testing.TB, newPruner func() pruner.Pruner) {
	p := newPruner()
	for _, d := range []trial.Direction{trial.Minimize, trial.Maximize} {
		_, log := play(tb, p, d, trials, wild)
		// Rule: the first trial has nothing to be compared with.
		for _, h := range []trial.History{trial.NewLog([]trial.Direction{d}).History(), log.History()} {
			question{history: h, trial: &trial.Trial{Number: trials}}.ask(tb, p)
			for _, value := range []float64{1, math.NaN(), math.Inf(1), math.Inf(-1)} {
				for _, step := range []int{0, 3, math.MaxInt} {
					t := &trial.Trial{Number: trials, Reports: []trial.Report{{Step: step, Value: value}}}
					question{history: h, trial: t}.ask(tb, p)
				}
			}
		}
	}
}

// testSameVerdict checks that a restart changes nothing: a resumed trial must be pruned
// as if it had never stopped.
func testSameVerdict(tb testing.TB, newPruner func() pruner.Pruner) {
	asked, _ := play(tb, newPruner(), trial.Minimize, trials, wild)
	used := newPruner()
	for _, i := range rand.New(rand.NewPCG(1, 1)).Perm(len(asked)) {
		q := asked[i]
		for name, p := range map[string]pruner.Pruner{"a fresh pruner": newPruner(), "one asked in any order": used} {
			if v := q.ask(tb, p); text(v) != text(q.verdict) {
				tb.Fatalf("%v: a verdict must depend on the arguments alone, but was %s in the study and %s from %s",
					q, text(q.verdict), text(v), name)
			}
		}
	}
}

// testUnmodified checks that arguments stay as they are: samplers and other workers share
// them.
func testUnmodified(tb testing.TB, newPruner func() pruner.Pruner) {
	asked, log := play(tb, keepAll{}, trial.Minimize, trials, wild) // which modifies nothing
	before := records(asked, log.History())
	p := newPruner()
	for _, q := range asked {
		q.ask(tb, p)
	}
	for i, after := range records(asked, log.History()) {
		if after != before[i] {
			tb.Fatalf("a pruner must not modify its arguments, but what was\n%s\nis now\n%s", before[i], after)
		}
	}
}

// records returns the text of all records that the questions of a study refer to, in the order in
// which they do, and that of the arrays behind them.
func records(asked []question, whole trial.History) (all []string) {
	for _, q := range asked {
		numbers := make([]int, len(q.history.Running()))
		for i, t := range q.history.Running() {
			numbers[i] = t.Number
		}
		all = append(all, fmt.Sprintf("%+v %v running %v", *q.trial, q.trial.Reports[:cap(q.trial.Reports)], numbers))
	}
	for _, t := range whole.Finished() { // in the array of all histories
		all = append(all, fmt.Sprintf("%+v", *t))
	}
	return append(all, fmt.Sprint(whole.Directions()))
}

// testConcurrent checks that the workers of a study can share a pruner.
func testConcurrent(tb testing.TB, newPruner func() pruner.Pruner) {
	asked, _ := play(tb, newPruner(), trial.Minimize, trials, wild)
	shared := newPruner()
	var wg sync.WaitGroup
	for g := range uint64(4) {
		wg.Go(func() {
			for _, i := range rand.New(rand.NewPCG(g, 5)).Perm(len(asked)) {
				q := asked[i]
				if v := q.ask(tb, shared); text(v) != text(q.verdict) {
					tb.Errorf("%v: a verdict must not depend on what other goroutines ask, but was %s, and %s alone",
						q, text(v), text(q.verdict))
					return
				}
			}
		})
	}
	wg.Wait()
}

// testNotItself checks trials in whose history their own newest record is, as another
// process sees it.
func testNotItself(tb testing.TB, newPruner func() pruner.Pruner) {
	p := newPruner()
	asked, _ := play(tb, p, trial.Minimize, trials, wild)
	for _, q := range asked {
		current := q
		current.history = q.current
		if v := current.ask(tb, p); text(v) != text(q.verdict) {
			tb.Fatalf("%v: a trial must not compete with itself, but with its newest record in the history "+
				"the verdict is %s, and with an older one %s", q, text(v), text(q.verdict))
		}
	}
}

// testAttrs checks what is stored with a trial, which Optuna reads too.
func testAttrs(tb testing.TB, newPruner func() pruner.Pruner) {
	asked, _ := play(tb, newPruner(), trial.Minimize, trials, wild)
	numbers := []string{"NaN", "Infinity", "-Infinity"} // as Python writes them
	for _, q := range asked {
		for name, text := range q.verdict.Attrs {
			if name == "" || !json.Valid(text) && !slices.Contains(numbers, string(text)) {
				tb.Fatalf("%v: an attribute must have a name and a JSON value, but %q is %q", q, name, text)
			}
		}
	}
}

// testBrackets checks that brackets need not be stored: every process computes the same.
func testBrackets(tb testing.TB, newPruner func() pruner.Pruner) {
	used, ok := newPruner().(pruner.BracketPruner)
	if !ok {
		return
	}
	asked, _ := play(tb, used, trial.Minimize, trials, wild)
	defer func() {
		if r := recover(); r != nil {
			tb.Errorf("bracketings must be comparable with == and must not panic, but: %v", r)
		}
	}()
	for _, q := range asked {
		b, fresh := used.Bracketing(q.history), newPruner().(pruner.BracketPruner).Bracketing(q.history)
		if b != fresh {
			tb.Fatalf("%v: bracketings of the same history must be equal, but are %v and %v", q, b, fresh)
		}
		if b == nil {
			continue
		}
		if n, again := b.Bracket(q.trial.Number), fresh.Bracket(q.trial.Number); n < 0 || n != again {
			tb.Fatalf("%v: a trial's bracket must be at least 0 and always the same, but is %d and %d", q, n, again)
		}
	}
}

// testObjectives checks that a pruner does not crash a study of several objectives.
func testObjectives(tb testing.TB, newPruner func() pruner.Pruner) {
	p := newPruner()
	log := trial.NewLog([]trial.Direction{trial.Minimize, trial.Maximize})
	defer func() {
		if r := recover(); r != nil {
			tb.Errorf("a pruner must serve several objectives or return an error, but panicked: %v", r)
		}
	}()
	for number := range trials {
		t := &trial.Trial{Number: number, SystemAttrs: map[string]json.RawMessage{}}
		for _, r := range plain(number).reports {
			key, text := trial.Point{Step: r.Step, Values: []float64{r.Value, math.NaN()}}.Attr()
			t.SystemAttrs[key] = text
		}
		_, _ = p.Prune(log.History(), t) // any answer will do
		log.Put(&trial.Trial{Number: number, State: trial.Complete, Values: []float64{1, 2}, SystemAttrs: t.SystemAttrs})
	}
}

// testDirections checks that only the order of values counts, not their sign.
func testDirections(tb testing.TB, newPruner func() pruner.Pruner) {
	down, _ := play(tb, newPruner(), trial.Minimize, trials, wild)
	up, _ := play(tb, newPruner(), trial.Maximize, trials, wild)
	for i := range min(len(down), len(up)) {
		if a, b := down[i], up[i]; a.verdict.Prune != b.verdict.Prune {
			tb.Fatalf("maximizing f must prune what minimizing -f prunes, but it is %v for %v, and %v for %v",
				b.verdict.Prune, b, a.verdict.Prune, a)
		}
	}
}

// follow runs one more trial whose reports start at start and change by change. It returns the
// question at which the trial was stopped, if it was.
func follow(tb testing.TB, p pruner.Pruner, h trial.History, number int, start, change float64) (question, bool) {
	t := &trial.Trial{Number: number, SystemAttrs: map[string]json.RawMessage{}}
	for step := range 30 {
		t.Reports = append(t.Reports, trial.Report{Step: step, Value: start + change*float64(step)})
		q := question{history: h, trial: t}
		v := q.ask(tb, p)
		if v.Prune {
			return q, true
		}
		for name, text := range v.Attrs {
			t.SystemAttrs[name] = text
		}
	}
	return question{}, false
}

// testSparesTheBest checks the one mistake that costs a search its result.
func testSparesTheBest(tb testing.TB, newPruner func() pruner.Pruner) {
	p := newPruner()
	asked, _ := play(tb, p, trial.Minimize, trials, plain)
	// At several ages of the study: pruners judge by what has finished.
	for i := 0; i < len(asked) && !tb.Failed(); i += 10 {
		if q, stopped := follow(tb, p, asked[i].history, trials+i, -100, -1); stopped {
			tb.Errorf("%v: a trial that improves with every report and is better than all must not be stopped", q)
		}
	}
}

// testStopsTheWorst checks that the pruner does anything. Some pruners spare single
// trials, so it has twenty.
func testStopsTheWorst(tb testing.TB, newPruner func() pruner.Pruner) {
	p := newPruner()
	_, log := play(tb, p, trial.Minimize, trials, plain)
	for number := trials; number < trials+20 && !tb.Failed(); number++ {
		if _, stopped := follow(tb, p, log.History(), number, 100, 1); stopped {
			return
		}
	}
	tb.Errorf("a trial that gets worse with every report and is worse than all must be stopped, but none of 20 was")
}

// keepAll is a pruner that stops nothing.
type keepAll struct{}

// Prune implements pruner.Pruner.
func (keepAll) Prune(trial.History, *trial.Trial) (pruner.Verdict, error) {
	return pruner.Verdict{}, nil
}

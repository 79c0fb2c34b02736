package prunertest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A question is what a pruner was asked in a study, and its answer.
type question struct {
	history trial.History
	current trial.History // the same with trial as its own record in it
	trial   *trial.Trial
	verdict pruner.Verdict
}

// String says where in the study the question was asked.
func (q question) String() string {
	last, _ := q.trial.LastReport()
	return fmt.Sprintf("trial %d, step %d, value %v, %d reports",
		q.trial.Number, last.Step, last.Value, len(q.trial.Reports))
}

// ask returns p's verdict. A panic or an error fails the test.
func (q question) ask(tb testing.TB, p pruner.Pruner) (v pruner.Verdict) {
	tb.Helper()
	defer func() {
		if r := recover(); r != nil {
			tb.Errorf("%v: a pruner must not panic, but did: %v", q, r)
		}
	}()
	v, err := p.Prune(q.history, q.trial)
	if err != nil {
		tb.Errorf("%v: a pruner must serve every study of one objective, but returned the error: %v", q, err)
	}
	return v
}

// text writes out a verdict; maps print in the order of their keys.
func text(v pruner.Verdict) string { return fmt.Sprintf("prune=%v with %s", v.Prune, v.Attrs) }

// A course is what a trial reports, in this order, and how it ends if it is not stopped.
type course struct {
	reports []trial.Report
	end     trial.State // Running: its worker disappears
}

// plain returns a learning curve that comes down to a random level within a few units of 0.
func plain(number int) course {
	r := rand.New(rand.NewPCG(uint64(number), 1))
	c := course{end: trial.Complete}
	// Noise is small beside the differences between trials.
	level := r.NormFloat64()
	for step := range 5 + r.IntN(25) {
		c.reports = append(c.reports, trial.Report{Step: step, Value: level + 2/float64(step+1) + r.NormFloat64()/10})
	}
	return c
}

// wild is plain, but many of its curves have something unusual, and many trials end in another way.
func wild(number int) course {
	r := rand.New(rand.NewPCG(uint64(number), 2))
	c := plain(number)
	unusual := r.IntN(12)
	for i := range c.reports {
		report := &c.reports[i]
		switch {
		case unusual == 0, unusual == 1 && i%3 == 1:
			report.Value = math.NaN()
		case unusual == 2 && i%2 == 0:
			report.Value = math.Inf(1 - i%4)
		case unusual == 3: // as in other trials
			report.Value = 1
		case unusual == 4:
			report.Step *= 1 + number%9
		case unusual == 5 && number > 20: // after trials of the usual length
			report.Step += math.MaxInt - len(c.reports)
		}
	}
	switch unusual {
	case 6:
		c.reports = nil
	case 7:
		c.reports = c.reports[:1]
	case 8: // earlier steps come late
		r.Shuffle(len(c.reports), func(i, j int) { c.reports[i], c.reports[j] = c.reports[j], c.reports[i] })
	}
	ends := []trial.State{trial.Complete, trial.Failed, trial.Pruned, trial.Running}
	// Half of them complete, or there would be nothing to compare with.
	c.end = ends[max(0, r.IntN(6)-2)]
	return c
}

// A worker runs one trial.
type worker struct {
	trial *trial.Trial // its record so far; a new one replaces it
	course
}

// play runs a study of n trials, four at a time, and returns what the pruner was asked. Values are
// multiplied by -1 to maximize. It ends early if the test has failed.
func play(
	tb testing.TB, p pruner.Pruner, d trial.Direction, n int, courses func(number int) course,
) (asked []question, log *trial.Log) {
	tb.Helper()
	log = trial.NewLog([]trial.Direction{d})
	var workers []*worker
	r := rand.New(rand.NewPCG(3, 3))
	for next := 0; (next < n || len(workers) > 0) && !tb.Failed(); {
		if next < n && len(workers) < 4 {
			t := &trial.Trial{Number: next, Seen: len(log.History().Finished())}
			if next%6 == 1 { // infeasible
				t.Constraints = map[string]float64{"c": 1}
			}
			workers = append(workers, &worker{t, courses(next)})
			log.Put(t)
			next++
			continue
		}
		// Workers take turns at random, with the same seed in every play.
		i := r.IntN(len(workers))
		w := workers[i]
		lost := false
		if len(w.reports) > 0 {
			asked = append(asked, w.report(tb, p, log, d))
		} else {
			t := *w.trial
			t.State, lost = w.end, w.end == trial.Running
			if t.State == trial.Complete {
				last, _ := t.LastReport()
				t.Values = []float64{last.Value}
			}
			w.trial = &t
		}
		log.Put(w.trial)
		if w.trial.State.Finished() || lost {
			workers = slices.Delete(workers, i, i+1)
		}
	}
	return asked, log
}

// report makes the next report and asks the pruner about it, as the engine does.
func (w *worker) report(tb testing.TB, p pruner.Pruner, log *trial.Log, d trial.Direction) question {
	report := w.reports[0]
	w.reports = w.reports[1:]
	if d == trial.Maximize {
		report.Value = -report.Value
	}
	t := *w.trial
	// A new array: earlier questions keep their reports.
	t.Reports = append(slices.Clip(t.Reports), report)
	// As storages return them.
	slices.SortFunc(t.Reports, func(a, b trial.Report) int { return a.Step - b.Step })
	q := question{history: log.History(), trial: &t}
	log.Put(&t)
	// After the record is in it.
	q.current = log.History()
	q.verdict = q.ask(tb, p)

	after := t
	after.SystemAttrs = map[string]json.RawMessage{}
	maps.Copy(after.SystemAttrs, t.SystemAttrs)
	maps.Copy(after.SystemAttrs, q.verdict.Attrs)
	if q.verdict.Prune {
		after.State = trial.Pruned
	}
	w.trial = &after
	return q
}

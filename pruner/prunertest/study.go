package prunertest

import (
	"bytes"
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

func (q question) String() string {
	last, _ := q.trial.LastReport()
	return fmt.Sprintf("trial %d at step %d (%v, %d reports)", q.trial.Number, last.Step, last.Value, len(q.trial.Reports))
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

func same(a, b pruner.Verdict) bool {
	return a.Prune == b.Prune && maps.EqualFunc(a.Attrs, b.Attrs, func(x, y json.RawMessage) bool { return bytes.Equal(x, y) })
}

func text(v pruner.Verdict) string { return fmt.Sprintf("%v with %s", v.Prune, v.Attrs) }

// A course is what a trial reports, in this order, and how it ends if it is not stopped.
type course struct {
	reports    []trial.Report
	end        trial.State // Running: its worker disappears
	infeasible bool
}

// plain returns a learning curve that comes down to a random level within a few units of 0.
func plain(number int) course {
	r := rand.New(rand.NewPCG(uint64(number), 1))
	c := course{end: trial.Complete}
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
	c.end = []trial.State{trial.Complete, trial.Complete, trial.Complete, trial.Failed, trial.Pruned, trial.Running}[r.IntN(6)]
	c.infeasible = r.IntN(6) == 0
	return c
}

// play runs a study of n trials, four at a time, and returns what the pruner was asked. Values are
// multiplied by -1 to maximize. It ends early if the test has failed.
func play(tb testing.TB, p pruner.Pruner, d trial.Direction, n int, courses func(number int) course) (asked []question, log *trial.Log) {
	tb.Helper()
	log = trial.NewLog([]trial.Direction{d})
	type worker struct {
		trial  *trial.Trial
		course course
	}
	var workers []*worker
	r := rand.New(rand.NewPCG(3, 3))
	for next := 0; (next < n || len(workers) > 0) && !tb.Failed(); {
		if next < n && len(workers) < 4 {
			w := &worker{&trial.Trial{Number: next, Seen: len(log.History().Finished())}, courses(next)}
			if w.course.infeasible {
				w.trial.Constraints = map[string]float64{"c": 1}
			}
			workers = append(workers, w)
			log.Put(w.trial)
			next++
			continue
		}
		i := r.IntN(len(workers))
		w := workers[i]
		t := *w.trial // the next record, which replaces the one in the log
		if len(w.course.reports) > 0 {
			report := w.course.reports[0]
			w.course.reports = w.course.reports[1:]
			if d == trial.Maximize {
				report.Value = -report.Value
			}
			at, _ := slices.BinarySearchFunc(t.Reports, report.Step, func(r trial.Report, step int) int { return r.Step - step })
			t.Reports = slices.Insert(slices.Clip(t.Reports), at, report)
			shown := t
			q := question{history: log.History(), trial: &shown}
			log.Put(&shown)
			q.current = log.History()
			q.verdict = q.ask(tb, p)
			asked = append(asked, q)
			if len(q.verdict.Attrs) > 0 {
				t.SystemAttrs = maps.Clone(t.SystemAttrs)
				if t.SystemAttrs == nil {
					t.SystemAttrs = map[string]json.RawMessage{}
				}
				maps.Copy(t.SystemAttrs, q.verdict.Attrs)
			}
			if q.verdict.Prune {
				t.State = trial.Pruned
			}
		} else {
			t.State = w.course.end
			if last, ok := t.LastReport(); t.State == trial.Complete {
				t.Values = []float64{last.Value}
				if !ok {
					t.Values[0] = 1
				}
			}
		}
		w.trial = &t
		log.Put(&t)
		if t.State != trial.Running || len(w.course.reports) == 0 && w.course.end == trial.Running {
			workers = slices.Delete(workers, i, i+1)
		}
	}
	return asked, log
}

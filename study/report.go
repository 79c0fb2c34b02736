package study

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Report saves intermediate values at a step ≥ 0, one for each objective, and asks the pruner. It
// returns ErrPruned if the trial should stop, ErrPaused if it should pause and has a checkpoint of that
// step, and the cause if Context has ended; the objective should return any error of Report as it is. A
// step that was reported before keeps its first values.
//
// With several objectives, NaN is a value that is not known at this step.
func (t *Trial) Report(step int, values ...float64) error {
	if err := t.study.checkReport(step, values); err != nil {
		return err
	}
	if t.ctx.Err() != nil {
		return context.Cause(t.ctx)
	}
	t.reporting.Lock()
	defer t.reporting.Unlock()
	var h trial.History
	judge := t.study.cfg.Pruner
	if t.Repetition() > 0 {
		judge = nil
	}
	if judge != nil {
		var err error
		if h, err = t.study.sync(t.ctx); err != nil {
			return err
		}
	}
	record := *t.record.load()
	u, added := withPoint(&record, trial.Point{Step: step, Values: values})
	t.checkStep(&record, step, values, added)
	if !added {
		return nil
	}
	var verdict pruner.Verdict
	if judge != nil {
		var err error
		if verdict, err = judge.Prune(h, &record); err != nil {
			t.unshareReports()
			t.mu.Lock()
			defer t.mu.Unlock()
			t.fail(setupError{err})
			return err
		}
	}
	u.SystemAttrs = merged(u.SystemAttrs, verdict.Attrs)
	if err := t.write(t.ctx, u); err != nil {
		t.unshareReports()
		return err
	}
	t.mu.Lock()
	t.record.change(func(now *trial.Trial) { // it may have new parameters by now
		now.Reports = record.Reports
		now.SystemAttrs = merged(now.SystemAttrs, u.SystemAttrs)
	})
	t.mu.Unlock()
	if f := t.study.cfg.OnReport; f != nil {
		t.study.hook(func(record *trial.Trial) { f(record, trial.Report{Step: step, Value: values[0]}) }, t.record.load())
	}
	if verdict.Prune {
		return ErrPruned
	}
	return t.reported(step)
}

// checkReport refuses what cannot be reported.
func (s *Study) checkReport(step int, values []float64) error {
	if n := len(s.record.Directions); len(values) != n {
		return fmt.Errorf("report of %v in a study with %d objectives, want one value for each", values, n)
	}
	if step < 0 {
		return fmt.Errorf("report at step %d, want at least 0", step)
	}
	return nil
}

// withPoint adds a point to a record of its own, and returns the update that saves it; or false if the
// trial has reported that step already. The maps and arrays of the record may be shared with others.
func withPoint(record *trial.Trial, p trial.Point) (u storage.Update, added bool) {
	if len(p.Values) == 1 {
		r := trial.Report{Step: p.Step, Value: p.Values[0]}
		record.Reports, added = withReport(record.Reports, r)
		return storage.Update{Reports: []trial.Report{r}}, added
	}
	key, text := p.Attr()
	if _, found := record.SystemAttrs[key]; found {
		return u, false
	}
	u.SystemAttrs = map[string]json.RawMessage{key: text}
	record.SystemAttrs = merged(record.SystemAttrs, u.SystemAttrs)
	return u, true
}

// checkStep warns, once per trial, about a step that is repeated or below an earlier one.
func (t *Trial) checkStep(record *trial.Trial, step int, values []float64, added bool) {
	last, one := record.LastReport()
	if added && (!one || last.Step == step) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.warned {
		return
	}
	t.warned = true
	warning := "a report has an earlier step than the last one"
	if !added {
		warning = "a step was reported twice: the first value stays"
	}
	t.study.cfg.Logger.Warn(warning, "trial", t.Number(), "step", step, "value", values[0])
}

// unshareReports makes the next report go to a new array: a pruner may have kept the one with the
// report that failed.
func (t *Trial) unshareReports() {
	t.record.change(func(now *trial.Trial) { now.Reports = slices.Clip(now.Reports) })
}

// withReport returns the reports with one added, or false if its step is there already. If the step
// is the last, the array is shared: earlier records end before the new element.
func withReport(reports []trial.Report, r trial.Report) ([]trial.Report, bool) {
	i, found := slices.BinarySearchFunc(reports, r.Step, func(r trial.Report, step int) int { return r.Step - step })
	if found {
		return reports, false
	}
	if i < len(reports) {
		reports = slices.Clip(reports)
	}
	return slices.Insert(reports, i, r), true
}

// Reports returns the reports so far, by step. They include those that an earlier worker made
// before the checkpoint that Resume returns.
func (t *Trial) Reports() []trial.Report { return slices.Clone(t.record.load().Reports) }

// Curve returns what the trial has reported so far, by step, of any number of objectives. It includes
// what Reports does.
func (t *Trial) Curve() []trial.Point { return t.record.load().Curve() }

package study

import (
	"context"
	"fmt"
	"slices"

	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Report saves an intermediate value of the objective at a step ≥ 0 and asks the pruner. It returns
// ErrPruned if the trial should stop, ErrPaused if it should pause and has a checkpoint of that step,
// and the cause if Context has ended; the objective should return any error of Report as it is. A step that was reported before keeps its first value.
func (t *Trial) Report(step int, value float64) error {
	if n := len(t.study.record.Directions); n > 1 {
		return fmt.Errorf("report in a study with %d objectives, want 1", n)
	}
	if step < 0 {
		return fmt.Errorf("report at step %d, want at least 0", step)
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
	r := trial.Report{Step: step, Value: value}
	record := *t.record.load()
	var added bool
	record.Reports, added = withReport(record.Reports, r)
	t.checkStep(&record, r, added)
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
	if err := t.write(t.ctx, storage.Update{Reports: []trial.Report{r}, SystemAttrs: verdict.Attrs}); err != nil {
		t.unshareReports()
		return err
	}
	t.mu.Lock()
	t.record.change(func(now *trial.Trial) { // it may have new parameters by now
		now.Reports = record.Reports
		now.SystemAttrs = merged(now.SystemAttrs, verdict.Attrs)
	})
	t.mu.Unlock()
	if f := t.study.cfg.OnReport; f != nil {
		t.study.hook(func(record *trial.Trial) { f(record, r) }, t.record.load())
	}
	if verdict.Prune {
		return ErrPruned
	}
	return t.reported(step)
}

// checkStep warns, once per trial, about a step that is repeated or below an earlier one.
func (t *Trial) checkStep(record *trial.Trial, r trial.Report, added bool) {
	last, _ := record.LastReport()
	if added && last.Step == r.Step {
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
	t.study.cfg.Logger.Warn(warning, "trial", t.Number(), "step", r.Step, "value", r.Value)
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

package study

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A detached trial is asked for, reported and told by different calls, perhaps of different
// programs, which know its number. Its lease is not renewed in the background but by each report.

// Detached says how AskDetached starts a trial.
type Detached struct {
	Params []space.Dimension // to draw and save, in this order

	// Suggest suggests the parameters of the trial, such as some of Params where others depend on their
	// values. An error ends the trial as TellError does, and AskDetached returns it. nil: all of Params.
	Suggest func(*Trial) error

	// Lease lasts for Duration (0: Config.Lease) from now and from each report, whether or not this
	// process ends; Process must be empty. After the lease has ended, Owner tells a worker whether the
	// trial is still its own; "" makes up a name.
	Lease storage.Lease

	// Budget is how many trials of the study may start in total. Beyond it, AskDetached fails with
	// storage.ErrBudget. 0: any number.
	Budget int
}

// AskDetached starts a trial that any program may report and end, by its number. It draws and saves
// the parameters. If ctx ends during the call, the trial goes to the queue.
func (s *Study) AskDetached(ctx context.Context, d Detached) (*trial.Trial, error) {
	l := d.Lease
	if l.Duration < 0 {
		return nil, fmt.Errorf("lease is %v, want at least 0", l.Duration)
	}
	if l.Process != "" {
		return nil, errors.New("a detached trial cannot have a lease that ends with a process")
	}
	if _, err := s.sync(ctx); err != nil {
		return nil, err
	}
	for _, d := range d.Params { // first, since a trial that failed here would waste a number
		if known := s.dists.get(d.Name); known != nil && !space.Compatible(known, d.Dist) {
			return nil, fmt.Errorf("ask for %q: %w in an earlier trial: it is %v, want %s",
				d.Name, ErrConflict, d.Dist, compatible(known))
		}
	}
	t, err := s.ask(ctx, storage.Claim{Lease: l, Budget: d.Budget}, s.cfg.Scheduler, nil)
	if err != nil {
		return nil, err
	}
	if err := d.suggest(t); err != nil {
		_, tellErr := s.TellError(ctx, t, err)
		return nil, errors.Join(err, tellErr)
	}
	if ctx.Err() != nil { // the caller will not learn the number
		return nil, errors.Join(context.Cause(ctx), s.release(context.WithoutCancel(ctx), t))
	}
	// Saves what was drawn and how long to renew the lease; the trial keeps running.
	seconds, _ := json.Marshal(t.lease.Seconds()) // a finite number always marshals
	err = t.write(ctx, storage.Update{SystemAttrs: map[string]json.RawMessage{sysattr.Lease: seconds}})
	s.forget(t)
	return t.record.load(), err
}

// suggest suggests the parameters of t.
func (d Detached) suggest(t *Trial) error {
	if d.Suggest != nil {
		return cmp.Or(d.Suggest(t), t.Err())
	}
	for _, p := range d.Params {
		if c, ok := p.Dist.(space.Categorical); ok {
			p.Dist = c.Dist()
		}
		t.believe(p.Name, intern(&t.study.dists, p.Name, p.Dist), p.Belief)
	}
	return t.Err()
}

// ReportNumber is Trial.Report for a running trial of any program, by its number: it saves a report,
// renews the lease of a detached trial, and returns ErrPruned if the trial should stop, or ErrPaused if
// it should pause: then TellNumber with the state Waiting pauses it, and AskDetached may resume it. A
// step that was reported before keeps its values and gets the same answer.
//
// owner is Lease.Owner of AskDetached, or "" for a trial of any worker. If the lease has
// ended and another worker has claimed the trial, ReportNumber fails with storage.ErrLost; if the
// trial has ended, with storage.ErrFinished.
func (s *Study) ReportNumber(ctx context.Context, number int, p trial.Point, owner string) error {
	if err := s.checkReport(p.Step, p.Values); err != nil {
		return err
	}
	h, t, err := s.judged(ctx, number)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	reported := *t
	reported.Reports = slices.Clip(t.Reports) // the array may be the history's
	u, added := withPoint(&reported, p)
	if !added {
		s.cfg.Logger.Warn("a step was reported twice: the first value stays",
			"trial", number, "step", p.Step, "value", p.Values[0])
		prune, err := s.ShouldPrune(ctx, number, owner)
		if err == nil && prune {
			err = ErrPruned
		}
		return cmp.Or(err, s.pauses(t))
	}
	var v pruner.Verdict
	if s.cfg.Pruner != nil {
		if v, err = s.cfg.Pruner.Prune(h, &reported); err != nil {
			return err
		}
		text, _ := json.Marshal(verdict{lastStep(&reported), v.Prune}) // ints and truth values always marshal
		u.SystemAttrs = merged(merged(u.SystemAttrs, v.Attrs), map[string]json.RawMessage{sysattr.Verdict: text})
	}
	u.Owner, u.Renew = owner, renewal(t)
	if err := s.writeNumber(ctx, number, u); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if v.Prune {
		return ErrPruned
	}
	return s.pauses(&reported)
}

// pauses returns ErrPaused if the slice of a trial is over.
func (s *Study) pauses(t *trial.Trial) error {
	last, reported := t.LastReport()
	if end := until(t); s.cfg.Scheduler != nil && reported && end > 0 && last.Step >= end {
		return ErrPaused
	}
	return nil
}

// lastStep returns the last step that a trial has reported, -1 if there is none.
func lastStep(t *trial.Trial) int {
	if curve := t.Curve(); len(curve) > 0 {
		return curve[len(curve)-1].Step
	}
	return -1
}

// ShouldPrune returns the pruner's verdict on the last report of a running trial; if none was saved, it
// asks the pruner. It renews the lease and fails as ReportNumber does.
func (s *Study) ShouldPrune(ctx context.Context, number int, owner string) (bool, error) {
	t, err := s.runningNumber(ctx, number)
	if err == nil {
		err = s.writeNumber(ctx, number, storage.Update{Owner: owner, Renew: renewal(t)})
	}
	if err != nil {
		return false, fmt.Errorf("should-prune: %w", err)
	}
	last := lastStep(t)
	if last < 0 {
		return false, nil
	}
	var saved verdict
	if err := json.Unmarshal(t.SystemAttrs[sysattr.Verdict], &saved); err == nil && saved.Step == last {
		return saved.Prune, nil
	}
	// Such as a trial of Optuna.
	if s.cfg.Pruner == nil {
		return false, nil
	}
	h, err := s.sync(ctx)
	if err != nil {
		return false, err
	}
	v, err := s.cfg.Pruner.Prune(h, t)
	return v.Prune, err
}

// TellNumber ends a running trial of any program, by its number. u.State is Complete with one value
// per objective, Pruned (nil Values: the last report), or Failed with no values; constraints and
// attributes of u are added first. Waiting pauses a trial that has reported: whoever trains it has saved
// its state, and can resume it from there. TellNumber fails as ReportNumber does, with u.Owner as the
// owner.
func (s *Study) TellNumber(ctx context.Context, number int, u storage.Update) (*trial.Trial, error) {
	switch {
	case !u.State.Finished() && u.State != trial.Waiting:
		return nil, fmt.Errorf("tell: trial %d: state is %v, want %v, %v, %v or %v to pause it",
			number, u.State, trial.Complete, trial.Pruned, trial.Failed, trial.Waiting)
	case u.State == trial.Waiting:
		t, err := s.runningNumber(ctx, number)
		if err != nil {
			return nil, fmt.Errorf("tell: %w", err)
		}
		last, reported := t.LastReport()
		if !reported {
			return nil, fmt.Errorf("tell: trial %d: it has reported nothing, so it cannot pause", number)
		}
		u.SystemAttrs = merged(u.SystemAttrs, pause(t, time.Now()).SystemAttrs)
		u.Checkpoint = &storage.Checkpoint{Step: last.Step, Keep: s.cfg.KeepCheckpoints}
	}
	t, err := s.endNumber(ctx, number, u)
	if err != nil {
		return nil, fmt.Errorf("tell: %w", err)
	}
	return t, nil
}

// endNumber ends a running trial as u says and returns its record.
func (s *Study) endNumber(ctx context.Context, number int, u storage.Update) (*trial.Trial, error) {
	if u.State == trial.Pruned && u.Values == nil {
		t, err := s.runningNumber(ctx, number)
		if err != nil {
			return nil, err
		}
		u.Values = prunedValues(t)
	}
	if err := s.writeNumber(ctx, number, u); err != nil {
		if _, why := s.runningNumber(ctx, number); why != nil {
			return nil, why
		}
		return nil, err
	}
	return s.cfg.Storage.Trial(ctx, s.record.ID, number)
}

// A verdict is the value of sysattr.Verdict. A pruner cannot be asked again: SuccessiveHalving notes
// the rungs that a report completes, and then judges by later ones.
type verdict struct {
	Step  int  `json:"step"` // of the last report
	Prune bool `json:"prune"`
}

// judged returns a trial that runs, and the history if there is a pruner to judge it by. The history usually has
// the trial, which saves reading it once more.
func (s *Study) judged(ctx context.Context, number int) (h trial.History, t *trial.Trial, err error) {
	if s.cfg.Pruner != nil {
		if h, err = s.sync(ctx); err != nil {
			return h, nil, err
		}
		// A trial that this process asked for a moment ago may be there without its lease.
		if t, ok := s.lookup(number); ok && t.State == trial.Running && renewal(t) > 0 {
			return h, t, nil
		}
	}
	t, err = s.runningNumber(ctx, number)
	return h, t, err
}

// renewal returns for how long to renew the lease of a trial, 0 if it is not a detached one.
func renewal(t *trial.Trial) time.Duration {
	var seconds float64
	if err := json.Unmarshal(t.SystemAttrs[sysattr.Lease], &seconds); err != nil {
		return 0
	}
	return time.Duration(seconds * float64(time.Second))
}

// runningNumber returns a trial that runs.
func (s *Study) runningNumber(ctx context.Context, number int) (*trial.Trial, error) {
	t, err := s.cfg.Storage.Trial(ctx, s.record.ID, number)
	switch {
	case errors.Is(err, storage.ErrNotExist):
		return nil, fmt.Errorf("trial %d: %w in study %q", number, storage.ErrNotExist, s.Name())
	case err != nil:
		return nil, fmt.Errorf("trial %d: %w", number, err)
	case t.State == trial.Waiting:
		return nil, fmt.Errorf("trial %d: it is %v, want %v", number, t.State, trial.Running)
	case t.State.Finished():
		reason := ""
		if t.Failure() != "" {
			reason = ", because " + t.Failure()
		}
		return nil, fmt.Errorf("trial %d: %w: it is %v%s", number, storage.ErrFinished, t.State, reason)
	}
	return t, nil
}

// writeNumber writes a trial that ran a moment ago.
func (s *Study) writeNumber(ctx context.Context, number int, u storage.Update) error {
	err := s.cfg.Storage.Write(ctx, s.record.ID, number, u)
	if errors.Is(err, storage.ErrLost) {
		return fmt.Errorf("%w: its lease has ended, and another worker has claimed it", err)
	}
	return err
}

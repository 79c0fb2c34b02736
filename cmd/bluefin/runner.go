package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
	"github.com/bluefin-hpo/bluefin/cmd/internal/outline"
	"github.com/bluefin-hpo/bluefin/objective/command"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A runner is what the commands that run trials share: how many, how they are drawn and where they
// are saved.
type runner struct {
	sampler   samplerFlags
	pruner    string
	metrics   []string // names of the objectives; none: there is one
	scheduler string
	warmStart cli.StringSlice
	warm      *sampler.WarmStart // set by config; nil: no earlier study teaches
	trials    int
	workers   int
	timeout   time.Duration
	limits    limitFlags
	repeats   int

	storage    storageFlag
	studyName  string
	orphans    string
	durability string
	dashboard  addressFlag

	show *progress // set by progress
}

func (s *runner) searchFlags(trials int) []cli.Flag {
	return slices.Concat([]cli.Flag{
		&cli.IntFlag{Name: "trials", Destination: &s.trials, Value: trials,
			Usage: "the total `NUMBER` of trials in the study"},
		&cli.DurationFlag{Name: "timeout", Destination: &s.timeout, Value: math.MaxInt64, DefaultText: "none",
			Usage: "stop after a `TIME` like 10m"},
		&cli.IntFlag{Name: "workers", Destination: &s.workers, Value: 1,
			Usage: "the `NUMBER` of trials that run at once"},
	}, s.limits.flags(), []cli.Flag{repeatsFlag(&s.repeats),
		s.sampler.nameFlag("auto"), s.sampler.perFlag(), s.warmFlag(), prunerFlag(&s.pruner), schedulerFlag(&s.scheduler), s.sampler.seedFlag(),
		s.dashboardFlag(), logFormatFlag(),
	})
}

// storageFlags takes the default of the study's name.
func (s *runner) storageFlags(name string) []cli.Flag {
	return []cli.Flag{
		s.storage.flag(),
		&cli.StringFlag{Name: "study-name", Destination: &s.studyName, DefaultText: name,
			Usage: "the `NAME` of the study; it is created if it does not exist"},
		choiceFlag(&s.orphans, "orphans", "the `POLICY` for trials whose worker was killed: resume "+
			"(from the last checkpoint), retry (fail it and queue a copy) or fail", "resume", "retry", "fail"),
		durabilityFlag(&s.durability),
	}
}

// check refuses numbers out of range.
func (s *runner) check() error {
	if s.trials < 1 {
		return usagef("--trials is %d, want at least 1", s.trials)
	}
	if s.workers < 1 {
		return usagef("--workers is %d, want at least 1", s.workers)
	}
	if s.timeout <= 0 {
		return usagef("--timeout is %v, want above 0", s.timeout)
	}
	if s.repeats < 0 {
		return usagef("--repeats is %d, want at least 1", s.repeats)
	}
	return s.limits.check()
}

// config returns what a study of the given name needs, except for its storage.
func (s *runner) config(con console, name string, d trial.Direction) (cfg study.Config, err error) {
	policies := map[string]storage.Policy{"resume": storage.Resume, "retry": storage.Retry, "fail": storage.Fail}
	cfg = study.Config{
		Name: name, Directions: []trial.Direction{d},
		Orphans: storage.Orphans{Policy: policies[s.orphans]}, Logger: con.logger(),
	}
	if cfg.Sampler, cfg.Seed, err = s.sampler.sampler(s.trials); err == nil {
		cfg.Pruner, err = parsePruner(s.pruner, name, s.metrics...)
	}
	if err == nil {
		err = s.warmed(&cfg)
	}
	if err == nil {
		err = s.schedule(&cfg, nil)
	}
	return cfg, err
}

// progress returns what shows the trials of a study that cfg opens, by the name of each objective and
// of the steps.
func (s *runner) progress(con console, cfg *study.Config, step string, metrics ...string) *progress {
	o := outline.Outline{Trials: s.trials, Workers: s.workers, Metrics: metrics, Step: step, Sampler: s.sampler.chosen(),
		Pruner: s.pruner}
	s.show = newProgress(con, o, cfg)
	return s.show
}

func (s *runner) open(ctx context.Context, con console) (storage.Viewer, error) {
	return s.storage.open(ctx, con, access{noSync: s.durability == "normal"})
}

func (s *runner) budget() study.Budget {
	b := study.Budget{Trials: s.trials, Workers: min(s.workers, s.trials)}
	s.limits.add(&b)
	return b
}

// report shows how the search ended, with err, and what it found: best prints that, the best trial or,
// with several objectives, the Pareto front.
func (s *runner) report(ctx context.Context, con console, st *study.Study, err error,
	best func(best, trials []*trial.Trial, finished int)) error {
	s.show.end()
	timedOut := errors.As(err, new(timeoutError))
	interrupted := err != nil && ctx.Err() != nil && !timedOut
	ctx = context.WithoutCancel(ctx)
	trials, readErr := st.Trials(ctx)
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	finished := countFinished(trials)
	s.show.summary(trials)
	allFailed := errors.As(err, new(*study.TrialError)) // all of this run
	if lines := command.Output(err); len(lines) > 1 {   // the error has a single one
		con.logf("The last lines of the output:")
		for _, line := range lines {
			con.logf("  %s", line)
		}
	}
	switch {
	case errors.As(err, new(*study.AbortError)):
		con.logf("The trial returned to the queue. The same command runs it again.")
		return reasonOnly(err)
	case err != nil && !interrupted && !allFailed && !timedOut:
		return err
	}
	found, bestErr := bestOf(ctx, st)
	switch {
	case errors.Is(bestErr, study.ErrNoBest) && allFailed:
		return reasonOnly(err)
	case errors.Is(bestErr, study.ErrNoBest) && err == nil && finished > 0 && len(failed(trials)) == finished:
		return fmt.Errorf("all %d trials of study %q have failed, the last with: %s", finished, st.Name(),
			failureLine(failed(trials)[finished-1]))
	case errors.Is(bestErr, study.ErrNoBest):
		con.logf("No trial is complete yet%s.", whyNone(trials))
		best(nil, trials, finished)
	case bestErr != nil:
		return bestErr
	default:
		best(found, trials, finished)
		if err := printRepeated(ctx, con, st); err != nil {
			return err
		}
	}
	p, _ := s.storage.place() // it was opened
	if bestErr != nil {
		con.logf("\nStudy %q is saved in %s.", st.Name(), p)
	} else {
		con.logf("\nStudy %q is saved in %s. Its best parameters as JSON:\n  %s",
			st.Name(), p, p.command([]string{"bluefin", "export"}, "--study-name", st.Name()))
	}
	switch {
	case interrupted:
		con.logf("Interrupted with %d of %d trials. The same command resumes it.", finished, s.trials)
		return errInterrupted
	case allFailed:
		return reasonOnly(err)
	case err != nil:
		con.logf("Stopped by --timeout with %d of %d trials. The same command resumes it.", finished, s.trials)
	case finished < s.trials && st.Stopped():
		con.logf("Stopped with %d of %d trials. The same command resumes it.", finished, s.trials)
	case finished < s.trials && slices.ContainsFunc(trials, isRunning):
		con.logf("%s", s.elsewhereNote(trials, finished))
	case finished < s.trials:
		h, err := st.History(ctx)
		if err != nil {
			return err
		}
		reason := s.limits.reason(h, trials)
		if reason == "" && (s.stepsUsed(trials) || countPaused(trials) > 0) {
			con.logf("%s", s.pausedNote(trials, finished))
		} else {
			con.logf("Ended after %d of %d trials: %s.", finished, s.trials, cmp.Or(reason, "every combination was tried"))
		}
	}
	return nil
}

// bestOf returns the best trial, or the Pareto front of a study with several objectives.
func bestOf(ctx context.Context, st *study.Study) ([]*trial.Trial, error) {
	if len(st.Directions()) == 1 {
		best, err := st.Best(ctx)
		return []*trial.Trial{best}, err
	}
	front, err := st.BestTrials(ctx)
	if err == nil && len(front) == 0 {
		err = study.ErrNoBest
	}
	return front, err
}

// reasonOnly leaves out the output or stack of a trial below its reason, which the study has.
func reasonOnly(err error) error {
	line, _, more := strings.Cut(err.Error(), "\n")
	if !more {
		return err
	}
	return errors.New(line)
}

// whyNone counts the trials of a study without a complete one by what became of them.
func whyNone(trials []*trial.Trial) string {
	count := map[trial.State]int{}
	infeasible, reason := 0, ""
	for _, t := range trials {
		if t.Violation() > 0 {
			infeasible++
		} else if !t.Paused() {
			count[t.State]++
		}
		if t.Failure() != "" {
			reason = failureLine(t)
		}
	}
	what := map[trial.State]string{trial.Pruned: "pruned", trial.Failed: "failed",
		trial.Running: "running in other processes", trial.Waiting: "waiting to run"}
	var parts []string
	for _, s := range []trial.State{trial.Pruned, trial.Failed, trial.Running, trial.Waiting} {
		if n := count[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what[s]))
		}
	}
	if n := countPaused(trials); n > 0 {
		parts = append(parts, fmt.Sprintf("%d paused", n))
	}
	if infeasible > 0 {
		parts = append([]string{fmt.Sprintf("%d infeasible", infeasible)}, parts...)
	}
	if len(parts) == 0 {
		return ""
	}
	why := ": " + strings.Join(parts, ", ")
	if reason != "" {
		why += "; the last failure was: " + reason
	}
	return why
}

func isRunning(t *trial.Trial) bool { return t.State == trial.Running }

// countFinished counts the trials that use up the budget.
func countFinished(trials []*trial.Trial) int {
	n := 0
	for _, t := range trials {
		if t.State.Finished() {
			n++
		}
	}
	return n
}

// failed returns the trials that failed, in their order.
func failed(trials []*trial.Trial) (all []*trial.Trial) {
	for _, t := range trials {
		if t.State == trial.Failed {
			all = append(all, t)
		}
	}
	return all
}

// printParams shows the parameters of a trial, their names in a column of at least the given width.
func printParams(w io.Writer, t *trial.Trial, width int) {
	for _, p := range t.Params {
		width = max(width, columnsIn(message.Visible(p.Name)))
	}
	for _, p := range t.Params {
		name := text.Pad(message.Visible(p.Name), width, ' ')
		message.Fprintf(w, "  %s %s\n", name, shortValue(p.External()))
	}
}

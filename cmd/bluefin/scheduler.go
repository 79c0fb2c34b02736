package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/choose"
	"github.com/bluefin-hpo/bluefin/cmd/internal/studyfile"
	"github.com/bluefin-hpo/bluefin/objective/command"
	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/study/schedule"
	"github.com/bluefin-hpo/bluefin/trial"
)

// schedulerFlag takes a name and, after a colon, one number.
func schedulerFlag(scheduler *string) *cli.StringFlag {
	return &cli.StringFlag{Name: "scheduler", Destination: scheduler, Value: "none",
		Usage: "the `NAME` of the scheduler, which pauses trials and resumes them: " + words(choose.Schedulers()) +
			". halving trains all a little and the best ones longer; halving:3 starts some with longer trainings. " +
			"Without --pruner, no trial is pruned then"}
}

// schedules reports whether there is a scheduler.
func (s *runner) schedules() bool { return s.scheduler != "" && s.scheduler != "none" }

// schedule sets the scheduler of a study, which decides in the place of a pruner: unless one is given,
// there is none.
func (s *runner) schedule(cfg *study.Config, settings map[string]any) error {
	name, values, err := choose.SchedulerText(s.scheduler)
	if err != nil {
		return usagef("--%w", err)
	}
	if values == nil {
		values = settings
	}
	cfg.Scheduler, err = choose.Scheduler(name, values)
	switch {
	case errors.As(err, new(*choose.NameError)):
		return usagef("--%w", err)
	case err != nil:
		return usagef("--scheduler is %q: %w", s.scheduler, err)
	case len(cfg.Directions) > 1 && cfg.Scheduler != nil:
		return usagef("--scheduler is %q, want none with several metrics: it compares single values", s.scheduler)
	}
	return nil
}

// checkScheduler refuses a scheduler beside a pruner that stops what it pauses. Unless a pruner is given,
// there is none beside a scheduler.
func (s *runner) checkScheduler(givenPruner bool) error {
	if !s.schedules() {
		return nil
	}
	if !givenPruner {
		s.pruner = "none"
	}
	if name, _, _ := strings.Cut(s.pruner, ":"); name == "halving" || name == "hyperband" {
		return usagef("--scheduler is %q and --pruner %q, want one of them: the pruner stops for good what the scheduler "+
			"pauses", s.scheduler, s.pruner)
	}
	return nil
}

// stageFactor is by how much the cost of the stages of a fidelity grows.
const stageFactor = 3

// halveStages has successive halving judge at the steps of the stages of a fidelity, unless it was told
// when.
func halveStages(cfg *study.Config, s finetune.Stages) {
	if s.Fidelity == finetune.Epochs {
		return
	}
	if h, ok := cfg.Pruner.(pruner.SuccessiveHalving); ok && h.ReductionFactor == 0 {
		h.ReductionFactor = stageFactor
		cfg.Pruner = h
	}
	if h, ok := cfg.Scheduler.(schedule.Halving); ok && h.ReductionFactor == 0 {
		h.ReductionFactor = stageFactor
		cfg.Scheduler = h
	}
}

// checkScheduler refuses a scheduler for a program that has no way to resume.
func (t *tuneCommand) checkScheduler(f *studyfile.File, resume command.Resume) error {
	if !t.schedules() {
		return nil
	}
	placed := strings.Contains(strings.Join(f.Command, "\n"), "last_checkpoint")
	for _, word := range f.Env {
		placed = placed || strings.Contains(word, "last_checkpoint")
	}
	if resume == command.NoResume && !placed && !t.given["resume"] && f.Resume == "" && f.Arguments == nil {
		return usagef("--scheduler is %q, which needs a program that can resume: want --resume hf or lightning, "+
			"{last_checkpoint} in the command, or --resume none if it reads BLUEFIN_LAST_CHECKPOINT", t.scheduler)
	}
	return nil
}

// stepsOf returns how many steps the trials have trained in total.
func stepsOf(all []*trial.Trial) (n int) {
	for _, t := range all {
		n += t.Steps()
	}
	return n
}

// stepsUsed reports whether the trials have trained all steps of --max-steps.
func (s *runner) stepsUsed(trials []*trial.Trial) bool {
	return s.limits.steps > 0 && stepsOf(trials) >= s.limits.steps
}

// countPaused counts the trials that wait to be resumed.
func countPaused(trials []*trial.Trial) (n int) {
	for _, t := range trials {
		if t.Paused() {
			n++
		}
	}
	return n
}

// pausedNote says how a search ended that has used up its steps, or left trials paused.
func (s *runner) pausedNote(trials []*trial.Trial, finished int) string {
	steps, paused := stepsOf(trials), countPaused(trials)
	note := fmt.Sprintf("Ended after %s: %d of %s finished", counted(steps, "step"), finished, counted(len(trials), "trial"))
	if paused > 0 {
		note += fmt.Sprintf(", %d paused", paused)
	}
	switch {
	case s.stepsUsed(trials):
		note += ". A larger --max-steps continues."
	case s.schedules():
		note += ", as others did better. More --trials may resume them."
	default:
		note += "."
	}
	return note
}

// elsewhereNote says how a search ended while other processes still run trials of it.
func (s *runner) elsewhereNote(trials []*trial.Trial, finished int) string {
	note := fmt.Sprintf("%d of %d trials have finished", finished, s.trials)
	paused := countPaused(trials)
	if paused == 0 {
		return note + "; the others are still running in other processes."
	}
	return note + fmt.Sprintf(", %d paused; the others are still running in other processes.", paused)
}

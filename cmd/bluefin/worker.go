package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/studyfile"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
)

// workerCommand runs trials of a study that another command made, as its plan says. It does not own the
// study: it writes trials and nothing else.
type workerCommand struct {
	study        studyFlags
	durability   string
	maxTrials    int
	maxTime      time.Duration
	grace        time.Duration
	checkpoints  string
	workers      int
	gpus         string
	gpusPerTrial float64

	args  []string // a program in place of that of the plan
	given map[string]bool
}

// The exit codes of worker other than 0, by which schedulers decide. They are EX_USAGE and EX_TEMPFAIL of
// sysexits.h.
const (
	exitNever = 64 // do not start this again as it is
	exitAgain = 75 // start this again
)

func (w *workerCommand) define(width int) *cli.Command {
	groups := []flagGroup{
		{"study", append(w.study.flags(), durabilityFlag(&w.durability))},
		{"worker", []cli.Flag{
			&cli.IntFlag{Name: "max-trials", Destination: &w.maxTrials, DefaultText: "all that the study has left",
				Usage: "end after a `NUMBER` of trials"},
			&cli.DurationFlag{Name: "max-time", Destination: &w.maxTime, DefaultText: "none",
				Usage: "end within a `TIME` like 2h: no trial starts in the last --grace of it, and one that still runs returns " +
					"to the queue"},
			&cli.DurationFlag{Name: "grace", Destination: &w.grace, DefaultText: "that of the plan",
				Usage: "end within a `TIME` of SIGTERM. A trial has half of it to finish; then its program gets SIGTERM, and " +
					"at last SIGKILL, and the trial returns to the queue"},
			&cli.StringFlag{Name: "checkpoint-dir", Destination: &w.checkpoints, DefaultText: "as tune --folder",
				Usage: "keep trials in a `FOLDER` that all machines share, below the name of the study, so a trial resumes " +
					"on any of them"},
			&cli.IntFlag{Name: "workers", Destination: &w.workers, Value: 1,
				Usage: "the `NUMBER` of trials that run at once"},
			&cli.StringFlag{Name: "gpus", Destination: &w.gpus, DefaultText: "those that the scheduler leaves visible",
				Usage: "give each running trial GPUs of its own: `LIST` is all, or numbers or UUIDs with commas between them"},
			&cli.Float64Flag{Name: "gpus-per-trial", Destination: &w.gpusPerTrial, Value: 1,
				Usage: "a whole `NUMBER` of GPUs for each trial, or 0.5 for two trials on each GPU"},
			logFormatFlag(),
		}},
	}
	cmd := &cli.Command{
		Name:      "worker",
		Usage:     "run trials of a study on any machine",
		ArgsUsage: "[-- PROGRAM [ARGUMENT…]]",
		Description: "Takes the program, the space and all settings from a study that tune, finetune or\n" +
			"create-study -f made, and runs trials until its budget is spent. Any number of workers\n" +
			"share a study. A PROGRAM replaces the study's on this machine. Exit codes:\n" +
			"  0    done: the budget is spent, the study was stopped, or --max-trials\n" +
			"  64   do not start it again as it is: wrong flags, no such study, no plan,\n" +
			"       a program that is missing or only fails\n" +
			"  75   start it again: a signal or --max-time came first, the disk is full,\n" +
			"       the storage cannot be reached",
		Before: func(c *cli.Context) error {
			w.args, w.given = c.Args().Slice(), map[string]bool{}
			for _, name := range c.LocalFlagNames() {
				w.given[name] = true
			}
			return nil
		},
		Action: action(w.run),
	}
	for _, g := range groups {
		cmd.Flags = append(cmd.Flags, g.flags...)
	}
	cmd.CustomHelpTemplate = helpText(cmd.Name, cmd, groups, width)
	return cmd
}

// run ends with one of the exit codes.
func (w *workerCommand) run(ctx context.Context, con console) (err error) {
	defer func() { err = workerError(err) }()
	if err := w.check(); err != nil {
		return err
	}
	db, err := w.study.storage.open(ctx, con, access{mustExist: true, noSync: w.durability == "normal"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	name, err := w.study.resolve(ctx, db)
	if err != nil {
		return err
	}
	record, err := db.Load(ctx, name)
	if err != nil {
		return w.unknown(ctx, db, name, err)
	}
	f, err := studyfile.Plan(record)
	if err != nil {
		return noRetry{err}
	}
	share := newRation(db, name, f.Trials, w.maxTrials)
	if f.Finetune != nil {
		return w.finetune(ctx, con, share, record, f)
	}
	return w.tune(ctx, con, share, record, f)
}

// unknown is the error for a study that cannot be loaded.
func (w *workerCommand) unknown(ctx context.Context, db storage.Storage, name string, err error) error {
	if !errors.Is(err, storage.ErrNotExist) {
		return err
	}
	return noRetry{suggestStudy(ctx, db, name, fmt.Errorf("load %w", err))}
}

func (w *workerCommand) check() error {
	switch {
	case w.given["max-trials"] && w.maxTrials < 1:
		return usagef("--max-trials is %d, want at least 1", w.maxTrials)
	case w.given["max-time"] && w.maxTime <= 0:
		return usagef("--max-time is %v, want above 0", w.maxTime)
	case w.given["grace"] && w.grace <= 0:
		return usagef("--grace is %v, want above 0", w.grace)
	case w.workers < 1:
		return usagef("--workers is %d, want at least 1", w.workers)
	case w.given["gpus-per-trial"] && w.gpus == "":
		return usagef("--gpus-per-trial needs --gpus")
	}
	return nil
}

// tune runs a program.
func (w *workerCommand) tune(ctx context.Context, con console, share *ration, record storage.Study, f *studyfile.File) error {
	t := &tuneCommand{}
	if err := setFlags(t.define(0), nil); err != nil {
		return err
	}
	t.storage, t.studyName, t.given = w.study.storage, record.Name, map[string]bool{}
	for _, name := range []string{"storage", "study-name", "workers", "gpus", "gpus-per-trial"} {
		t.given[name] = true
	}
	t.workers, t.gpus, t.gpusPerTrial = w.workers, w.gpus, w.gpusPerTrial
	if w.checkpoints != "" {
		t.folder, t.given["folder"] = filepath.Join(w.checkpoints, folderName(record.Name)), true
	}
	end, stop := w.graces(cmp.Or(f.Grace, 30*time.Second))
	t.grace, t.given["grace"] = stop, true
	if err := w.checkTime(end); err != nil {
		return err
	}
	p, err := t.planOf(con, f, nil, w.args)
	if err != nil {
		return noRetry{err}
	}
	if slots := p.command.Slots; slots != nil && !w.given["workers"] {
		p.workers = len(slots)
	}
	if err := sameMetric(record, p.metrics()); err != nil {
		return noRetry{err}
	}
	if err := p.recall(record); err != nil {
		return noRetry{err}
	}
	program, objective, err := p.objective()
	if err != nil {
		return err
	}
	cfg := p.study
	p.shown(con, &cfg)
	s := &shift{worker: w, console: con, ration: share, show: p.show, grace: end, stop: stop, hurry: program.Hurry,
		initial: p.initialFailures}
	return s.run(ctx, cfg, p.budget(), func(ctx context.Context, st *study.Study) (study.MultiObjective, error) {
		return objective, checkFolder(ctx, p.command.Folder, "--checkpoint-dir", st)
	})
}

// finetune trains networks.
func (w *workerCommand) finetune(
	ctx context.Context, con console, share *ration, record storage.Study, f *studyfile.File,
) error {
	for _, flag := range []string{"gpus", "gpus-per-trial", "checkpoint-dir"} {
		if w.given[flag] {
			return usagef("--%s is for studies of tune, and study %q is of finetune", flag, record.Name)
		}
	}
	if len(w.args) > 0 {
		return usagef("study %q is of finetune and runs no program, want nothing after the flags", record.Name)
	}
	c := &finetuneCommand{}
	if err := setFlags(c.define(0), f.Finetune); err != nil {
		return noRetry{fmt.Errorf("plan of study %q: %w", record.Name, err)}
	}
	c.given, c.storage, c.studyName, c.trials, c.workers = f.Finetune, w.study.storage, record.Name, f.Trials, w.workers
	end, stop := w.graces(30 * time.Second)
	if err := errors.Join(w.checkTime(end), c.check()); err != nil {
		return err
	}
	t := &tuning{finetuneCommand: c, console: con}
	var err error
	t.task, err = phase(ctx, con, "loading the data and the network", "Loading the data and the network …",
		func() (*task, error) { return c.load(con) })
	switch {
	case errors.Is(err, errInterrupted):
		return exitCode(exitAgain)
	case err != nil:
		return noRetry{fmt.Errorf("study %q, as its plan says: %w", record.Name, err)}
	}
	if err := t.configure(); err != nil {
		return err
	}
	if err := t.recall(record); err != nil {
		return noRetry{err}
	}
	s := &shift{worker: w, console: con, ration: share, show: t.show, grace: end, stop: stop, hurry: func() {}}
	return s.run(ctx, t.cfg, t.budget(), func(ctx context.Context, st *study.Study) (study.MultiObjective, error) {
		train := t.task.Objective(t.task.Space, t.cfg.Seed)
		if _, ok := record.UserAttrs[identityKey]; !ok {
			return nil, noRetry{fmt.Errorf("study %q does not say what its trials train", record.Name)}
		}
		return func(t *study.Trial) ([]float64, error) {
			v, err := train(t)
			return []float64{v}, err
		}, t.sameTask(ctx, st)
	})
}

// graces returns how long this worker takes to end after a signal, and how much of that a program has
// between SIGTERM and SIGKILL.
func (w *workerCommand) graces(planned time.Duration) (end, stop time.Duration) {
	end = cmp.Or(w.grace, planned)
	return end, min(planned, end/2)
}

func (w *workerCommand) checkTime(grace time.Duration) error {
	if w.maxTime > 0 && w.maxTime <= grace {
		return usagef("--max-time is %v, want more than the grace period, %v", w.maxTime, grace)
	}
	return nil
}

// sameMetric returns an error if the trials of the study have another metric.
func sameMetric(record storage.Study, metrics []string) error {
	var before tuned
	text := record.UserAttrs[tuneKey]
	now := strings.Join(metrics, ", ")
	if text == nil || json.Unmarshal(text, &before) != nil || before.Metric == now {
		return nil
	}
	return fmt.Errorf("study %q is about the metric %s, and its plan about %s: bluefin tune or create-study -f saves "+
		"another plan", record.Name, before.Metric, now)
}

// A noRetry is an error that is the same whenever the worker starts.
type noRetry struct{ error }

func (e noRetry) Unwrap() error { return e.error }

// workerError gives an error its exit code.
func workerError(err error) error {
	if err == nil || errors.As(err, new(exitCode)) || errors.As(err, new(errorWith)) {
		return err
	}
	return errorWith{err, exitOf(err)}
}

// exitOf returns the exit code for an error.
func exitOf(err error) int {
	for _, same := range []error{
		storage.ErrNotExist, storage.ErrInvalid, storage.ErrReadOnly, fs.ErrNotExist, fs.ErrPermission, exec.ErrNotFound,
	} {
		if errors.Is(err, same) {
			return exitNever
		}
	}
	if errors.As(err, new(usageError)) || errors.As(err, new(noRetry)) {
		return exitNever
	}
	return exitAgain
}

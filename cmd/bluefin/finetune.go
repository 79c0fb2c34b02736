package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// finetuneCommand searches for the settings of a training.
type finetuneCommand struct {
	data     dataFlags
	practice practiceFlags
	runner                     // its study name "" is after the task and the data
	given    map[string]string // the flags on the command line, which are saved with the study

	createOnly bool
}

// define returns the command with its help in lines of at most width columns.
func (f *finetuneCommand) define(width int) *cli.Command {
	groups := []flagGroup{
		{"data and network", f.data.flags()},
		{"search", f.searchFlags(30)},
		{"good practice", f.practice.flags()},
		{"storage", append(f.storageFlags("that of the task and of --train, like csv-wine"), createOnlyFlag(&f.createOnly))},
	}
	cmd := &cli.Command{
		Name:  "finetune",
		Usage: "find the best settings for fine-tuning a network",
		Description: "Each trial is one fine-tuning; its value is the best validation loss, or\n" +
			"--metric. Trial 0 has the recommended settings. Run the same command again to\n" +
			"resume after a stop. Tasks:\n" +
			"  digits   a small network that knows the digits 0 to 4 learns 5 to 9\n" +
			"  fashion  a convolutional network that knows five kinds of clothes learns\n" +
			"           five others\n" +
			"  text     an encoder in the folder of a Hugging Face model (--model) learns\n" +
			"           classes of texts, or numbers, from a CSV file (--train)\n" +
			"  csv      a small network learns a column of a CSV file (--train) from the\n" +
			"           others\n" +
			"The first two need nothing but this program.",
		Before: func(c *cli.Context) error {
			f.given = map[string]string{}
			for _, name := range c.LocalFlagNames() {
				f.given[name] = c.String(name)
				if list := c.StringSlice(name); len(list) > 0 {
					f.given[name] = strings.Join(list, ",") // as it can be typed again
				}
			}
			return nil
		},
		Action: action(f.run),
	}
	for _, g := range groups {
		cmd.Flags = append(cmd.Flags, g.flags...)
	}
	cmd.CustomHelpTemplate = helpText(cmd.Name, cmd, groups, width)
	return cmd
}

// A tuning is one run of the command.
type tuning struct {
	*finetuneCommand
	console
	task  *task
	cfg   study.Config
	study *study.Study
}

func (f *finetuneCommand) run(ctx context.Context, con console) (err error) {
	if err := f.check(); err != nil {
		return err
	}
	whole := ctx
	ctx, cancel := context.WithTimeoutCause(ctx, f.timeout, timeoutError(f.timeout))
	defer cancel()
	t := &tuning{finetuneCommand: f, console: con}
	t.task, err = phase(ctx, con, "loading the data and the network", "Loading the data and the network …",
		func() (*task, error) {
			task, err := f.load(con)
			if err == nil {
				_, err = task.ID() // hashes all data, which takes time, before there is a study
			}
			return task, err
		})
	if err != nil {
		return err
	}
	if err := t.configure(); err != nil {
		return err
	}
	output, err := newOutput(t)
	if err != nil {
		return err
	}
	if f.practice.rehearse != "" {
		if err := t.rehearse(ctx); err != nil || f.practice.rehearse == "only" {
			return err
		}
	}
	db, err := f.runner.open(ctx, con)
	if err == nil {
		defer func() { err = errors.Join(err, db.Close()) }()
		err = t.open(ctx, db)
	}
	if err != nil {
		if ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx))) {
			return phaseEnd(ctx, con, "opening the study")
		}
		return err
	}
	if f.createOnly {
		return created(con, t.study.Name())
	}
	defer t.serve(whole, con, t.study.Name())()
	objective := t.task.Objective(t.task.Space, t.cfg.Seed)
	if err = t.study.Optimize(ctx, objective, f.budget()); err == nil {
		err = t.again(ctx, con, t.study, objective)
	}
	return errors.Join(t.report(ctx, err), output.finish(ctx, err))
}

func (f *finetuneCommand) check() error {
	if err := f.runner.check(); err != nil {
		return err
	}
	_, given := f.given["pruner"]
	if err := f.runner.checkScheduler(given); err != nil {
		return err
	}
	_, err := finetune.Kernel()
	return err
}

// configure sets what the study needs, except for its storage.
func (t *tuning) configure() (err error) {
	d := trial.Minimize
	if t.task.Metric.Higher() {
		d = trial.Maximize
	}
	t.cfg, err = t.runner.config(t.console, cmp.Or(t.studyName, t.data.studyName(t.task)), d)
	if err != nil {
		return err
	}
	halveStages(&t.cfg, t.task.Stages)
	if m := t.task.Metric; t.limits.noise == autoNoise && !slices.Contains(
		[]train.Metric{train.MetricLoss, train.MetricAccuracy, train.MetricRMSE}, cmp.Or(m, train.MetricLoss)) {
		return usagef("--noise is auto, which knows loss, accuracy and rmse, and --metric is %s: want a number", m)
	}
	t.cfg.IgnoreBeliefs = t.practice.beliefs == "none" // also those that the study has stored
	if _, finite := t.cfg.Sampler.(sampler.BruteForce); finite && t.task.Space.LearningRate.Len() == 0 {
		return usagef("--sampler is bruteforce, which tries every combination, but learning_rate is %v: want "+
			"another sampler", t.task.Space.LearningRate)
	}
	t.progress(t.console, &t.cfg, stepName(t.task.Stages), string(t.task.Metric))
	return nil
}

// open opens the study, checks that its trials are comparable, and queues the first trials.
func (t *tuning) open(ctx context.Context, db storage.Storage) (err error) {
	t.cfg.Storage = db
	if t.studyName == "" && t.cfg.Name != t.task.Name {
		old, err := oldName(ctx, db, t.cfg.Name, t.task)
		if err != nil {
			return err
		}
		if old {
			t.cfg.Name = t.task.Name
			if t.cfg.Pruner, err = parsePruner(t.pruner, t.cfg.Name); err != nil {
				return err
			}
		}
	}
	if err := t.teach(ctx, t.console, &t.cfg, t.task.Space.Dims()); err != nil {
		return err
	}
	if t.study, err = study.Open(ctx, t.cfg); err != nil {
		return t.openError(ctx, err)
	}
	if err := t.sameTask(ctx, t.study); err != nil {
		return err
	}
	if err := t.show.begin(ctx, t.study); err != nil {
		return err
	}
	if err := t.queue(ctx); err != nil {
		return err
	}
	return remember(ctx, db, t.cfg.Name, t.remembered())
}

// openError names the flag that differs, if the study has other directions.
func (t *tuning) openError(ctx context.Context, err error) error {
	cfg := t.cfg
	cfg.Directions = nil
	s, loadErr := study.Load(ctx, cfg)
	if loadErr != nil || slices.Equal(s.Directions(), t.cfg.Directions) {
		return err
	}
	attrs, readErr := s.UserAttrs(ctx)
	switch {
	case readErr != nil:
		return err
	case attrs[identityKey] != nil:
		return cmp.Or(t.sameTask(ctx, s), err)
	}
	return fmt.Errorf("study %q is to %s, and this search is to %s: want another --study-name", s.Name(),
		joined(s.Directions()), joined(t.cfg.Directions))
}

// queue queues the first trials of a new study: the recommended settings, and others that freeze as
// many blocks as the similarity of the task suggests.
func (t *tuning) queue(ctx context.Context) error {
	trials, err := t.study.Trials(ctx)
	if err != nil || len(trials) > 0 {
		return err
	}
	// An interrupt here leaves an empty queue, so the next process starts over.
	var more []finetune.Settings
	if t.practice.similarity && t.task.Space.FrozenLayers.High > 0 && t.task.Training.Labels != nil {
		if more, err = t.similar(ctx, t.trials/8); err != nil {
			return err
		}
	}
	first, err := t.study.EnqueueFirst(ctx, t.task.Space.Params(t.task.Defaults, t.task.Layers))
	if err != nil || !first {
		return err
	}
	for _, settings := range more {
		if _, err := t.study.Enqueue(ctx, t.task.Space.Params(settings, t.task.Layers)); err != nil {
			return err
		}
	}
	return nil
}

// stepName names the steps at which trials report.
func stepName(s finetune.Stages) string {
	switch {
	case s.Folds > 0:
		return "fold"
	case s.Fidelity != finetune.Epochs:
		return "stage"
	}
	return "epoch"
}

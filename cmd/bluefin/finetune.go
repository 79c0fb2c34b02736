package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// finetuneCommand has its help in lines of at most width columns.
func finetuneCommand(width int) *cli.Command {
	groups := []flagGroup{
		{"data and network", slices.Concat(taskFlags(), dataFlags())},
		{"search", []cli.Flag{
			&cli.IntFlag{Name: "trials", Value: 30, Usage: "the total `NUMBER` of trials in the study"},
			&cli.DurationFlag{Name: "timeout", DefaultText: "none", Usage: "stop after a `TIME` like 10m"},
			&cli.IntFlag{Name: "workers", Value: 1, Usage: "the `NUMBER` of trials that run at once"},
			samplerFlag("auto"), prunerFlag(), seedFlag(),
		}},
		{"good practice", practiceFlags()},
		{"storage", []cli.Flag{
			storageFlag(),
			&cli.StringFlag{Name: "study-name", DefaultText: "that of the task and of --train, like csv-wine", Usage: "the `NAME` of the study; it is created if it does not exist"},
			orphansFlag(), durabilityFlag(),
		}},
	}
	cmd := &cli.Command{
		Name:  "finetune",
		Usage: "search for the settings that fine-tune a network best",
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
		Action: runFinetune,
	}
	for _, g := range groups {
		cmd.Flags = append(cmd.Flags, g.flags...)
	}
	cmd.CustomHelpTemplate = helpText(cmd.Name, cmd, groups, width)
	return cmd
}

func orphansFlag() cli.Flag {
	return &cli.StringFlag{Name: "orphans", Value: "resume",
		Usage: "what happens to a trial whose worker was killed, `POLICY` is resume (continue it from its last checkpoint), retry (fail it and queue a copy) or fail"}
}

// orphans reads the flag of that name.
func orphans(c *cli.Context) (storage.Policy, error) {
	policies := map[string]storage.Policy{"resume": storage.Resume, "retry": storage.Retry, "fail": storage.Fail}
	name, err := oneOf("orphans", c.String("orphans"), "resume", "retry", "fail")
	return policies[name], err
}

var errTimeout = errors.New("the timeout is over")

func runFinetune(c *cli.Context) (err error) {
	for _, name := range []string{"trials", "workers"} {
		if n := c.Int(name); n < 1 {
			return usagef("--%s is %d, want at least 1", name, n)
		}
	}
	ctx := c.Context
	if c.IsSet("timeout") {
		d := c.Duration("timeout")
		if d <= 0 {
			return usagef("--timeout is %v, want above 0", d)
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, d, errTimeout)
		defer cancel()
	}
	cfg := study.Config{Seed: c.Uint64("seed"), Logger: newLogger(c.App.ErrWriter)}
	if cfg.Orphans.Policy, err = orphans(c); err != nil {
		return err
	}
	noSync, err := noSync(c)
	if err != nil {
		return err
	}
	if _, err := finetune.Kernel(); err != nil {
		return err
	}
	task, err := phase(ctx, c, "loading the data and the network", "Loading the data and the network …", func() (*task, error) {
		t, err := taskOf(c)
		if err == nil {
			_, err = t.ID() // hashes all of it, before there is a study
		}
		return t, err
	})
	if err != nil {
		return err
	}
	cfg.Name = cmp.Or(c.String("study-name"), dataName(c, task))
	if cfg.Sampler, err = samplerFor(c); err != nil {
		return err
	}
	if _, finite := cfg.Sampler.(sampler.BruteForce); finite && task.Space.LearningRate.Len() == 0 {
		return usagef("--sampler is bruteforce, which tries every combination, but learning_rate is %v: want another sampler", task.Space.LearningRate)
	}
	if cfg.Pruner, err = prunerFor(c, cfg.Name); err != nil {
		return err
	}
	cfg.Directions = []trial.Direction{trial.Minimize}
	if task.Metric.Higher() {
		cfg.Directions[0] = trial.Maximize
	}
	output, err := newOutput(c, cfg.Name, task, cfg.Seed)
	if err != nil {
		return err
	}
	if how := c.Generic("rehearse").(*whether); *how != "" {
		if err := rehearse(ctx, c, task); err != nil || *how == "only" {
			return err
		}
	}
	db, err := openStorage(c, sqlite.Options{NoSync: noSync})
	if err != nil {
		return err
	}
	searching := false
	defer func() {
		if !searching && ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx))) {
			err = phaseEnd(ctx, c, "opening the study")
		}
	}()
	defer func() { err = errors.Join(err, db.Close()) }()
	cfg.Storage = db
	if c.String("study-name") == "" && cfg.Name != task.Name {
		if old, err := oldName(ctx, db, cfg.Name, task); err != nil {
			return err
		} else if old {
			cfg.Name = task.Name
			if cfg.Pruner, err = prunerFor(c, cfg.Name); err != nil {
				return err
			}
		}
	}
	show := &progress{
		w: c.App.ErrWriter, width: func() int { return widthOf(c.App.ErrWriter) }, quiet: quiet, total: c.Int("trials"),
		metric: task.Metric, step: stepName(task.Stages), better: cfg.Directions[0].Better, defaults: task.Defaults,
	}
	cfg.Ended = show.ended
	s, err := study.Open(ctx, cfg)
	if err != nil {
		// Of a study with other directions sameTask says which flag it was.
		want := cfg.Directions
		cfg.Directions = nil
		if s, loadErr := study.Load(ctx, cfg); loadErr == nil && !slices.Equal(s.Directions(), want) {
			if attrs, readErr := s.UserAttrs(ctx); readErr == nil && attrs["finetune"] != nil {
				err = cmp.Or(sameTask(ctx, c, s, task, cfg.Seed), err)
			} else if readErr == nil {
				err = fmt.Errorf("study %q is to %s, and this search is to %s: want another --study-name", s.Name(), joined(s.Directions()), joined(want))
			}
		}
		return err
	}
	if err := sameTask(ctx, c, s, task, cfg.Seed); err != nil {
		return err
	}
	if err := show.begin(ctx, s); err != nil {
		return err
	}
	output.study = s
	err = begin(ctx, c, s, task)
	if err != nil && ctx.Err() != nil { // while it measured
		return err
	}
	if err == nil {
		searching = true
		err = s.Optimize(ctx, show.watched(task.Objective(task.Space, cfg.Seed)), study.Budget{Trials: c.Int("trials"), Workers: min(c.Int("workers"), c.Int("trials"))})
	}
	return errors.Join(finetuneEnd(c, s, task, err), output.finish(ctx, err))
}

// begin queues the trials that a new study starts with: the recommended
// settings, and others that freeze as much as the similarity of the task
// suggests.
func begin(ctx context.Context, c *cli.Context, s *study.Study, task *task) error {
	trials, err := s.Trials(ctx)
	if err != nil || len(trials) > 0 {
		return err
	}
	// If this is interrupted nothing is queued, and the next process does it.
	var more []finetune.Settings
	if c.Bool("similarity") && task.Space.FrozenLayers.High > 0 && task.Training.Labels != nil {
		if more, err = similar(ctx, c, task, c.Int("trials")/8); err != nil {
			return err
		}
	}
	first, err := s.EnqueueFirst(ctx, task.Space.Params(task.Defaults, task.Layers))
	if err != nil || !first {
		return err
	}
	for _, settings := range more {
		if _, err := s.Enqueue(ctx, task.Space.Params(settings, task.Layers)); err != nil {
			return err
		}
	}
	return nil
}

// stepName is what the steps are that trials report at.
func stepName(s finetune.Stages) string {
	switch {
	case s.Folds > 0:
		return "fold"
	case s.Fidelity != finetune.Epochs:
		return "stage"
	}
	return "epoch"
}

// sameBits reports whether two kernels, by their names, give the same results.
func sameBits(a, b string) bool {
	fused := func(name string) bool { return name == "avx2" || name == "avx512" }
	return a == b || fused(a) && fused(b)
}

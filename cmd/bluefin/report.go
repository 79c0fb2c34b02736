package main

import (
	"context"
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// reportCommand saves an intermediate value of a trial that ask started, and asks the pruner.
type reportCommand struct {
	study studyFlags
	trial trialFlags
	step  int
	value float64
}

func (r *reportCommand) define() *cli.Command {
	return &cli.Command{
		Name:  "report",
		Usage: "save an intermediate value of a trial, and ask the pruner",
		Description: "The exit code is 3 if the trial should stop: end it with `bluefin tell --state pruned`. " +
			"It is 0 if the trial may continue, and 1 or 2 after an error, such as when another worker has claimed the " +
			"trial. A report renews the lease that ask took. The pruner is that of `create-study --pruner`.\n" +
			"In a program that `bluefin tune` runs, report hands the value to tune, which stops the program itself.",
		Flags: append(append(r.study.flags(), r.trial.flags()...),
			&cli.IntFlag{Name: "step", Destination: &r.step, DefaultText: required,
				Usage: "the `NUMBER` of the epoch or step, from 0"},
			&cli.Float64Flag{Name: "value", Destination: &r.value, DefaultText: required,
				Usage: "the `VALUE` at that step; nan if it has diverged"}),
		Action: action(r.run),
	}
}

func (r *reportCommand) run(ctx context.Context, con console) error {
	if r.step < 0 {
		return usagef("--step is %d, want at least 0", r.step)
	}
	if tune, ok := insideTune(); ok && r.trial.number == noTrial {
		return tune.report(r.step, r.value)
	}
	number, err := r.trial.resolve()
	if err != nil {
		return err
	}
	return r.study.withPruner(ctx, con, sqlite.Options{MustExist: true}, study.Config{}, func(s *study.Study) error {
		err := s.ReportNumber(ctx, number, trial.Report{Step: r.step, Value: r.value}, r.trial.leaseID)
		switch {
		case errors.Is(err, study.ErrPruned):
			con.logf("Trial %d should stop: end it with bluefin tell --trial-number %d --state pruned.", number, number)
			return exitCode(exitPruned)
		case err != nil:
			return err
		}
		con.logf("Reported %v at step %d of trial %d.", r.value, r.step, number)
		return nil
	})
}

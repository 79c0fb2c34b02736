package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/study"
)

// shouldPruneCommand repeats the pruner's verdict on the last report of a trial.
type shouldPruneCommand struct {
	study studyFlags
	trial trialFlags
}

func (p *shouldPruneCommand) define() *cli.Command {
	return &cli.Command{
		Name:  "should-prune",
		Usage: "say by the exit code whether a trial should stop",
		Description: "The exit code is 0 if the trial should stop, 1 if it may continue, and 2 after an error. It is the " +
			"answer to the last report. Like a report, the command renews the lease that ask took.\n" +
			"In a program that `bluefin tune` runs, it also promises that the program stops by itself: tune then sends " +
			"SIGTERM only after its --grace.",
		Flags:  append(p.study.flags(), p.trial.flags()...),
		Action: action(p.run),
	}
}

// run has exit codes like those of grep: an error is not a no.
func (p *shouldPruneCommand) run(ctx context.Context, con console) error {
	prune, err := p.shouldPrune(ctx, con)
	switch {
	case err != nil:
		return errorWith{err, exitUsage}
	case !prune:
		return exitCode(exitError)
	}
	return nil
}

func (p *shouldPruneCommand) shouldPrune(ctx context.Context, con console) (prune bool, err error) {
	if tune, ok := insideTune(); ok && p.trial.number == noTrial {
		return tune.shouldStop()
	}
	number, err := p.trial.resolve()
	if err != nil {
		return false, err
	}
	err = p.study.withPruner(ctx, con, access{mustExist: true}, study.Config{}, func(s *study.Study) error {
		prune, err = s.ShouldPrune(ctx, number, p.trial.leaseID)
		if err != nil {
			return err
		}
		if prune {
			con.logf("Trial %d should stop.", number)
		} else {
			con.logf("Trial %d may continue.", number)
		}
		return nil
	})
	return prune, err
}

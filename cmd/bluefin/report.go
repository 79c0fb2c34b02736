package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// reportCommand is two commands of one name. With --output it writes the report of a study, which is
// studyReport; otherwise it saves an intermediate value of a trial that ask started, and asks the pruner.
type reportCommand struct {
	study studyFlags
	page  studyReport
	trial trialFlags
	step  int
	value cli.Float64Slice
	given map[string]bool // the flags on the command line
}

func (r *reportCommand) define(width int) *cli.Command {
	groups := []flagGroup{
		{"report of a study", r.page.flags()},
		{"intermediate value", append(r.trial.flags(),
			&cli.IntFlag{Name: "step", Destination: &r.step, DefaultText: "none",
				Usage: "the `NUMBER` of the epoch or step, from 0"},
			&cli.Float64SliceFlag{Name: "value", Destination: &r.value, DefaultText: "none",
				Usage: "the `VALUE` at that step; nan if it has diverged. With several objectives once for each, " +
					"nan if it is not known at this step"})},
		{"options", r.study.flags()},
	}
	cmd := &cli.Command{
		Name:  "report",
		Usage: "write the report of a study, or save a value of a trial",
		Description: "There are two commands of this name.\n" +
			"  bluefin report -o report.html\n" +
			"writes a page that tells what a study searched and found. It only reads.\n" +
			"  bluefin report --step 3 --value 0.41\n" +
			"is for scripts: it saves an intermediate value of a trial, and asks the pruner. " +
			"The exit code is 3 if the trial should stop: end it with `bluefin tell --state pruned`. " +
			"It is 0 if the trial may continue, and 1 or 2 after an error, such as when another worker has claimed the " +
			"trial. A report renews the lease that ask took. The pruner is that of `create-study --pruner`. " +
			"In a program that `bluefin tune` runs, report hands the value to tune, which stops the program itself.",
		Action: func(c *cli.Context) error {
			r.given = map[string]bool{}
			for _, name := range c.LocalFlagNames() {
				r.given[name] = true
			}
			return action(r.run)(c)
		},
	}
	for _, g := range groups {
		cmd.Flags = append(cmd.Flags, g.flags...)
	}
	last := &groups[len(groups)-1]
	last.flags = slices.Concat(last.flags, logFlags(), []cli.Flag{cli.HelpFlag}) // prepare adds them to the command
	cmd.CustomHelpTemplate = helpText(cmd.Name, cmd, groups, width)
	return cmd
}

func (r *reportCommand) run(ctx context.Context, con console) error {
	ofValue, ofPage := []string{"step", "value", "trial-number", "lease-id"}, []string{"force", "format"}
	if r.given["output"] {
		if r.page.output.path == "" {
			return usagef("--output is empty, want a FILE like report.html, or - for standard output")
		}
		for _, flag := range ofValue {
			if r.given[flag] {
				return usagef("--output writes the report of a study, and --%s is about a value of a trial: want one of them",
					flag)
			}
		}
		return r.page.run(ctx, con, r.study)
	}
	for _, flag := range ofPage {
		if r.given[flag] {
			return usagef("--%s is for the report of a study, want --output FILE with it", flag)
		}
	}
	return r.save(ctx, con)
}

// save saves the intermediate value.
func (r *reportCommand) save(ctx context.Context, con console) error {
	for _, flag := range []string{"step", "value"} {
		if !r.given[flag] {
			return usagef("--%s is missing, want --step and --value, or --output FILE for the report of a study", flag)
		}
	}
	if r.step < 0 {
		return usagef("--step is %d, want at least 0", r.step)
	}
	values := r.value.Value()
	if tune, ok := insideTune(); ok && r.trial.number == noTrial {
		if n := len(values); n > 1 {
			return usagef("--value is given %d times, want once in a program that bluefin tune runs: print the metrics", n)
		}
		return tune.report(r.step, values[0])
	}
	number, err := r.trial.resolve()
	if err != nil {
		return err
	}
	return r.study.withPruner(ctx, con, access{mustExist: true}, study.Config{}, func(s *study.Study) error {
		err := s.ReportNumber(ctx, number, trial.Point{Step: r.step, Values: values}, r.trial.leaseID)
		switch {
		case errors.Is(err, study.ErrPruned):
			con.logf("Trial %d should stop: end it with bluefin tell --trial-number %d --state pruned.", number, number)
			return exitCode(exitPruned)
		case err != nil:
			return err
		}
		con.logf("Reported %s at step %d of trial %d.", strings.Trim(fmt.Sprint(values), "[]"), r.step, number)
		return nil
	})
}

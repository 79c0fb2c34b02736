package main

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// tellCommand ends a trial that ask started.
type tellCommand struct {
	study          studyFlags
	trial          trialFlags
	values         cli.Float64Slice
	state          string // "": complete with values, failed without
	attrs          cli.StringSlice
	constraints    cli.StringSlice
	skipIfFinished bool
}

// define has Optuna's flags, and those of trials.
func (t *tellCommand) define() *cli.Command {
	return &cli.Command{
		Name:  "tell",
		Usage: "end a trial that ask started",
		Flags: append(append(t.study.flags(), t.trial.flags()...),
			&cli.Float64SliceFlag{Name: "values", Destination: &t.values,
				Usage: "one `VALUE` per objective, in order"},
			&cli.StringFlag{Name: "state", Destination: &t.state, DefaultText: "complete with values, fail without",
				Usage: "the `STATE` of the trial: complete, pruned or fail"},
			&cli.StringSliceFlag{Name: "user-attr", Destination: &t.attrs,
				Usage: "a user attribute of the trial, as `KEY=JSON` like epochs=3 or note='\"slow\"'; once for each"},
			&cli.StringSliceFlag{Name: "constraint", Destination: &t.constraints,
				Usage: "a constraint of the trial, as `NAME=VALUE`; the trial is feasible if none is above 0"},
			&cli.BoolFlag{Name: "skip-if-finished", Destination: &t.skipIfFinished,
				Usage: "do nothing if the trial has finished"}),
		Action: action(t.run),
	}
}

// run ends the trial, whoever started it: ask left no process that could own it.
func (t *tellCommand) run(ctx context.Context, con console) error {
	if _, ok := insideTune(); ok && t.trial.number == noTrial {
		return usagef("bluefin tune runs this program, whose exit ends its trial: " +
			"want --trial-number for a trial of another study")
	}
	number, err := t.trial.resolve()
	if err != nil {
		return err
	}
	u := storage.Update{Owner: t.trial.leaseID}
	if u.State, err = t.parseState(); err != nil {
		return err
	}
	if u.UserAttrs, err = parseAttrs(t.attrs.Value()); err != nil {
		return err
	}
	if u.Constraints, err = parseConstraints(t.constraints.Value()); err != nil {
		return err
	}
	u.Values = t.values.Value()
	// NaN is what a training that diverged prints, so it is accepted and means failure.
	noValue := slices.ContainsFunc(u.Values, math.IsNaN)
	if u.State == trial.Complete && noValue { // as Optuna has it
		if t.state != "" {
			return usagef("--values has NaN, want numbers with --state complete, or no --state to let the trial fail")
		}
		u.State, u.Values = trial.Failed, nil
	}
	return t.study.with(ctx, con, access{mustExist: true}, study.Config{}, func(s *study.Study) error {
		told, err := s.TellNumber(ctx, number, u)
		switch {
		// Such as a script that tells again because it did not see the answer.
		case t.skipIfFinished && errors.Is(err, storage.ErrFinished):
			return nil
		case err != nil:
			return err
		case noValue:
			con.logf("Told trial %d: %v, because NaN is not a value.", number, told.State)
		case len(told.Values) > 0:
			con.logf("Told trial %d: %v %v.", number, told.State, told.Values)
		default:
			con.logf("Told trial %d: %v.", number, told.State)
		}
		return nil
	})
}

// parseState returns the state that --state names, or that the values imply.
func (t *tellCommand) parseState() (trial.State, error) {
	given := len(t.values.Value()) > 0
	switch name := strings.ToLower(t.state); {
	case name == "" && given:
		return trial.Complete, nil
	case name == "":
		return trial.Failed, nil
	case !slices.Contains([]string{"complete", "pruned", "fail"}, name):
		return 0, usagef("--state is %q, want one of complete, pruned, fail", name)
	// A value beside pruned or fail would be dropped silently.
	case (name == "complete") != given:
		return 0, usagef("--state is %s, want --values with complete and only then", name)
	default:
		return trial.ParseState(strings.ToUpper(name))
	}
}

package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/study"
)

// setAttrCommand sets a user attribute of a study.
type setAttrCommand struct {
	study      studyFlags
	key, value string
}

// define allows an empty value, which is a text too.
func (a *setAttrCommand) define() *cli.Command {
	return &cli.Command{
		Name:  "set-user-attr",
		Usage: "set a user attribute of a study to a text",
		Flags: append(a.study.flags(),
			&cli.StringFlag{Name: "key", Destination: &a.key, Aliases: []string{"k"}, DefaultText: required,
				Usage: "the `NAME` of the attribute"},
			&cli.StringFlag{Name: "value", Destination: &a.value, DefaultText: requiredEmpty, Usage: "its `TEXT`"}),
		Action: action(a.run),
	}
}

// run reports what it set on standard error; there is no data to print.
func (a *setAttrCommand) run(ctx context.Context, con console) error {
	return a.study.with(ctx, con, access{mustExist: true}, study.Config{}, func(s *study.Study) error {
		// Always a text, as in Optuna's command.
		err := s.SetUserAttr(ctx, a.key, a.value)
		if err == nil {
			con.logf("Set attribute %q of study %q.", a.key, s.Name())
		}
		return err
	})
}

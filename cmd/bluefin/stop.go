package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// stopCommand stops the workers of a study, or one of its trials, in whatever process they run.
type stopCommand struct {
	study studyFlags
	trial int // noTrial: the study
}

func (s *stopCommand) define() *cli.Command {
	return &cli.Command{
		Name:  "stop",
		Usage: "stop a search that other processes run, or a trial of it",
		Description: "Without --trial no worker of the study starts another trial; running trials end first, and each\n" +
			"search returns as if it were complete. The same command resumes it later. With --trial, that trial\n" +
			"ends as pruned, with its last report as the value, and its worker moves on to the next one.\n" +
			"Workers notice within some seconds. Those of Optuna and of HTTP do not.",
		Flags: append(s.study.flags(),
			&cli.IntFlag{Name: "trial", Destination: &s.trial, Value: noTrial, DefaultText: "the whole study",
				Usage: "the `NUMBER` of a running trial"}),
		Action: action(s.run),
	}
}

func (s *stopCommand) run(ctx context.Context, con console) error {
	if s.trial != noTrial && s.trial < 0 {
		return usagef("--trial is %d, want at least 0", s.trial)
	}
	return s.study.with(ctx, con, access{mustExist: true}, study.Config{}, func(st *study.Study) error {
		if s.trial != noTrial {
			t, err := st.StopTrial(ctx, s.trial)
			if err != nil {
				return err
			}
			if len(t.Values) > 0 {
				con.logf("Stopped trial %d: %v %v.", t.Number, t.State, t.Values)
			} else {
				con.logf("Stopped trial %d: %v.", t.Number, t.State)
			}
			return nil
		}
		trials, err := st.Trials(ctx)
		if err == nil {
			err = st.StopAll(ctx)
		}
		if err != nil {
			return err
		}
		running := 0
		for _, t := range trials {
			if t.State == trial.Running {
				running++
			}
		}
		con.logf("Study %q stops: none of its workers starts another trial. Running now: %s.", st.Name(),
			counted(running, "trial"))
		return nil
	})
}

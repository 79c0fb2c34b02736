package main

import (
	"context"
	"fmt"
	"math"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/outline"
	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/study/importance"
	"github.com/bluefin-hpo/bluefin/trial"
)

// importancesCommand prints how much each parameter matters.
type importancesCommand struct {
	study     studyFlags
	format    formatFlags
	method    string
	objective string
	resamples int
}

func (c *importancesCommand) define() *cli.Command {
	return &cli.Command{Name: "importances", Usage: "print how much each parameter matters", Flags: append(append(
		c.study.flags(), c.format.flags("table")...),
		choiceFlag(&c.method, "method", "the `METHOD`: ped-anova (how much a parameter decides whether a trial is "+
			"among the best tenth) or fanova (how much of the variance of the objective it explains)", "ped-anova", "fanova"),
		&cli.StringFlag{Name: "objective", Destination: &c.objective, DefaultText: "the first",
			Usage: "the `NUMBER` of the objective, from 0, or its name"},
		&cli.IntFlag{Name: "resamples", Destination: &c.resamples, Value: 100,
			Usage: "`NUMBER` of times to measure resampled trials for the 90 % intervals; 0: no intervals"},
	), Action: action(c.run)}
}

// mostResamples is as many as intervals can use, and takes seconds for the largest studies.
const mostResamples = 1000

func (c *importancesCommand) run(ctx context.Context, con console) error {
	if c.resamples < 0 || c.resamples > mostResamples {
		return usagef("--resamples is %d, want 0 to %d", c.resamples, mostResamples)
	}
	return c.study.opened(ctx, con, access{readOnly: true}, study.Config{}, func(cfg study.Config) error {
		one, err := cfg.Storage.Load(ctx, cfg.Name)
		if err != nil {
			return suggestStudy(ctx, cfg.Storage, cfg.Name, fmt.Errorf("load %w", err))
		}
		objective, err := objectiveNumber(c.objective, outline.Of(one).Metrics)
		if err != nil {
			return err
		}
		s, err := study.Load(ctx, cfg)
		if err != nil {
			return err
		}
		h, err := s.History(ctx)
		if err != nil {
			return err
		}
		var e importance.Evaluator = importance.PEDANOVA{}
		if c.method == "fanova" {
			e = importance.FANOVA{}
		}
		list, err := importance.Bootstrap(e, h, objective, c.resamples, 0)
		if err != nil {
			return fmt.Errorf("study %q: %w", s.Name(), err)
		}
		records := []record{}
		for _, i := range list {
			r := record{{Name: "param", Value: i.Name}, {Name: "importance", Value: c.round(i.Value)}}
			if c.resamples > 0 {
				r = append(r, pyjson.Member{Name: "low", Value: c.round(i.Low)},
					pyjson.Member{Name: "high", Value: c.round(i.High)})
			}
			records = append(records, r)
		}
		if err := c.format.print(con, records, false); err != nil {
			return err
		}
		if _, note := fewTrials(h); note != "" {
			con.logf("%s", note)
		}
		return nil
	})
}

// round leaves three decimals to the reader of a table, and all digits to programs.
func (c *importancesCommand) round(x float64) float64 {
	if c.format.format != "table" {
		return x
	}
	return math.Round(x*1000) / 1000
}

// fewTrials returns how many complete trials there are, and a caveat about importances if these are
// few.
func fewTrials(h trial.History) (complete int, note string) {
	for _, t := range h.Finished() {
		if t.State == trial.Complete {
			complete++
		}
	}
	if complete < 50 {
		note = fmt.Sprintf("Only %s: take the importances as a hint.", counted(complete, "complete trial"))
	}
	return complete, note
}

package main

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/objective/functions"
)

func pruningCommand() *cli.Command {
	return &cli.Command{
		Name:  "pruning",
		Usage: "what a pruner saves, and what it loses, on tables of trainings",
		Description: "Writes the epochs trained and the gap of the best trial that was not pruned.\n" +
			"Epochs are reported from step 1. The seed of the sampler is 1000 + seed.",
		Flags: slices.Concat(problemFlags("mlp_digits"), []cli.Flag{
			&cli.StringFlag{Name: "sampler", Value: "random", Usage: "`NAME` of a sampler: " + strings.Join(samplerNames, ", ")},
			&cli.StringFlag{Name: "pruner", Value: "halving", Usage: "`NAMES` with commas: " + strings.Join(prunerNames, ", ")},
			&cli.IntFlag{Name: "factor", Usage: "the reduction `FACTOR` of halving and hyperband (default: theirs, 4 and 3)"},
			&cli.IntFlag{Name: "trials", Value: 100, Usage: "`NUMBER` of trials of a search; with --epochs, 0 is any number"},
			&cli.IntFlag{Name: "epochs", Usage: "end a search after `NUMBER` epochs; a trial that they do not suffice for does not count"},
			&cli.BoolFlag{Name: "summary", Usage: "instead of all searches, medians and quartiles by pruner"},
			formatFlag(),
		}),
		Action: pruning,
	}
}

// A pruningRun is one search, and what came out.
type pruningRun struct {
	problem functions.Problem
	pruner  string
	seed    int
	pruned
}

func pruning(c *cli.Context) error {
	runs, err := pruningRuns(c)
	if err != nil {
		return err
	}
	trials, err := atLeast(c, "trials", 0)
	if err != nil {
		return err
	}
	epochs, err := atLeast(c, "epochs", 0)
	if err != nil {
		return err
	}
	switch {
	case epochs > 0 && !c.IsSet("trials"):
		trials = 0
	case epochs == 0 && trials == 0:
		return usagef("--trials is 0, want at least 1, or --epochs")
	}
	factor, err := atLeast(c, "factor", 2)
	if !c.IsSet("factor") {
		factor = 0
	} else if err != nil {
		return err
	}
	runs, err = each(c.Context, len(runs), func(ctx context.Context, i int) (pruningRun, error) {
		r := runs[i]
		s, err := newSampler(c.String("sampler"), plan{seed: samplerSeed(r.seed), trials: trials, workers: 1})
		if err != nil {
			return r, err
		}
		p, err := newPruner(r.pruner, factor)
		if err == nil {
			r.pruned, err = prune(ctx, r.problem, s, p, r.seed, trials, epochs)
		}
		return r, err
	})
	if err != nil {
		return err
	}
	if c.Bool("summary") {
		return printRows(c, summarizePruning(runs))
	}
	var rows []row
	for _, r := range runs {
		best := any(nil)
		if !math.IsInf(r.gap, 1) {
			best = r.gap
		}
		rows = append(rows, row{
			cell("problem", r.problem.Name), cell("pruner", r.pruner), cell("seed", r.seed), cell("epochs", r.epochs), cell("best", best),
		})
	}
	return printRows(c, rows)
}

// pruningRuns lists the searches, and refuses what has no learning curves.
func pruningRuns(c *cli.Context) ([]pruningRun, error) {
	names, instance, err := problems(c)
	if err != nil {
		return nil, err
	}
	seeds, err := seedList(c)
	if err != nil {
		return nil, err
	}
	var runs []pruningRun
	for _, name := range names {
		p, err := instance(name, 1)
		if err != nil {
			return nil, err
		}
		if p.Curve == nil {
			return nil, usagef("--problem is %q, want a table with learning curves", name)
		}
		for _, pruner := range words(c, "pruner") {
			if _, err := newPruner(pruner, 0); err != nil {
				return nil, err
			}
			for _, seed := range seeds {
				runs = append(runs, pruningRun{problem: p, pruner: pruner, seed: seed})
			}
		}
	}
	return runs, nil
}

func summarizePruning(runs []pruningRun) []row {
	var rows []row
	for len(runs) > 0 {
		first := runs[0]
		var epochs float64
		var gaps []float64
		for len(runs) > 0 && runs[0].problem.Name == first.problem.Name && runs[0].pruner == first.pruner {
			epochs += float64(runs[0].epochs)
			gaps = append(gaps, runs[0].gap)
			runs = runs[1:]
		}
		slices.Sort(gaps)
		rows = append(rows, row{
			cell("problem", first.problem.Name), cell("pruner", first.pruner), cell("seeds", len(gaps)),
			cell("epochs_mean", epochs/float64(len(gaps))),
			cell("median", quantile(gaps, 0.5)), cell("q25", quantile(gaps, 0.25)), cell("q75", quantile(gaps, 0.75)),
		})
	}
	return rows
}

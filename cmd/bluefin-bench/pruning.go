package main

import (
	"cmp"
	"context"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/objective/functions"
)

// pruningCommand measures pruners on recorded trainings.
type pruningCommand struct {
	problems problemFlags
	sampler  string
	pruner   string
	factor   int // 0: that of the pruner
	trials   int // -1: 100, or any number with epochs
	epochs   int
	summary  bool
	format   string
}

// define declares the flags; their texts are the documentation.
func (r *pruningCommand) define() *cli.Command {
	return &cli.Command{
		Name:  "pruning",
		Usage: "measure what a pruner saves and loses, on tables of trainings",
		Description: "Writes the epochs trained and the gap of the best trial that was not pruned.\n" +
			"Epochs are reported from step 1. The seed of the sampler is 1000 + seed.",
		Flags: slices.Concat(r.problems.flags("mlp_digits"), []cli.Flag{
			&cli.StringFlag{Name: "sampler", Destination: &r.sampler, Value: "random",
				Usage: "`NAME` of a sampler: " + strings.Join(samplerNames, ", ")},
			&cli.StringFlag{Name: "pruner", Destination: &r.pruner, Value: "halving",
				Usage: "`NAMES` with commas: " + strings.Join(prunerNames, ", ")},
			&cli.IntFlag{Name: "factor", Destination: &r.factor, DefaultText: "theirs, 4 and 3",
				Usage: "the reduction `FACTOR` of halving and hyperband"},
			&cli.IntFlag{Name: "trials", Destination: &r.trials, Value: -1,
				DefaultText: "100, or any number with --epochs",
				Usage:       "`NUMBER` of trials of a search; with --epochs, 0 is any number"},
			&cli.IntFlag{Name: "epochs", Destination: &r.epochs,
				Usage: "end a search after `NUMBER` epochs; a trial that exceeds them does not count"},
			&cli.BoolFlag{Name: "summary", Destination: &r.summary,
				Usage: "instead of all searches, medians and quartiles by pruner"},
			formatFlag(&r.format),
		}),
		Action: action(r.run),
	}
}

// A pruningRun is one search and its outcome.
type pruningRun struct {
	problem functions.Problem
	pruner  string
	seed    int
	pruned
}

// run does all searches and writes them, or a summary by pruner.
func (r *pruningCommand) run(ctx context.Context, stdout, _ io.Writer) error {
	runs, err := r.runs()
	if err != nil {
		return err
	}
	trials := r.trials
	switch {
	case trials == -1 && r.epochs > 0:
		trials = 0
	// The default of a command line without any limit.
	case trials == -1:
		trials = 100
	}
	if err := cmp.Or(atLeast("trials", trials, 0), atLeast("epochs", r.epochs, 0)); err != nil {
		return err
	}
	// The search would never end.
	if r.epochs == 0 && trials == 0 {
		return usagef("--trials is 0, want at least 1, or --epochs")
	}
	if r.factor != 0 {
		if err := atLeast("factor", r.factor, 2); err != nil {
			return err
		}
	}
	runs, err = each(ctx, len(runs), func(ctx context.Context, i int) (pruningRun, error) {
		one := runs[i]
		s, err := newSampler(r.sampler, plan{seed: samplerSeed(one.seed), trials: trials, workers: 1})
		if err != nil {
			return one, err
		}
		p, err := newPruner(one.pruner, r.factor)
		if err == nil {
			one.pruned, err = prune(ctx, one.problem, s, p, one.seed, trials, r.epochs)
		}
		return one, err
	})
	if err != nil {
		return err
	}
	if r.summary {
		return printRows(stdout, r.format, summarizePruning(runs))
	}
	var rows []row
	for _, one := range runs {
		// Nothing but pruned trials: there is no best one.
		best := any(nil)
		if !math.IsInf(one.gap, 1) {
			best = one.gap
		}
		rows = append(rows, row{
			cell("problem", one.problem.Name), cell("pruner", one.pruner), cell("seed", one.seed),
			cell("epochs", one.epochs), cell("best", best),
		})
	}
	return printRows(stdout, r.format, rows)
}

// runs lists the searches, and refuses problems without learning curves.
func (r *pruningCommand) runs() ([]pruningRun, error) {
	names, instance, err := r.problems.problems()
	if err != nil {
		return nil, err
	}
	seeds, err := r.problems.seedList()
	if err != nil {
		return nil, err
	}
	var runs []pruningRun
	for _, name := range names {
		// Tables have one instance, and only tables have curves.
		p, err := instance(name, 1)
		if err != nil {
			return nil, err
		}
		if p.Curve == nil {
			return nil, usagef("--problem is %q, want a table with learning curves", name)
		}
		for _, pruner := range words(r.pruner) {
			// Before the searches start.
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

// summarizePruning relies on the order of runs: seeds of one pruner and problem are
// neighbors.
func summarizePruning(runs []pruningRun) []row {
	var rows []row
	for len(runs) > 0 {
		first := runs[0]
		var epochs float64
		var gaps []float64
		for len(runs) > 0 && runs[0].problem.Name == first.problem.Name && runs[0].pruner == first.pruner {
			// The mean of the cost, but the median of the result: costs add up, results do not.
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

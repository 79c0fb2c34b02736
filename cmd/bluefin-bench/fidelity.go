package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/study/schedule"
	"github.com/bluefin-hpo/bluefin/trial"
)

// fidelityCommand measures what a rung of successive halving should be: epochs, a share of the data, or
// a deeper freeze.
type fidelityCommand struct {
	task      string
	search    string
	sampler   string
	trainings string
	seeds     int
	firstSeed int
	summary   string
	format    string
}

// fidelitySearches are what a search judges trials by, and how: each fidelity of package finetune with
// the pruner and with the scheduler; full judges nothing.
var fidelitySearches = []string{"full", "epochs+halving", "data+halving", "freezing+halving", "epochs+pausing",
	"data+pausing", "freezing+pausing"}

// rungFactor is that of the stages of package finetune.
const rungFactor = 3

// define declares the flags; their texts are the documentation.
func (f *fidelityCommand) define() *cli.Command {
	return &cli.Command{
		Name:  "fidelity",
		Usage: "measure by which fidelity successive halving should judge trainings, at equal processor seconds",
		Description: "A search may compute as long as some full trainings take on average. It starts with the\n" +
			"recommended setting. Regret is the gap of its best full training to the best one of all searches,\n" +
			"as a share of the gap of the recommended setting. Run it with GOMAXPROCS=1.\n" +
			"The seed of a search is 1000 + seed; seeds from 100 on are for development.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "task", Destination: &f.task, Value: "digits,digits-few,digits-many,breast-cancer,iris",
				Usage: "`NAMES` with commas: " + strings.Join(trainingNames, ", ")},
			&cli.StringFlag{Name: "search", Destination: &f.search, Value: strings.Join(fidelitySearches, ","),
				Usage: "`NAMES` with commas: " + strings.Join(fidelitySearches, ", ")},
			&cli.StringFlag{Name: "sampler", Destination: &f.sampler, Value: "auto",
				Usage: "the `NAME` of a sampler of quality --help"},
			&cli.StringFlag{Name: "trainings", Destination: &f.trainings, Value: "5,10,20",
				Usage: "budgets: the time of these `NUMBERS` of full trainings"},
			&cli.IntFlag{Name: "seeds", Destination: &f.seeds, Value: 5, Usage: "`NUMBER` of seeds"},
			&cli.IntFlag{Name: "first-seed", Destination: &f.firstSeed, Usage: "first of the seeds"},
			&cli.StringFlag{Name: "summary", Destination: &f.summary,
				Usage: "instead of all searches, a summary of this `KIND`: task: median and quartiles by task; rank: mean " +
					"ranks; test: signed-rank tests over tasks against the first of --search"},
			formatFlag(&f.format),
		},
		Action: action(f.run),
	}
}

// A fidelitySearch is one search: the best values of its full trainings, by the seconds when they ended.
type fidelitySearch struct {
	task, search string
	seed         int
	unit         float64 // seconds of a full training
	recommended  float64 // its value
	ends         []ended
}

// An ended is a full training of a search.
type ended struct{ seconds, value float64 }

// run does all searches, one after the other.
func (f *fidelityCommand) run(ctx context.Context, stdout, stderr io.Writer) error {
	budgets, err := counts("trainings", f.trainings)
	if err != nil {
		return err
	}
	if err := cmp.Or(atLeast("seeds", f.seeds, 1), atLeast("first-seed", f.firstSeed, 0)); err != nil {
		return err
	}
	searches := words(f.search)
	for _, name := range searches {
		if !slices.Contains(fidelitySearches, name) {
			return usagef("--search has %q, want some of %s", name, strings.Join(fidelitySearches, ", "))
		}
	}
	if f.summary != "" && !slices.Contains([]string{"task", "rank", "test"}, f.summary) {
		return usagef("--summary is %q, want task, rank or test", f.summary)
	}
	var all []fidelitySearch
	for _, name := range words(f.task) {
		if !slices.Contains(trainingNames, name) {
			return usagef("--task is %q, want some of %s", name, strings.Join(trainingNames, ", "))
		}
		unit, recommended, err := fullTrainings(ctx, name)
		if err != nil {
			return fmt.Errorf("task %s: %w", name, err)
		}
		for _, search := range searches {
			for i := range f.seeds {
				one := fidelitySearch{task: name, search: search, seed: f.firstSeed + i, unit: unit, recommended: recommended}
				if err := f.one(ctx, &one, float64(slices.Max(budgets))*unit); err != nil {
					return fmt.Errorf("%s, %s, seed %d: %w", name, search, one.seed, err)
				}
				all = append(all, one)
			}
			fmt.Fprintf(stderr, "%s, %s: done\n", name, search)
		}
	}
	return f.write(stdout, all, budgets)
}

// unitTrainings is the number of random settings whose mean time is that of a full training.
const unitTrainings = 16

// fullTrainings returns the mean processor seconds of full trainings, and the value of the recommended
// setting.
func fullTrainings(ctx context.Context, name string) (seconds, recommended float64, err error) {
	task, err := newTraining(name, 0)
	if err != nil {
		return 0, 0, err
	}
	s, err := study.Open(ctx, study.Config{Sampler: sampler.Random{}, Seed: 42, Space: task.Space.Dims(),
		Directions: []trial.Direction{trial.Minimize}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return 0, 0, err
	}
	if _, err := s.Enqueue(ctx, task.Space.Params(task.Defaults, task.Layers)); err != nil {
		return 0, 0, err
	}
	before := processorTime()
	if err := s.Optimize(ctx, task.Objective(task.Space, 1), study.Budget{Trials: unitTrainings}); err != nil {
		return 0, 0, err
	}
	seconds = (processorTime() - before) / unitTrainings
	first, err := s.Trial(ctx, 0)
	if err == nil && first.State != trial.Complete {
		err = errors.New("the recommended setting diverges")
	}
	if err != nil {
		return 0, 0, err
	}
	return seconds, first.Values[0], nil
}

// one runs a search for that many processor seconds of training. What its sampler computes is not
// counted.
func (f *fidelityCommand) one(ctx context.Context, one *fidelitySearch, budget float64) error {
	task, err := newTraining(one.task, 0)
	if err != nil {
		return err
	}
	name, how, _ := strings.Cut(one.search, "+")
	if name == finetune.Data || name == finetune.Freezing {
		task.Stages.Fidelity = name
	}
	ctx, enough := context.WithCancelCause(ctx)
	defer enough(nil)
	spent, since := 0.0, 0.0
	cfg := study.Config{Seed: samplerSeed(one.seed), Space: task.Space.Dims(), Logger: slog.New(slog.DiscardHandler),
		OnReport: func(*trial.Trial, trial.Report) {
			if spent+processorTime()-since >= budget {
				enough(errEnough)
			}
		}}
	if cfg.Sampler, err = newSampler(f.sampler, plan{seed: cfg.Seed, workers: 1}); err != nil {
		return usagef("--sampler: %w", err)
	}
	switch how {
	case "halving":
		cfg.Pruner = pruner.SuccessiveHalving{MinResource: 1, ReductionFactor: rungFactor}
	case "pausing":
		cfg.Scheduler = schedule.Halving{ReductionFactor: rungFactor}
	}
	s, err := study.Open(ctx, cfg)
	if err != nil {
		return err
	}
	if _, err := s.Enqueue(ctx, task.Space.Params(task.Defaults, task.Layers)); err != nil {
		return err
	}
	train := task.Objective(task.Space, 1)
	err = s.Optimize(ctx, func(t *study.Trial) (float64, error) {
		t.SuggestAll()
		since = processorTime()
		value, err := train(t)
		spent += processorTime() - since
		switch {
		case spent >= budget:
			enough(errEnough)
		case err == nil:
			one.ends = append(one.ends, ended{spent, value})
		}
		return value, err
	}, study.Budget{Trials: 100 * int(math.Ceil(budget/one.unit)), InitialFailures: -1})
	if errors.Is(err, errEnough) || errors.As(err, new(*study.TrialError)) {
		return nil
	}
	return err
}

// write writes the searches or a summary.
func (f *fidelityCommand) write(stdout io.Writer, all []fidelitySearch, budgets []int) error {
	scales := map[string]scaled{}
	for _, one := range all {
		s, ok := scales[one.task]
		if !ok {
			s.least = one.recommended
		}
		for _, e := range one.ends {
			s.least = min(s.least, e.value)
		}
		s.gap = one.recommended - s.least
		scales[one.task] = s
	}
	var results []result
	var rows []row
	for _, one := range all {
		for _, n := range budgets {
			best, full := math.Inf(1), 0
			for _, e := range one.ends {
				if e.seconds <= float64(n)*one.unit {
					best, full = min(best, e.value), full+1
				}
			}
			r := result{problem: one.task, sampler: one.search, seed: one.seed, n: n, best: scales[one.task].regret(best)}
			results = append(results, r)
			rows = append(rows, row{cell("task", r.problem), cell("search", r.sampler), cell("seed", r.seed),
				cell("trainings", n), cell("full", full), cell("best", orNothing(best)), cell("regret", orNothing(r.best)),
				cell("unit_seconds", one.unit)})
		}
	}
	switch f.summary {
	case "task":
		rows = byTask(results)
	case "rank":
		rows = byRank(results)
	case "test":
		rows = nil
		for _, r := range compareRows(compare(results, all[0].search)) {
			if r[3].Value != allGroups { // the tasks are one group
				rows = append(rows, renamed(r, "n", "trainings", "sampler", "search", "problems", "tasks"))
			}
		}
	}
	return printRows(stdout, f.format, rows)
}

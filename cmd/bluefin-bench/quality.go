package main

import (
	"cmp"
	"context"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// checkpoints are the numbers of trials at which the best gap is written down.
var checkpoints = []int{5, 10, 20, 30, 50, 75, 100, 150, 200, 250, 300, 400, 500, 600, 700, 800, 900, 1000}

// A result is the best gap of one search after n trials.
type result struct {
	problem  string
	instance int
	sampler  string
	seed     int
	n        int
	best     float64
}

// qualityCommand measures samplers on problems with known minima.
type qualityCommand struct {
	problems problemFlags
	instance string
	sampler  string
	trials   int
	workers  int
	summary  string
	against  string
	plot     string
	python   string
	live     string
	results  string
	others   string
	format   string
}

// define declares the flags; their texts are the documentation.
func (q *qualityCommand) define() *cli.Command {
	return &cli.Command{
		Name:  "quality",
		Usage: "measure how close to the known minimum a sampler comes",
		Description: "Writes the best gap at 5, 10, 20, 30, 50, 75, 100, 150, 200, 250, 300, 400, … 1000 trials\n" +
			"and at the end. The seed of the sampler is 1000 + seed. Workers are simulated: all trials\n" +
			"take equally long, the workers start in turn, and the one with the oldest\n" +
			"trial tells its value and asks again; so the result depends only on the flags.",
		Flags: slices.Concat(q.problems.flags("bbob_d05"), []cli.Flag{
			&cli.StringFlag{Name: "instance", Destination: &q.instance, Value: "1,2,3,4,5",
				Usage: "`NUMBERS` of instances from 1, with commas: the seeds take them in turn, seed 0 the first"},
			&cli.StringFlag{Name: "sampler", Destination: &q.sampler, Value: "tpe",
				Usage: "`NAMES` with commas: " + strings.Join(samplerNames, ", ")},
			&cli.IntFlag{Name: "trials", Destination: &q.trials, Value: 100, Usage: "`NUMBER` of trials of a search"},
			&cli.IntFlag{Name: "workers", Destination: &q.workers, Value: 1, Usage: "`NUMBER` of simulated workers"},
			&cli.StringFlag{Name: "summary", Destination: &q.summary,
				Usage: "instead of all searches, a summary of this `KIND`: problem: median and quartiles by problem; group: " +
					"scores by group; rank: mean ranks over all groups; test: Wilcoxon's signed-rank tests over problems"},
			&cli.StringFlag{Name: "against", Destination: &q.against, DefaultText: "the first of --sampler",
				Usage: "the sampler to test the others against: `NAME`, which may be one of --results or --python"},
			&cli.StringFlag{Name: "plot", Destination: &q.plot,
				Usage: "draw the best so far, median and quartiles, to a `FILE` that ends in .svg, .png or .pdf: " +
					"by problem with --summary problem, else by group relative to random search"},
			&cli.StringFlag{Name: "python", Destination: &q.python,
				Usage: "a Python `PROGRAM` with Optuna and the other packages of --live, to run their samplers too"},
			&cli.StringFlag{Name: "live", Destination: &q.live, DefaultText: "Optuna's of --sampler",
				Usage: "`NAMES` of searches to run with --python, with commas: of Optuna " +
					strings.Join(optunaNames, ", ") + "; of other packages " + strings.Join(otherNames, ", ")},
			&cli.StringFlag{Name: "results", Destination: &q.results,
				Usage: "a `FILE` of other results to compare with: CSV, also gzipped, with problem, sampler, seed, " +
					"n and best, and instance unless that is 1 + seed % 5"},
			&cli.StringFlag{Name: "others", Destination: &q.others, DefaultText: "all",
				Usage: "`NAMES` of the samplers in --results to show, with commas"},
			formatFlag(&q.format),
		}),
		Action: action(q.run),
	}
}

// run does all searches, then summarizes them together with stored ones.
func (q *qualityCommand) run(ctx context.Context, stdout, _ io.Writer) error {
	if err := q.check(); err != nil {
		return err
	}
	searches, err := q.searches()
	if err != nil {
		return err
	}
	// In parallel; the result of each depends on its flags alone.
	found, err := each(ctx, len(searches.list), func(ctx context.Context, i int) ([]result, error) {
		return searches.run(ctx, searches.list[i])
	})
	if err != nil {
		return err
	}
	results := slices.Concat(found...)
	var stored storedResults
	if q.results != "" {
		if stored, err = readResults(q.results, results, words(q.others)); err != nil {
			return err
		}
		results = append(results, stored.results...)
	}
	// Gaps of a group compare in the unit of random search.
	unit := units(results, stored.random)
	if q.plot != "" {
		if err := plotBest(q.plot, results, unit, q.summary == "problem"); err != nil {
			return err
		}
	}
	switch q.summary {
	case "problem":
		return printRows(stdout, q.format, summarizeProblems(results))
	case "group":
		return printRows(stdout, q.format, summarizeGroups(results, unit))
	case "rank":
		return printRows(stdout, q.format, standingRows(standings(results)))
	case "test":
		against := cmp.Or(q.against, searches.list[0].sampler)
		list := compare(results, against)
		if len(list) == 0 {
			return usagef("--against is %q, want a sampler that has a problem, a seed and a number of trials in "+
				"common with another one",
				against)
		}
		return printRows(stdout, q.format, compareRows(list))
	}
	var rows []row
	for _, r := range results {
		rows = append(rows, row{
			cell("problem", r.problem), cell("instance", r.instance), cell("sampler", r.sampler),
			cell("seed", r.seed), cell("n", r.n), cell("best", r.best),
		})
	}
	return printRows(stdout, q.format, rows)
}

// check refuses flags that do not fit together, before anything runs.
func (q *qualityCommand) check() error {
	switch {
	case q.summary != "" && !slices.Contains([]string{"problem", "group", "rank", "test"}, q.summary):
		return usagef("--summary is %q, want problem, group, rank or test", q.summary)
	case q.against != "" && q.summary != "test":
		return usagef("--against is %q, want --summary test too", q.against)
	case q.results == "" && q.others != "":
		return usagef("--others is %q, want --results too", q.others)
	case q.python == "" && q.live != "":
		return usagef("--live is %q, want --python too", q.live)
	case q.plot != "" && !slices.Contains(plotFormats, filepath.Ext(q.plot)):
		return usagef("--plot is %q, want a name that ends in %s", q.plot, strings.Join(plotFormats, ", "))
	}
	return nil
}

// searches are the searches to run.
type searches struct {
	list            []result // without n and best
	problem         func(name string, instance int) (problem, error)
	trials, workers int
	python          string // runs the searches that isLive
}

// searches lists the searches that the flags describe.
func (q *qualityCommand) searches() (s searches, err error) {
	names, problem, err := q.problems.problems()
	if err != nil {
		return s, err
	}
	s = searches{problem: problem, trials: q.trials, workers: q.workers, python: q.python}
	seeds, err := q.problems.seedList()
	if err := cmp.Or(atLeast("trials", q.trials, 1), atLeast("workers", q.workers, 1), err); err != nil {
		return s, err
	}
	instances, err := counts("instance", q.instance)
	if err != nil {
		return s, err
	}
	samplers := words(q.sampler)
	if len(samplers) == 0 {
		samplers = []string{""} // newSampler refuses it
	}
	for _, sampler := range samplers {
		if _, err := newSampler(sampler, plan{}); err != nil {
			return s, err
		}
	}
	live, err := q.liveSamplers(samplers)
	if err != nil {
		return s, err
	}
	// In the order of the flags, which plots and summaries keep.
	for _, sampler := range slices.Concat(samplers, live) {
		for _, name := range names {
			for _, seed := range seeds {
				instance := instances[seed%len(instances)]
				s.list = append(s.list, result{problem: name, instance: instance, sampler: sampler, seed: seed})
			}
		}
	}
	return s, nil
}

// run returns the best gaps of one search at the checkpoints.
func (s searches) run(ctx context.Context, r result) ([]result, error) {
	// Each search makes its own, so they share no state.
	p, err := s.problem(r.problem, r.instance)
	if err != nil {
		return nil, err
	}
	search := plan{seed: samplerSeed(r.seed), trials: s.trials, workers: s.workers}
	if p.Several != nil {
		search.reference = p.Several.Reference
	}
	var engine engine
	if isLive(r.sampler) {
		engine, err = openLive(ctx, s.python, r.sampler, p, search)
	} else {
		engine, err = openStudy(ctx, r.sampler, search)
	}
	if err != nil {
		return nil, err
	}
	defer engine.close()
	values, err := gaps(ctx, p, engine, s.trials, s.workers)
	if err != nil {
		return nil, err
	}
	var results []result
	r.best = math.Inf(1)
	for i, v := range values {
		// The gap of the best so far, which never grows.
		r.n, r.best = i+1, math.Min(r.best, v)
		// Not every trial: a thousand rows per search would add nothing.
		if r.n == len(values) || slices.Contains(checkpoints, r.n) {
			results = append(results, r)
		}
	}
	return results, nil
}

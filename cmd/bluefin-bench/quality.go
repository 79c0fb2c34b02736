package main

import (
	"context"
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
	instance int // 0: as the protocol says
	sampler  string
	seed     int
	n        int
	best     float64
}

func qualityCommand() *cli.Command {
	return &cli.Command{
		Name:  "quality",
		Usage: "how close to the known minimum a sampler comes",
		Description: "Writes the best gap at 5, 10, 20, 30, 50, 75, 100, 150, 200, 250, 300, 400, … 1000 trials\n" +
			"and at the end. The seed of the sampler is 1000 + seed. Workers are simulated: all trials\n" +
			"take equally long, the workers begin one after the other, and the one whose trial is the\n" +
			"oldest tells its value and asks again; so the result depends on nothing but the flags.",
		Flags: slices.Concat(problemFlags("bbob_d05"), []cli.Flag{
			&cli.IntFlag{Name: "instance", Usage: "`NUMBER` of the instance, from 1 (default: 1 + seed % 5, by the protocol)"},
			&cli.StringFlag{Name: "sampler", Value: "tpe", Usage: "`NAMES` with commas: " + strings.Join(samplerNames, ", ")},
			&cli.IntFlag{Name: "trials", Value: 100, Usage: "`NUMBER` of trials of a search"},
			&cli.IntFlag{Name: "workers", Value: 1, Usage: "`NUMBER` of simulated workers"},
			&cli.StringFlag{Name: "summary", Usage: "instead of all searches, `KIND` is problem: median and quartiles by problem; group: scores by group; rank: mean ranks over all groups; test: Wilcoxon's signed-rank tests over problems"},
			&cli.StringFlag{Name: "against", Usage: "the sampler to test the others against (default: the first of --sampler): `NAME`, which may be one of --results or --python"},
			&cli.StringFlag{Name: "plot", Usage: "draw the best so far, median and quartiles, to a `FILE` that ends in .svg, .png or .pdf: by problem with --summary problem, else by group relative to random search"},
			&cli.StringFlag{Name: "python", Usage: "a Python `PROGRAM` that has Optuna, whose samplers search beside"},
			&cli.StringFlag{Name: "live", Usage: "`NAMES` of Optuna's samplers to run with --python, with commas: " + strings.Join(liveNames, ", ") + " (default: those of --sampler)"},
			&cli.StringFlag{Name: "results", Usage: "a `FILE` of results of others to put beside: CSV, also under gzip, with problem, sampler, seed, n and best"},
			&cli.StringFlag{Name: "others", Usage: "`NAMES` of the samplers in --results to show, with commas (default: all)"},
			formatFlag(),
		}),
		Action: quality,
	}
}

func quality(c *cli.Context) error {
	if err := checkQuality(c); err != nil {
		return err
	}
	searches, err := newSearches(c)
	if err != nil {
		return err
	}
	found, err := each(c.Context, len(searches.list), func(ctx context.Context, i int) ([]result, error) {
		return searches.run(ctx, searches.list[i])
	})
	if err != nil {
		return err
	}
	results := slices.Concat(found...)
	var stored storedResults
	if file := c.String("results"); file != "" {
		if stored, err = readResults(file, results, words(c, "others")); err != nil {
			return err
		}
		results = append(results, stored.results...)
	}
	unit := units(results, stored.random)
	if file := c.String("plot"); file != "" {
		if err := plotBest(file, results, unit, c.String("summary") == "problem"); err != nil {
			return err
		}
	}
	switch c.String("summary") {
	case "problem":
		return printRows(c, summarizeProblems(results))
	case "group":
		return printRows(c, summarizeGroups(results, unit))
	case "rank":
		return printRows(c, standingRows(standings(results)))
	case "test":
		against := c.String("against")
		if against == "" {
			against = searches.list[0].sampler
		}
		list := compare(results, against)
		if len(list) == 0 {
			return usagef("--against is %q, want a sampler that has a problem, a seed and a number of trials in common with another one", against)
		}
		return printRows(c, compareRows(list))
	}
	var rows []row
	for _, r := range results {
		rows = append(rows, row{
			cell("problem", r.problem), cell("instance", r.instance), cell("sampler", r.sampler),
			cell("seed", r.seed), cell("n", r.n), cell("best", r.best),
		})
	}
	return printRows(c, rows)
}

// checkQuality refuses flags that do not go together, before anything is run.
func checkQuality(c *cli.Context) error {
	summary := c.String("summary")
	switch {
	case summary != "" && !slices.Contains([]string{"problem", "group", "rank", "test"}, summary):
		return usagef("--summary is %q, want problem, group, rank or test", summary)
	case c.IsSet("against") && summary != "test":
		return usagef("--against is %q, want --summary test too", c.String("against"))
	case c.String("results") == "" && c.IsSet("others"):
		return usagef("--others is %q, want --results too", c.String("others"))
	case c.String("python") == "" && c.IsSet("live"):
		return usagef("--live is %q, want --python too", c.String("live"))
	case c.String("results") != "" && c.IsSet("instance"):
		return usagef("--instance is %d, want none with --results, whose instances are 1 + seed %% 5", c.Int("instance"))
	case c.IsSet("plot") && !slices.Contains(plotFormats, filepath.Ext(c.String("plot"))):
		return usagef("--plot is %q, want a name that ends in %s", c.String("plot"), strings.Join(plotFormats, ", "))
	}
	return nil
}

// searches are what quality has to run.
type searches struct {
	list            []result // without n and best
	problem         func(name string, instance int) (problem, error)
	trials, workers int
	python          string // that runs the samplers whose names have livePrefix
}

func newSearches(c *cli.Context) (s searches, err error) {
	names, problem, err := problems(c)
	if err != nil {
		return s, err
	}
	s.problem, s.python = problem, c.String("python")
	if s.trials, err = atLeast(c, "trials", 1); err != nil {
		return s, err
	}
	if s.workers, err = atLeast(c, "workers", 1); err != nil {
		return s, err
	}
	seeds, err := seedList(c)
	if err != nil {
		return s, err
	}
	if _, err := atLeast(c, "instance", 1); c.IsSet("instance") && err != nil {
		return s, err
	}
	samplers := words(c, "sampler")
	if len(samplers) == 0 {
		samplers = []string{""} // which no sampler is called
	}
	for _, sampler := range samplers {
		if _, err := newSampler(sampler, plan{}); err != nil {
			return s, err
		}
	}
	live, err := liveSamplers(c, samplers)
	if err != nil {
		return s, err
	}
	for _, sampler := range slices.Concat(samplers, live) {
		for _, name := range names {
			for _, seed := range seeds {
				instance := 1 + seed%5
				if c.IsSet("instance") {
					instance = c.Int("instance")
				}
				s.list = append(s.list, result{problem: name, instance: instance, sampler: sampler, seed: seed})
			}
		}
	}
	return s, nil
}

// seedList returns the seeds that the flags name.
func seedList(c *cli.Context) ([]int, error) {
	n, err := atLeast(c, "seeds", 1)
	if err != nil {
		return nil, err
	}
	first, err := atLeast(c, "first-seed", 0)
	if err != nil {
		return nil, err
	}
	seeds := make([]int, n)
	for i := range seeds {
		seeds[i] = first + i
	}
	return seeds, nil
}

// run returns the best gaps of one search at the checkpoints.
func (s searches) run(ctx context.Context, r result) ([]result, error) {
	p, err := s.problem(r.problem, r.instance)
	if err != nil {
		return nil, err
	}
	search := plan{seed: samplerSeed(r.seed), trials: s.trials, workers: s.workers}
	var engine engine
	if name, ok := strings.CutPrefix(r.sampler, livePrefix); ok {
		engine, err = startOptuna(ctx, s.python, name, search)
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
		r.n, r.best = i+1, math.Min(r.best, v)
		if r.n == len(values) || slices.Contains(checkpoints, r.n) {
			results = append(results, r)
		}
	}
	return results, nil
}

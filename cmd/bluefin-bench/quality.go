package main

import (
	"context"
	"math"
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
			&cli.StringFlag{Name: "summary", Usage: "instead of all searches, their median and quartiles by problem, or scores by group: `BY` is problem or group"},
			&cli.StringFlag{Name: "results", Usage: "a `FILE` of results of others to put beside: CSV, also under gzip, with problem, sampler, seed, n and best"},
			&cli.StringFlag{Name: "others", Usage: "`NAMES` of the samplers in --results to show, with commas (default: all)"},
			formatFlag(),
		}),
		Action: quality,
	}
}

func quality(c *cli.Context) error {
	summary := c.String("summary")
	if summary != "" && summary != "problem" && summary != "group" {
		return usagef("--summary is %q, want problem or group", summary)
	}
	if c.String("results") == "" && c.IsSet("others") {
		return usagef("--others is %q, want --results too", c.String("others"))
	}
	if c.String("results") != "" && c.IsSet("instance") {
		return usagef("--instance is %d, want none with --results, whose instances are 1 + seed %% 5", c.Int("instance"))
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
	switch summary {
	case "problem":
		return printRows(c, summarizeProblems(results))
	case "group":
		return printRows(c, summarizeGroups(results, units(results, stored.random)))
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

// searches are what quality has to run.
type searches struct {
	list            []result // without n and best
	problem         func(name string, instance int) (problem, error)
	trials, workers int
}

func newSearches(c *cli.Context) (s searches, err error) {
	names, problem, err := problems(c)
	if err != nil {
		return s, err
	}
	s.problem = problem
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
		if _, err := newSampler(sampler, 0); err != nil {
			return s, err
		}
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
	sampler, err := newSampler(r.sampler, samplerSeed(r.seed))
	if err != nil {
		return nil, err
	}
	values, err := gaps(ctx, p, sampler, r.seed, s.trials, s.workers)
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

package main

import (
	"cmp"
	"context"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/internal/signedrank"
	"github.com/bluefin-hpo/bluefin/objective/functions"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// transferCommand measures what earlier studies save.
type transferCommand struct {
	problems     problemFlags
	kinds        string
	sampler      string
	sources      int
	sourceTrials int
	trials       int
	levels       string
	shift        float64
	summary      bool
	format       string
}

// kindNames are the kinds of earlier studies.
var kindNames = []string{"shifted", "mirrored", "others"}

// define declares the flags; their texts are the documentation.
func (c *transferCommand) define() *cli.Command {
	return &cli.Command{
		Name:  "transfer",
		Usage: "measure how many trials earlier studies save, or cost where they mislead",
		Description: "Searches each problem cold, and warm after some studies of each kind. Level n is the median gap\n" +
			"over the seeds that cold searches reach with n trials; the output has the median number of\n" +
			"trials that warm ones need for it, at most --trials, and its ratio to n. Seeds of samplers are 1000 + seed.",
		Flags: slices.Concat(c.problems.flags("bbob_d05"), []cli.Flag{
			&cli.StringFlag{Name: "kinds", Destination: &c.kinds, Value: "shifted,mirrored,others",
				Usage: "`KINDS` of earlier studies with commas. shifted: of the same problem, moved a little along each " +
					"parameter; mirrored: of the problem with each range and list of choices turned around; others: of the " +
					"other problems with the same parameters"},
			&cli.StringFlag{Name: "sampler", Destination: &c.sampler, Value: "auto", Usage: "`NAME` of the sampler below"},
			&cli.IntFlag{Name: "sources", Destination: &c.sources, Value: 5, Usage: "`NUMBER` of earlier studies"},
			&cli.IntFlag{Name: "source-trials", Destination: &c.sourceTrials, Value: 30, Usage: "`NUMBER` of trials of each"},
			&cli.IntFlag{Name: "trials", Destination: &c.trials, Value: 60, Usage: "`NUMBER` of trials of a search"},
			&cli.StringFlag{Name: "levels", Destination: &c.levels, Value: "10,20,30", Usage: "`NUMBERS` of trials with commas"},
			&cli.Float64Flag{Name: "shift", Destination: &c.shift, Value: 0.05,
				Usage: "standard deviation of a move, as a `SHARE` of the range"},
			&cli.BoolFlag{Name: "summary", Destination: &c.summary,
				Usage: "show the median ratio of warm to cold over all problems, with signed-rank tests"},
			formatFlag(&c.format),
		}),
		Action: action(c.run),
	}
}

// A warmTask is one problem, seed and kind of earlier studies; "": none.
type warmTask struct {
	problem, kind string
	seed          int
}

// run searches everything and compares.
func (c *transferCommand) run(ctx context.Context, stdout, _ io.Writer) error {
	names, open, err := c.problems.problems()
	if err != nil {
		return err
	}
	seeds, err := c.problems.seedList()
	levels, levelsErr := counts("levels", c.levels)
	if err := cmp.Or(err, levelsErr, atLeast("trials", c.trials, 1), atLeast("sources", c.sources, 1),
		atLeast("source-trials", c.sourceTrials, 1), atLeast("trials", c.trials, slices.Max(append(levels, 1)))); err != nil {
		return err
	}
	for _, k := range words(c.kinds) {
		if !slices.Contains(kindNames, k) {
			return usagef("--kinds is %q, want some of %s", c.kinds, strings.Join(kindNames, ", "))
		}
	}
	if _, err := newSampler(c.sampler, plan{}); err != nil {
		return err
	}
	kinds := append([]string{""}, words(c.kinds)...)
	var tasks []warmTask
	for _, name := range names {
		for _, kind := range kinds {
			for _, seed := range seeds {
				tasks = append(tasks, warmTask{name, kind, seed})
			}
		}
	}
	found, err := each(ctx, len(tasks), func(ctx context.Context, i int) ([]float64, error) {
		return c.search(ctx, names, open, tasks[i])
	})
	if err != nil {
		return err
	}
	curves := map[warmTask][]float64{}
	for i, t := range tasks {
		curves[t] = found[i]
	}
	list := c.compare(names, kinds[1:], seeds, levels, curves)
	if c.summary {
		return printRows(stdout, c.format, savingRows(list))
	}
	var rows []row
	for _, s := range list {
		rows = append(rows, row{cell("problem", s.problem), cell("kind", s.kind), cell("level", s.level),
			cell("warm", s.warm), cell("ratio", s.ratio())})
	}
	return printRows(stdout, c.format, rows)
}

// search returns the best gap after each trial.
func (c *transferCommand) search(ctx context.Context, names []string,
	open func(string, int) (problem, error), t warmTask) ([]float64, error) {
	instance := 1 + t.seed%5
	p, err := open(t.problem, instance)
	if err != nil {
		return nil, err
	}
	seed := samplerSeed(t.seed)
	inner, err := newSampler(c.sampler, plan{seed: seed, trials: c.trials})
	if err != nil {
		return nil, err
	}
	if t.kind != "" {
		sources, err := c.earlier(ctx, names, open, t, p)
		if err != nil || len(sources) == 0 {
			return nil, err
		}
		inner = &sampler.WarmStart{Sampler: inner, Sources: sources}
	}
	curve, _, err := searched(ctx, p, inner, seed, c.trials)
	best := math.Inf(1)
	for i, gap := range curve {
		best = min(best, gap)
		curve[i] = best
	}
	return curve, err
}

// searched runs a study and returns the gap of each trial and the history.
func searched(ctx context.Context, p problem, s sampler.Sampler, seed uint64, trials int) ([]float64, trial.History, error) {
	st, err := study.Open(ctx, study.Config{Sampler: s, Seed: seed})
	if err != nil {
		return nil, trial.History{}, err
	}
	curve, err := gaps(ctx, p, bluefin{st}, trials, 1)
	if err != nil {
		return nil, trial.History{}, err
	}
	h, err := st.History(ctx)
	return curve, h, err
}

// earlier returns the histories of earlier studies of a kind.
func (c *transferCommand) earlier(ctx context.Context, names []string, open func(string, int) (problem, error),
	t warmTask, p problem) (all []trial.History, err error) {
	var others []string
	for _, name := range names {
		if name != t.problem && sameParams(open, name, t.problem) {
			others = append(others, name)
		}
	}
	for i := range c.sources {
		source := p
		switch t.kind {
		case "shifted":
			source.Value = moved(p, c.shift, uint64(t.seed)<<8+uint64(i))
		case "mirrored":
			source.Value = mirrored(p)
		default:
			if len(others) == 0 {
				return nil, nil
			}
			// In turn, from a place that the seed chooses.
			if source, err = open(others[(t.seed+i)%len(others)], 1+(t.seed+i+1)%5); err != nil {
				return nil, err
			}
		}
		seed := samplerSeed(t.seed)<<16 + uint64(i) + 1
		s, err := newSampler(c.sampler, plan{seed: seed, trials: c.sourceTrials})
		if err != nil {
			return nil, err
		}
		_, h, err := searched(ctx, source, s, seed, c.sourceTrials)
		if err != nil {
			return nil, err
		}
		all = append(all, h)
	}
	return all, nil
}

// sameParams reports whether two problems have a first parameter in common.
func sameParams(open func(string, int) (problem, error), a, b string) bool {
	of := func(name string) (names []string) {
		p, err := open(name, 1)
		if err != nil {
			return nil
		}
		p.Value(func(name string, d space.Dist) float64 {
			names = append(names, name)
			return d.Value(0.5)
		})
		slices.Sort(names)
		return names
	}
	return slices.Equal(of(a), of(b))
}

// moved returns the values of a problem whose parameters are moved, reflected at the ends of their
// ranges; choices stay. The values are bent, which keeps their order.
func moved(p problem, sd float64, seed uint64) func(functions.Ask) float64 {
	return func(ask functions.Ask) float64 {
		v := p.Value(func(name string, d space.Dist) float64 {
			x := ask(name, d)
			if _, unordered := d.(space.Categorical); unordered {
				return x
			}
			h := seed
			for _, b := range []byte(name) {
				h = h*31 + uint64(b)
			}
			u := d.Unit(x) + sd*rand.New(rand.NewPCG(h, 1)).NormFloat64()
			u = math.Abs(u)
			return d.Value(min(u, 2-u))
		})
		return p.Minimum + math.Cbrt(v-p.Minimum)
	}
}

// mirrored returns the values of a problem with each range, or list of choices, turned around.
func mirrored(p problem) func(functions.Ask) float64 {
	return func(ask functions.Ask) float64 {
		return p.Value(func(name string, d space.Dist) float64 { return d.Value(1 - d.Unit(ask(name, d))) })
	}
}

// A saving compares warm with cold searches of a problem.
type saving struct {
	problem, kind string
	level         int     // cold searches have the gap after that many trials
	warm          float64 // the median trials to that gap
}

// ratio compares with the level and not with the trials after which the same cold searches first had
// the gap: these are fewer, because the gap was chosen among their own.
func (s saving) ratio() float64 { return s.warm / float64(s.level) }

// compare compares all searches.
func (c *transferCommand) compare(names, kinds []string, seeds, levels []int, curves map[warmTask][]float64) (
	list []saving) {
	for _, name := range names {
		for _, kind := range kinds {
			for _, level := range levels {
				var reached []float64
				for _, seed := range seeds {
					reached = append(reached, curves[warmTask{name, "", seed}][level-1])
				}
				slices.Sort(reached)
				goal := quantile(reached, 0.5)
				trials := func(kind string) float64 {
					var all []float64
					for _, seed := range seeds {
						curve := curves[warmTask{name, kind, seed}]
						n := slices.IndexFunc(curve, func(gap float64) bool { return gap <= goal }) + 1
						if n == 0 {
							n = c.trials
						}
						all = append(all, float64(n))
					}
					slices.Sort(all)
					return quantile(all, 0.5)
				}
				if curves[warmTask{name, kind, seeds[0]}] == nil {
					continue
				}
				list = append(list, saving{name, kind, level, trials(kind)})
			}
		}
	}
	return list
}

// savingRows summarizes over problems.
func savingRows(list []saving) (rows []row) {
	type key struct {
		kind  string
		level int
	}
	logs := map[key][]float64{}
	var keys []key
	for _, s := range list {
		k := key{s.kind, s.level}
		if logs[k] == nil {
			keys = append(keys, k)
		}
		logs[k] = append(logs[k], math.Log(s.ratio()))
	}
	for _, k := range keys {
		test := func(ratio float64) float64 {
			var d []float64
			for _, l := range logs[k] {
				d = append(d, l-math.Log(ratio))
			}
			return signedrank.TwoSided(d)
		}
		sorted := slices.Sorted(slices.Values(logs[k]))
		mean := 0.0
		for _, l := range sorted {
			mean += l / float64(len(sorted))
		}
		rows = append(rows, row{cell("kind", k.kind), cell("level", k.level), cell("problems", len(sorted)),
			cell("median_ratio", math.Exp(quantile(sorted, 0.5))), cell("mean_ratio", math.Exp(mean)),
			cell("p_half", test(0.5)), cell("p_equal", test(1)), cell("p_tenth_more", test(1.1))})
	}
	return rows
}

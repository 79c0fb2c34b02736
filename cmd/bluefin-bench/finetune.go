package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/objective/functions"
)

// finetuneCommand measures searches on trainings: how good the best one is after the epochs of a
// number of full trainings.
type finetuneCommand struct {
	task      string
	table     string
	meta      string
	search    string
	belief    string
	trainings string
	gain      float64
	seeds     int
	firstSeed int
	python    string
	cache     string
	summary   string
	against   string
	format    string
}

// define declares the flags; their texts are the documentation.
func (f *finetuneCommand) define() *cli.Command {
	return &cli.Command{
		Name:  "finetune",
		Usage: "measure how soon a search beats the recommended settings, on real trainings",
		Description: "A search may train as many epochs as some full trainings have. It starts with the setting that\n" +
			"its belief is about, without a belief with the recommended one. Regret is the gap of its best full\n" +
			"training to the best one ever seen, as a share of the gap of the recommended setting.\n" +
			"The seed of a search is 1000 + seed; seeds from 100 on are for development.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "task", Destination: &f.task, DefaultText: "all, or none with --table",
				Usage: "`NAMES` with commas: all, which is without fashion-few; mlp_digits, a recorded table, or real trainings: " +
					strings.Join(trainingNames, ", ")},
			&cli.StringFlag{Name: "table", Destination: &f.table,
				Usage: "also tables with learning curves: `FILES` of gzipped CSV, with commas; --meta describes them"},
			&cli.StringFlag{Name: "meta", Destination: &f.meta, Usage: "`FILES` of JSON that go with --table"},
			&cli.StringFlag{Name: "search", Destination: &f.search, Value: "auto,auto+halving,tpe+halving",
				Usage: "`NAMES` with commas: a sampler of quality --help, alone or before " + "+" +
					strings.Join(ownPruners[1:], ", +") + "; with --python, of other packages: " + strings.Join(tunerNames, ", ")},
			&cli.StringFlag{Name: "belief", Destination: &f.belief, Value: "none",
				Usage: "`KINDS` of belief with commas: none; good, near the best random setting for other data; vague, " +
					"around the recommended setting; wrong, near a poor setting; earlier, the study that good takes the best " +
					"setting of, for tasks that train and searches of this engine"},
			&cli.StringFlag{Name: "trainings", Destination: &f.trainings, Value: "5,10,20,30",
				Usage: "budgets: the epochs of these `NUMBERS` of full trainings"},
			&cli.Float64Flag{Name: "gain", Destination: &f.gain, Value: 0.5,
				Usage: "count the trainings until this `SHARE` of the gap of the recommended setting is gained"},
			&cli.IntFlag{Name: "seeds", Destination: &f.seeds, Value: 5, Usage: "`NUMBER` of seeds"},
			&cli.IntFlag{Name: "first-seed", Destination: &f.firstSeed, Usage: "first of the seeds"},
			&cli.StringFlag{Name: "python", Destination: &f.python, Usage: "a Python `PROGRAM` with the other packages"},
			&cli.StringFlag{Name: "cache", Destination: &f.cache,
				Usage: "a `FOLDER` that keeps trainings and the searches of other packages for the next time"},
			&cli.StringFlag{Name: "summary", Destination: &f.summary,
				Usage: "instead of all searches, a summary of this `KIND`: task: median and quartiles by task; rank: mean " +
					"ranks; gain: trainings until --gain; test: signed-rank tests over tasks"},
			&cli.StringFlag{Name: "against", Destination: &f.against, DefaultText: "the first of --search",
				Usage: "the search to test the others against: `NAME`, with its belief as in auto/good"},
			formatFlag(&f.format),
		},
		Action: action(f.run),
	}
}

// A tuned is one search and what it found.
type tuned struct {
	task   *tuning
	search string
	belief string
	seed   int
	steps  []step
}

// label is the name of the search with its belief.
func (t tuned) label() string {
	if t.belief == "none" {
		return t.search
	}
	return t.search + "/" + t.belief
}

// run does all searches and writes them, or a summary.
func (f *finetuneCommand) run(ctx context.Context, stdout, stderr io.Writer) error {
	list, budgets, err := f.list()
	if err != nil {
		return err
	}
	known, err := openSearches(f.cache)
	if err != nil {
		return err
	}
	var done sync.Mutex
	count := 0
	list, err = each(ctx, len(list), func(ctx context.Context, i int) (tuned, error) {
		one := list[i]
		var err error
		if one.steps, err = f.one(ctx, one, slices.Max(budgets), known); err != nil {
			return one, fmt.Errorf("%s, %s, seed %d: %w", one.task.name, one.label(), one.seed, err)
		}
		done.Lock()
		defer done.Unlock()
		if count++; count%100 == 0 {
			fmt.Fprintf(stderr, "%d of %d searches\n", count, len(list))
		}
		return one, nil
	})
	if err != nil {
		return err
	}
	// What is least is known only now, from all trainings of all searches.
	scales := map[*tuning]scaled{}
	for _, one := range list {
		if _, ok := scales[one.task]; !ok {
			if scales[one.task], err = scaleOf(ctx, one.task); err != nil {
				return err
			}
		}
	}
	return f.write(stdout, list, budgets, scales)
}

// write writes the searches or a summary.
func (f *finetuneCommand) write(stdout io.Writer, list []tuned, budgets []int, scales map[*tuning]scaled) error {
	var results []result
	var rows []row
	for _, one := range list {
		s := scales[one.task]
		for _, n := range budgets {
			best := bestAt(one.steps, n*one.task.epochs)
			r := result{problem: one.task.name, sampler: one.label(), seed: one.seed, n: n, best: s.regret(best)}
			results = append(results, r)
			rows = append(rows, row{cell("task", r.problem), cell("search", one.search), cell("belief", one.belief),
				cell("seed", r.seed), cell("trainings", n), cell("best", orNothing(best)), cell("regret", orNothing(r.best)),
				cell("trainings_to_gain", orNothing(s.gained(one, f.gain)))})
		}
	}
	switch f.summary {
	case "task":
		rows = byTask(results)
	case "rank":
		rows = byRank(results)
	case "gain":
		rows = gainRows(list, scales, f.gain)
	case "test":
		against := cmp.Or(f.against, list[0].label())
		tests := compare(results, against)
		if len(tests) == 0 {
			return usagef("--against is %q, want a search that has a task, a seed and a budget in common with another one",
				against)
		}
		rows = nil
		for _, r := range compareRows(tests) {
			if r[3].Value == allGroups || !slices.ContainsFunc(tests, func(c comparison) bool { return c.group == allGroups }) {
				rows = append(rows, renamed(r, "n", "trainings", "sampler", "search", "problems", "tasks"))
			}
		}
	}
	return printRows(stdout, f.format, rows)
}

// byTask are the medians and quartiles of searches by task.
func byTask(results []result) (rows []row) {
	for _, r := range summarizeProblems(results) {
		rows = append(rows, renamed(r, "problem", "task", "sampler", "search", "n", "trainings"))
	}
	return rows
}

// byRank are the mean ranks of searches over tasks.
func byRank(results []result) (rows []row) {
	for _, r := range standingRows(standings(results)) {
		rows = append(rows, renamed(r, "n", "trainings", "sampler", "search", "problems", "tasks"))
	}
	return rows
}

// renamed returns a row with other names: pairs of an old and a new one. Values that are not finite
// are left out, as JSON has none.
func renamed(r row, names ...string) row {
	r = slices.Clone(r)
	for i := range r {
		for j := 0; j < len(names); j += 2 {
			if r[i].Name == names[j] {
				r[i].Name = names[j+1]
			}
		}
		if x, ok := r[i].Value.(float64); ok {
			r[i].Value = orNothing(x)
		}
	}
	return r
}

// orNothing is nil for what is not finite.
func orNothing(x float64) any {
	if math.IsInf(x, 0) || math.IsNaN(x) {
		return nil
	}
	return x
}

// gainRows are the medians of the trainings until the gain.
func gainRows(list []tuned, scales map[*tuning]scaled, gain float64) []row {
	var results []result
	for _, one := range list {
		results = append(results, result{problem: one.task.name, sampler: one.label(), seed: one.seed,
			best: scales[one.task].gained(one, gain)})
	}
	var rows []row
	keys, found := spots(results)
	for _, k := range keys {
		g := found[k]
		reached := 0
		for _, x := range g {
			if !math.IsInf(x, 1) {
				reached++
			}
		}
		rows = append(rows, row{cell("task", k.problem), cell("search", k.sampler), cell("seeds", len(g)),
			cell("reached", reached), cell("median_trainings", orNothing(g[len(g)/2]))})
	}
	return rows
}

// scaled is the scale of regrets of a task.
type scaled struct{ least, gap float64 }

// scaleOf trains the recommended setting and some random ones, so that the least value is not just
// that of the searches.
func scaleOf(ctx context.Context, t *tuning) (scaled, error) {
	if _, err := t.reference(ctx, referenceTrials); err != nil {
		return scaled{}, err
	}
	recommended, err := t.full(ctx, t.draw(point(t.first).answer()))
	if err != nil {
		return scaled{}, err
	}
	least := t.minimum()
	return scaled{least, recommended - least}, nil
}

// regret is 0 for the best training ever seen and 1 for the recommended setting.
func (s scaled) regret(best float64) float64 {
	if s.gap <= 0 { // nothing is better than the recommended setting
		return best - s.least
	}
	return (best - s.least) / s.gap
}

// gained returns the full trainings' worth of epochs until a share of the gap is gained; infinite if it never is.
func (s scaled) gained(one tuned, share float64) float64 {
	for _, step := range one.steps {
		if s.regret(step.Best) <= 1-share {
			return float64(step.Epochs) / float64(one.task.epochs)
		}
	}
	return math.Inf(1)
}

// list returns the searches to run and the budgets, and refuses flags that do not fit together.
func (f *finetuneCommand) list() (list []tuned, budgets []int, err error) {
	if budgets, err = counts("trainings", f.trainings); err != nil {
		return nil, nil, err
	}
	if err := cmp.Or(atLeast("seeds", f.seeds, 1), atLeast("first-seed", f.firstSeed, 0)); err != nil {
		return nil, nil, err
	}
	switch {
	case !(f.gain > 0 && f.gain <= 1):
		return nil, nil, usagef("--gain is %v, want above 0 to 1", f.gain)
	case f.summary != "" && !slices.Contains([]string{"task", "rank", "gain", "test"}, f.summary):
		return nil, nil, usagef("--summary is %q, want task, rank, gain or test", f.summary)
	case f.against != "" && f.summary != "test":
		return nil, nil, usagef("--against is %q, want --summary test too", f.against)
	}
	names, beliefs := words(f.search), words(f.belief)
	if len(names) == 0 || len(beliefs) == 0 {
		return nil, nil, usagef("--search is %q and --belief %q, want names", f.search, f.belief)
	}
	for _, b := range beliefs {
		if !slices.Contains(beliefNames, b) {
			return nil, nil, usagef("--belief is %q, want some of %s", b, strings.Join(beliefNames, ", "))
		}
	}
	if f.cache != "" {
		if err := os.MkdirAll(f.cache, 0o755); err != nil {
			return nil, nil, fmt.Errorf("--cache: %w", err)
		}
	}
	tasks, err := f.tasks()
	if err != nil {
		return nil, nil, err
	}
	for _, name := range names {
		if isTuner(name) {
			if f.python == "" {
				return nil, nil, usagef("--search has %q, want --python too", name)
			}
		} else if _, _, err := newOwn(name, tasks[0], 0); err != nil {
			return nil, nil, usagef("--search has %q, want a sampler (bluefin-bench quality --help), alone or before +%s, "+
				"or one of %s", name, strings.Join(ownPruners[1:], ", +"), strings.Join(tunerNames, ", "))
		}
		for _, t := range tasks {
			for _, b := range beliefs {
				if b == "earlier" && (t.sibling == nil || isTuner(name)) {
					continue
				}
				for seed := range f.seeds {
					list = append(list, tuned{task: t, search: name, belief: b, seed: f.firstSeed + seed})
				}
			}
		}
	}
	if len(list) == 0 {
		return nil, nil, usagef("--belief is %q, want a --task that trains and a --search of this engine too", f.belief)
	}
	return list, budgets, nil
}

// tasks returns the tasks of the flags.
func (f *finetuneCommand) tasks() (tasks []*tuning, err error) {
	names := words(f.task)
	if slices.Contains(names, "all") || len(names) == 0 && f.table == "" {
		// A training of fashion-few takes as long as ten of another task.
		names = slices.DeleteFunc(append([]string{"mlp_digits"}, trainingNames...),
			func(name string) bool { return name == "fashion-few" && !slices.Contains(names, name) })
	}
	var tables []functions.Problem
	if slices.Contains(names, "mlp_digits") {
		p, err := functions.New("mlp_digits", 1)
		if err != nil {
			return nil, err
		}
		tables = append(tables, p)
	}
	rows, meta := words(f.table), words(f.meta)
	if len(rows) != len(meta) {
		return nil, usagef("--table is %q and --meta is %q, want as many files", f.table, f.meta)
	}
	for i := range rows {
		p, err := openTable(rows[i], meta[i])
		if err != nil {
			return nil, err
		}
		tables = append(tables, p)
	}
	for _, p := range tables {
		t, err := tableTuning(p, recommended[p.Name])
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, t)
	}
	for _, name := range names {
		switch {
		case name == "mlp_digits":
		case slices.Contains(trainingNames, name):
			t, err := trainingTuning(name, 0, f.cache)
			if err != nil {
				return nil, err
			}
			tasks = append(tasks, t)
		default:
			return nil, usagef("--task is %q, want some of mlp_digits, %s", name, strings.Join(trainingNames, ", "))
		}
	}
	return tasks, nil
}

// one runs a search, unless another package has run it before.
func (f *finetuneCommand) one(ctx context.Context, one tuned, trainings int, known *storedSearches) ([]step, error) {
	from, err := one.task.start(ctx, one.belief, one.seed)
	if err != nil {
		return nil, err
	}
	budget := trainings * one.task.epochs
	key := searchKey{one.task.id, one.search, one.belief, one.seed}
	if steps, ok := known.get(key, budget); ok && isTuner(one.search) {
		return steps, nil
	}
	seed := samplerSeed(one.seed)
	var by tuner
	if isTuner(one.search) {
		by, err = openTuner(ctx, f.python, one.search, one.task, from, seed)
	} else {
		by, err = openOwn(ctx, one.search, one.task, from, seed)
	}
	if err != nil {
		return nil, err
	}
	defer by.close()
	steps, err := search(ctx, one.task, by, budget)
	if err == nil && isTuner(one.search) {
		err = known.put(key, budget, steps)
	}
	return steps, err
}

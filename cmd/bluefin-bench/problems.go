package main

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/objective/functions"
)

// problemFlags select problems and seeds.
type problemFlags struct {
	problem   string // "": byDefault, unless there is a table
	byDefault string
	table     string
	meta      string
	seeds     int
	firstSeed int
}

// flags declares them with the default of a command.
func (f *problemFlags) flags(byDefault string) []cli.Flag {
	f.byDefault = byDefault
	return []cli.Flag{
		&cli.StringFlag{Name: "problem", Destination: &f.problem, DefaultText: strconv.Quote(byDefault),
			Usage: "`NAMES` of problems or groups, with commas: bbob_fFF_dDD, classic_NAME, mixint_fFF, catchain, " +
				"jenatton, synth_finetune, mlp_digits, zdtN, dtlzN; bbob_dDD, classic, mixed, table, zdt, dtlz, all"},
		&cli.StringFlag{Name: "table", Destination: &f.table,
			Usage: "tables to search, instead of the default of --problem or " +
				"in addition to its problems: `FILES` of gzipped CSV, with commas; --meta describes them"},
		&cli.StringFlag{Name: "meta", Destination: &f.meta, Usage: "`FILES` of JSON that go with --table"},
		&cli.IntFlag{Name: "seeds", Destination: &f.seeds, Value: 5, Usage: "`NUMBER` of seeds"},
		&cli.IntFlag{Name: "first-seed", Destination: &f.firstSeed,
			Usage: "first of the seeds; 100 and above are for development, 0 to 9 for the final comparison"},
	}
}

// problems returns the names of the problems and tables, and a function that makes an instance of one.
func (f *problemFlags) problems() ([]string, func(name string, instance int) (problem, error), error) {
	rows, meta := words(f.table), words(f.meta)
	// They go together by their order.
	if len(rows) != len(meta) {
		return nil, nil, usagef("--table is %q and --meta is %q, want as many files", f.table, f.meta)
	}
	var names []string
	// A table alone means the table alone, without the default.
	if len(rows) == 0 || f.problem != "" {
		var err error
		if names, err = problemNames(words(cmp.Or(f.problem, f.byDefault))); err != nil {
			return nil, nil, err
		}
	}
	tables := map[string]problem{}
	for i := range rows {
		p, err := openTable(rows[i], meta[i])
		if err != nil {
			return nil, nil, err
		}
		if slices.Contains(names, p.Name) {
			return nil, nil, usagef("--meta is %q, want different names: a table has the name of its meta file, "+
				"and %q is there twice",
				f.meta, p.Name)
		}
		names, tables[p.Name] = append(names, p.Name), p
	}
	return names, func(name string, instance int) (problem, error) {
		if p, ok := tables[name]; ok {
			return p, nil
		}
		// Tables have one instance only.
		return functions.New(name, instance)
	}, nil
}

// problemNames replaces groups by their problems and checks all names.
func problemNames(list []string) ([]string, error) {
	var names []string
	for _, word := range list {
		group := functions.Names(word)
		if group == nil {
			if _, err := functions.New(word, 1); err != nil {
				// A misspelled name is a mistake in the command line.
				return nil, usageError{err}
			}
			group = []string{word}
		}
		for _, name := range group {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 {
		return nil, usagef("--problem is empty, want the names of problems or groups")
	}
	return names, nil
}

// seedList returns the seeds.
func (f *problemFlags) seedList() ([]int, error) {
	if err := cmp.Or(atLeast("seeds", f.seeds, 1), atLeast("first-seed", f.firstSeed, 0)); err != nil {
		return nil, err
	}
	seeds := make([]int, f.seeds)
	for i := range seeds {
		seeds[i] = f.firstSeed + i
	}
	return seeds, nil
}

// openTable reads a table, which has the name of its meta file.
func openTable(rows, meta string) (functions.Problem, error) {
	r, err := os.Open(rows)
	if err != nil {
		return functions.Problem{}, err
	}
	defer r.Close()
	m, err := os.Open(meta)
	if err != nil {
		return functions.Problem{}, err
	}
	defer m.Close()
	return functions.Table(strings.TrimSuffix(filepath.Base(meta), ".json"), r, m)
}

// problem is short for what nearly every function here takes.
type problem = functions.Problem

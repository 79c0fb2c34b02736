package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/objective/functions"
)

func problemFlags(value string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "problem", Value: value, Usage: "`NAMES` of problems or groups, with commas: bbob_fFF_dDD, classic_NAME, mixint_fFF, catchain, jenatton, synth_finetune, mlp_digits; bbob_dDD, classic, mixed, table, all"},
		&cli.StringFlag{Name: "table", Usage: "tables to search, instead of the default of --problem or beside what it names: `FILES` of CSV under gzip, with commas; --meta says what is in them"},
		&cli.StringFlag{Name: "meta", Usage: "`FILES` of JSON that go with --table"},
		&cli.IntFlag{Name: "seeds", Value: 5, Usage: "`NUMBER` of seeds"},
		&cli.IntFlag{Name: "first-seed", Usage: "first of the seeds; 100 and above are for development, 0 to 9 for the final comparison"},
	}
}

// problems returns the names that --problem stands for and those of the tables,
// and a function that makes an instance of one.
func problems(c *cli.Context) ([]string, func(name string, instance int) (problem, error), error) {
	rows, meta := words(c, "table"), words(c, "meta")
	if len(rows) != len(meta) {
		return nil, nil, usagef("--table is %q and --meta is %q, want as many files", c.String("table"), c.String("meta"))
	}
	var names []string
	if len(rows) == 0 || c.IsSet("problem") {
		var err error
		if names, err = problemNames(words(c, "problem")); err != nil {
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
			return nil, nil, usagef("--meta is %q, want different names: tables are called as their meta files are, and %q is there twice", c.String("meta"), p.Name)
		}
		names, tables[p.Name] = append(names, p.Name), p
	}
	return names, func(name string, instance int) (problem, error) {
		if p, ok := tables[name]; ok {
			return p, nil
		}
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

// openTable reads a table, which is called as its meta file is.
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

type problem = functions.Problem

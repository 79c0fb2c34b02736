// Package functions has test problems with known minima, to compare samplers and pruners on:
// functions of real numbers (bbob, classic), problems with integers, categories and conditions
// (mixed), tables of trainings with learning curves (table), and problems with several objectives
// (zdt, dtlz).
//
// A Problem asks for its parameters while it runs, so a conditional parameter is asked for only
// where it exists:
//
//	p, err := functions.New("bbob_f08_d05", 1)
//	…
//	gap := p.Value(ask) - p.Minimum
package functions

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bluefin-hpo/bluefin/space"
)

// An Ask returns the value of the parameter called name, in internal form and contained in d.
type Ask func(name string, d space.Dist) float64

// A Problem is an objective to minimize. It is safe for concurrent use.
type Problem struct {
	Name    string
	Group   string  // problems whose scores can be averaged: bbob_d05, classic, mixed, table
	Minimum float64 // the smallest value

	// Value asks for the parameters and returns the value there.
	Value func(ask Ask) float64

	// Curve asks for the parameters and returns the value after each epoch of a training, ending
	// with what Value returns. Do not modify it. nil: the problem is not a training.
	Curve func(ask Ask) []float64

	// Several is not nil for a problem with several objectives, which has no Value, Minimum or Curve.
	Several *Several
}

// A function is a function of real numbers on a box.
type function struct {
	Low, High []float64 // length d: the box, both ends included
	Minimum   float64   // the smallest value in the box
	Minimizer []float64 // length d: a point that has it
	Value     func(x []float64) float64
}

// problem returns f as a Problem with the parameters x0, x1, ….
func (f function) problem(name, group string) Problem {
	dims := make([]space.Dimension, len(f.Low))
	for i := range dims {
		dims[i] = space.Dimension{Name: "x" + strconv.Itoa(i), Dist: space.Float{Low: f.Low[i], High: f.High[i]}}
	}
	return Problem{Name: name, Group: group, Minimum: f.Minimum, Value: func(ask Ask) float64 {
		x := make([]float64, len(dims))
		for i, d := range dims {
			x[i] = ask(d.Name, d.Dist)
		}
		return f.Value(x)
	}}
}

// box returns the ends of a box that is the same in all d dimensions.
func box(d int, low, high float64) (lows, highs []float64) {
	return slices.Repeat([]float64{low}, d), slices.Repeat([]float64{high}, d)
}

// New returns the problem called name: bbob_fFF_dDD, classic_NAME, mixint_fFF, catchain, jenatton,
// synth_finetune, mlp_digits, zdtN or dtlzN. BBOB, mixint and catchain have many instances, from 1; the others
// ignore the instance. It is an error if there is no such problem.
func New(name string, instance int) (Problem, error) {
	if instance < 1 {
		return Problem{}, fmt.Errorf("instance is %d, want at least 1", instance)
	}
	switch {
	case strings.HasPrefix(name, "bbob_"):
		id, dim, ok := cutBBOB(name)
		if !ok {
			return Problem{}, fmt.Errorf("problem %q: want bbob_fFF_dDD with a function FF and a dimension DD", name)
		}
		f, err := bbobFunction(id, dim, instance)
		return f.problem(name, fmt.Sprintf("bbob_d%02d", dim)), err
	case strings.HasPrefix(name, "classic_"):
		f, err := classicFunction(strings.TrimPrefix(name, "classic_"))
		return f.problem(name, "classic"), err
	case strings.HasPrefix(name, "mixint_f"):
		id, err := strconv.Atoi(strings.TrimPrefix(name, "mixint_f"))
		if err != nil || name != mixintName(id) {
			return Problem{}, fmt.Errorf("problem %q: want mixint_fFF with a function FF", name)
		}
		return mixint(id, instance)
	case strings.HasPrefix(name, "zdt"), strings.HasPrefix(name, "dtlz"):
		if p, ok := newSeveral(name); ok {
			return p, nil
		}
	case name == "catchain":
		return catchain(instance), nil
	case name == "jenatton":
		return jenatton(), nil
	case name == "synth_finetune":
		return synthFinetune(), nil
	case slices.Contains(tableNames, name):
		return embedded(name)
	}
	return Problem{}, fmt.Errorf("no problem is called %q", name)
}

// cutBBOB splits the name of a BBOB problem.
func cutBBOB(name string) (id, dim int, ok bool) {
	n, err := fmt.Sscanf(name, "bbob_f%d_d%d", &id, &dim)
	return id, dim, err == nil && n == 2 && name == bbobName(id, dim)
}

func bbobName(id, dim int) string { return fmt.Sprintf("bbob_f%02d_d%02d", id, dim) }
func mixintName(id int) string    { return fmt.Sprintf("mixint_f%02d", id) }

// Names returns the names of the problems in a group: bbob_dDD with any dimension DD, classic,
// mixed, table, zdt and dtlz with several objectives, or all: BBOB in 2, 5, 10 and 20 dimensions and
// all others with one objective. It returns nil if there is no such group.
func Names(group string) []string {
	var dim int
	switch group {
	case "classic":
		var names []string
		for _, c := range classics {
			names = append(names, "classic_"+c.name)
		}
		return names
	case "mixed":
		return []string{"mixint_f01", "mixint_f08", "mixint_f10", "mixint_f15", "mixint_f20", "catchain", "jenatton",
			"synth_finetune"}
	case "table":
		return slices.Clone(tableNames)
	case "zdt", "dtlz":
		return severalNames(group)
	case "all":
		var names []string
		for _, g := range []string{"bbob_d02", "bbob_d05", "bbob_d10", "bbob_d20", "classic", "mixed", "table"} {
			names = append(names, Names(g)...)
		}
		return names
	}
	if _, err := fmt.Sscanf(group, "bbob_d%d", &dim); err != nil || dim < 2 || group != fmt.Sprintf("bbob_d%02d", dim) {
		return nil
	}
	var names []string
	for id := 1; id <= 24; id++ {
		names = append(names, bbobName(id, dim))
	}
	return names
}

package studyfile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/bluefin-hpo/bluefin/cmd/internal/searchspace"
	"github.com/bluefin-hpo/bluefin/space"
)

// A definition is a parameter as it is read: its condition is compiled when all parameters are known.
type definition struct {
	searchspace.Param
	at           node
	when         node // of if:, or without a Node
	defaultAt    node
	defaultValue any
}

// parameters reads all parameters, in the order of the file.
func (r *reader) parameters(n node) (all []definition) {
	r.each(n, 0, func(name string, at, value node) {
		if slices.ContainsFunc(all, func(d definition) bool { return d.Name == name }) {
			return // merged; the first one counts
		}
		if err := searchspace.CheckName(name); err != nil {
			r.fail(at, "%v", err)
			return
		}
		d := definition{at: at}
		d.Name = name
		r.parameter(r.visit(value), &d)
		all = append(all, d)
	})
	if len(all) == 0 {
		r.fail(n, "%s is empty, want at least one parameter", n.key)
	}
	return all
}

// parameter reads a range, a list of choices, a constant, or a mapping of these with more.
func (r *reader) parameter(n node, d *definition) {
	if r.err != nil {
		return
	}
	var err error
	switch n.Kind {
	case yaml.SequenceNode:
		d.Dist = r.choices(n)
	case yaml.MappingNode:
		r.ranged(n, d)
		return
	default:
		v := r.scalar(n)
		if text, ok := v.(string); ok && (strings.Contains(text, "..") || strings.Contains(text, ",")) {
			d.Dist, err = searchspace.ParseDist(text)
		} else {
			d.Dist = space.Categorical{Choices: []any{v}}
		}
	}
	r.checkDist(n, d.Dist, err)
}

func (r *reader) checkDist(n node, d space.Dist, err error) {
	if r.err == nil && err == nil {
		err = d.Check()
	}
	if err != nil {
		r.fail(n, "%s: %v", n.key, err)
	}
}

func (r *reader) choices(n node) space.Dist {
	var all []any
	r.list(n, func(_ int, e node) { all = append(all, r.scalar(e)) })
	return space.Categorical{Choices: all}
}

// ranged reads a mapping. A range is of ints if its low, high and step are written as ints.
func (r *reader) ranged(n node, d *definition) {
	var low, high, step, choices, value, text, kind, log, values, prior, weights node
	keep := func(to *node) field { return func(n node) { *to = r.visit(n) } }
	r.object(n, map[string]field{
		"low": keep(&low), "high": keep(&high), "step": keep(&step), "log": keep(&log), "type": keep(&kind),
		"choices": keep(&choices), "value": keep(&value), "range": keep(&text), "if": keep(&d.when),
		"default": keep(&d.defaultAt), "values": keep(&values), "prior": keep(&prior), "weights": keep(&weights),
		"path": func(n node) { r.list(n, func(_ int, e node) { d.Path = append(d.Path, r.name(e)) }) },
	})
	if r.err != nil {
		return
	}
	given := 0
	for _, way := range []node{low, choices, value, text} {
		if way.Node != nil {
			given++
		}
	}
	ranged := low.Node != nil && high.Node != nil
	var err error
	switch {
	case given != 1 || !ranged && (low.Node != nil || high.Node != nil):
		r.fail(n, "%s: want low and high, or range, or choices, or value", n.key)
	case !ranged && (step.Node != nil || log.Node != nil || kind.Node != nil):
		r.fail(n, "%s: step, log and type belong to low and high", n.key)
	case choices.Node != nil:
		d.Dist = r.choices(choices)
	case value.Node != nil:
		d.Dist = space.Categorical{Choices: []any{r.scalar(value)}}
	case text.Node != nil:
		d.Dist, err = searchspace.ParseDist(r.text(text))
	default:
		d.Dist = r.numbers(low, high, step, log, kind)
	}
	r.checkDist(n, d.Dist, err)
	if values.Node != nil {
		r.replaced(values, d)
	}
	if d.defaultAt.Node != nil && r.err == nil {
		d.defaultValue = r.of(d.defaultAt, d.Dist)
	}
	r.prior(prior, weights, d)
}

// replaced reads what the program gets in place of the choices.
func (r *reader) replaced(n node, d *definition) {
	choices, _ := d.Dist.(space.Categorical)
	r.list(n, func(_ int, e node) { d.Values = append(d.Values, r.value(e, 0)) })
	if r.err == nil && len(d.Values) != len(choices.Choices) {
		r.fail(n, "%s has %d values, want one for each choice", n.key, len(d.Values))
	}
}

func (r *reader) numbers(low, high, step, log, kind node) space.Dist {
	isLog := log.Node != nil && r.bool(log)
	all := []node{low, high}
	if step.Node != nil {
		all = append(all, step)
		if r.number(step) <= 0 {
			r.wrong(step, "a number above 0")
		}
	}
	ints := !slices.ContainsFunc(all, func(n node) bool { _, ok := r.scalar(n).(int); return !ok })
	if kind.Node != nil {
		ints = r.word(kind, "float", "int") == "int"
	}
	if !ints {
		d := space.Float{Low: r.number(low), High: r.number(high), Log: isLog}
		if step.Node != nil {
			d.Step = r.number(step)
		}
		return d
	}
	values := [3]int{}
	for i, n := range all {
		x, ok := r.scalar(n).(int)
		if !ok {
			r.wrong(n, "a whole number, as the type is int")
		}
		values[i] = x
	}
	return space.Int{Low: values[0], High: values[1], Step: values[2], Log: isLog}
}

// of reads a value of a distribution.
func (r *reader) of(n node, d space.Dist) any {
	v := r.scalar(n)
	x, err := d.Internal(v)
	if err != nil {
		r.wrong(n, fmt.Sprint(d))
		return nil
	}
	return d.External(x)
}

// space compiles the conditions and constraints of the parameters.
func (r *reader) space(all []definition, constraints []node) (s searchspace.Space) {
	if r.err != nil {
		return s
	}
	var dims []space.Dimension
	for _, d := range all {
		dims = append(dims, space.Dimension{Name: d.Name, Dist: d.Dist})
	}
	compile := func(n node) *searchspace.Expr {
		e, err := searchspace.Compile(r.text(n), dims)
		if err != nil {
			r.fail(n, "%s: %v", n.key, err)
		}
		return e
	}
	for i, d := range all {
		if d.when.Node != nil {
			all[i].If = compile(d.when)
		}
		s.Params = append(s.Params, all[i].Param)
	}
	for _, n := range constraints {
		s.Constraints = append(s.Constraints, compile(n))
	}
	if r.err != nil {
		return s
	}
	var err error
	if s.Params, err = searchspace.Sort(s.Params); err != nil {
		i := slices.IndexFunc(all, func(d definition) bool { return d.when.Node != nil })
		r.fail(all[i].when, "%v", err)
		return s
	}
	if _, err := s.Example(); err != nil {
		r.fail(r.culprit(err, s, all, constraints), "%v", err)
		return s
	}
	if c, err := s.Misbelieved(); err == nil && c != nil {
		r.fail(constraints[slices.Index(s.Constraints, c)], "the most likely values of the priors violate the constraint %q", c)
	}
	return s
}

// culprit is where the constraint is that cannot be satisfied, or the first expression.
func (r *reader) culprit(err error, s searchspace.Space, all []definition, constraints []node) node {
	var unsatisfied *searchspace.UnsatisfiedError
	if errors.As(err, &unsatisfied) {
		return constraints[slices.Index(s.Constraints, unsatisfied.Constraint)]
	}
	for _, d := range all {
		if d.when.Node != nil {
			return d.when
		}
	}
	return constraints[0]
}

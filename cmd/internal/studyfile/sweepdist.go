package studyfile

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/space"
)

// distributionKeys are the keys of each distribution of W&B.
var distributionKeys = map[string][]string{
	"constant": {"value"}, "categorical": {"values"}, "categorical_w_probabilities": {"values", "probabilities"},
	"int_uniform": {"min", "max"}, "uniform": {"min", "max"}, "q_uniform": {"min", "max", "q"},
	"log_uniform": {"min", "max"}, "log_uniform_values": {"min", "max"},
	"inv_log_uniform": {"min", "max"}, "inv_log_uniform_values": {"min", "max"},
	"q_log_uniform": {"min", "max", "q"}, "q_log_uniform_values": {"min", "max", "q"},
	"normal": {"mu", "sigma"}, "q_normal": {"mu", "sigma", "q"},
	"log_normal": {"mu", "sigma"}, "q_log_normal": {"mu", "sigma", "q"},
	"beta": {"a", "b"}, "q_beta": {"a", "b", "q"},
}

// A shape is what a distribution of W&B is made of.
type shape struct {
	name                 string
	min, max, mu, sigma  float64
	a, b, q              float64
	ints                 bool // min and max are
	intStep              bool // q is an int
	values, probs, value node
}

// distribution reads a parameter of a sweep. What has no counterpart becomes the nearest range, with a
// note.
func (r *reader) distribution(n node, d *definition, f *File) {
	s := shape{sigma: 1, a: 1, b: 1, q: 1, intStep: true, ints: true}
	given := map[string]node{}
	names := slices.Sorted(maps.Keys(distributionKeys))
	fields := map[string]field{"distribution": func(n node) { s.name = r.word(n, names...) }}
	number := func(to *float64) field {
		return func(n node) {
			*to = r.number(n)
			given[n.Key()] = n
		}
	}
	end := func(to *float64) field {
		return func(n node) {
			number(to)(n)
			_, isInt := r.scalar(n).(int)
			s.ints = s.ints && isInt
		}
	}
	keep := func(to *node) field {
		return func(n node) { *to, given[n.Key()] = r.visit(n), n }
	}
	fields["min"], fields["max"] = end(&s.min), end(&s.max)
	fields["mu"], fields["sigma"], fields["a"], fields["b"] = number(&s.mu), number(&s.sigma), number(&s.a), number(&s.b)
	fields["values"], fields["probabilities"], fields["value"] = keep(&s.values), keep(&s.probs), keep(&s.value)
	fields["q"] = func(n node) {
		number(&s.q)(n)
		_, s.intStep = r.scalar(n).(int)
		if s.q <= 0 {
			r.wrong(n, "a number above 0")
		}
	}
	r.object(n, fields)
	if r.err != nil {
		return
	}
	if s.name == "" {
		s.name = s.guess(given)
	}
	want := distributionKeys[s.name]
	for _, key := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(want, key) {
			r.fail(given[key], "%s: %s has no %s, want %s", n.key, s.name, key, sentence(want))
		}
	}
	for _, key := range want[:min(2, len(want))] {
		if _, ok := given[key]; !ok && slices.Contains([]string{"value", "values", "probabilities", "min", "max"}, key) {
			r.fail(n, "%s: %s needs %s", n.key, s.name, sentence(want))
		}
	}
	if r.err != nil {
		return
	}
	note := r.build(n, s, d)
	r.checkDist(n, d.Dist, nil)
	if note != "" {
		f.Notes = append(f.Notes, fmt.Sprintf("%s: %s", d.Name, note))
	}
}

// guess is the distribution of a parameter that names none.
func (s shape) guess(given map[string]node) string {
	has := func(key string) bool { _, ok := given[key]; return ok }
	switch {
	case has("value"):
		return "constant"
	case has("probabilities"):
		return "categorical_w_probabilities"
	case has("values"):
		return "categorical"
	case s.ints:
		return "int_uniform"
	}
	return "uniform"
}

// build makes the distribution, and returns what is different about it.
func (r *reader) build(n node, s shape, d *definition) (note string) {
	const even = "is drawn evenly from"
	switch s.name {
	case "constant":
		r.options([]any{r.value(s.value, 0)}, d)
	case "categorical":
		r.options(r.all(s.values), d)
	case "categorical_w_probabilities":
		return r.weighted(n, s, d)
	case "int_uniform":
		if !s.ints {
			r.fail(n, "%s: min and max are %v and %v, want ints for int_uniform", n.key, s.min, s.max)
		}
		if math.Abs(s.min) > 1<<53 || math.Abs(s.max) > 1<<53 {
			r.fail(n, "%s: min and max are %v and %v, want at most 2^53", n.key, s.min, s.max)
			return ""
		}
		d.Dist = space.Int{Low: int(s.min), High: int(s.max)}
	case "uniform":
		d.Dist = space.Float{Low: s.min, High: s.max}
	case "q_uniform":
		d.Dist = s.stepped(s.min, s.max)
	case "log_uniform":
		d.Dist = space.Float{Low: math.Exp(s.min), High: math.Exp(s.max), Log: true}
	case "inv_log_uniform":
		d.Dist = space.Float{Low: math.Exp(-s.max), High: math.Exp(-s.min), Log: true}
	case "log_uniform_values", "inv_log_uniform_values":
		d.Dist = space.Float{Low: s.min, High: s.max, Log: true}
	case "q_log_uniform":
		return s.steppedLog(math.Exp(s.min), math.Exp(s.max), d)
	case "q_log_uniform_values":
		return s.steppedLog(s.min, s.max, d)
	case "normal":
		d.Dist = space.Float{Low: s.mu - 3*s.sigma, High: s.mu + 3*s.sigma}
		return fmt.Sprintf("normal %s [%s, %s], three sigma", even, text(s.mu-3*s.sigma), text(s.mu+3*s.sigma))
	case "q_normal":
		d.Dist = s.stepped(s.mu-3*s.sigma, s.mu+3*s.sigma)
		return fmt.Sprintf("q_normal %s [%s, %s], three sigma", even, text(s.mu-3*s.sigma), text(s.mu+3*s.sigma))
	case "log_normal":
		low, high := math.Exp(s.mu-3*s.sigma), math.Exp(s.mu+3*s.sigma)
		d.Dist = space.Float{Low: low, High: high, Log: true}
		return fmt.Sprintf("log_normal %s [%s, %s], three sigma, on a log scale", even, text(low), text(high))
	case "q_log_normal":
		low, high := math.Exp(s.mu-3*s.sigma), math.Exp(s.mu+3*s.sigma)
		s.steppedLog(low, high, d)
		return fmt.Sprintf("q_log_normal %s the multiples of %s in [%s, %s], three sigma", even, text(s.q), text(low),
			text(high))
	case "beta":
		d.Dist = space.Float{Low: 0, High: 1}
		if s.a != 1 || s.b != 1 {
			return "beta " + even + " [0, 1]"
		}
	case "q_beta":
		d.Dist = s.stepped(0, 1)
		return "q_beta " + even + " the multiples of " + text(s.q) + " in [0, 1]"
	}
	return ""
}

// stepped has the multiples of q that numbers from low to high are rounded to.
func (s shape) stepped(low, high float64) space.Dist {
	first, last := math.RoundToEven(low/s.q), math.RoundToEven(high/s.q)
	if s.intStep && math.Abs(first*s.q) < 1<<53 && math.Abs(last*s.q) < 1<<53 {
		return space.Int{Low: int(first) * int(s.q), High: int(last) * int(s.q), Step: int(s.q)}
	}
	return space.Float{Low: first * s.q, High: last * s.q, Step: s.q}
}

// steppedLog is stepped on a log scale, which only ints in steps of 1 have here.
func (s shape) steppedLog(low, high float64, d *definition) (note string) {
	d.Dist = s.stepped(low, high)
	if whole, ok := d.Dist.(space.Int); ok && whole.Step == 1 && whole.Low > 0 {
		d.Dist = space.Int{Low: whole.Low, High: whole.High, Log: true}
		return ""
	}
	return fmt.Sprintf("%s is drawn evenly from the multiples of %s, not on a log scale", s.name, text(s.q))
}

// all reads a list of any values.
func (r *reader) all(n node) []any {
	list, ok := r.value(n, 0).([]any)
	if !ok {
		r.wrong(n, "a list")
	}
	return list
}

// options makes choices of any values. A list or a mapping is a choice by its JSON.
func (r *reader) options(values []any, d *definition) {
	choices := slices.Clone(values)
	for i, v := range values {
		switch v.(type) {
		case []any, map[string]any:
			if text, err := pyjson.Marshal(v); err == nil {
				choices[i], d.Values = string(text), values
			}
		}
	}
	d.Dist = space.Categorical{Choices: choices}
}

// weighted leaves out the choices of probability 0. Others cannot be weighted.
func (r *reader) weighted(n node, s shape, d *definition) (note string) {
	values, probabilities := r.all(s.values), r.all(s.probs)
	if r.err == nil && len(values) != len(probabilities) {
		r.fail(n, "%s has %d values and %d probabilities", n.key, len(values), len(probabilities))
	}
	if r.err != nil {
		return ""
	}
	var possible, weights []any
	for i, e := range r.visit(s.probs).Content {
		p := r.number(node{e, s.probs.key})
		if p < 0 || p > 1 {
			r.fail(node{e, ""}, "%s has %v, want numbers from 0 to 1", s.probs.key, p)
		}
		if p > 0 {
			possible = append(possible, values[i])
			if !slices.Contains(weights, any(p)) {
				weights = append(weights, p)
			}
		}
	}
	r.options(possible, d)
	if len(weights) > 1 {
		return "its values are drawn evenly at first: probabilities are ignored"
	}
	return ""
}

// Key is the last part of the key.
func (n node) Key() string {
	for i := len(n.key) - 1; i >= 0; i-- {
		if n.key[i] == '.' {
			return n.key[i+1:]
		}
	}
	return n.key
}

// text writes a number as a person would.
func text(x float64) string {
	if x == math.Trunc(x) && math.Abs(x) < 1e15 {
		return strconv.Itoa(int(x))
	}
	return strconv.FormatFloat(x, 'g', 6, 64)
}

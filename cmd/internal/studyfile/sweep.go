package studyfile

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// isSweep reports whether a file is a sweep of Weights & Biases: only there is a method.
func isSweep(root node) bool {
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == "method" {
			return true
		}
	}
	return false
}

// sweep reads sweep.yaml. Of what a sweep says, all that decides which programs run with which
// parameters has its meaning here, or is noted, or is a mistake.
func (r *reader) sweep(root node, f *File) {
	var params []definition
	var words []string
	var commandAt, stop node
	program := ""
	var ignored []string
	ignore := func(n node) { ignored = append(ignored, n.key) }
	unable := func(why string) field { return func(n node) { r.fail(n, "%s: %s", n.key, why) } }
	r.object(root, map[string]field{
		"program":         func(n node) { program = r.name(n) },
		"command":         func(n node) { words, commandAt = r.words(n), n },
		"method":          func(n node) { f.Sampler = r.method(n) },
		"metric":          func(n node) { r.metric(n, f) },
		"parameters":      func(n node) { r.nested(n, "", nil, f, &params) },
		"run_cap":         func(n node) { f.Trials = r.int(n, 1) },
		"early_terminate": func(n node) { stop = n },
		"name":            func(n node) { f.Name = r.name(n) },

		"description": ignore, "project": ignore, "entity": ignore, "apiVersion": ignore, "kind": ignore,
		"controller": ignore, "settings": ignore, "launch": ignore,

		"job":       unable("bluefin runs a program on this machine, want program or command"),
		"image_uri": unable("bluefin runs a program on this machine, want program or command"),
		"scheduler": unable("bluefin has no other schedulers, want method: bayes"),
		"metrics":   unable("a sweep has one metric; a study.yaml has several: see docs/study-yaml.md"),
	})
	if len(params) == 0 {
		r.fail(root, "parameters are missing")
	}
	if stop.Node != nil {
		r.earlyTerminate(stop, f)
	}
	at := commandAt
	if at.Node == nil {
		at = root
	}
	r.sweepCommand(at, words, program, f)
	f.Space = r.space(params, nil)
	if f.Sampler.Name == "bruteforce" {
		r.grid(params, f)
	}
	if len(ignored) > 0 {
		f.Notes = append(f.Notes, fmt.Sprintf("ignored: %s", strings.Join(ignored, ", ")))
	}
}

func (r *reader) words(n node) (words []string) {
	r.list(n, func(_ int, e node) { words = append(words, r.text(e)) })
	return words
}

func (r *reader) method(n node) Choice {
	ours := map[string]string{"bayes": "auto", "random": "random", "grid": "bruteforce"}
	return Choice{Name: ours[r.word(n, "bayes", "grid", "random")], Where: fmt.Sprintf("%s:%d", r.path, n.Line)}
}

// grid makes the number of combinations the number of trials.
func (r *reader) grid(params []definition, f *File) {
	if r.err != nil {
		return
	}
	all := 1.0
	for _, p := range params {
		if p.Dist.Len() == 0 {
			r.fail(p.at, "%s is %v, and method is grid: want values, ints or a q", p.Name, p.Dist)
			return
		}
		all *= float64(p.Dist.Len())
	}
	if f.Trials == 0 {
		f.Trials = int(min(all, math.MaxInt32))
	}
}

func (r *reader) metric(n node, f *File) {
	m := Metric{Direction: "minimize"}
	r.object(n, map[string]field{
		"name": func(n node) { m.Name = r.name(n) },
		"goal": func(n node) { m.Direction = r.word(n, "minimize", "maximize") },
		"target": func(n node) {
			x := r.number(n)
			f.Target = &x
		},
		"impute": func(node) {}, "impute_while_running": func(node) {}, // what samplers learn from failures is their own
	})
	if m.Name == "" {
		r.fail(n, "%s has no name", n.key)
	}
	f.Metrics = []Metric{m}
}

// nested reads parameters, and parameters of parameters, whose names are joined with dots.
func (r *reader) nested(n node, prefix string, path []string, f *File, all *[]definition) {
	if len(path) > mostLevels {
		r.fail(n, "%s has more than %d levels", n.key, mostLevels)
		return
	}
	r.each(n, 0, func(key string, at, value node) {
		value = r.visit(value)
		within := append(slices.Clone(path), key)
		if inner, ok := r.get(value, "parameters"); ok {
			if len(value.Content) > 2 {
				r.fail(value, "%s has parameters and other keys, want one of them", value.key)
			}
			r.nested(inner, prefix+key+".", within, f, all)
			return
		}
		d := definition{at: at}
		if d.Name = prefix + key; len(path) > 0 {
			d.Path = within
		}
		if slices.ContainsFunc(*all, func(other definition) bool { return other.Name == d.Name }) {
			return // merged; the first one counts
		}
		r.distribution(value, &d, f)
		*all = append(*all, d)
	})
}

// get returns the value of a key of a mapping.
func (r *reader) get(n node, key string) (value node, ok bool) {
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				return node{n.Content[i+1], n.key + "." + key}, true
			}
		}
	}
	return node{}, false
}

// earlyTerminate makes the pruner that is nearest to W&B's Hyperband, which is successive halving: a
// trial stops at a rung unless it is among the best 1/eta there.
func (r *reader) earlyTerminate(n node, f *File) {
	minIter, maxIter, s, eta, strict := 0, 0, 0.0, 3.0, false
	r.object(n, map[string]field{
		"type":     func(n node) { r.word(n, "hyperband") },
		"min_iter": func(n node) { minIter = r.int(n, 1) },
		"max_iter": func(n node) { maxIter = r.int(n, 1) },
		"s":        func(n node) { s = r.number(n) },
		"eta": func(n node) {
			if eta = r.number(n); eta <= 1 {
				r.wrong(n, "a number above 1")
			}
		},
		"strict": func(n node) { strict = r.bool(n) },
	})
	factor := max(int(math.Round(eta)), 2)
	switch {
	case r.err != nil:
		return
	case maxIter > 0: // W&B prefers it, too
		if s < 1 {
			r.fail(n, "%s: s is %v, want at least 1 beside max_iter", n.key, s)
			return
		}
		minIter = maxIter
		for i := 0; i < int(s) && minIter/factor >= 1; i++ {
			minIter /= factor
		}
	case minIter == 0:
		r.fail(n, "%s: want min_iter, or max_iter and s", n.key)
		return
	}
	note := fmt.Sprintf("early_terminate is the pruner halving with min_resource %d and reduction_factor %d", minIter,
		factor)
	if float64(factor) != eta {
		note += fmt.Sprintf(" (eta is %v)", eta)
	}
	if !strict {
		note += "; it judges as with strict: true"
	}
	f.Notes = append(f.Notes, note)
	f.Pruner = Choice{Name: "halving", Settings: map[string]any{"min_resource": minIter, "reduction_factor": factor},
		Where: fmt.Sprintf("%s:%d", r.path, n.Line)}
}

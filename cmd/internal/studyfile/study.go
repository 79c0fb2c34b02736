package studyfile

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/bluefin-hpo/bluefin/cmd/internal/searchspace"
	"github.com/bluefin-hpo/bluefin/objective/command"
)

// study reads study.yaml.
func (r *reader) study(root node, f *File) {
	var params []definition
	var constraints []node
	var queue, budget node
	r.object(root, map[string]field{
		"name":    func(n node) { f.Name = r.name(n) },
		"storage": func(n node) { f.Storage = r.name(n) },
		"folder":  func(n node) { f.Folder = r.name(n) },

		"finetune": func(n node) { f.Finetune = r.flags(n) },

		"parameters":  func(n node) { params = r.parameters(n) },
		"constraints": func(n node) { r.list(n, func(_ int, e node) { constraints = append(constraints, e) }) },
		"enqueue":     func(n node) { queue = n },

		"metrics": func(n node) { r.metrics(n, f) },
		"goal_of": func(n node) { f.GoalOf = r.word(n, "last", "best") },
		"regex":   func(n node) { f.Regex = r.pattern(n).String() },
		"source":  func(n node) { f.Source = r.word(n, command.Readers()...) },

		"sampler":   func(n node) { f.Sampler = r.sampler(n) },
		"pruner":    func(n node) { f.Pruner = r.pruner(n) },
		"scheduler": func(n node) { f.Scheduler = r.scheduler(n) },
		"seed":      func(n node) { f.Seed = r.seed(n) },

		"warm_start": func(n node) { f.WarmStart = r.names(n) },

		"command": func(n node) { f.Command = r.command(n) },
		"args":    func(n node) { f.Args = r.word(n, "flags", "equals", "hydra", "none", "sweep") },
		"dir":     func(n node) { f.Dir = r.name(n) },
		"env":     func(n node) { f.Env = r.environment(n) },
		"render":  func(n node) { f.Render = r.name(n) },
		"resume":  func(n node) { f.Resume = r.word(n, "none", "hf", "lightning") },

		"slots":                func(n node) { f.Slots = r.slots(n) },
		"failures":             func(n node) { f.Failures = r.failures(n) },
		"max_initial_failures": func(n node) { f.Initial = r.initial(n) },
		"budget":               func(n node) { r.budget(n, f); budget = n },
		"trial_timeout":        func(n node) { f.TrialTimeout = r.duration(n) },
		"stall_timeout":        func(n node) { f.StallTimeout = r.duration(n) },
		"grace":                func(n node) { f.Grace = r.duration(n) },

		"orphans":    func(n node) { f.Orphans = r.word(n, "resume", "retry", "fail") },
		"durability": func(n node) { f.Durability = r.word(n, "full", "normal") },
	})
	if len(f.Metrics) > 1 && (f.Target != nil || f.NoImprovement > 0 || f.Noise != "") {
		r.fail(budget, "target, no_improvement and noise are for one metric, and metrics has %d", len(f.Metrics))
	}
	if f.Args == "sweep" && len(f.Command) > 0 {
		f.Arguments = macros(f.Command)
	}
	f.Space = r.space(params, constraints)
	r.first(params, f)
	if queue.Node != nil {
		r.enqueue(queue, f)
	}
}

// first makes the parameters of trial 0 from the defaults. A parameter under a condition has its default
// only if the condition holds, or depends on one without a default.
func (r *reader) first(params []definition, f *File) {
	if r.err != nil {
		return
	}
	values := map[string]any{}
	var last node
	for _, p := range f.Space.Params {
		i := slices.IndexFunc(params, func(d definition) bool { return d.Name == p.Name })
		if params[i].defaultAt.Node == nil {
			continue
		}
		if p.If != nil {
			if holds, known, err := p.If.Holds(values); err == nil && known && !holds {
				continue
			}
		}
		values[p.Name], last = params[i].defaultValue, params[i].defaultAt
	}
	if len(values) == 0 {
		return
	}
	if err := f.Space.Check(values); err != nil {
		r.fail(last, "the defaults cannot be trial 0: %v", err)
		return
	}
	f.First = values
}

func (r *reader) enqueue(n node, f *File) {
	r.list(n, func(_ int, e node) {
		values := map[string]any{}
		r.each(e, 0, func(name string, at, value node) {
			i := slices.IndexFunc(f.Space.Params, func(p searchspace.Param) bool { return p.Name == name })
			if i < 0 {
				r.fail(at, "%s: %q is no parameter, want one of %s", e.key, short(name), names(f.Space))
				return
			}
			if _, ok := values[name]; !ok {
				values[name] = r.of(value, f.Space.Params[i].Dist)
			}
		})
		if r.err != nil {
			return
		}
		if len(values) == 0 {
			r.fail(e, "%s is empty, want values by parameter", e.key)
		} else if err := f.Space.Check(values); err != nil {
			r.fail(e, "%s: %v", e.key, err)
		}
		f.Enqueue = append(f.Enqueue, values)
	})
}

func names(s searchspace.Space) string {
	var all []string
	for _, p := range s.Params {
		all = append(all, p.Name)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// metrics reads a list of names, or of mappings with a direction.
func (r *reader) metrics(n node, f *File) {
	taken := map[string]bool{}
	r.list(n, func(_ int, e node) {
		m := Metric{Direction: "auto"}
		if e.Kind == yaml.MappingNode {
			r.object(e, map[string]field{
				"name":      func(n node) { m.Name = r.name(n) },
				"direction": func(n node) { m.Direction = r.word(n, "auto", "minimize", "maximize", "record") },
			})
			if m.Name == "" {
				r.fail(e, "%s has no name", e.key)
			}
		} else {
			m.Name = r.name(e)
		}
		switch {
		case taken[m.Name]:
			r.fail(e, "metric %q is there twice", short(m.Name))
		case m.Direction == "record":
			f.Record = append(f.Record, m.Name)
		default:
			f.Metrics = append(f.Metrics, m)
		}
		taken[m.Name] = true
	})
	if r.err == nil && len(f.Metrics) == 0 {
		r.fail(n, "metrics have no objective, want at least one that is minimized or maximized")
	}
}

func (r *reader) pattern(n node) *regexp.Regexp {
	p, err := regexp.Compile(r.name(n))
	if err != nil {
		r.fail(n, "%s: %v", n.key, err)
		return regexp.MustCompile("")
	}
	return p
}

// initial reads a number of failures, or -1 for no limit.
func (r *reader) initial(n node) int {
	if r.scalar(n) == -1 {
		return -1
	}
	return r.int(n, 1)
}

// flags reads flags of bluefin finetune.
func (r *reader) flags(n node) map[string]string {
	all := map[string]string{}
	r.each(n, 0, func(name string, _, value node) {
		if _, ok := all[name]; !ok {
			all[name] = r.text(value)
		}
	})
	return all
}

func (r *reader) seed(n node) uint64 {
	x, ok := r.scalar(n).(int)
	if !ok || x < 0 {
		r.wrong(n, "a whole number of at least 0")
	}
	return uint64(x)
}

func (r *reader) budget(n node, f *File) {
	r.object(n, map[string]field{
		"trials": func(n node) { f.Trials = r.int(n, 1) },
		"time":   func(n node) { f.Time = r.duration(n) },
		"target": func(n node) {
			x := r.number(n)
			f.Target = &x
		},
		"no_improvement": func(n node) { f.NoImprovement = r.int(n, 1) },
		"cost":           func(n node) { f.Cost = r.duration(n) },
		"noise": func(n node) {
			if x := r.number(n); r.err == nil && x < 0 {
				r.wrong(n, "a number of at least 0")
			} else {
				f.Noise = strconv.FormatFloat(x, 'g', -1, 64)
			}
		},
		"repeats": func(n node) { f.Repeats = r.int(n, 1) },
		"steps":   func(n node) { f.Steps = r.int(n, 1) },
	})
}

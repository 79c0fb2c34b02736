package studyfile

import (
	"maps"
	"slices"
	"strings"

	"github.com/kballard/go-shellquote"
	"go.yaml.in/yaml/v4"

	"github.com/bluefin-hpo/bluefin/objective/command"
)

// command reads a list of words, or one text that is split as a shell splits it.
func (r *reader) command(n node) (words []string) {
	if n = r.visit(n); n.Kind == yaml.SequenceNode {
		r.list(n, func(_ int, e node) { words = append(words, r.text(e)) })
	} else {
		text := r.text(n)
		var err error
		if words, err = shellquote.Split(text); err != nil {
			r.fail(n, "command is %q: %v", short(text), err)
		}
		for _, w := range words {
			if slices.Contains([]string{"|", "||", "&", "&&", ";", ">", ">>", "<", "2>&1"}, w) {
				r.fail(n, "command has %s, and no shell reads it: want a list like [sh, -c, '…'], or quotes around it", w)
			}
		}
	}
	if r.err == nil && (len(words) == 0 || words[0] == "") {
		r.fail(n, "command is empty, want a program and its arguments")
	}
	return words
}

// environment reads variables, which become NAME=VALUE.
func (r *reader) environment(n node) (all []string) {
	values := map[string]string{}
	r.each(n, 0, func(key string, at, value node) {
		if key == "" || strings.ContainsAny(key, "=\x00") {
			r.fail(at, "%s: %q is no name of a variable", n.key, short(key))
		}
		if _, ok := values[key]; !ok {
			values[key] = r.text(value)
		}
	})
	for _, key := range slices.Sorted(maps.Keys(values)) {
		all = append(all, key+"="+values[key])
	}
	return all
}

// slots reads a number of trials, a list of environments, or a mapping.
func (r *reader) slots(n node) (s Slots) {
	switch n = r.visit(n); n.Kind {
	case yaml.SequenceNode:
		r.list(n, func(_ int, e node) { s.Env = append(s.Env, r.environment(e)) })
		if r.err == nil && len(s.Env) == 0 {
			r.fail(n, "%s is empty, want at least one environment", n.key)
		}
	case yaml.MappingNode:
		var each node
		r.object(n, map[string]field{
			"workers": func(n node) { s.Workers = r.int(n, 1) },
			"gpus":    func(n node) { s.GPUs = r.gpus(n) },
			"gpus_per_trial": func(n node) {
				if s.GPUsPerTrial = r.number(n); s.GPUsPerTrial <= 0 {
					r.wrong(n, "a number above 0")
				}
				each = n
			},
		})
		if each.Node != nil && s.GPUs == "" {
			r.fail(each, "%s needs gpus", each.key)
		}
	default:
		s.Workers = r.int(n, 1)
	}
	return s
}

// gpus reads all, a number, or a list.
func (r *reader) gpus(n node) string {
	if n = r.visit(n); n.Kind != yaml.SequenceNode {
		return r.name(n)
	}
	var all []string
	r.list(n, func(_ int, e node) { all = append(all, r.name(e)) })
	if r.err == nil && len(all) == 0 {
		r.wrong(n, "all, or at least one GPU")
	}
	return strings.Join(all, ",")
}

func (r *reader) failures(n node) (all []command.Failure) {
	r.list(n, func(_ int, e node) {
		var f command.Failure
		var retries node
		r.object(e, map[string]field{
			"exit": func(n node) {
				if n = r.visit(n); n.Kind != yaml.SequenceNode {
					f.Exit = []int{r.code(n)}
					return
				}
				r.list(n, func(_ int, e node) { f.Exit = append(f.Exit, r.code(e)) })
			},
			"signal":  func(n node) { f.Signal = strings.TrimPrefix(strings.ToUpper(r.name(n)), "SIG") },
			"match":   func(n node) { f.Match = r.pattern(n) },
			"do":      func(n node) { f.Do, _ = command.ParseAction(r.word(n, "fail", "retry", "infeasible", "stop")) },
			"retries": func(n node) { f.Retries = r.int(n, 1); retries = n },
		})
		if retries.Node != nil && f.Do != command.Retry {
			r.fail(retries, "%s is for do: retry", retries.key)
		}
		all = append(all, f)
	})
	return all
}

func (r *reader) code(n node) int {
	code := r.int(n, 1)
	if code > 255 {
		r.wrong(n, "an exit code from 1 to 255")
	}
	return code
}

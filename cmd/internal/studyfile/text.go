package studyfile

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v4"

	"github.com/bluefin-hpo/bluefin/cmd/internal/searchspace"
	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/objective/command"
	"github.com/bluefin-hpo/bluefin/space"
)

// Text returns the file as a study.yaml, which Parse reads back as the same file, without Notes. A
// sweep becomes a study.yaml too.
func (f *File) Text() (string, error) {
	root := mapping()
	root.word("name", f.Name)
	root.word("storage", f.Storage)
	root.word("folder", f.Folder)
	if f.Finetune != nil {
		flags := mapping()
		for _, name := range slices.Sorted(maps.Keys(f.Finetune)) {
			flags.put(name, scalarOf(f.Finetune[name]))
		}
		root.put("finetune", flags.node)
	}
	f.putSpace(root)
	f.putMetrics(root)
	f.putProgram(root)
	f.putBudget(root)
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(root.node); err != nil {
		return "", fmt.Errorf("study file: %w", err)
	}
	return b.String(), e.Close()
}

func (f *File) putSpace(root object) {
	if len(f.Space.Params) > 0 {
		params := mapping()
		for _, p := range f.Space.Params {
			params.put(p.Name, f.param(p))
		}
		root.put("parameters", params.node)
	}
	if len(f.Space.Constraints) > 0 {
		var all []string
		for _, c := range f.Space.Constraints {
			all = append(all, c.String())
		}
		root.put("constraints", list(all))
	}
	if len(f.Enqueue) > 0 {
		var all []any
		for _, values := range f.Enqueue {
			all = append(all, values)
		}
		root.put("enqueue", list(all))
	}
}

// param writes a parameter in its longest form, which leaves no doubt about types.
func (f *File) param(p searchspace.Param) *yaml.Node {
	o := mapping()
	o.node.Style = yaml.FlowStyle
	switch d := p.Dist.(type) {
	case space.Float:
		o.put("type", scalarOf("float"))
		o.put("low", scalarOf(d.Low))
		o.put("high", scalarOf(d.High))
		if d.Step != 0 {
			o.put("step", scalarOf(d.Step))
		}
		o.yes("log", d.Log)
	case space.Int:
		o.put("type", scalarOf("int"))
		o.put("low", scalarOf(d.Low))
		o.put("high", scalarOf(d.High))
		o.count("step", d.Step)
		o.yes("log", d.Log)
	case space.Categorical:
		o.put("choices", list(d.Choices))
	}
	if p.Values != nil {
		o.put("values", list(p.Values))
	}
	if p.Path != nil {
		o.put("path", list(p.Path))
	}
	if p.If != nil {
		o.word("if", p.If.String())
	}
	if v, ok := f.First[p.Name]; ok {
		o.put("default", scalarOf(v))
	}
	o.belief(p)
	return o.node
}

func (f *File) putMetrics(root object) {
	var all []any
	for _, m := range f.Metrics {
		all = append(all, map[string]any{"name": m.Name, "direction": m.Direction})
	}
	for _, name := range f.Record {
		all = append(all, map[string]any{"name": name, "direction": "record"})
	}
	if len(f.Metrics) > 0 {
		root.put("metrics", list(all))
	}
	root.word("goal_of", f.GoalOf)
	root.word("regex", f.Regex)
	root.word("source", f.Source)
	root.choice("sampler", f.Sampler)
	root.choice("pruner", f.Pruner)
	root.choice("scheduler", f.Scheduler)
	if f.Seed != 0 {
		root.put("seed", scalarOf(f.Seed))
	}
	if len(f.WarmStart) > 0 {
		var all []any
		for _, name := range f.WarmStart {
			all = append(all, name)
		}
		root.put("warm_start", list(all))
	}
}

func (f *File) putProgram(root object) {
	if len(f.Command) > 0 {
		root.put("command", list(f.Command))
	}
	root.word("args", f.Args)
	root.word("dir", f.Dir)
	if len(f.Env) > 0 {
		root.put("env", variables(f.Env))
	}
	root.word("render", f.Render)
	root.word("resume", f.Resume)
	switch s := f.Slots; {
	case s.Env != nil:
		o := &yaml.Node{Kind: yaml.SequenceNode}
		for _, env := range s.Env {
			o.Content = append(o.Content, variables(env))
		}
		root.put("slots", o)
	case s.Workers > 0 || s.GPUs != "":
		o := mapping()
		o.count("workers", s.Workers)
		o.word("gpus", s.GPUs)
		if s.GPUsPerTrial > 0 {
			o.put("gpus_per_trial", scalarOf(s.GPUsPerTrial))
		}
		root.put("slots", o.node)
	}
	if len(f.Failures) > 0 {
		all := &yaml.Node{Kind: yaml.SequenceNode}
		for _, rule := range f.Failures {
			all.Content = append(all.Content, failure(rule))
		}
		root.put("failures", all)
	}
	if f.Initial != 0 {
		root.put("max_initial_failures", scalarOf(f.Initial))
	}
}

func failure(rule command.Failure) *yaml.Node {
	o := mapping()
	if len(rule.Exit) > 0 {
		o.put("exit", list(rule.Exit))
	}
	o.word("signal", rule.Signal)
	if rule.Match != nil {
		o.put("match", scalarOf(rule.Match.String()))
	}
	o.word("do", rule.Do.String())
	o.count("retries", rule.Retries)
	return o.node
}

func (f *File) putBudget(root object) {
	o := mapping()
	o.count("trials", f.Trials)
	if f.Time > 0 {
		o.put("time", scalarOf(f.Time.String()))
	}
	if f.Target != nil {
		o.put("target", scalarOf(*f.Target))
	}
	o.count("no_improvement", f.NoImprovement)
	if f.Cost > 0 {
		o.put("cost", scalarOf(f.Cost.String()))
	}
	if x, err := strconv.ParseFloat(f.Noise, 64); err == nil {
		o.put("noise", scalarOf(x))
	}
	o.count("steps", f.Steps)
	o.count("repeats", f.Repeats)
	if len(o.node.Content) > 0 {
		root.put("budget", o.node)
	}
	if f.TrialTimeout > 0 {
		root.put("trial_timeout", scalarOf(f.TrialTimeout.String()))
	}
	if f.StallTimeout > 0 {
		root.put("stall_timeout", scalarOf(f.StallTimeout.String()))
	}
	if f.Grace > 0 {
		root.put("grace", scalarOf(f.Grace.String()))
	}
	root.word("orphans", f.Orphans)
	root.word("durability", f.Durability)
}

// An object is a mapping that is being written.
type object struct{ node *yaml.Node }

func mapping() object { return object{&yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}} }

func (o object) put(key string, value *yaml.Node) {
	o.node.Content = append(o.node.Content, scalarOf(key), value)
}

// word, count and yes write nothing for the zero value, which is what absent means.

func (o object) word(key, text string) {
	if text != "" {
		o.put(key, scalarOf(text))
	}
}

func (o object) count(key string, n int) {
	if n != 0 {
		o.put(key, scalarOf(n))
	}
}

func (o object) yes(key string, b bool) {
	if b {
		o.put(key, scalarOf(b))
	}
}

func (o object) choice(key string, c Choice) {
	if c.Name == "" || c.Settings == nil {
		o.word(key, c.Name)
		return
	}
	settings := mapping()
	settings.word("name", c.Name)
	for _, name := range slices.Sorted(maps.Keys(c.Settings)) {
		settings.put(name, valueOf(c.Settings[name]))
	}
	o.put(key, settings.node)
}

// variables writes NAME=VALUE as a mapping.
func variables(env []string) *yaml.Node {
	o := mapping()
	for _, v := range env {
		name, value, _ := strings.Cut(v, "=")
		o.put(name, scalarOf(value))
	}
	return o.node
}

func list[T any](all []T) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, v := range all {
		n.Content = append(n.Content, valueOf(v))
	}
	return n
}

// valueOf writes a scalar, a []any or a map[string]any.
func valueOf(v any) *yaml.Node {
	switch v := v.(type) {
	case []any:
		return list(v)
	case map[string]any:
		o := mapping()
		for _, key := range slices.Sorted(maps.Keys(v)) {
			o.put(key, valueOf(v[key]))
		}
		o.node.Style = yaml.FlowStyle
		return o.node
	}
	return scalarOf(v)
}

// scalarOf writes a scalar so that its type is clear: 1.0 is a float, and a text that looks like a
// number has quotes.
func scalarOf(v any) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode}
	switch v := v.(type) {
	case nil:
		n.Tag, n.Value = "!!null", "null"
	case bool:
		n.Tag, n.Value = "!!bool", strconv.FormatBool(v)
	case int:
		n.Tag, n.Value = "!!int", strconv.Itoa(v)
	case uint64:
		n.Tag, n.Value = "!!int", strconv.FormatUint(v, 10)
	case float64:
		text := map[string]string{"NaN": ".nan", "Infinity": ".inf", "-Infinity": "-.inf"}[pyjson.Float(v)]
		if text == "" {
			text = pyjson.Float(v)
		}
		n.Tag, n.Value = "!!float", text
	case string:
		n.Tag, n.Value = "!!str", v
		if strings.ContainsFunc(v, func(r rune) bool { return !unicode.IsPrint(r) }) {
			n.Style = yaml.DoubleQuotedStyle // blocks keep neither all line breaks nor all spaces
		}
	}
	return n
}

package main

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/cmd/internal/choose"
	"github.com/bluefin-hpo/bluefin/cmd/internal/searchspace"
	"github.com/bluefin-hpo/bluefin/cmd/internal/studyfile"
	"github.com/bluefin-hpo/bluefin/objective/command"
	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A plan is what tune does, complete and checked: which program runs, what is searched and how. Flags,
// arguments and files only make plans.
type plan struct {
	runner
	space   searchspace.Space // in the user's order
	first   map[string]any    // the parameters of trial 0; nil: the sampler draws them
	enqueue []map[string]any  // those of the next trials
	study   study.Config      // all but the storage
	command command.Config
	notes   []string // what the user should know

	initialFailures int // of study.Budget

	remembered *studyfile.File // what the study remembers of all this
	create     bool            // only make the study
}

// plan makes the plan of the file, the flags and the arguments.
func (t *tuneCommand) plan(con console) (p plan, err error) {
	f := &studyfile.File{}
	if t.file != "" {
		if f, err = studyfile.Read(t.file); err != nil {
			return p, err
		}
	}
	params, program, err := splitCommand(t.args, t.file != "")
	if err != nil {
		return p, err
	}
	return t.planOf(con, f, params, program)
}

// planOf makes the plan of a file, the flags, and parameters and a program of the command line.
func (t *tuneCommand) planOf(con console, f *studyfile.File, params []space.Dimension, program []string) (
	p plan, err error) {
	if err := t.adopt(f, program); err != nil {
		return p, err
	}
	if err := t.check(); err != nil {
		return p, err
	}
	if err := t.runner.checkScheduler(t.given["pruner"] || f.Pruner.Name != ""); err != nil {
		return p, err
	}
	p.space, p.first, p.enqueue, p.notes = f.Space, f.First, f.Enqueue, f.Notes
	if err := p.replace(params); err != nil {
		return p, err
	}
	name := cmp.Or(t.studyName, programName(f.Command))
	if p.study, err = t.studyConfig(con, name, f, p.space); err != nil {
		return p, err
	}
	if p.command, err = t.commandConfig(con, name, f); err != nil {
		return p, err
	}
	if at, err := t.storage.place(); err == nil && !at.isFile() && t.folder == "" {
		p.notes = append(p.notes, "Each trial has a folder in "+p.command.Folder+" on this machine; --folder names another place.")
	}
	for i, d := range p.study.Directions {
		p.command.Metrics = append(p.command.Metrics, command.Metric{Name: f.Metrics[i].Name, Maximize: d == trial.Maximize})
	}
	if by, ok := p.study.Pruner.(*pruner.ByObjective); ok {
		p.command.Judge = p.command.Metrics[by.Objective].Name
	}
	if t.initialFailures == 0 {
		return p, usagef("--max-initial-failures is 0, want at least 1, or -1 for no limit")
	}
	if len(f.Metrics) > 1 {
		if flag := t.limits.single(); flag != "" {
			return p, usagef("--%s is for one metric, and there are %d", flag, len(f.Metrics))
		}
	}
	if t.limits.noise == autoNoise {
		return p, usagef("--noise is auto, which only finetune knows, want a number")
	}
	if t.repeats > 0 && len(f.Metrics) > 1 {
		return p, usagef("--repeats is for one metric, and there are %d", len(f.Metrics))
	}
	p.initialFailures = t.initialFailures
	p.runner = t.runner
	if slots := p.command.Slots; slots != nil && !t.given["workers"] && f.Slots.Workers == 0 {
		p.workers = len(slots)
	}
	p.create = t.createOnly
	p.remembered, err = t.remembered(f, p)
	return p, err
}

// replace puts parameters of the command line in the place of those of the file with the same name, or
// after them.
func (p *plan) replace(params []space.Dimension) error {
	for _, d := range params {
		i := slices.IndexFunc(p.space.Params, func(q searchspace.Param) bool { return q.Name == d.Name })
		if i < 0 {
			p.space.Params = append(p.space.Params, searchspace.Param{Name: d.Name, Dist: d.Dist, Belief: d.Belief})
			continue
		}
		p.space.Params[i].Dist, p.space.Params[i].Values, p.space.Params[i].Belief = d.Dist, nil, d.Belief
		if v, ok := p.first[d.Name]; ok {
			if _, err := d.Dist.Internal(v); err != nil {
				delete(p.first, d.Name)
			}
		}
	}
	if len(p.space.Params) == 0 {
		return usagef("the parameters are missing, want them in the file, or NAME=LOW..HIGH")
	}
	if err := command.CheckNames(paramNames(p.space)); err != nil {
		return usagef("%w", err)
	}
	if len(params) == 0 {
		return nil // the file was checked when it was read
	}
	for _, values := range append(p.enqueue, p.first) {
		if err := p.space.Check(values); err != nil {
			return usagef("with these arguments, a trial that the file queues is impossible: %w", err)
		}
	}
	_, err := p.space.Example()
	return err
}

// paramNames are the names of the parameters, in order.
func paramNames(s searchspace.Space) (all []string) {
	for _, p := range s.Params {
		all = append(all, p.Name)
	}
	return all
}

// studyConfig returns all that the study needs but its storage.
func (t *tuneCommand) studyConfig(con console, name string, f *studyfile.File, s searchspace.Space) (
	study.Config, error) {
	t.metrics = nil
	for _, m := range f.Metrics {
		t.metrics = append(t.metrics, m.Name)
	}
	var ofFile pruner.Pruner
	if f.Pruner.Name != "" {
		var err error
		if ofFile, err = choose.Pruner(f.Pruner.Name, f.Pruner.Settings, name); err == nil {
			ofFile, err = choose.ForObjectives(ofFile, f.Pruner.Name, f.Pruner.Settings, t.metrics)
		}
		if err != nil {
			return study.Config{}, usagef("%s: %w", f.Pruner.Where, err)
		}
		t.pruner = f.Pruner.Name
		if metric, ok := f.Pruner.Settings["metric"].(string); ok {
			t.pruner += "@" + metric
		}
	} else if len(f.Metrics) > 1 && !t.given["pruner"] {
		t.pruner = "none"
	}
	cfg, err := t.config(con, name, trial.Minimize)
	if err != nil {
		return cfg, err
	}
	if ofFile != nil {
		cfg.Pruner = ofFile
	}
	cfg.Directions = nil
	for _, m := range f.Metrics {
		cfg.Directions = append(cfg.Directions, metricDirection(con, m.Name, m.Direction))
	}
	if err := t.schedule(&cfg, f.Scheduler.Settings); err != nil {
		return cfg, err
	}
	if cfg.Space, err = space.New(s.Dimensions()...); err != nil {
		return cfg, usagef("%w", err)
	}
	cfg.Sampler, err = s.Sampler(cfg.Sampler)
	return cfg, err
}

// commandConfig returns what runs the program, for a study of the given name.
func (t *tuneCommand) commandConfig(con console, name string, f *studyfile.File) (c command.Config, err error) {
	p, err := t.storage.place()
	if err != nil {
		return c, err
	}
	c = command.Config{
		Args: f.Command, Arguments: f.Arguments, Dir: f.Dir, Env: f.Env, Render: t.render,
		Best: t.goal == "best", Reader: t.reader, Record: f.Record,
		Folder: trialFolder(t.folder, p, name), Failures: f.Failures, Slots: f.Slots.Env,
		Grace: t.grace, TrialTimeout: t.trialTimeout, StallTimeout: t.stallTimeout, Logger: con.logger(),
	}
	if c.Style, err = command.ParseStyle(t.style); err != nil {
		return c, err
	}
	if c.Resume, err = command.ParseResume(t.resume); err != nil {
		return c, err
	}
	if err := t.checkScheduler(f, c.Resume); err != nil {
		return c, err
	}
	if t.pattern != "" {
		if c.Pattern, err = regexp.Compile(t.pattern); err != nil {
			return c, usagef("--regex: %w", err)
		}
		if c.Pattern.NumSubexp() == 0 {
			return c, usagef("--regex is %q, want the metric in parentheses, like %s", t.pattern, `loss is ([0-9.]+)`)
		}
	}
	if t.reader != "" && !slices.Contains(command.Readers(), t.reader) {
		return c, usagef("--metrics is %q, want one of %s", t.reader, strings.Join(command.Readers(), ", "))
	}
	if t.gpus != "" {
		if c.Slots, err = command.GPUs(t.gpus, t.gpusPerTrial); err != nil {
			from := "--gpus"
			if !t.given["gpus"] {
				from = t.file + ": slots.gpus"
			}
			return c, usagef("%s: %w", from, err)
		}
	}
	return c, nil
}

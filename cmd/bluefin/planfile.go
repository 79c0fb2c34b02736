package main

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/choose"
	"github.com/bluefin-hpo/bluefin/cmd/internal/studyfile"
	"github.com/bluefin-hpo/bluefin/internal/pyjson"
)

// adopt takes from the file what the command line does not say, and puts into the file what it does: a
// flag or a program on the command line comes before the file's.
func (t *tuneCommand) adopt(f *studyfile.File, program []string) error {
	if len(program) > 0 {
		f.Command, f.Arguments = program, nil
		if f.Args == "sweep" {
			f.Args = ""
		}
	}
	if f.Finetune != nil {
		return usagef("%s is about bluefin finetune, want a program", t.file)
	}
	if len(f.Command) == 0 {
		if t.file == "" {
			return usagef("the study names no program, want one after --")
		}
		return usagef("the program is missing, want command: in %s, or -- PROGRAM", t.file)
	}
	if names := t.metric.Value(); len(names) > 0 {
		f.Metrics = nil
		for _, name := range names {
			m, err := parseMetric(name, t.direction)
			if err != nil {
				return err
			}
			f.Metrics = append(f.Metrics, m)
		}
	} else if t.given["direction"] && len(f.Metrics) == 1 {
		f.Metrics[0].Direction = t.direction
	}
	if len(f.Metrics) == 0 && t.file != "" {
		return usagef("the metric is missing, want it in %s, or --metric NAME", t.file)
	}
	if len(f.Metrics) == 0 {
		return usagef("--metric is missing")
	}
	if names := t.record.Value(); len(names) > 0 {
		f.Record = names
	}
	take(t, "goal-of", &t.goal, f.GoalOf)
	take(t, "regex", &t.pattern, f.Regex)
	take(t, "metrics", &t.reader, f.Source)
	if f.Args != "sweep" { // then Arguments makes them
		take(t, "args", &t.style, f.Args)
	}
	take(t, "folder", &t.folder, f.Folder)
	take(t, "render", &t.render, f.Render)
	take(t, "resume", &t.resume, f.Resume)
	take(t, "grace", &t.grace, f.Grace)
	take(t, "trial-timeout", &t.trialTimeout, f.TrialTimeout)
	take(t, "stall-timeout", &t.stallTimeout, f.StallTimeout)
	take(t, "trials", &t.trials, f.Trials)
	take(t, "timeout", &t.timeout, f.Time)
	if f.Target != nil {
		take(t, "target", &t.limits.target, strconv.FormatFloat(*f.Target, 'g', -1, 64))
	}
	take(t, "no-improvement", &t.limits.noImprovement, f.NoImprovement)
	take(t, "max-cost", &t.limits.cost, f.Cost)
	take(t, "noise", &t.limits.noise, f.Noise)
	take(t, "max-steps", &t.limits.steps, f.Steps)
	take(t, "repeats", &t.repeats, f.Repeats)
	take(t, "workers", &t.workers, f.Slots.Workers)
	take(t, "gpus-per-trial", &t.gpusPerTrial, f.Slots.GPUsPerTrial)
	take(t, "gpus", &t.gpus, f.Slots.GPUs)
	take(t, "seed", &t.sampler.seed, f.Seed)
	take(t, "storage", &t.storage, storageFlag(f.Storage))
	take(t, "study-name", &t.studyName, f.Name)
	take(t, "orphans", &t.orphans, f.Orphans)
	take(t, "durability", &t.durability, f.Durability)
	take(t, "max-initial-failures", &t.initialFailures, f.Initial)
	if names := t.warmStart.Value(); len(names) > 0 {
		f.WarmStart = names
	}
	t.warmStart = *cli.NewStringSlice(f.WarmStart...)
	if n := len(f.Metrics); n > 1 && len(f.WarmStart) > 0 {
		return usagef("--warm-start is %s, and there are %d metrics, want one: it compares the order of trials",
			listed(f.WarmStart), n)
	}
	if t.given["pruner"] {
		f.Pruner = studyfile.Choice{}
	}
	if t.given["scheduler"] {
		f.Scheduler = studyfile.Choice{}
	}
	take(t, "scheduler", &t.scheduler, f.Scheduler.Name)
	if t.given["sampler"] || f.Sampler.Name == "" {
		return nil
	}
	t.sampler.name = f.Sampler.Name
	if _, ok := f.Sampler.Settings["seed"]; ok && t.sampler.seed != 0 {
		delete(f.Sampler.Settings, "seed") // the flag, or the key seed
	}
	text, err := pyjson.Marshal(f.Sampler.Settings)
	if f.Sampler.Settings != nil && err == nil {
		t.sampler.kwargs = string(json.RawMessage(text))
	}
	return err
}

// remembered returns what the study remembers: what the file says with all that the flags and arguments
// changed. What belongs to this process and machine is not part of it.
func (t *tuneCommand) remembered(f *studyfile.File, p plan) (*studyfile.File, error) {
	g := *f
	g.Space, g.First, g.Enqueue, g.Metrics = p.space, p.first, p.enqueue, nil
	for i, m := range f.Metrics {
		g.Metrics = append(g.Metrics, studyfile.Metric{Name: m.Name, Direction: p.study.Directions[i].String()})
	}
	g.GoalOf, g.Regex, g.Source, g.Seed = t.goal, t.pattern, t.reader, p.study.Seed
	if g.Args != "sweep" {
		g.Args = t.style
	}
	g.Folder, g.Render, g.Resume, g.Trials, g.Initial = t.folder, t.render, t.resume, t.trials, t.initialFailures
	limits := p.budget()
	g.Target, g.NoImprovement, g.Cost, g.Steps = limits.Target, limits.NoImprovement, limits.Cost, limits.Steps
	if g.Scheduler.Name == "" && t.schedules() {
		g.Scheduler.Name, g.Scheduler.Settings, _ = choose.SchedulerText(t.scheduler) // it was read before
	}
	g.Repeats, g.Noise = p.repeats, p.limits.noise
	g.TrialTimeout, g.StallTimeout, g.Grace, g.Orphans = t.trialTimeout, t.stallTimeout, t.grace, t.orphans
	settings, err := t.sampler.settings()
	if err != nil {
		return nil, err
	}
	delete(settings, "seed") // it is Seed
	if g.WarmStart, err = shownEarlier(f.WarmStart); err != nil {
		return nil, err
	}
	g.Sampler = studyfile.Choice{Name: t.sampler.chosen(), Settings: settings}
	if g.Pruner.Name == "" && (len(g.Metrics) == 1 || t.given["pruner"]) {
		g.Pruner.Name, g.Pruner.Settings, err = choose.PrunerText(t.pruner)
	}
	return &g, err
}

// parseMetric reads NAME or NAME:DIRECTION. The name may have colons.
func parseMetric(text, direction string) (studyfile.Metric, error) {
	i := strings.LastIndex(text, ":")
	if i < 0 {
		return studyfile.Metric{Name: text, Direction: direction}, nil
	}
	name, d := text[:i], text[i+1:]
	switch {
	case d == "minimize" || d == "maximize":
		return studyfile.Metric{Name: name, Direction: d}, nil
	case strings.HasPrefix(strings.ToLower(d), "max"):
		return studyfile.Metric{}, usagef("--metric is %q, want %s:maximize", text, name)
	case strings.HasPrefix(strings.ToLower(d), "min"):
		return studyfile.Metric{}, usagef("--metric is %q, want %s:minimize", text, name)
	}
	return studyfile.Metric{Name: text, Direction: direction}, nil
}

// take sets a flag that the command line does not give to what the file says, if it says anything.
func take[T comparable](t *tuneCommand, flag string, to *T, from T) {
	var nothing T
	if !t.given[flag] && from != nothing {
		*to = from
	}
}

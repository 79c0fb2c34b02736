package main

import (
	"cmp"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/cmd/internal/searchspace"
	"github.com/bluefin-hpo/bluefin/objective/command"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A plan is what tune does, complete and checked: which program runs, what is searched and how. Flags,
// arguments and files only make plans.
type plan struct {
	runner
	params  []space.Dimension // in the user's order
	study   study.Config      // all but the storage
	command command.Config
}

// plan makes the plan of the flags and arguments.
func (t *tuneCommand) plan(con console) (p plan, err error) {
	var program []string
	if p.params, program, err = splitCommand(t.args); err != nil {
		return p, err
	}
	if t.metric == "" {
		return p, usagef("--metric is missing")
	}
	if err := t.check(); err != nil {
		return p, err
	}
	name := cmp.Or(t.studyName, programName(program))
	if p.study, err = t.config(con, name, metricDirection(con, t.metric, t.direction)); err != nil {
		return p, err
	}
	if p.study.Space, err = space.New(p.params...); err != nil {
		return p, usagef("%w", err)
	}
	if p.command, err = t.commandConfig(con, name, program); err != nil {
		return p, err
	}
	p.command.Metrics = []command.Metric{{Name: t.metric, Maximize: p.study.Directions[0] == trial.Maximize}}
	if p.runner = t.runner; p.command.Slots != nil && p.workers == 1 {
		p.workers = len(p.command.Slots)
	}
	return p, nil
}

// commandConfig returns what runs the program, for a study of the given name.
func (t *tuneCommand) commandConfig(con console, name string, program []string) (c command.Config, err error) {
	path, err := t.storage.path()
	if err != nil {
		return c, err
	}
	c = command.Config{
		Args: program, Best: t.goal == "best", Reader: t.reader,
		Folder: trialFolder(t.folder, path, name),
		Grace:  t.grace, TrialTimeout: t.trialTimeout, StallTimeout: t.stallTimeout, Logger: con.logger(),
	}
	if c.Style, err = command.ParseStyle(t.style); err != nil {
		return c, err
	}
	if t.pattern != "" {
		if c.Pattern, err = regexp.Compile(t.pattern); err != nil {
			return c, usagef("--regex: %w", err)
		}
	}
	if t.gpus != "" {
		if c.Slots, err = command.GPUs(t.gpus, t.gpusPerTrial); err != nil {
			return c, usagef("--gpus: %w", err)
		}
	}
	return c, nil
}

// splitCommand returns the parameters before "--" and the program after it.
func splitCommand(args []string) (params []space.Dimension, program []string, err error) {
	i := slices.Index(args, "--")
	switch {
	case i < 0 && len(args) > 0 && strings.Contains(args[0], "="):
		return nil, nil, usagef("the program is missing, want PARAMETER… -- PROGRAM")
	case i < 0: // the parser has taken it
		i, args = 0, append([]string{"--"}, args...)
	}
	for _, text := range args[:i] {
		if strings.HasPrefix(text, "-") {
			return nil, nil, usagef("flag %s comes after a parameter, want flags first", text)
		}
		p, err := searchspace.ParseParam(text)
		if err != nil {
			return nil, nil, usagef("%w", err)
		}
		params = append(params, p)
	}
	if program = args[i+1:]; len(program) == 0 {
		return nil, nil, usagef("the program is missing, want PARAMETER… -- PROGRAM")
	}
	if len(params) == 0 {
		return nil, nil, usagef("the parameters are missing, want PARAMETER… -- PROGRAM")
	}
	return params, program, nil
}

// programName returns the name of the script among the arguments, or of the program.
func programName(program []string) string {
	name := program[0]
	for _, arg := range program[1:] {
		if strings.Contains("|.py|.sh|.R|.jl|.lua|.pl|.rb|.js|.ts|", "|"+filepath.Ext(arg)+"|") && filepath.Ext(arg) != "" {
			name = arg
			break
		}
	}
	base := filepath.Base(name)
	return cmp.Or(strings.TrimSuffix(base, filepath.Ext(base)), base)
}

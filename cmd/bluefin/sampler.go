package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/choose"
	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/sampler"
)

// samplerFlags select a sampler.
type samplerFlags struct {
	name   string
	kwargs string // JSON
	seed   uint64
	per    string // what improvement is counted per: "trial" or "second"

	// kept apart from name, to see whether a name was given
	byDefault string // for name ""
}

// nameFlag sets the default, which differs by command.
func (f *samplerFlags) nameFlag(byDefault string) cli.Flag {
	f.byDefault = byDefault // and not of the flag, since kwargs need a name that is given
	return &cli.StringFlag{Name: "sampler", Destination: &f.name, DefaultText: strconv.Quote(byDefault),
		Usage: "the `NAME` of the sampler: " + words(choose.Samplers()) + ", or Optuna's name, like TPESampler"}
}

// kwargsFlag takes Optuna's names, so scripts need not change.
func (f *samplerFlags) kwargsFlag() cli.Flag {
	return &cli.StringFlag{Name: "sampler-kwargs", Destination: &f.kwargs,
		Usage: "`JSON` object of settings of --sampler under Optuna's names, like {\"n_startup_trials\": 20, " +
			"\"seed\": 1}"}
}

// perFlag is for searches: what improvement is counted per.
func (f *samplerFlags) perFlag() cli.Flag {
	return choiceFlag(&f.per, "per", "search by improvement per `UNIT`: trial, or second, which learns from complete "+
		"trials how long parameters take", "trial", "second")
}

// seedFlag has 64 bits, as study.Config.Seed has.
func (f *samplerFlags) seedFlag() cli.Flag {
	return &cli.Uint64Flag{Name: "seed", Destination: &f.seed,
		Usage: "a `NUMBER` that determines everything random: the same seed gives the same trials"}
}

// chosen returns the name of the sampler.
func (f samplerFlags) chosen() string { return cmp.Or(f.name, f.byDefault) }

// sampler returns the sampler for a number of trials, 0 if it is not known, and the seed, which may
// be among the settings.
func (f samplerFlags) sampler(trials int) (sampler.Sampler, uint64, error) {
	settings, err := f.settings()
	if err != nil {
		return nil, 0, err
	}
	if name := f.chosen(); f.per == "second" && !slices.Contains(choose.PerSecond(), name) {
		return nil, 0, usagef("--per is second and --sampler %s, want one of %s", name, strings.Join(choose.PerSecond(), ", "))
	}
	s, seed, err := choose.Sampler(f.chosen(), settings, trials, f.seed)
	switch {
	case errors.As(err, new(*choose.NameError)):
		return nil, 0, usagef("--%w", err)
	case err != nil:
		return nil, 0, usagef("--sampler-kwargs: %w", err)
	case f.seed != 0 && seed != f.seed: // one of them would be ignored
		return nil, 0, usagef("--seed is %d and the seed of --sampler-kwargs %d, want one of them", f.seed, seed)
	}
	return s, seed, nil
}

// settings reads --sampler-kwargs and --per. Settings without a named sampler would apply to the default.
func (f samplerFlags) settings() (map[string]any, error) {
	if f.kwargs == "" && f.per == "second" {
		return map[string]any{"per": f.per}, nil
	}
	if f.kwargs == "" {
		return nil, nil
	}
	if f.name == "" {
		return nil, usagef("--sampler-kwargs is set without --sampler, want both")
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(f.kwargs), &object); err != nil || object == nil {
		return nil, usagef("--sampler-kwargs is %.200q, want a JSON object", f.kwargs)
	}
	settings := map[string]any{}
	for name, raw := range object {
		var err error
		if settings[name], err = pyjson.Unmarshal(raw); err != nil {
			return nil, usagef("--sampler-kwargs: %s: %w", name, err)
		}
	}
	if f.per == "second" {
		settings["per"] = f.per
	}
	return settings, nil
}

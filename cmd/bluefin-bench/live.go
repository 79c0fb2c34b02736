package main

import (
	"context"
	"embed"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/objective/functions"
	"github.com/bluefin-hpo/bluefin/space"
)

// optunaNames are the samplers of Optuna that live/optuna.py knows, by our names.
var optunaNames = []string{
	"tpe", "tpe-independent", "tpe-groups", "gp", "random", "qmc", "cmaes", "cmaes-margin", "cmaes-separable",
	"nsga2", "nsga3",
}

// otherNames are searches of other packages, each with a script of that name.
var otherNames = []string{"ngopt", "hebo", "smac"}

// liveNames are what --live may contain.
var liveNames = slices.Concat(optunaNames, otherNames)

// livePrefix is the start of the names of samplers that Optuna runs.
const livePrefix = "optuna-"

// isLive reports whether a search of that name runs in another process.
func isLive(sampler string) bool {
	return strings.HasPrefix(sampler, livePrefix) || slices.Contains(otherNames, sampler)
}

// liveSamplers returns the names of the other searches: those of --live, or Optuna's among ours.
func (q *qualityCommand) liveSamplers(samplers []string) ([]string, error) {
	// Without a Python there is nothing to run; check has refused --live then.
	if q.python == "" {
		return nil, nil
	}
	names := words(q.live)
	if q.live == "" {
		names = slices.DeleteFunc(slices.Clone(samplers), func(s string) bool { return !slices.Contains(optunaNames, s) })
	}
	if len(names) == 0 {
		return nil, usagef("--live is empty, want some of %s", strings.Join(liveNames, ", "))
	}
	for i, name := range names {
		if !slices.Contains(liveNames, name) {
			return nil, usagef("--live is %q, want some of %s", name, strings.Join(liveNames, ", "))
		}
		if slices.Contains(optunaNames, name) {
			// The prefix keeps two samplers of one name apart in all summaries.
			names[i] = livePrefix + name
		}
	}
	return names, nil
}

// liveScripts are the programs of the other searches: protocol.py and one for each package.
//
//go:embed live
var liveScripts embed.FS

// liveScript returns the program of a search and the name of its sampler there.
func liveScript(name string) (script, sampler string, err error) {
	// optuna-tpe is the sampler tpe of optuna.py.
	file, sampler, _ := strings.Cut(name, "-")
	for _, part := range []string{"protocol", file} {
		text, err := liveScripts.ReadFile("live/" + part + ".py")
		if err != nil {
			return "", "", fmt.Errorf("search %q: %w", name, err)
		}
		script += string(text) + "\n"
	}
	return script, sampler, nil
}

// A peerTask is what a search is told when it starts.
type peerTask struct {
	Sampler string `json:"sampler"`
	Seed    uint64 `json:"seed"`
	Trials  int    `json:"trials"`
	Workers int    `json:"workers"`

	Objectives int `json:"objectives"` // to minimize; only Optuna takes several

	// Space has all parameters that a trial may ask for; packages that draw a whole point need it.
	Space []peerParam `json:"space"`

	First  map[string]float64 `json:"first"`  // tried first, if not nil
	Spread float64            `json:"spread"` // of the belief that good points are near First; 0: none
	Epochs int                `json:"epochs"` // of a full training; 0: there are none
}

// A peerParam is a parameter as in Optuna's JSON.
type peerParam struct {
	Name string `json:"name"`
	Dist string `json:"dist"`
}

// openLive starts a search of a problem with another package.
func openLive(ctx context.Context, python, name string, p functions.Problem, by plan) (engine, error) {
	script, sampler, err := liveScript(name)
	if err != nil {
		return nil, err
	}
	if by.objectives() > 1 && !strings.HasPrefix(name, livePrefix) {
		return nil, usagef("--live is %q, want samplers of Optuna for problems with several objectives", name)
	}
	params, err := peerParams(dims(p))
	if err != nil {
		return nil, err
	}
	return startPeer(ctx, python, script, peerTask{
		Sampler: sampler, Seed: by.seed, Trials: by.trials, Workers: by.workers, Space: params,
		Objectives: by.objectives()})
}

// peerParams encodes a space.
func peerParams(dims []space.Dimension) ([]peerParam, error) {
	params := make([]peerParam, len(dims))
	for i, d := range dims {
		dist, err := space.Marshal(d.Dist)
		if err != nil {
			return nil, err
		}
		params[i] = peerParam{Name: d.Name, Dist: dist}
	}
	return params, nil
}

// dims returns the parameters that a problem asks for, in the order of asking. Conditional ones
// show at some of many points.
func dims(p functions.Problem) []space.Dimension {
	var found []space.Dimension
	rng := rand.New(rand.NewPCG(0, 0))
	for range 256 {
		valuesOf(p, func(name string, d space.Dist) float64 {
			if !slices.ContainsFunc(found, func(f space.Dimension) bool { return f.Name == name }) {
				found = append(found, space.Dimension{Name: name, Dist: d})
			}
			return d.Value(rng.Float64())
		})
	}
	return found
}

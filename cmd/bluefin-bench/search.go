package main

import (
	"strings"

	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/sampler"
)

// samplerNames are those that newSampler knows.
var samplerNames = []string{
	"auto", "tpe", "tpe-independent", "tpe-groups", "tpe-optuna", "gp", "random", "priorband", "qmc", "halton", "bruteforce",
	"cmaes", "cmaes-ipop", "cmaes-bipop", "cmaes-separable", "cmaes-margin", "cmaes-adapt", "cmaes-optuna",
	"nsga2", "nsga2-optuna", "nsga3", "nsga3-optuna",
}

// A plan is what is known of a search before it starts. 0 is unknown.
type plan struct {
	seed            uint64
	trials, workers int
	reference       []float64 // of a problem with several objectives
}

// objectives returns how many the problem has.
func (p plan) objectives() int { return max(1, len(p.reference)) }

// newSampler returns a sampler that serves one study. Of grid search there is
// none: it needs values for every parameter, and the problems have their own.
func newSampler(name string, p plan) (sampler.Sampler, error) {
	switch name {
	case "auto":
		return &sampler.Auto{Trials: p.trials, Workers: p.workers}, nil
	case "tpe":
		return &sampler.TPE{}, nil
	case "tpe-independent":
		return &sampler.TPE{Independent: true}, nil
	case "tpe-groups":
		return &sampler.TPE{Groups: true}, nil
	case "tpe-optuna":
		return &sampler.TPE{Optuna: true}, nil
	case "random":
		return sampler.Random{}, nil
	case "priorband":
		return sampler.PriorBand{}, nil
	case "cmaes":
		return &sampler.CMAES{}, nil
	case "cmaes-ipop":
		return &sampler.CMAES{Restart: sampler.IPOP}, nil
	case "cmaes-bipop":
		return &sampler.CMAES{Restart: sampler.BIPOP}, nil
	case "cmaes-separable":
		return &sampler.CMAES{Separable: true}, nil
	case "cmaes-margin":
		return &sampler.CMAES{Margin: true}, nil
	case "cmaes-adapt":
		return &sampler.CMAES{AdaptRates: true}, nil
	case "cmaes-optuna":
		return &sampler.CMAES{Optuna: true}, nil
	case "nsga2":
		return &sampler.NSGA2{}, nil
	case "nsga2-optuna":
		return &sampler.NSGA2{Breeding: sampler.Breeding{Optuna: true}}, nil
	case "nsga3":
		return &sampler.NSGA3{}, nil
	case "nsga3-optuna":
		return &sampler.NSGA3{Breeding: sampler.Breeding{Optuna: true}}, nil
	case "gp":
		return &sampler.GP{}, nil
	case "qmc":
		return sampler.QMC{Seed: p.seed}, nil
	case "halton":
		return sampler.QMC{Seed: p.seed, Sequence: sampler.Halton}, nil
	case "bruteforce":
		return sampler.BruteForce{}, nil
	}
	return nil, usagef("--sampler is %q, want one of %s", name, strings.Join(samplerNames, ", "))
}

// prunerNames are those that newPruner knows.
var prunerNames = []string{"none", "median", "percentile25", "halving", "hyperband"}

// newPruner returns a pruner; a factor of 0 is the default of its kind.
func newPruner(name string, factor int) (pruner.Pruner, error) {
	switch name {
	// A nil pruner never prunes.
	case "none":
		return nil, nil
	case "median":
		return pruner.Median{}, nil
	case "percentile25":
		return pruner.Percentile{Percentile: 25}, nil
	case "halving":
		return pruner.SuccessiveHalving{ReductionFactor: factor}, nil
	case "hyperband":
		return pruner.Hyperband{ReductionFactor: factor}, nil
	}
	return nil, usagef("--pruner is %q, want one of %s", name, strings.Join(prunerNames, ", "))
}

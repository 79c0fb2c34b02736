package choose

import (
	"github.com/bluefin-hpo/bluefin/sampler"
)

// Samplers are our names of samplers. Optuna's, like TPESampler, are understood too.
func Samplers() []string {
	return []string{"auto", "tpe", "tpe-independent", "cmaes", "cmaes-ipop", "cmaes-bipop", "gp", "nsga2", "nsga3",
		"qmc", "random", "priorband", "bruteforce"}
}

// PerSecond are the names of samplers that can search by improvement per second.
func PerSecond() []string { return []string{"auto", "gp", "GPSampler"} }

// Sampler returns the sampler of a name and settings, for a number of trials, 0 if it is not known. The
// seed returned is that of the settings, or the given one.
func Sampler(name string, values map[string]any, trials int, seed uint64) (sampler.Sampler, uint64, error) {
	args := &settings{values: values}
	if v, ok := args.get("seed"); ok {
		n, isInt := v.(int)
		if !isInt || n < 0 {
			args.wrong("seed", "a whole number of at least 0")
		}
		seed = uint64(n)
	}
	var s sampler.Sampler
	switch name {
	case "auto":
		s = &sampler.Auto{Trials: trials, PerSecond: args.word("per", "trial", "second") == "second"}
	// Both programs' names; settings override what a name implies.
	case "tpe", "TPESampler", "tpe-independent":
		s = &sampler.TPE{
			StartupTrials: args.positive("n_startup_trials"), Candidates: args.positive("n_ei_candidates"),
			Independent: !args.bool("multivariate", name != "tpe-independent"), Groups: args.bool("group", false),
		}
	case "cmaes", "CmaEsSampler", "cmaes-ipop", "cmaes-bipop":
		restarts := map[string]sampler.Restart{"cmaes-ipop": sampler.IPOP, "cmaes-bipop": sampler.BIPOP}
		s = &sampler.CMAES{
			StartupTrials: args.positive("n_startup_trials"), Population: args.positive("popsize"),
			Sigma:   args.float("sigma0", 0, 0, 10),
			Restart: restarts[name], Separable: args.bool("use_separable_cma", false),
			Margin: args.bool("with_margin", false), AdaptRates: args.bool("lr_adapt", false),
		}
	case "gp", "GPSampler":
		s = &sampler.GP{StartupTrials: args.positive("n_startup_trials"),
			Deterministic: args.bool("deterministic_objective", false),
			PerSecond:     args.word("per", "trial", "second") == "second"}
	case "nsga2", "NSGAIISampler":
		s = &sampler.NSGA2{Breeding: args.breeding()}
	case "nsga3", "NSGAIIISampler":
		s = &sampler.NSGA3{Breeding: args.breeding(), Divisions: args.positive("dividing_parameter")}
	case "qmc", "QMCSampler":
		q := sampler.QMC{Plain: !args.bool("scramble", true), Seed: seed}
		if args.word("qmc_type", "sobol", "halton") == "halton" {
			q.Sequence = sampler.Halton
		}
		s = q
	case "random", "RandomSampler":
		s = sampler.Random{}
	case "priorband":
		s = sampler.PriorBand{MinResource: args.positive("min_resource"),
			ReductionFactor: args.int("reduction_factor", 2)}
	case "bruteforce", "BruteForceSampler":
		s = sampler.BruteForce{}
	default:
		return nil, 0, &NameError{"sampler", name, Samplers()}
	}
	// Last, when it is known which settings the sampler has.
	return s, seed, args.check(name)
}

// breeding returns the settings of the genetic algorithms. A rate of 0 would be the default.
func (s *settings) breeding() sampler.Breeding {
	const least = 0.001
	crossovers := map[string]sampler.Crossover{"uniform": sampler.UniformCrossover, "sbx": sampler.SBX,
		"vsbx": sampler.VSBX, "blxalpha": sampler.BLXAlpha, "spx": sampler.SPX, "undx": sampler.UNDX}
	mutations := map[string]sampler.Mutation{"polynomial": sampler.PolynomialMutation, "uniform": sampler.UniformMutation}
	return sampler.Breeding{
		Population:    s.int("population_size", 2),
		Crossover:     crossovers[s.word("crossover", "uniform", "sbx", "vsbx", "blxalpha", "spx", "undx")],
		CrossoverRate: s.float("crossover_prob", 0, least, 1), SwapRate: s.float("swapping_prob", 0, least, 1),
		MutationRate: s.float("mutation_prob", 0, least, 1),
		Mutation:     mutations[s.word("mutation", "polynomial", "uniform")],
	}
}

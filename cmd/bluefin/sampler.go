package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/sampler"
)

// samplerFlags select a sampler.
type samplerFlags struct {
	name   string
	kwargs string // JSON
	seed   uint64

	// kept apart from name, to see whether a name was given
	byDefault string // for name ""
}

// nameFlag sets the default, which differs by command.
func (f *samplerFlags) nameFlag(byDefault string) cli.Flag {
	f.byDefault = byDefault // and not of the flag, since kwargs need a name that is given
	return &cli.StringFlag{Name: "sampler", Destination: &f.name, DefaultText: strconv.Quote(byDefault),
		Usage: "the `NAME` of the sampler: " + words(samplerNames()) + ", or Optuna's name, like TPESampler"}
}

// kwargsFlag takes Optuna's names, so scripts need not change.
func (f *samplerFlags) kwargsFlag() cli.Flag {
	return &cli.StringFlag{Name: "sampler-kwargs", Destination: &f.kwargs,
		Usage: "`JSON` object of settings of --sampler under Optuna's names, like {\"n_startup_trials\": 20, " +
			"\"seed\": 1}"}
}

// seedFlag has 64 bits, as study.Config.Seed has.
func (f *samplerFlags) seedFlag() cli.Flag {
	return &cli.Uint64Flag{Name: "seed", Destination: &f.seed,
		Usage: "a `NUMBER` that determines everything random: the same seed gives the same trials"}
}

// samplerNames are our names of samplers.
func samplerNames() []string {
	return []string{"auto", "tpe", "tpe-independent", "cmaes", "cmaes-ipop", "cmaes-bipop", "gp", "qmc", "random",
		"bruteforce"}
}

// chosen returns the name of the sampler.
func (f samplerFlags) chosen() string { return cmp.Or(f.name, f.byDefault) }

// sampler returns the sampler for a number of trials, 0 if it is not known, and the seed, which may
// be among the settings.
func (f samplerFlags) sampler(trials int) (s sampler.Sampler, seed uint64, err error) {
	args, err := f.parse()
	if err != nil {
		return nil, 0, err
	}
	if seed, err = args.seed(f.seed); err != nil {
		return nil, 0, err
	}
	switch name := f.chosen(); name {
	case "auto":
		s = &sampler.Auto{Trials: trials}
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
			Restart: restarts[name], Separable: args.bool("use_separable_cma", false),
			Margin: args.bool("with_margin", false), AdaptRates: args.bool("lr_adapt", false),
		}
	case "gp", "GPSampler":
		s = &sampler.GP{StartupTrials: args.positive("n_startup_trials"),
			Deterministic: args.bool("deterministic_objective", false)}
	case "qmc", "QMCSampler":
		q := sampler.QMC{Plain: !args.bool("scramble", true), Seed: seed}
		if args.word("qmc_type", "sobol", "halton") == "halton" {
			q.Sequence = sampler.Halton
		}
		s = q
	case "random", "RandomSampler":
		s = sampler.Random{}
	case "bruteforce", "BruteForceSampler":
		s = sampler.BruteForce{}
	default:
		return nil, 0, usagef("--sampler is %q, want one of %s", name, strings.Join(samplerNames(), ", "))
	}
	// Last, when it is known which settings the sampler has.
	return s, seed, args.check(f.chosen())
}

// kwargs are the settings of --sampler-kwargs. Each method reads one; the first mistake is kept and
// returned by check. null counts as absent.
type kwargs struct {
	values map[string]any
	known  []string
	err    error
}

// parse reads --sampler-kwargs. Settings without a named sampler would apply to the default.
func (f samplerFlags) parse() (*kwargs, error) {
	if f.kwargs == "" {
		return &kwargs{}, nil
	}
	if f.name == "" {
		return nil, usagef("--sampler-kwargs is set without --sampler, want both")
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(f.kwargs), &object); err != nil || object == nil {
		return nil, usagef("--sampler-kwargs is %.200q, want a JSON object", f.kwargs)
	}
	k := &kwargs{values: map[string]any{}}
	for name, raw := range object {
		v, err := pyjson.Unmarshal(raw)
		if err != nil {
			return nil, usagef("--sampler-kwargs: %s: %w", name, err)
		}
		// None in Python: the default.
		if v != nil {
			k.values[name] = v
		}
	}
	return k, nil
}

// get returns a setting, and notes that the sampler has one of that name.
func (k *kwargs) get(name string) (v any, ok bool) {
	k.known = append(k.known, name)
	v, ok = k.values[name]
	return v, ok
}

// wrong keeps the first mistake.
func (k *kwargs) wrong(name, want string) {
	if k.err == nil {
		k.err = usagef("--sampler-kwargs: %s is %s, want %s", name, pythonRepr(k.values[name]), want)
	}
}

// positive returns a whole number of at least 1, or 0 if it is absent.
func (k *kwargs) positive(name string) int {
	v, ok := k.get(name)
	n, isInt := v.(int)
	// Floats such as 20.0 are refused.
	if ok && (!isInt || n < 1 || n > math.MaxInt32) {
		k.wrong(name, "a whole number of at least 1")
	}
	return n
}

// bool returns a setting that is true or false.
func (k *kwargs) bool(name string, byDefault bool) bool {
	v, ok := k.get(name)
	if !ok {
		return byDefault
	}
	b, isBool := v.(bool)
	if !isBool {
		k.wrong(name, "true or false")
	}
	return b
}

// word returns a setting that is one of the allowed words, or "" if it is absent.
func (k *kwargs) word(name string, allowed ...string) string {
	v, ok := k.get(name)
	word, _ := v.(string)
	if ok && !slices.Contains(allowed, word) {
		k.wrong(name, words(allowed))
	}
	return word
}

// seed returns the seed of the flag, or that of the settings if the flag is not given.
func (k *kwargs) seed(flag uint64) (uint64, error) {
	v, ok := k.get("seed")
	n, isInt := v.(int)
	switch {
	case !ok:
	case !isInt || n < 0:
		k.wrong("seed", "a whole number of at least 0")
	// Two seeds that differ are a mistake; one of them would be ignored.
	case flag != 0 && flag != uint64(n):
		return 0, usagef("--seed is %d and the seed of --sampler-kwargs %d, want one of them", flag, n)
	default:
		return uint64(n), nil
	}
	return flag, nil
}

// check returns the first mistake, or an error for a setting that the sampler does not have.
func (k *kwargs) check(samplerName string) error {
	var unknown []string
	// A setting that is ignored would look as if it had an effect.
	for name := range k.values {
		if !slices.Contains(k.known, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) == 0 {
		return k.err
	}
	slices.Sort(unknown)
	slices.Sort(k.known)
	return usagef("--sampler-kwargs: %s has no setting %s, want one of %s", samplerName, strconv.Quote(unknown[0]),
		fmt.Sprint(strings.Join(slices.Compact(k.known), ", ")))
}

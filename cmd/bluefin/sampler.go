package main

import (
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

func samplerKwargsFlag() cli.Flag {
	return &cli.StringFlag{Name: "sampler-kwargs", Usage: "`JSON` object of settings of --sampler under the names that Optuna has for them, like {\"n_startup_trials\": 20, \"seed\": 1}"}
}

// samplerNames are those that samplerFor knows, besides Optuna's.
func samplerNames() []string {
	return []string{"auto", "tpe", "tpe-independent", "cmaes", "cmaes-ipop", "cmaes-bipop", "gp", "qmc", "random", "bruteforce"}
}

// samplerFor returns the sampler that the flags ask for. A seed among
// --sampler-kwargs becomes that of --seed.
func samplerFor(c *cli.Context) (sampler.Sampler, error) {
	args, err := parseKwargs(c)
	if err != nil {
		return nil, err
	}
	var s sampler.Sampler
	switch name := c.String("sampler"); name {
	case "auto":
		s = &sampler.Auto{Trials: c.Int("trials")} // 0 where there is no such flag
	case "tpe", "TPESampler", "tpe-independent":
		s = &sampler.TPE{
			StartupTrials: args.positive("n_startup_trials"), Candidates: args.positive("n_ei_candidates"),
			Independent: !args.bool("multivariate", name != "tpe-independent"), Groups: args.bool("group", false),
		}
	case "cmaes", "CmaEsSampler", "cmaes-ipop", "cmaes-bipop":
		restarts := map[string]sampler.Restart{"cmaes-ipop": sampler.IPOP, "cmaes-bipop": sampler.BIPOP}
		s = &sampler.CMAES{
			StartupTrials: args.positive("n_startup_trials"), Population: args.positive("popsize"), Restart: restarts[name],
			Separable: args.bool("use_separable_cma", false), Margin: args.bool("with_margin", false), AdaptRates: args.bool("lr_adapt", false),
		}
	case "gp", "GPSampler":
		s = &sampler.GP{StartupTrials: args.positive("n_startup_trials"), Deterministic: args.bool("deterministic_objective", false)}
	case "qmc", "QMCSampler":
		q := sampler.QMC{Plain: !args.bool("scramble", true)}
		if args.word("qmc_type", "sobol", "halton") == "halton" {
			q.Sequence = sampler.Halton
		}
		q.Seed, err = args.seed(c)
		s = q
	case "random", "RandomSampler":
		s = sampler.Random{}
	case "bruteforce", "BruteForceSampler":
		s = sampler.BruteForce{}
	default:
		return nil, usagef("--sampler is %q, want one of %s", name, strings.Join(samplerNames(), ", "))
	}
	if err == nil {
		_, err = args.seed(c)
	}
	if err == nil {
		err = args.check(c.String("sampler"))
	}
	return s, err
}

// kwargs are the settings of --sampler-kwargs. Its methods read one each and
// keep the first mistake; null is as if the setting were not there.
type kwargs struct {
	values map[string]any
	known  []string
	err    error
}

func parseKwargs(c *cli.Context) (*kwargs, error) {
	text := c.String("sampler-kwargs")
	if text == "" {
		return &kwargs{}, nil
	}
	if !c.IsSet("sampler") {
		return nil, usagef("--sampler-kwargs is set without --sampler, want both")
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &object); err != nil || object == nil {
		return nil, usagef("--sampler-kwargs is %.200q, want a JSON object", text)
	}
	k := &kwargs{values: map[string]any{}}
	for name, raw := range object {
		v, err := pyjson.Unmarshal(raw)
		if err != nil {
			return nil, usagef("--sampler-kwargs: %s: %w", name, err)
		}
		if v != nil {
			k.values[name] = v
		}
	}
	return k, nil
}

func (k *kwargs) get(name string) (v any, ok bool) {
	k.known = append(k.known, name)
	v, ok = k.values[name]
	return v, ok
}

func (k *kwargs) wrong(name, want string) {
	if k.err == nil {
		k.err = usagef("--sampler-kwargs: %s is %s, want %s", name, pythonRepr(k.values[name]), want)
	}
}

// positive returns a whole number of at least 1, or 0 if there is none.
func (k *kwargs) positive(name string) int {
	v, ok := k.get(name)
	n, isInt := v.(int)
	if ok && (!isInt || n < 1 || n > math.MaxInt32) {
		k.wrong(name, "a whole number of at least 1")
	}
	return n
}

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

func (k *kwargs) word(name string, allowed ...string) string {
	v, ok := k.get(name)
	word, _ := v.(string)
	if ok && !slices.Contains(allowed, word) {
		k.wrong(name, words(allowed))
	}
	return word
}

// seed returns the seed of the flag or that of the settings, which it copies to
// the flag.
func (k *kwargs) seed(c *cli.Context) (uint64, error) {
	v, ok := k.get("seed")
	if n, isInt := v.(int); ok && isInt && n >= 0 {
		if c.IsSet("seed") && c.Uint64("seed") != uint64(n) {
			return 0, usagef("--seed is %d and the seed of --sampler-kwargs %d, want one of them", c.Uint64("seed"), n)
		}
		return uint64(n), c.Set("seed", strconv.Itoa(n))
	} else if ok {
		k.wrong("seed", "a whole number of at least 0")
	}
	return c.Uint64("seed"), nil
}

// check returns the first mistake, or the name of a setting that the sampler
// does not have.
func (k *kwargs) check(samplerName string) error {
	var unknown []string
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
	return usagef("--sampler-kwargs: %s has no setting %s, want of %s", samplerName, strconv.Quote(unknown[0]),
		fmt.Sprint(strings.Join(slices.Compact(k.known), ", ")))
}

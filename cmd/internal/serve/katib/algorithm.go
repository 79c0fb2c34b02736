package katib

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/bluefin-hpo/bluefin/cmd/internal/choose"
	"github.com/bluefin-hpo/bluefin/cmd/internal/serve/katib/pb"
	"github.com/bluefin-hpo/bluefin/sampler"
)

const gridName, bruteForceName = "grid", "bruteforce"

// isFinite reports whether an algorithm tries each combination of values once.
func isFinite(algorithm string) bool { return algorithm == gridName || algorithm == bruteForceName }

// ours is what Katib's names of algorithms are here; our own names are understood too.
var ours = map[string]string{
	"random": "random", "tpe": "tpe", "multivariate-tpe": "tpe", "cmaes": "cmaes", "sobol": "qmc",
	"bayesianoptimization": "gp",
}

// names are all that an experiment may use.
func names() []string {
	all := []string{"random", "tpe", "multivariate-tpe", "cmaes", "sobol", gridName, "bayesianoptimization"}
	for _, name := range choose.Samplers() {
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// chosen returns the sampler of an algorithm, and the seed, which is that of the settings or the given one.
func chosen(spec *pb.AlgorithmSpec, params []param, trials int, seed uint64) (sampler.Sampler, uint64, error) {
	name := spec.GetAlgorithmName()
	if !slices.Contains(names(), name) {
		return nil, 0, fmt.Errorf("algorithm is %.100q, want one of %s", name, strings.Join(names(), ", "))
	}
	s := settings{algorithm: name, own: name, values: map[string]any{}}
	if own, ok := ours[name]; ok {
		s.own = own
	}
	seen := map[string]bool{}
	for _, set := range spec.GetAlgorithmSettings() {
		if seen[set.GetName()] {
			return nil, 0, fmt.Errorf("setting %.100q of algorithm %s is given twice, want it once", set.GetName(), name)
		}
		seen[set.GetName()] = true
		if err := s.add(set.GetName(), set.GetValue()); err != nil {
			return nil, 0, fmt.Errorf("algorithm %s: %w", name, err)
		}
	}
	if strings.HasPrefix(name, "cmaes") {
		numeric := 0
		for _, p := range params {
			if p.kind == pb.ParameterType_DOUBLE || p.kind == pb.ParameterType_INT {
				numeric++
			}
		}
		if numeric < 2 {
			return nil, 0, fmt.Errorf("algorithm %s: the experiment has %d parameters of type double or int, want at least 2",
				name, numeric)
		}
	}
	if name == gridName {
		return s.grid(params, seed)
	}
	chosen, seed, err := choose.Sampler(s.own, s.values, trials, seed)
	if err != nil {
		return nil, 0, fmt.Errorf("algorithm %s: %w", name, err)
	}
	if name == bruteForceName {
		for _, p := range params {
			if p.Dist.Len() == 0 {
				return nil, 0, endless(p, name)
			}
		}
	}
	return chosen, seed, nil
}

func endless(p param, algorithm string) error {
	return fmt.Errorf("parameter %.100q has infinitely many values, want a step for algorithm %s", p.Name, algorithm)
}

// settings are those of an algorithm under our names.
type settings struct {
	algorithm, own string
	values         map[string]any
}

// add reads one setting. Those that another Katib service has and ours lacks may only say what ours does.
func (s *settings) add(name, text string) error {
	word := func(allowed ...string) error {
		if !slices.Contains(allowed, text) {
			return fmt.Errorf("%s is %.100q, want %s", name, text, strings.Join(allowed, " or "))
		}
		return nil
	}
	whole := func(own string, least int) error {
		n, err := strconv.Atoi(text)
		if err != nil || n < least {
			return fmt.Errorf("%s is %.100q, want a whole number of at least %d", name, text, least)
		}
		s.values[own] = n
		return nil
	}
	bayes := s.algorithm == "bayesianoptimization"
	switch {
	case name == "random_state":
		return whole("seed", 0)
	case name == "n_startup_trials", bayes && name == "n_initial_points":
		err := whole("n_startup_trials", 0)
		if s.values["n_startup_trials"] == 0 { // as in Katib; the first trial is random in any case
			s.values["n_startup_trials"] = 1
		}
		return err
	case name == "n_ei_candidates", s.own == "tpe" && name == "n_EI_candidates":
		return whole("n_ei_candidates", 1)
	case strings.HasPrefix(s.own, "cmaes") && name == "sigma":
		x, err := strconv.ParseFloat(text, 64)
		if err != nil || !(x >= 0 && x <= 10) {
			return fmt.Errorf("%s is %.100q, want a number from 0 to 10", name, text)
		}
		s.values["sigma0"] = x
	case s.algorithm == "cmaes" && name == "restart_strategy":
		if text == "ipop" || text == "bipop" {
			s.own = "cmaes-" + text
			return nil
		}
		return word("none", "None", "ipop", "bipop")
	case bayes && name == "base_estimator":
		return word("GP")
	case bayes && name == "acq_func":
		return word("EI", "gp_hedge")
	case bayes && name == "acq_optimizer":
		return word("auto", "lbfgs")
	default:
		s.values[name] = scalar(text)
	}
	return nil
}

// scalar reads a value of any type.
func scalar(text string) any {
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	if x, err := strconv.ParseFloat(text, 64); err == nil {
		return x
	}
	switch strings.ToLower(text) {
	case "true":
		return true
	case "false":
		return false
	}
	return text
}

// mostGridValues bounds how long a draw takes.
const mostGridValues = 2000

// grid returns the sampler of all combinations.
func (s *settings) grid(params []param, seed uint64) (sampler.Sampler, uint64, error) {
	if n, ok := s.values["seed"].(int); ok {
		seed = uint64(n)
	}
	delete(s.values, "seed")
	if unknown := slices.Sorted(maps.Keys(s.values)); len(unknown) > 0 {
		return nil, 0, fmt.Errorf("algorithm grid has no setting %.100q, want random_state", unknown[0])
	}
	values, all := map[string][]any{}, 1.0
	for _, p := range params {
		n := p.Dist.Len()
		switch {
		case n == 0:
			return nil, 0, endless(p, gridName)
		case n > mostGridValues:
			return nil, 0, fmt.Errorf("parameter %.100q has %d values, want at most %d for algorithm grid",
				p.Name, n, mostGridValues)
		}
		all *= float64(n)
		for i := range n {
			values[p.Name] = append(values[p.Name], p.Dist.External(p.Dist.Value((float64(i)+0.5)/float64(n))))
		}
	}
	if all > 1<<53 {
		return nil, 0, fmt.Errorf("the grid has %.3g combinations, want at most 2^53", all)
	}
	return sampler.Grid{Values: values, Seed: seed}, seed, nil
}

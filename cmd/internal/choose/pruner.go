package choose

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/bluefin-hpo/bluefin/pruner"
)

// Pruners are our names of pruners.
func Pruners() []string {
	return []string{"median", "percentile", "halving", "hyperband", "patient", "threshold", "dominance", "none"}
}

// mainSetting is the one that may follow a pruner's name and a colon.
var mainSetting = map[string]string{
	"percentile": "percentile", "patient": "patience", "threshold": "upper", "dominance": "n_dominating"}

// Pruner returns the pruner of a name and settings, nil for none, for a study of the given name, by
// which Hyperband assigns trials to brackets.
func Pruner(name string, values map[string]any, studyName string) (pruner.Pruner, error) {
	args := &settings{values: values}
	ranked := func() (startup, warmup, interval, least int) {
		startup = args.int("n_startup_trials", 0)
		if _, ok := args.get("n_startup_trials"); ok && startup == 0 {
			startup = -1 // none, where 0 is the default
		}
		return startup, args.int("n_warmup_steps", 0), args.positive("interval_steps"), args.positive("n_min_trials")
	}
	if name != "none" && name != "dominance" {
		args.text("metric")
	}
	var p pruner.Pruner
	switch name {
	case "median":
		m := pruner.Median{}
		m.StartupTrials, m.WarmupSteps, m.IntervalSteps, m.MinTrials = ranked()
		p = m
	case "percentile":
		m := pruner.Percentile{Percentile: args.float("percentile", 25, 0, 100)}
		m.StartupTrials, m.WarmupSteps, m.IntervalSteps, m.MinTrials = ranked()
		p = m
	case "halving":
		p = pruner.SuccessiveHalving{
			MinResource: args.positive("min_resource"), ReductionFactor: args.int("reduction_factor", 2),
			MinEarlyStoppingRate: args.int("min_early_stopping_rate", 0), BootstrapCount: args.int("bootstrap_count", 0),
		}
	case "hyperband":
		p = pruner.Hyperband{
			StudyName: studyName, MinResource: args.positive("min_resource"), MaxResource: args.positive("max_resource"),
			ReductionFactor: args.int("reduction_factor", 2), BootstrapCount: args.int("bootstrap_count", 0),
		}
	case "patient":
		m := pruner.Patient{Patience: 5, MinDelta: args.float("min_delta", 0, 0, math.Inf(1))}
		if _, ok := args.get("patience"); ok {
			m.Patience = args.int("patience", 0)
		}
		p = m
	case "threshold":
		upper := args.float("upper", math.Inf(1), math.Inf(-1), math.Inf(1))
		lower := args.float("lower", math.Inf(-1), math.Inf(-1), math.Inf(1))
		m := pruner.Threshold{Upper: &upper} // a pointer, since 0 is a limit too
		if _, ok := args.get("lower"); ok {
			m.Lower = &lower
		}
		p = m
	case "dominance":
		m := pruner.Dominance{By: args.positive("n_dominating")}
		m.StartupTrials, m.WarmupSteps, m.IntervalSteps = args.int("n_startup_trials", 0), args.int("n_warmup_steps", 0),
			args.positive("interval_steps")
		if _, ok := args.get("n_startup_trials"); ok && m.StartupTrials == 0 {
			m.StartupTrials = -1
		}
		p = m
	case "none":
	default:
		return nil, &NameError{"pruner", name, Pruners()}
	}
	return p, args.check(name)
}

// ForObjectives returns what a pruner of the given settings is in a study with metrics of these names.
// With several, all but dominance need the setting metric: which of them they judge by, a name or a
// number from 0.
func ForObjectives(p pruner.Pruner, name string, values map[string]any, metrics []string) (pruner.Pruner, error) {
	metric, given := values["metric"].(string)
	_, several := p.(pruner.Dominance)
	if p == nil || several && !given {
		return p, nil
	}
	all := strings.Join(metrics, ", ")
	switch {
	case given && len(metrics) == 0:
		return nil, fmt.Errorf("the pruner judges by %q, want no metric: there is only one", metric)
	case !given && len(metrics) <= 1:
		return p, nil
	case !given:
		return nil, fmt.Errorf("the pruner is %q, which compares single values, and there are %d metrics: want %s@METRIC "+
			"with one of %s, dominance or none", name, len(metrics), name, all)
	}
	at := slices.Index(metrics, metric)
	if n, err := strconv.Atoi(metric); at < 0 && err == nil && n >= 0 && n < len(metrics) {
		at = n
	}
	switch {
	case at < 0:
		return nil, fmt.Errorf("the pruner judges by %q, want one of %s", metric, all)
	case len(metrics) == 1:
		return p, nil
	}
	return &pruner.ByObjective{Objective: at, Pruner: p}, nil
}

// PrunerText reads NAME, NAME:NUMBER, where the number is the setting that matters most, and either with
// @METRIC.
func PrunerText(text string) (name string, values map[string]any, err error) {
	text, metric, judged := strings.Cut(text, "@")
	if name, values, err = prunerText(text); err != nil || !judged {
		return name, values, err
	}
	switch {
	case metric == "":
		return "", nil, fmt.Errorf("pruner is %q, want a metric after %s@", text+"@", text)
	case name == "none" || name == "dominance":
		return "", nil, fmt.Errorf("pruner is %q, want no metric after %s", text+"@"+metric, name)
	case values == nil:
		values = map[string]any{}
	}
	values["metric"] = metric
	return name, values, nil
}

func prunerText(text string) (name string, values map[string]any, err error) {
	name, number, given := strings.Cut(text, ":")
	setting, takes := mainSetting[name]
	switch {
	case !given:
		return name, nil, nil
	case takes:
		var v any
		if n, err := strconv.Atoi(number); err == nil {
			v = n
		} else if x, err := strconv.ParseFloat(number, 64); err == nil {
			v = x
		} else {
			return "", nil, fmt.Errorf("pruner is %q, want a number after %s", text, name+":")
		}
		return name, map[string]any{setting: v}, nil
	case slices.Contains(Pruners(), name):
		return "", nil, fmt.Errorf("pruner is %q, want no number after %s", text, name)
	}
	return "", nil, &NameError{"pruner", text, Pruners()}
}

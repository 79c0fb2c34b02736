package pruner_test

import (
	"testing"

	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/pruner/prunertest"
)

func TestPrunersConform(t *testing.T) {
	for name, c := range map[string]struct {
		pruner   pruner.Pruner
		compares bool
	}{
		"Median":                                 {pruner.Median{}, true},
		"Median with few trials, at intervals":   {pruner.Median{StartupTrials: -1, WarmupSteps: 2, IntervalSteps: 3, MinTrials: 2}, true},
		"Percentile":                             {pruner.Percentile{}, true},
		"Percentile 25":                          {pruner.Percentile{Percentile: 25}, true},
		"SuccessiveHalving":                      {pruner.SuccessiveHalving{}, true},
		"SuccessiveHalving with given resource":  {pruner.SuccessiveHalving{MinResource: 2, ReductionFactor: 2, MinEarlyStoppingRate: 1}, true},
		"SuccessiveHalving that stops the first": {pruner.SuccessiveHalving{MinResource: 1, BootstrapCount: 5}, false},
		"Hyperband":                              {pruner.Hyperband{}, true},
		"Hyperband with given resource":          {pruner.Hyperband{MinResource: 1, MaxResource: 27}, true},
		"Threshold":                              {pruner.Threshold{}, false},
		"Threshold with limits":                  {pruner.Threshold{Lower: new(-1.0), Upper: new(2.0), IntervalSteps: 2}, false},
		"Patient":                                {pruner.Patient{Patience: 5}, true},
		"Patient without patience":               {pruner.Patient{MinDelta: 0.5}, true},
		"Patient with Median":                    {pruner.Patient{Pruner: pruner.Median{}, Patience: 2}, true},
		"Patient with Hyperband":                 {pruner.Patient{Pruner: pruner.Hyperband{}, Patience: 2}, true},
		"Wilcoxon":                               {pruner.Wilcoxon{}, true},
		"Wilcoxon that stops all but the best":   {pruner.Wilcoxon{Threshold: 1}, true},
		"Dominance":                              {pruner.Dominance{}, true},
		"Dominance by one, at intervals":         {pruner.Dominance{By: 1, StartupTrials: -1, WarmupSteps: 2, IntervalSteps: 3}, true},
		"ByObjective":                            {&pruner.ByObjective{Pruner: pruner.Median{}}, true},
		"ByObjective with Hyperband":             {&pruner.ByObjective{Pruner: pruner.Hyperband{}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			prunertest.Run(t, func() pruner.Pruner { return c.pruner })
			if c.compares {
				prunertest.Compares(t, func() pruner.Pruner { return c.pruner })
			}
		})
	}
}

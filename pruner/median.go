package pruner

import "github.com/bluefin-hpo/bluefin/trial"

// Median stops a trial whose best report so far is worse than the median of
// what the Complete trials reported at the same step: Percentile at 50. The
// idea is the median stopping rule of Golovin et al., Google Vizier: A Service
// for Black-Box Optimization, 2017, §3.2.2; the decisions are those of Optuna's
// MedianPruner, whose defaults the zero value has.
type Median struct {
	StartupTrials int // prune nothing before so many trials are Complete; 0: 5, negative: none
	WarmupSteps   int // prune nothing at steps below; ≥ 0
	IntervalSteps int // judge one report per interval of so many steps, counted from WarmupSteps; 0: 1
	MinTrials     int // prune nothing at a step that fewer Complete trials reported; 0: 1
}

// Prune says whether to stop t after its newest report. It is an error if a
// field is out of its range or the study has several objectives.
func (m Median) Prune(h trial.History, t *trial.Trial) (Verdict, error) {
	return Percentile{
		Percentile:    50,
		StartupTrials: m.StartupTrials,
		WarmupSteps:   m.WarmupSteps,
		IntervalSteps: m.IntervalSteps,
		MinTrials:     m.MinTrials,
	}.prune(h, t, "Median")
}

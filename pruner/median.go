package pruner

import "github.com/bluefin-hpo/bluefin/trial"

// Median stops a trial whose best report so far is worse than the median of what the Complete
// trials reported at the same step. It is Percentile at 50. The idea is the median stopping rule of
// Golovin et al., "Google Vizier: A Service for Black-Box Optimization" (2017), §3.2.2; the
// decisions, and the defaults, are those of Optuna's MedianPruner.
type Median struct {
	StartupTrials int // prune nothing before this many trials are Complete; 0: 5, negative: none
	WarmupSteps   int // prune nothing before this step; ≥ 0
	IntervalSteps int // judge one report in this many steps, counted from WarmupSteps; 0: 1
	MinTrials     int // prune nothing at a step that fewer Complete trials reported; 0: 1
}

// Prune decides whether to stop t after its newest report. It is an error if a field is out of
// range or the study has several objectives.
func (m Median) Prune(h trial.History, t *trial.Trial) (Verdict, error) {
	return Percentile{
		Percentile:    50,
		StartupTrials: m.StartupTrials,
		WarmupSteps:   m.WarmupSteps,
		IntervalSteps: m.IntervalSteps,
		MinTrials:     m.MinTrials,
	}.prune(h, t, "Median")
}

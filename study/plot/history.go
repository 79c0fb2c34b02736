package plot

import (
	"math"

	"github.com/bluefin-hpo/bluefin/trial"
)

// A HistoryPlot shows the values in the order of the trials, and the best so far.
type HistoryPlot struct {
	Value    Axis           `json:"value"`
	Maximize bool           `json:"maximize"`
	Points   []HistoryPoint `json:"points"`  // the complete trials, by number
	Skipped  int            `json:"skipped"` // complete trials whose value is NaN or infinite
}

// A HistoryPoint is a complete trial.
type HistoryPoint struct {
	Trial    int   `json:"trial"`
	Value    Float `json:"value"`
	Best     Float `json:"best"` // of the feasible trials up to this one; NaN if there is none
	Feasible bool  `json:"feasible"`
}

// History returns the values of one objective by the number of the trial. Trials whose value is
// infinite have no point, but count for the best so far. In a study with several objectives the
// best is that of this objective alone.
func History(h trial.History, c Config) (HistoryPlot, error) {
	if err := c.check(h); err != nil {
		return HistoryPlot{}, err
	}
	p := HistoryPlot{Maximize: c.maximize(h), Points: []HistoryPoint{}}
	d, best := h.Directions()[c.Objective], math.NaN()
	var values []Float
	for _, t := range complete(h) {
		v, ok := t.Values[c.Objective], feasible(t)
		if ok && d.Better(v, best) {
			best = v
		}
		if !finite(v) {
			p.Skipped++
			continue
		}
		p.Points = append(p.Points, HistoryPoint{t.Number, Float(v), Float(best), ok})
		values = append(values, Float(v))
	}
	p.Value = c.value(h, values)
	return p, nil
}

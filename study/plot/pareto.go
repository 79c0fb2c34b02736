package plot

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/bluefin-hpo/bluefin/trial"
)

// A ParetoPlot shows the trials of a study with several objectives, and which of them no other one
// dominates.
type ParetoPlot struct {
	Axes     []Axis        `json:"axes"` // one for each objective
	Maximize []bool        `json:"maximize"`
	Points   []ParetoPoint `json:"points"`  // the complete trials, by number
	Skipped  int           `json:"skipped"` // complete trials of which a value is NaN or infinite
}

// A ParetoPoint is a complete trial.
type ParetoPoint struct {
	Trial    int     `json:"trial"`
	Values   []Float `json:"values"`
	Front    bool    `json:"front"` // no feasible trial dominates it
	Feasible bool    `json:"feasible"`
}

// Pareto returns the values of the complete trials. It fails for a study with one objective.
func Pareto(h trial.History, c Config) (ParetoPlot, error) {
	if err := cmp.Or(c.check(h), several(h)); err != nil {
		return ParetoPlot{}, err
	}
	front := map[*trial.Trial]bool{}
	for _, t := range h.ParetoFront() {
		front[t] = true
	}
	p := ParetoPlot{Points: []ParetoPoint{}}
	values := make([][]Float, len(h.Directions())) // by objective
	for _, t := range complete(h) {
		if !allFinite(t.Values) {
			p.Skipped++
			continue
		}
		point := ParetoPoint{Trial: t.Number, Front: front[t], Feasible: feasible(t)}
		for k, v := range t.Values {
			point.Values, values[k] = append(point.Values, Float(v)), append(values[k], Float(v))
		}
		p.Points = append(p.Points, point)
	}
	for k, d := range h.Directions() {
		p.Axes = append(p.Axes, newAxis(c.name(h, k), values[k]))
		p.Maximize = append(p.Maximize, d == trial.Maximize)
	}
	return p, nil
}

// several returns an error for a study with one objective.
func several(h trial.History) error {
	if n := len(h.Directions()); n < 2 {
		return fmt.Errorf("the study has %d objective, want several", n)
	}
	return nil
}

func allFinite(values []float64) bool {
	return !slices.ContainsFunc(values, func(v float64) bool { return !finite(v) })
}

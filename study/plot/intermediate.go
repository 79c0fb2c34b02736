package plot

import (
	"slices"

	"github.com/bluefin-hpo/bluefin/trial"
)

// An IntermediatePlot shows the reports of each trial over its steps.
type IntermediatePlot struct {
	Step     string  `json:"step"` // what is counted, such as "epoch"
	Value    Axis    `json:"value"`
	Maximize bool    `json:"maximize"`
	Curves   []Curve `json:"curves"` // the trials with reports, by number, running ones too
}

// A Curve is a trial with its reports.
type Curve struct {
	Trial    int     `json:"trial"`
	State    string  `json:"state"`
	Feasible bool    `json:"feasible"`
	Steps    []int   `json:"steps"`  // increasing
	Values   []Float `json:"values"` // as many; NaN where one was reported
}

// Intermediate returns the reports of the complete, pruned and running trials. Failed ones are left
// out, as in Optuna. Step is "step"; a caller who knows better may replace it.
func Intermediate(h trial.History, c Config) (IntermediatePlot, error) {
	if err := c.check(h); err != nil {
		return IntermediatePlot{}, err
	}
	p := IntermediatePlot{Step: "step", Maximize: c.maximize(h), Curves: []Curve{}}
	trials, n := everything(h), 0
	for _, t := range trials {
		n += len(t.Reports)
	}
	steps, values := make([]int, 0, n), make([]Float, 0, n) // of all curves, one after the other
	for _, t := range trials {
		if len(t.Reports) == 0 || t.State == trial.Failed {
			continue
		}
		from := len(steps)
		for _, r := range t.Reports {
			steps, values = append(steps, r.Step), append(values, Float(r.Value))
		}
		p.Curves = append(p.Curves, Curve{t.Number, t.State.String(), feasible(t), slices.Clip(steps[from:]), slices.Clip(values[from:])})
	}
	p.Value = c.value(h, values)
	return p, nil
}

package plot

import "github.com/bluefin-hpo/bluefin/trial"

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
	var all []Float
	for _, t := range everything(h) {
		if len(t.Reports) == 0 || t.State == trial.Failed {
			continue
		}
		n := len(t.Reports)
		curve := Curve{t.Number, t.State.String(), feasible(t), make([]int, n), make([]Float, n)}
		for i, r := range t.Reports {
			curve.Steps[i], curve.Values[i] = r.Step, Float(r.Value)
		}
		p.Curves = append(p.Curves, curve)
		all = append(all, curve.Values...)
	}
	p.Value = c.value(h, all)
	return p, nil
}

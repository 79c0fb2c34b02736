package plot

import (
	"slices"

	"github.com/bluefin-hpo/bluefin/study/importance"
	"github.com/bluefin-hpo/bluefin/trial"
)

// An ImportancePlot shows how much each parameter matters.
type ImportancePlot struct {
	Method string          `json:"method"` // such as "PED-ANOVA"
	Value  string          `json:"value"`  // the name of the objective
	Params []ImportanceBar `json:"params"` // largest first; those of all parameters sum to 1
	Trials int             `json:"trials"` // how many complete trials they come from
}

// An ImportanceBar is a parameter.
type ImportanceBar struct {
	Name  string `json:"name"`
	Value Float  `json:"value"`
	Low   Float  `json:"low"` // an interval for Value from resampled trials; NaN if unknown
	High  Float  `json:"high"`
}

// resamples is how many there are for the intervals. A tenth lies outside of an interval, so that is
// decided by ten.
const resamples = 100

// Importances returns the importance of the parameters for one objective, with 90 % intervals from
// resampled trials (see importance.Bootstrap). c.Params limits the bars, but not what is measured,
// so their values are shares of all. The plot of a history with fewer than two complete trials is
// empty.
func Importances(h trial.History, c Config, e importance.Evaluator) (ImportancePlot, error) {
	if err := c.check(h); err != nil {
		return ImportancePlot{}, err
	}
	trials, _ := c.finite(h)
	p := ImportancePlot{Value: c.name(h, c.Objective), Params: []ImportanceBar{}, Trials: len(trials)}
	switch e.(type) {
	case importance.PEDANOVA:
		p.Method = "PED-ANOVA"
	case importance.FANOVA:
		p.Method = "fANOVA"
	}
	names, err := c.params(h, trials)
	if err != nil || len(trials) < 2 {
		return p, err
	}
	list, err := importance.Bootstrap(e, h, c.Objective, resamples, 0)
	if err != nil {
		return ImportancePlot{}, err
	}
	for _, i := range list {
		if slices.Contains(names, i.Name) {
			p.Params = append(p.Params, ImportanceBar{i.Name, Float(i.Value), Float(i.Low), Float(i.High)})
		}
	}
	return p, nil
}

package plot

import "github.com/bluefin-hpo/bluefin/trial"

// A ParallelPlot shows each trial as a line across its value and its parameters.
type ParallelPlot struct {
	Value    Axis           `json:"value"`
	Maximize bool           `json:"maximize"`
	Params   []Axis         `json:"params"`
	Lines    []ParallelLine `json:"lines"`   // the complete trials, by number
	Skipped  int            `json:"skipped"` // complete trials whose value is NaN or infinite
}

// A ParallelLine is a complete trial.
type ParallelLine struct {
	Trial    int     `json:"trial"`
	Value    Float   `json:"value"`
	X        []Float `json:"x"` // one for each parameter of the plot; NaN if the trial does not have it
	Feasible bool    `json:"feasible"`
}

// Parallel returns the complete trials with one objective and all parameters that c asks for.
func Parallel(h trial.History, c Config) (ParallelPlot, error) {
	if err := c.check(h); err != nil {
		return ParallelPlot{}, err
	}
	trials, skipped := c.finite(h)
	columns, err := c.columns(h, trials)
	if err != nil {
		return ParallelPlot{}, err
	}
	p := ParallelPlot{c.value(h, c.values(trials)), c.maximize(h), []Axis{}, []ParallelLine{}, skipped}
	for _, column := range columns {
		p.Params = append(p.Params, column.axis)
	}
	for i, t := range trials {
		x := make([]Float, len(columns))
		for k, column := range columns {
			x[k] = column.x[i]
		}
		p.Lines = append(p.Lines, ParallelLine{t.Number, Float(t.Values[c.Objective]), x, feasible(t)})
	}
	return p, nil
}

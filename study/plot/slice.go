package plot

import "github.com/bluefin-hpo/bluefin/trial"

// A SlicePlot shows the values over each parameter.
type SlicePlot struct {
	Value    Axis         `json:"value"`
	Maximize bool         `json:"maximize"`
	Params   []ParamSlice `json:"params"`
	Skipped  int          `json:"skipped"` // complete trials whose value is NaN or infinite
}

// A ParamSlice is the part of a SlicePlot with one parameter.
type ParamSlice struct {
	Param  Axis         `json:"param"`
	Points []SlicePoint `json:"points"` // the complete trials that have the parameter, by number
}

// A SlicePoint is a complete trial.
type SlicePoint struct {
	Trial    int   `json:"trial"`
	X        Float `json:"x"` // along the axis of the parameter
	Value    Float `json:"value"`
	Feasible bool  `json:"feasible"`
}

// Slice returns the values of one objective over each parameter.
func Slice(h trial.History, c Config) (SlicePlot, error) {
	if err := c.check(h); err != nil {
		return SlicePlot{}, err
	}
	trials, skipped := c.finite(h)
	columns, err := c.columns(h, trials)
	if err != nil {
		return SlicePlot{}, err
	}
	p := SlicePlot{c.value(h, c.values(trials)), c.maximize(h), []ParamSlice{}, skipped}
	for _, column := range columns {
		s := ParamSlice{column.axis, make([]SlicePoint, 0, len(trials))}
		for i, x := range column.x {
			if t := trials[i]; x == x { // not NaN
				s.Points = append(s.Points, SlicePoint{t.Number, x, Float(t.Values[c.Objective]), feasible(t)})
			}
		}
		p.Params = append(p.Params, s)
	}
	return p, nil
}

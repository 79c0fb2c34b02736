package plot

import (
	"fmt"

	"github.com/bluefin-hpo/bluefin/study/importance"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A PairPoint is a complete trial over two parameters.
type PairPoint struct {
	Trial    int   `json:"trial"`
	X        Float `json:"x"`
	Y        Float `json:"y"`
	Value    Float `json:"value"`
	Rank     Float `json:"rank"` // in [0, 1], by value: 0 is the lowest; equal values share the mean of their ranks
	Feasible bool  `json:"feasible"`
}

// pair returns the trials that have both of two parameters, of those that are shown: the two of
// c.Params or, if there are none, the two most important.
func (c Config) pair(h trial.History, shown []*trial.Trial) (x, y Axis, points []PairPoint, err error) {
	if c.Params == nil {
		if c.Params, err = c.mostImportant(h, shown); err != nil || c.Params == nil {
			return newAxis("", nil), newAxis("", nil), []PairPoint{}, err
		}
	}
	if len(c.Params) != 2 {
		return x, y, nil, fmt.Errorf("the parameters are %q, want 2", c.Params)
	}
	columns, err := c.columns(h, shown)
	if err != nil {
		return x, y, nil, err
	}
	rank := ranks(c.values(shown))
	points = []PairPoint{}
	for i, t := range shown {
		x, y := columns[0].x[i], columns[1].x[i]
		if x == x && y == y { // it has both
			points = append(points, PairPoint{t.Number, x, y, Float(t.Values[c.Objective]), rank[i], feasible(t)})
		}
	}
	return columns[0].axis, columns[1].axis, points, nil
}

// mostImportant returns the two parameters that matter most by PED-ANOVA, the first two by name if
// there are too few trials for it, or nil if no trial is shown.
func (c Config) mostImportant(h trial.History, shown []*trial.Trial) ([]string, error) {
	names := paramNames(shown)
	switch {
	case len(shown) == 0:
		return nil, nil
	case len(names) == 0:
		return nil, fmt.Errorf("the trials have no parameters, want 2")
	case len(names) == 1:
		return nil, fmt.Errorf("the trials have one parameter, %q, want 2", names[0])
	}
	if list, err := (importance.PEDANOVA{}).Of(h, c.Objective); err == nil && len(list) >= 2 {
		return []string{list[0].Name, list[1].Name}, nil
	}
	return names[:2], nil
}

package plot

import "github.com/bluefin-hpo/bluefin/trial"

// A ContourPlot shows the values over two parameters: the trials, and a surface through them.
type ContourPlot struct {
	X        Axis        `json:"x"`
	Y        Axis        `json:"y"`
	Value    Axis        `json:"value"`
	Maximize bool        `json:"maximize"`
	Points   []PairPoint `json:"points"`  // the complete trials that have both parameters, by number
	GridX    []Float     `json:"grid_x"`  // increasing
	GridY    []Float     `json:"grid_y"`  // increasing
	Surface  [][]Float   `json:"surface"` // Surface[j][i] is at (GridX[i], GridY[j]); NaN far from every trial
	Skipped  int         `json:"skipped"` // complete trials whose value is NaN or infinite
}

// Contour returns the trials over two parameters, those of c.Params or, if there are none, the two
// most important, and a smooth surface through them. The points are those of Optuna's plot; Optuna
// leaves the surface to the browser.
//
// The surface is a robust local regression (see surface.go): it follows the typical value near a
// point, not the trials one by one, since they also differ by their other parameters, and not the
// few that diverged. It never leaves the range of the nearby values, does not mix choices of a
// categorical parameter, and has no value where there is no trial near.
func Contour(h trial.History, c Config) (ContourPlot, error) {
	if err := c.check(h); err != nil {
		return ContourPlot{}, err
	}
	trials, skipped := c.finite(h)
	x, y, points, err := c.pair(h, trials)
	if err != nil {
		return ContourPlot{}, err
	}
	p := ContourPlot{X: x, Y: y, Value: c.value(h, c.values(trials)), Maximize: c.maximize(h), Points: points, Skipped: skipped}
	p.GridX, p.GridY, p.Surface = surface(x, y, points)
	return p, nil
}

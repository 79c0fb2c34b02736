package plot

import (
	"cmp"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/trial"
)

// A RankPlot shows over two parameters how the trials rank.
type RankPlot struct {
	X        Axis        `json:"x"`
	Y        Axis        `json:"y"`
	Value    Axis        `json:"value"`
	Maximize bool        `json:"maximize"`
	Points   []PairPoint `json:"points"`  // the complete trials that have both parameters, by number
	Skipped  int         `json:"skipped"` // complete trials whose value is NaN
}

// Rank returns the trials over two parameters: those of c.Params or, if there are none, the two most
// important. The ranks are those among all complete trials, also those that lack a parameter or are
// infeasible. An infinite value has a rank, too.
func Rank(h trial.History, c Config) (RankPlot, error) {
	if err := c.check(h); err != nil {
		return RankPlot{}, err
	}
	all := complete(h)
	shown := slices.DeleteFunc(slices.Clone(all), func(t *trial.Trial) bool { return math.IsNaN(t.Values[c.Objective]) })
	x, y, points, err := c.pair(h, shown)
	if err != nil {
		return RankPlot{}, err
	}
	return RankPlot{x, y, c.value(h, c.values(shown)), c.maximize(h), points, len(all) - len(shown)}, nil
}

// ranks returns the rank of each value in [0, 1], 0 for the lowest. Equal values share the mean of
// their ranks. A single value has the rank 0.5.
func ranks(values []Float) []Float {
	if len(values) == 1 {
		return []Float{0.5}
	}
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(values[a], values[b]) })
	list := make([]Float, len(values))
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && values[order[j]] == values[order[i]] {
			j++
		}
		for _, k := range order[i:j] {
			list[k] = Float(i+j-1) / 2 / Float(len(order)-1)
		}
		i = j
	}
	return list
}

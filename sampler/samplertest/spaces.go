package samplertest

import (
	"fmt"

	"github.com/bluefin-hpo/bluefin/space"
)

// mixed draws one parameter of each kind; its value is sign·f with a random f.
func mixed(sign float64) func(*run) {
	return func(u *run) {
		for i, d := range kinds {
			u.suggest(fmt.Sprintf("p%02d", i), d)
		}
		u.anyOutcome(sign)
	}
}

// kinds has every kind of distribution, with single values and ends off the grid: where
// arithmetic fails first.
var kinds = []space.Dist{
	space.Float{Low: -2, High: 3},
	space.Float{Low: 1e-6, High: 1e2, Log: true},
	space.Float{Low: 0.1, High: 0.75, Step: 0.2}, // ends off its grid
	space.Int{Low: -3, High: 9},
	space.Int{Low: 1, High: 1000, Log: true},
	space.Int{Low: 0, High: 100, Step: 25},
	space.Choose("a", "b", "c").Dist(),
	space.Choose(true, false).Dist(),
	space.Categorical{Choices: []any{nil, 1, 1.5, "x"}},
	space.Float{Low: 4, High: 4},
	space.Float{Low: 4, High: 4, Log: true},
	space.Int{Low: 7, High: 7},
	space.Int{Low: 7, High: 9, Step: 5},
	space.Choose("only").Dist(),
}

// extreme draws from ranges at the limits of float64.
func extreme(u *run) {
	for i, d := range []space.Dist{
		space.Float{Low: -1e308, High: 1e308},
		space.Float{Low: 1, High: 1 + 1e-15},
		space.Float{Low: 1, High: 1 + 1e-15, Log: true},
		space.Float{Low: 1e-300, High: 1e300, Log: true},
		space.Float{Low: 5e-324, High: 1e-323},
		space.Int{Low: -1 << 53, High: 1 << 53},
		space.Int{Low: 1, High: 1 << 53, Log: true},
	} {
		u.suggest(fmt.Sprintf("e%d", i), d)
	}
	u.anyOutcome(1)
}

// conditional draws different parameters in different trials.
func conditional(u *run) {
	u.suggest("always", space.Float{Low: 0, High: 1})
	switch u.suggest("method", space.Choose("tree", "line", "none").Dist()) {
	case 0:
		u.suggest("depth", space.Int{Low: 1, High: 9})
		if u.suggest("prune", space.Choose(true, false).Dist()) == 0 {
			u.suggest("leaf", space.Float{Low: 1e-3, High: 1, Log: true})
		}
	case 1:
		u.suggest("slope", space.Float{Low: -1, High: 1, Step: 0.25})
	}
	u.anyOutcome(1)
}

// moving draws from ranges that change from trial to trial, so the history holds values out of the
// current range, and from a grid that becomes finer and coarser.
func moving(u *run) {
	n := u.trial.Number
	u.suggest("fixed", space.Float{Low: 0, High: 1})
	u.suggest("float", space.Float{Low: float64(n%7) - 3, High: float64(n%5) + 3})
	u.suggest("log", space.Float{Low: 1 / float64(1+n%7), High: float64(2 + n%5), Log: true})
	u.suggest("int", space.Int{Low: n % 4, High: 4 + n%11})
	u.suggest("logint", space.Int{Low: 1 + n%4, High: 5 + n%11, Log: true})
	u.suggest("step", space.Float{Low: 0, High: 1, Step: []float64{0.5, 0.25, 0.1}[n%3]})
	u.anyOutcome(1)
}

// nothing draws no parameter.
func nothing(u *run) { u.anyOutcome(1) }

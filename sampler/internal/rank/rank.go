// Package rank orders trials, best first.
package rank

import (
	"cmp"
	"math"

	"github.com/bluefin-hpo/bluefin/trial"
)

// Loss returns x such that lower is better and NaN is worst.
func Loss(x float64, d trial.Direction) float64 {
	switch {
	case math.IsNaN(x):
		return math.Inf(1)
	case d == trial.Maximize:
		return -x
	}
	return x
}

// Compare orders two values, NaN last.
func Compare(x, y float64, d trial.Direction) int {
	switch {
	case d.Better(x, y):
		return -1
	case d.Better(y, x):
		return 1
	}
	return 0
}

// ByValue orders complete trials by violation, then by value.
func ByValue(d trial.Direction) func(a, b *trial.Trial) int {
	return func(a, b *trial.Trial) int {
		if v, w := a.Violation(), b.Violation(); v != w {
			return Compare(v, w, trial.Minimize)
		}
		return Compare(a.Values[0], b.Values[0], d)
	}
}

// ByProgress orders pruned trials: those that reached the highest step first,
// then by their last report; trials without reports last.
func ByProgress(d trial.Direction) func(a, b *trial.Trial) int {
	return func(a, b *trial.Trial) int {
		x, okX := a.LastReport()
		y, okY := b.LastReport()
		switch {
		case okX && okY:
			return cmp.Or(cmp.Compare(y.Step, x.Step), cmp.Compare(Loss(x.Value, d), Loss(y.Value, d)))
		case okX:
			return -1
		case okY:
			return 1
		}
		return 0
	}
}

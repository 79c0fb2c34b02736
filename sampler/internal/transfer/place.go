package transfer

import (
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// The coordinates of a parameter that a trial lacks, as in bayesopt, and of the first choice that
// the target does not have.
const (
	nowhere    = 0.5
	noCategory = -1
	foreign    = -2
)

// Matches reports whether a parameter of another study means the same as one of this study: both
// are choices, or both are numbers on the same scale. Their ranges may differ.
func Matches(a, b space.Dist) bool {
	x, y := scaleOf(a), scaleOf(b)
	return x.ordered == y.ordered && x.log == y.log
}

// A scale is what the ranges of a numeric distribution have in common.
type scale struct {
	ordered, log bool
	low, high    float64
}

func scaleOf(d space.Dist) scale {
	switch d := d.(type) {
	case space.Float:
		return scale{true, d.Log, d.Low, d.High}
	case space.Int:
		return scale{true, d.Log, float64(d.Low), float64(d.High)}
	}
	return scale{}
}

// coordinate returns where a parameter of another study is on the axis of d, which it matches: below
// 0 or above 1 if it is out of range, below 0 too for a choice that d does not have.
func coordinate(d space.Dist, p trial.Param) float64 {
	if cube.IsCategorical(d) {
		if x, err := d.Internal(p.External()); err == nil {
			return x
		}
		return foreign - p.Value
	}
	s := scaleOf(d)
	if x := p.Value; x >= s.low && x <= s.high {
		return d.Unit(x)
	}
	low, high, x := s.low, s.high, p.Value
	if s.log {
		low, high, x = math.Log(low), math.Log(high), math.Log(x)
	}
	if low == high {
		return nowhere
	}
	return (x - low) / (high - low)
}

// Translate returns the value of d nearest to a parameter of another study, in internal form. It
// reports false if the two do not match, or d lacks the choice.
func Translate(d space.Dist, p trial.Param) (float64, bool) {
	if !Matches(d, p.Dist) {
		return 0, false
	}
	u := coordinate(d, p)
	if cube.IsCategorical(d) {
		return u, u >= 0
	}
	return d.Value(u), true
}

// shared returns the indices of the dimensions that some of the trials have too.
func shared(sp space.Space, trials []*trial.Trial) (dims []int) {
	for i, d := range sp {
		if slices.ContainsFunc(trials, func(t *trial.Trial) bool {
			p, ok := t.Param(d.Name)
			return ok && Matches(d.Dist, p.Dist)
		}) {
			dims = append(dims, i)
		}
	}
	return dims
}

// place returns the coordinates of a trial of another study on some dimensions of a space.
func place(sp space.Space, dims []int, t *trial.Trial) []float64 {
	x := make([]float64, len(dims))
	for k, i := range dims {
		d := sp[i].Dist
		p, ok := t.Param(sp[i].Name)
		switch {
		case ok && Matches(d, p.Dist):
			x[k] = coordinate(d, p)
		case cube.IsCategorical(d):
			x[k] = noCategory
		default:
			x[k] = nowhere
		}
	}
	return x
}

// pick returns some coordinates of x.
func pick(x []float64, dims []int) []float64 {
	y := make([]float64, len(dims))
	for k, i := range dims {
		y[k] = x[i]
	}
	return y
}

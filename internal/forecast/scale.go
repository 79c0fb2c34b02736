package forecast

import (
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/trial"
)

// A scale maps values of the objective to numbers that a Gaussian process can model, the smaller
// the better: logarithms of the distance from a little below the best value, so that differences
// among good values count as much as those among poor ones, with the poor half pulled in.
type scale struct {
	sign   float64 // -1 if the objective is maximized
	best   float64 // of the losses
	unit   float64 // the median less the best, > 0
	mean   float64
	spread float64
}

// below is how far below the best value the logarithm has its pole, in units.
const below = 0.1

// pull is how far the poor half is pulled in: it takes this share of the range of the good half.
const pull = 0.3

// scaleOf returns the scale of the values.
func scaleOf(d trial.Direction, values []float64) scale {
	s := scale{sign: 1, unit: 1, spread: 1}
	if d == trial.Maximize {
		s.sign = -1
	}
	var losses []float64
	for _, v := range values {
		if loss := s.sign * v; !math.IsNaN(loss) && !math.IsInf(loss, 0) {
			losses = append(losses, loss)
		}
	}
	if len(losses) == 0 {
		return s
	}
	slices.Sort(losses)
	s.best = losses[0]
	if unit := losses[len(losses)/2] - s.best; unit > 0 && !math.IsInf(unit, 0) {
		s.unit = unit
	} else if unit := losses[len(losses)-1] - s.best; unit > 0 && !math.IsInf(unit, 0) {
		s.unit = unit
	}
	sum, square := 0.0, 0.0
	for _, loss := range losses {
		z := s.of(s.sign * loss)
		sum += z
		square += z * z
	}
	n := float64(len(losses))
	mean := sum / n
	if variance := square/n - mean*mean; variance > 1e-12 {
		s.spread = math.Sqrt(variance)
	}
	s.mean = mean
	return s
}

// of returns the number of a value; NaN is the worst.
func (s scale) of(value float64) float64 {
	x := (s.sign*value - s.best) / s.unit
	if math.IsNaN(x) {
		x = math.Inf(1)
	}
	middle := math.Log(1 + below)
	width := middle - math.Log(below)
	z := math.Log(math.Max(x, 0) + below)
	if z > middle {
		excess := (z - middle) / (pull * width)
		if math.IsInf(excess, 1) {
			z = middle + pull*width
		} else {
			z = middle + pull*width*excess/(1+excess)
		}
	}
	return (z - s.mean) / s.spread
}

// value is the inverse of of.
func (s scale) value(z float64) float64 {
	z = z*s.spread + s.mean
	middle := math.Log(1 + below)
	width := middle - math.Log(below)
	if z > middle {
		excess := math.Min((z-middle)/(pull*width), 0.99)
		z = middle + pull*width*excess/(1-excess)
	}
	return s.sign * (s.best + s.unit*(math.Exp(z)-below))
}

package parzen

import (
	"math"

	"github.com/bluefin-hpo/bluefin/sampler/internal/truncnorm"
)

// Missing is the coordinate of an observation that lacks a parameter. Its factor on that axis is the
// prior's.
const Missing = -1

// An Axis is one axis of the unit cube. It caches masses, so the estimators of one space should share
// theirs, and must not be built concurrently.
type Axis struct {
	Choices int // 0: numeric; otherwise coordinates are indices of choices
	Cells   int // numeric only; 0: continuous, n: n equal cells, -1: cells of any width

	cache map[float64][]float64 // by deviation, see table
}

const (
	fewCells  = 256  // up to which every kernel has a table
	manyCells = 4096 // up to which the narrowest ones have
	maxTables = 64
)

// The prior is the normal distribution around 1/2 with deviation 1, truncated to [0, 1].
var (
	priorMass = truncnorm.LogMass(-0.5, 0.5)
	priorPeak = truncnorm.LogPhi(0) - priorMass
	priorInv  = 1 / math.Sqrt2
	peak      = truncnorm.LogPhi(0) - math.Log(narrowest) // of the narrowest kernel
)

// prior returns the prior's log density at lo, its log mass between lo and hi if the axis has cells,
// or its log probability of a choice.
func (a *Axis) prior(lo, hi float64) float64 {
	switch {
	case a.Choices > 0:
		return -math.Log(float64(a.Choices))
	case lo == hi:
		return priorPeak - (lo-0.5)*(lo-0.5)/2
	}
	return truncnorm.LogMass(lo-0.5, hi-0.5) - priorMass
}

// table returns the log mass that an untruncated kernel in the middle of a cell has in a cell i cells
// away, at index i. It is nil if mu is not in the middle of a cell or there are too many cells.
func (a *Axis) table(mu, sigma float64) []float64 {
	n := float64(a.Cells)
	if a.Cells <= 0 || a.Cells > manyCells || a.Cells > fewCells && sigma > narrowest ||
		math.Abs(mu*n-math.Floor(mu*n)-0.5) > 1e-9 {
		return nil
	}
	// Gaps are whole numbers of cells up to rounding.
	if width := math.Round(sigma * n); math.Abs(sigma*n-width) < 1e-9 {
		sigma = width / n
	}
	t, ok := a.cache[sigma]
	if ok {
		return t
	}
	t = make([]float64, a.Cells)
	for i := range t {
		t[i] = truncnorm.LogMass((float64(i)-0.5)/n/sigma, (float64(i)+0.5)/n/sigma)
	}
	if a.cache == nil || len(a.cache) == maxTables {
		a.cache = map[float64][]float64{}
	}
	a.cache[sigma] = t
	return t
}

// logMass returns ln of the mass in [0, 1] of a normal distribution around a point in it.
func logMass(mu, sigma float64) float64 {
	const far = 9 // deviations, beyond which the mass is less than a rounding error
	low, high := mu > far*sigma, 1-mu > far*sigma
	switch {
	case low && high:
		return 0
	case low:
		return math.Log1p(-math.Erfc((1-mu)/sigma/math.Sqrt2) / 2)
	case high:
		return math.Log1p(-math.Erfc(mu/sigma/math.Sqrt2) / 2)
	}
	return truncnorm.LogMass(-mu/sigma, (1-mu)/sigma)
}

package parzen

import (
	"math"

	"github.com/bluefin-hpo/bluefin/sampler/internal/truncnorm"
)

// Missing is the coordinate of an observation on an axis that it lacks. Its kernel is the prior
// there.
const Missing = -1

// An Axis is one axis of the unit cube. It caches masses, so estimators of one space should share
// their axes. They must not be built or updated concurrently.
type Axis struct {
	Choices int // n: coordinates are indices of n choices; 0: numeric
	Cells   int // numeric: n: points are one of n equal cells; -1: cells of any width; 0: continuous

	cache  map[float64][]float64 // by deviation, see table
	masses *masses               // with cells
}

const (
	fewCells  = 256  // with at most this many, every kernel has a table
	manyCells = 4096 // with at most this many, the narrowest kernels have one
	maxTables = 64
)

// The prior is the normal distribution around 1/2 with deviation 1, truncated to [0, 1].
var (
	priorMass = truncnorm.LogMass(-0.5, 0.5)
	priorPeak = truncnorm.LogPhi(0) - priorMass
	priorInv  = 1 / math.Sqrt2
	peak      = truncnorm.LogPhi(0) - math.Log(narrowest) // of the narrowest kernel
)

// prior returns the log of the prior: of a choice, of the density if lo equals hi, or of the mass
// between them.
func (a *Axis) prior(lo, hi float64) float64 {
	switch {
	case a.Choices > 0:
		return -math.Log(float64(a.Choices))
	case lo == hi:
		return priorPeak - (lo-0.5)*(lo-0.5)/2
	}
	return truncnorm.LogMass(lo-0.5, hi-0.5) - priorMass
}

// table returns, at index i, the log mass that an untruncated kernel has i cells away from its
// own cell. It is nil if mu is not the middle of a cell or there are too many cells.
func (a *Axis) table(mu, sigma float64) []float64 {
	n := float64(a.Cells)
	if a.Cells <= 0 || a.Cells > manyCells || a.Cells > fewCells && sigma > narrowest ||
		math.Abs(mu*n-math.Floor(mu*n)-0.5) > 1e-11 {
		return nil
	}
	// Up to rounding, gaps between observations are whole numbers of cells.
	if width := math.Round(sigma * n); math.Abs(sigma*n-width) < 1e-11 {
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

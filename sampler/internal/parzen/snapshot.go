package parzen

import (
	"cmp"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler/internal/truncnorm"
)

// A Snapshot is the mixture of a Live at one moment. It never changes and is
// safe for concurrent use.
type Snapshot struct {
	axes     []Axis
	n        int // observations
	index    frozen
	logTotal float64 // ln of the sum of all weights
}

// frozen is an index as it was.
type frozen interface {
	// logSum returns bounds of ln of the weighted sum of the kernels and the
	// prior at p, about e^-depth apart if that is much below 1. It may stop as
	// soon as low exceeds stop.
	logSum(p *point, depth, stop float64) (low, high float64)
}

// A point is where a frozen index is evaluated.
type point struct {
	lo, hi   []float64 // on the numeric axes
	isCell   []bool    // of the numeric axes
	cells    bool      // any of them
	choices  []float64 // on the other axes
	logPrior float64   // of the prior's kernel, relative to base
	base     float64   // ln that all kernels have in common
	miss     float64   // what a kernel loses on an axis where it has another choice
	lack     []float64 // and where it has none, for each of those axes
	reach    float64   // ln above which no kernel is, besides its constant
	excess   float64   // the part of reach that is above 0: of cells without width
}

// exact is the depth at which a share of 1e-13 of a density may be left out.
const exact = 30

// newPoint returns a point without coordinates, for set.
func (s *Snapshot) newPoint() *point {
	p := &point{}
	choices := 0
	for _, a := range s.axes {
		if a.Choices > 0 {
			choices++
			continue
		}
		p.isCell = append(p.isCell, a.Cells != 0)
		p.cells = p.cells || a.Cells != 0
	}
	numeric := make([]float64, 2*len(p.isCell))
	p.lo, p.hi = numeric[:len(p.isCell)], numeric[len(p.isCell):]
	p.choices, p.lack = make([]float64, choices), make([]float64, choices)
	// Of the observed choice and of another one, see categorical, without
	// their common denominator.
	p.miss = math.Log(1+1/float64(s.n+1)) - math.Log(1/float64(s.n+1))
	return p
}

// set moves p to point j.
func (p *point) set(s *Snapshot, lo, hi [][]float64, j int) {
	p.logPrior, p.base, p.reach, p.excess = 0, 0, 0, 0
	numeric, choice := 0, 0
	base := 1 / float64(s.n+1)
	for i, a := range s.axes {
		x, y := lo[i][j], hi[i][j]
		switch {
		case a.Choices > 0:
			hit := math.Log((1 + base) / (1 + float64(a.Choices)*base))
			p.base += hit
			p.logPrior -= math.Log(float64(a.Choices)) + hit
			p.choices[choice], p.lack[choice] = x, hit+math.Log(float64(a.Choices))
			choice++
			continue
		case x == y:
			p.logPrior += priorPeak - (x-0.5)*(x-0.5)/2
			if a.Cells != 0 {
				p.reach += peak
				p.excess += peak
			}
		default:
			p.logPrior += truncnorm.LogMass(x-0.5, y-0.5) - priorMass
			p.reach += min(0, peak+math.Log(y-x))
		}
		p.lo[numeric], p.hi[numeric] = x, y
		numeric++
	}
}

var (
	priorMass = truncnorm.LogMass(-0.5, 0.5)
	priorPeak = truncnorm.LogPhi(0) - priorMass
	peak      = truncnorm.LogPhi(0) - math.Log(leastDeviation) // of the narrowest kernel
)

// Len returns the number of observations.
func (s *Snapshot) Len() int { return s.n }

// LogPDF is Estimator.LogPDF.
func (s *Snapshot) LogPDF(dst []float64, lo, hi [][]float64) {
	p := s.newPoint()
	for j := range dst {
		p.set(s, lo, hi, j)
		dst[j], _ = s.logPDF(p, exact, math.Inf(1))
	}
}

func (s *Snapshot) logPDF(p *point, depth, stop float64) (low, high float64) {
	shift := p.base - s.logTotal
	low, high = s.index.logSum(p, depth, stop-shift)
	return low + shift, high + shift
}

// tie is the difference of logarithms up to which candidates are equal, well
// above what rounding and exact make of it.
const (
	tie    = 1e-10
	margin = 2 * tie
)

// Best returns the point with the largest difference of logL, its log density
// elsewhere, and that of s; the first of those that differ by less than 1e-10.
// A density is only computed as far as the answer depends on it.
func (s *Snapshot) Best(logL []float64, lo, hi [][]float64) int {
	p := s.newPoint()
	gain := make([]float64, len(logL)) // at most
	left := make([]int, len(gain))     // points that may be the best, the largest gain first
	for j := range gain {
		left[j] = j
		p.set(s, lo, hi, j)
		nearest, _ := s.logPDF(p, depths[0], math.Inf(-1))
		gain[j] = logL[j] - nearest
	}
	for _, depth := range depths {
		slices.SortFunc(left, func(a, b int) int { return cmp.Compare(gain[b], gain[a]) })
		least := math.Inf(-1) // of the best gain
		for _, j := range left {
			if gain[j] < least-margin {
				break // and so are those that follow
			}
			p.set(s, lo, hi, j)
			low, high := s.logPDF(p, depth, logL[j]-least+margin)
			gain[j] = logL[j] - low
			least = max(least, logL[j]-high)
		}
		left = slices.DeleteFunc(left, func(j int) bool { return gain[j] < least-margin })
		if len(left) == 1 {
			return left[0]
		}
	}
	return first(gain, left)
}

// depths are those to which Best looks one after the other. A sum is a lower
// bound at any time, so that most points soon cannot be the best, above all if
// one that may be comes first.
var depths = []float64{6, 12, exact}

// first returns the first of the points whose gains are about equal to the
// largest.
func first(gain []float64, points []int) int {
	best := math.Inf(-1)
	for _, j := range points {
		best = max(best, gain[j])
	}
	least := len(gain)
	for _, j := range points {
		if gain[j] >= best-tie {
			least = min(least, j)
		}
	}
	return least % len(gain) // if all are NaN the first
}

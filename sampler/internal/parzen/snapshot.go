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
	// logSum returns ln of the weighted sum of the kernels and the prior at p,
	// a share of at most eps too low. It may stop as soon as it knows that it
	// exceeds stop, and then returns more than that.
	logSum(p *point, eps, stop float64) float64
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
	reach    float64   // ln above which no kernel is, besides its constant
}

// exact is the share of a density that may be left out.
const exact = 1e-13

// newPoint returns a point without coordinates, for set.
func (s *Snapshot) newPoint() *point {
	p := &point{}
	choices := 0
	for _, a := range s.axes {
		if a.Choices > 0 {
			choices++
			continue
		}
		p.isCell = append(p.isCell, a.Cells)
		p.cells = p.cells || a.Cells
	}
	numeric := make([]float64, 2*len(p.isCell))
	p.lo, p.hi = numeric[:len(p.isCell)], numeric[len(p.isCell):]
	p.choices = make([]float64, choices)
	// Of the observed choice and of another one, see categorical, without
	// their common denominator.
	p.miss = math.Log(1+1/float64(s.n+1)) - math.Log(1/float64(s.n+1))
	return p
}

// set moves p to point j.
func (p *point) set(s *Snapshot, lo, hi [][]float64, j int) {
	p.logPrior, p.base, p.reach = 0, 0, 0
	numeric, choice := 0, 0
	base := 1 / float64(s.n+1)
	for i, a := range s.axes {
		x, y := lo[i][j], hi[i][j]
		switch {
		case a.Choices > 0:
			hit := math.Log((1 + base) / (1 + float64(a.Choices)*base))
			p.base += hit
			p.logPrior -= math.Log(float64(a.Choices)) + hit
			p.choices[choice] = x
			choice++
			continue
		case x == y:
			p.logPrior += priorPeak - (x-0.5)*(x-0.5)/2
			if a.Cells {
				p.reach += peak
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
		dst[j] = s.logPDF(p, exact, math.Inf(1))
	}
}

func (s *Snapshot) logPDF(p *point, eps, stop float64) float64 {
	return s.index.logSum(p, eps, stop-p.base+s.logTotal) + p.base - s.logTotal
}

// tie is the difference of logarithms up to which candidates are equal, well
// above what rounding and exact make of it.
const tie = 1e-10

// Best returns the point with the largest difference of logL, its log density
// elsewhere, and that of s; the first of those that differ by less than 1e-10.
// A density is only computed as far as the answer depends on it.
func (s *Snapshot) Best(logL []float64, lo, hi [][]float64) int {
	gain := make([]float64, len(logL))
	// First all to a tenth: a gain is then too high by at most that. The sum is
	// a lower bound at any time, so that most points soon cannot be the best,
	// above all if one that may be comes first.
	const rough, margin = 0.3, 2 * tie
	width := math.Log1p(rough)
	least := math.Inf(-1) // of the best gain
	p := s.newPoint()
	order := make([]int, len(gain))
	for j := range gain {
		order[j] = j
		p.set(s, lo, hi, j)
		gain[j] = logL[j] - s.logPDF(p, rough, math.Inf(-1))
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(gain[b], gain[a]) })
	for _, j := range order {
		if gain[j] < least-margin {
			break // and so are those that follow
		}
		p.set(s, lo, hi, j)
		gain[j] = logL[j] - s.logPDF(p, rough, logL[j]-least+margin)
		least = max(least, gain[j]-width)
	}
	// Then exactly those that are left, if they are several.
	left, best := 0, math.Inf(-1)
	for j, high := range gain {
		if high >= least-margin {
			left++
		} else {
			gain[j] = math.Inf(-1)
		}
	}
	for j := range gain {
		if left == 1 || math.IsInf(gain[j], -1) {
			continue
		}
		p.set(s, lo, hi, j)
		gain[j] = logL[j] - s.logPDF(p, exact, logL[j]-best+margin)
		best = max(best, gain[j])
	}
	return first(gain)
}

// first returns the index of the largest gain, of those that are about equal
// the first.
func first(gain []float64) int {
	best := math.Inf(-1)
	for _, g := range gain {
		best = max(best, g)
	}
	for j, g := range gain {
		if g >= best-tie {
			return j
		}
	}
	return 0
}

package parzen

import (
	"math"

	"github.com/bluefin-hpo/bluefin/sampler/internal/truncnorm"
)

// frozenLine sums the kernels of a line as they were.
type frozenLine struct {
	choices int
	total   float64   // of the weights
	moments []float64 // bins×terms, of the weighted plain kernels
	reach   []float64 // of each bin: see setReach
	special []wideKernel
}

type wideKernel struct {
	mu, inv float64 // inv is 1/2σ²
	weight  float64 // over the mass in [0, 1]
}

// near is how many deviations away plain kernels still count. Beyond, all of
// them together are nothing beside the prior.
const near = 13

// logSum implements frozen. It is always exact.
func (f *frozenLine) logSum(p *point, _, _ float64) (low, high float64) {
	sum, unit := 0.0, 0.0 // unit is what a sum of 1 is
	switch {
	case f.choices > 0:
		other := math.Exp(-p.miss)
		sum = f.total*other + f.moments[int(p.choices[0])]*(1-other)
	case p.lo[0] == p.hi[0]:
		sum = f.density(p.lo[0])
		unit = peak
	default:
		sum = f.mass(p.lo[0], p.hi[0])
	}
	log := unit + math.Log(sum+math.Exp(p.logPrior-unit))
	return log, log
}

// bins returns those that are near [lo, hi].
func (f *frozenLine) bins(lo, hi float64) (from, to int) {
	return max(0, int(lo*leastPart-near)), min(leastPart, int(hi*leastPart+near)+1)
}

// setReach sets for each bin twice the logarithm of its weight over a negligible
// share, 1e-16, of a sum of 1. A bin at least t deviations away counts in a sum
// if t² is less than that, less twice the logarithm of the sum.
func (f *frozenLine) setReach() {
	f.reach = make([]float64, leastPart)
	for bin := range f.reach {
		f.reach[bin] = 2 * (math.Log(f.moments[bin*terms]) + 16*math.Ln10)
	}
}

// density returns the sum of the kernels at x, over the largest value of a
// whole plain one. With the Hermite polynomials Heₖ₊₁ = t·Heₖ - k·Heₖ₋₁,
//
//	exp(-(t-δ)²/2) = exp(-t²/2)·Σ Heₖ(t)·δᵏ/k!
func (f *frozenLine) density(x float64) float64 {
	sum := 0.0
	from, to := f.bins(x, x)
	// The kernels in the bin of x are at most one deviation away, and the prior
	// adds more than half a deviation.
	own := f.moments[min(int(x*leastPart), leastPart-1)*terms]
	least := 2 * math.Log(max(0.6*own, leastDeviation/2))
	waiting := -1 // a bin: two at a time take little longer than one
	for bin := from; bin < to; bin++ {
		d := max(0, math.Abs(x*leastPart-(float64(bin)+0.5))-0.5)
		if !(d*d < f.reach[bin]-least) {
			continue
		}
		if waiting < 0 {
			waiting = bin
			continue
		}
		sum += f.two(x, waiting, bin)
		waiting = -1
	}
	if waiting >= 0 {
		sum += f.two(x, waiting, -1)
	}
	for _, k := range f.special {
		z := x - k.mu
		if e := z * z * k.inv; e < 45 {
			// Over the plain kernel's peak: the smaller by the wider.
			sum += k.weight * leastDeviation * math.Sqrt(2*k.inv) * expNeg(-e)
		}
	}
	return sum
}

// two returns the sum of the kernels of two bins; of one if the other is -1.
func (f *frozenLine) two(x float64, first, second int) float64 {
	t := x*leastPart - (float64(first) + 0.5)
	m := f.moments[first*terms : (first+1)*terms]
	if second < 0 {
		before, now, series := 0.0, 1.0, 0.0
		for k, v := range m {
			series += now * v
			before, now = now, t*now-float64(k)*before
		}
		return series * expNeg(-t*t/2)
	}
	u := x*leastPart - (float64(second) + 0.5)
	n := f.moments[second*terms : (second+1)*terms][:len(m)]
	before, now, series := 0.0, 1.0, 0.0
	beforeU, nowU, seriesU := 0.0, 1.0, 0.0
	for k, v := range m {
		series += now * v
		seriesU += nowU * n[k]
		before, now = now, t*now-float64(k)*before
		beforeU, nowU = nowU, u*nowU-float64(k)*beforeU
	}
	return series*expNeg(-t*t/2) + seriesU*expNeg(-u*u/2)
}

// mass returns the sum of the kernels' masses in [lo, hi]. The integral of the
// series in density from a to b is, with φ the normal density,
//
//	Φ(b) - Φ(a) - Σ (Heₖ₋₁(b)φ(b) - Heₖ₋₁(a)φ(a))·δᵏ/k!,  k from 1
//
// and, where that would cancel, w·Σ (hₖ + hₖ₊₂w²/24 + hₖ₊₄w⁴/1920)·δᵏ/k! with
// hₖ = Heₖφ in the middle and w = b - a.
func (f *frozenLine) mass(lo, hi float64) float64 {
	sum := 0.0
	from, to := f.bins(lo, hi)
	var h, g [terms + 4]float64
	for bin := from; bin < to; bin++ {
		m := f.moments[bin*terms : (bin+1)*terms]
		if m[0] == 0 {
			continue
		}
		a, b := lo*leastPart-(float64(bin)+0.5), hi*leastPart-(float64(bin)+0.5)
		w := (hi - lo) * leastPart
		switch {
		case a < -near && b > near:
			sum += m[0]
		case w < 0.02:
			hermite(&h, (a+b)/2)
			series := 0.0
			for k, v := range m {
				series += (h[k] + w*w/24*(h[k+2]+w*w/80*h[k+4])) * v
			}
			sum += w * series
		default:
			hermite(&h, a)
			hermite(&g, b)
			series := between(a, b) * m[0]
			for k, v := range m[1:] {
				series -= (g[k] - h[k]) * v
			}
			sum += series
		}
	}
	for _, k := range f.special {
		r := math.Sqrt(2 * k.inv)
		if d := max(lo-k.mu, k.mu-hi, 0); d*d*k.inv < 45 {
			sum += k.weight * math.Exp(truncnorm.LogMass((lo-k.mu)*r, (hi-k.mu)*r))
		}
	}
	return sum
}

// hermite sets h[k] to Heₖ(t)·φ(t).
func hermite(h *[terms + 4]float64, t float64) {
	before, now := 0.0, math.Exp(truncnorm.LogPhi(t))
	for k := range h {
		h[k] = now
		before, now = now, t*now-float64(k)*before
	}
}

// between returns Φ(b) - Φ(a), from the side where it does not cancel.
func between(a, b float64) float64 {
	switch {
	case a > 0:
		return (math.Erfc(a/math.Sqrt2) - math.Erfc(b/math.Sqrt2)) / 2
	case b < 0:
		return (math.Erfc(-b/math.Sqrt2) - math.Erfc(-a/math.Sqrt2)) / 2
	}
	return (math.Erf(b/math.Sqrt2) - math.Erf(a/math.Sqrt2)) / 2
}

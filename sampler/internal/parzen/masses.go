package parzen

import (
	"math"

	"github.com/bluefin-hpo/bluefin/sampler/internal/truncnorm"
)

// masses is a cache of the log masses of kernels in cells. In a study the same few kernels and
// cells meet again and again, and a mass costs ten times a look here. A later entry may replace an
// earlier one, so its size is bounded. The zero value is empty. It is not safe for concurrent use.
type masses struct {
	entries []cellMass
	added   int  // since the size last changed
	shift   uint // 64 - log2(len(entries))
}

// A cellMass is that of the normal distribution with center mu and deviation 1/(√2·inv) between lo and
// hi. Those of the prior have its mu and inv.
type cellMass struct{ mu, inv, lo, hi, log float64 }

const (
	leastMasses = 1 << 9
	mostMasses  = 1 << 15 // 1.3 MB
)

// of returns the log mass of a kernel between lo and hi.
func (m *masses) of(mu, inv, lo, hi float64) float64 {
	e := m.entry(mu, inv, lo, hi)
	if e.inv != inv || e.lo != lo || e.mu != mu || e.hi != hi {
		scale := math.Sqrt2 * inv
		e = m.put(cellMass{mu, inv, lo, hi, truncnorm.LogMass((lo-mu)*scale, (hi-mu)*scale)})
	}
	return e.log
}

// prior returns the log mass of the untruncated prior between lo and hi.
func (m *masses) prior(lo, hi float64) float64 {
	e := m.entry(0.5, priorInv, lo, hi)
	if e.inv != priorInv || e.lo != lo || e.mu != 0.5 || e.hi != hi {
		e = m.put(cellMass{0.5, priorInv, lo, hi, truncnorm.LogMass(lo-0.5, hi-0.5)})
	}
	return e.log
}

// entry returns the only place where the mass may be.
func (m *masses) entry(mu, inv, lo, hi float64) *cellMass {
	if m.entries == nil {
		m.resize(leastMasses)
	}
	h := math.Float64bits(mu)*0x9e3779b97f4a7c15 + math.Float64bits(inv)*0xc2b2ae3d27d4eb4f + math.Float64bits(lo)*0x165667b19e3779f9
	h ^= h >> 32
	return &m.entries[h*0xff51afd7ed558ccd>>m.shift]
}

// put adds a mass.
func (m *masses) put(v cellMass) *cellMass {
	if m.added++; m.added > len(m.entries) && len(m.entries) < mostMasses {
		m.resize(2 * len(m.entries))
	}
	e := m.entry(v.mu, v.inv, v.lo, v.hi)
	*e = v
	return e
}

// resize makes room for n masses, a power of two.
func (m *masses) resize(n int) {
	old := m.entries
	m.entries, m.added, m.shift = make([]cellMass, n), 0, 64
	for ; n > 1; n /= 2 {
		m.shift--
	}
	for _, e := range old {
		if e.inv != 0 {
			*m.entry(e.mu, e.inv, e.lo, e.hi) = e
		}
	}
}

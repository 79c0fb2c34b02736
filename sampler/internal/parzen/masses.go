package parzen

import (
	"math"

	"github.com/bluefin-hpo/bluefin/sampler/internal/truncnorm"
)

// masses is a cache of the log masses of the kernels of one axis in its cells. In a study the same
// kernels and cells meet again and again, and to compute a mass takes ten times as long as to find
// it. Its size is bounded: a mass replaces an older one. The zero value is empty. It is not safe for
// concurrent use.
type masses struct {
	kernels, cells numbers
	entries        []cellMass // a power of two
	added          int        // since the size last changed
}

// A cellMass is the log mass of a kernel in a cell, given the numbers of both.
type cellMass struct {
	kernel, cell uint32 // cell 0: unused
	log          float64
}

const (
	leastMasses = 1 << 9
	mostMasses  = 1 << 14 // 256 kB
	mostNumbers = 1 << 12
)

// numbers numbers pairs of floats from 1. A number always stands for the same pair, but a pair that
// has not come for long gets another number.
type numbers struct {
	of   map[[2]float64]uint32
	last uint32
}

func (n *numbers) get(a, b float64) uint32 {
	pair := [2]float64{a, b}
	if i, ok := n.of[pair]; ok {
		return i
	}
	if n.of == nil || len(n.of) == mostNumbers {
		n.of = map[[2]float64]uint32{}
	}
	n.last++
	n.of[pair] = n.last
	return n.last
}

// priorKernel is the number of the prior, and of kernels that are equal to it.
const priorKernel = 0

// kernel returns the number of the normal distribution with center mu and deviation 1/(√2·inv).
func (m *masses) kernel(mu, inv float64) uint32 {
	if mu == 0.5 && inv == priorInv {
		return priorKernel
	}
	return m.kernels.get(mu, inv)
}

// find returns the place of a mass, and whether it is there. If it is not, the caller must set it.
func (m *masses) find(kernel, cell uint32) (log *float64, ok bool) {
	if len(m.entries) == 0 {
		m.entries = make([]cellMass, leastMasses)
	}
	e := m.entry(kernel, cell)
	if e.cell == cell && e.kernel == kernel {
		return &e.log, true
	}
	if m.added++; m.added > len(m.entries) && len(m.entries) < mostMasses {
		m.grow()
		e = m.entry(kernel, cell)
	}
	e.kernel, e.cell = kernel, cell
	return &e.log, false
}

// entry returns the only place where a mass may be. Kernels that began one after the other are side
// by side, since they are often read so.
func (m *masses) entry(kernel, cell uint32) *cellMass {
	return &m.entries[int(cell*0x9e3779b1+kernel)&(len(m.entries)-1)]
}

// grow doubles the room.
func (m *masses) grow() {
	old := m.entries
	m.entries, m.added = make([]cellMass, 2*len(old)), 0
	for _, e := range old {
		if e.cell != 0 {
			*m.entry(e.kernel, e.cell) = e
		}
	}
}

// of returns the log mass of a kernel, but not the prior, in a cell. It is not kept if the cell has
// no number.
func (m *masses) of(f *stepped, p *place) float64 {
	scale := math.Sqrt2 * f.inv
	if p.cell == 0 {
		return truncnorm.LogMass((p.lo-f.mu)*scale, (p.hi-f.mu)*scale)
	}
	log, ok := m.find(f.number, p.cell)
	if !ok {
		*log = truncnorm.LogMass((p.lo-f.mu)*scale, (p.hi-f.mu)*scale)
	}
	return *log
}

// prior returns the log mass of the prior in a cell from lo to hi.
func (m *masses) prior(cell uint32, lo, hi float64) float64 {
	log, ok := m.find(priorKernel, cell)
	if !ok {
		*log = truncnorm.LogMass(lo-0.5, hi-0.5) - priorMass
	}
	return *log
}

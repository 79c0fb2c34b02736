package sampler

import (
	"math/rand/v2"

	"github.com/bluefin-hpo/bluefin/sampler/internal/parzen"
	"github.com/bluefin-hpo/bluefin/space"
)

// candidates are m points of a space, in unit form.
type candidates struct {
	space  space.Space
	x      [][]float64 // d×m, a value of the cell; the index of a choice
	lo, hi [][]float64 // d×m, cells; the index of a choice in both
}

func newCandidates(sp space.Space, m int) *candidates {
	numbers, rows := make([]float64, 3*len(sp)*m), make([][]float64, 3*len(sp))
	for i := range rows {
		rows[i] = numbers[i*m : (i+1)*m]
	}
	d := len(sp)
	return &candidates{sp, rows[:d], rows[d : 2*d], rows[2*d:]}
}

// draw fills c with points of e.
func (c *candidates) draw(r *rand.Rand, e *parzen.Estimator) {
	point := make([]float64, len(c.space))
	cells := make([]func(u float64) (lo, hi float64), len(c.space))
	for i, d := range c.space {
		cells[i] = cell(d.Dist)
	}
	for j := range c.x[0] {
		e.Draw(r, point)
		for i, u := range point {
			c.x[i][j] = u
			c.lo[i][j], c.hi[i][j] = cells[i](u)
		}
	}
}

// cellCount returns the number of cells of d if all are equal, -1 if they are
// not, 0 if d is continuous.
func cellCount(d space.Dist) int {
	switch d := d.(type) {
	case space.Float:
		return d.Len()
	case space.Int:
		if d.Log || d.Len() > 1<<40 { // or so many that u cannot tell them apart
			return -1
		}
		return d.Len()
	}
	return -1
}

// cell returns the function from u to the cell of the value that u stands for.
func cell(d space.Dist) func(u float64) (lo, hi float64) {
	if isCategorical(d) {
		return func(u float64) (lo, hi float64) { return u, u }
	}
	switch n := cellCount(d); n {
	case 0:
		return func(u float64) (lo, hi float64) { return u, u }
	case -1:
		return func(u float64) (lo, hi float64) { return d.Cell(d.Value(u)) }
	default:
		return func(u float64) (lo, hi float64) {
			k := min(float64(int(u*float64(n))), float64(n-1))
			return k / float64(n), (k + 1) / float64(n)
		}
	}
}

// value returns point j in internal form.
func (c *candidates) value(j int) []float64 {
	values := make([]float64, len(c.space))
	for i, d := range c.space {
		values[i] = c.x[i][j]
		if !isCategorical(d.Dist) {
			values[i] = d.Dist.Value(values[i])
		}
	}
	return values
}

// isCategorical reports whether the values of d have no order.
func isCategorical(d space.Dist) bool {
	_, ok := d.(space.Categorical)
	return ok
}

package tpe

import (
	"math/rand/v2"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/sampler/internal/parzen"
	"github.com/bluefin-hpo/bluefin/space"
)

// candidates are m points of a space.
type candidates struct {
	space  space.Space
	x      [][]float64 // d×m, coordinates
	lo, hi [][]float64 // d×m, cells; the index of a choice in both
	cells  []func(u float64) (x, lo, hi float64)
}

// newCandidates returns m points in one block of memory: a draw makes them anew for each
// space.
func newCandidates(sp space.Space, m int) *candidates {
	numbers, rows := make([]float64, 3*len(sp)*m), make([][]float64, 3*len(sp))
	for i := range rows {
		rows[i] = numbers[i*m : (i+1)*m]
	}
	d := len(sp)
	c := &candidates{sp, rows[:d], rows[d : 2*d], rows[2*d:], make([]func(u float64) (x, lo, hi float64), d)}
	for i, d := range sp {
		c.cells[i] = cell(d.Dist)
	}
	return c
}

// draw draws all points from e.
func (c *candidates) draw(r *rand.Rand, e *parzen.Estimator) {
	point := make([]float64, len(c.space))
	for j := range c.x[0] {
		// From the good density only: the poor one just ranks them.
		e.Draw(r, point)
		c.set(j, point)
	}
}

// set moves point j to the given coordinates, on axes with cells to the middle of the cell there.
func (c *candidates) set(j int, point []float64) {
	for i, u := range point {
		c.x[i][j], c.lo[i][j], c.hi[i][j] = c.cells[i](u)
	}
}

// first returns the first n points of c.
func (c *candidates) first(n int) *candidates {
	for i := range c.space {
		c.x[i], c.lo[i], c.hi[i] = c.x[i][:n], c.lo[i][:n], c.hi[i][:n]
	}
	return c
}

// best returns the point with the largest ratio of the two densities, times the chance to run.
func (c *candidates) best(now view) int {
	logGood := make([]float64, len(c.x[0]))
	// In logarithms, because densities of many parameters underflow.
	now.good.LogPDF(logGood, c.lo, c.hi)
	if now.chances != nil {
		for j := range logGood {
			logGood[j] += c.worth(j, now)
		}
	}
	return now.poor.Best(logGood, c.lo, c.hi)
}

// worth returns the logarithm of the factor for point j by its chance to run.
func (c *candidates) worth(j int, now view) float64 {
	return now.chances.Worth(func(name string) (float64, bool) {
		for i, d := range c.space {
			if d.Name == name && c.x[i][j] != parzen.Missing {
				return cube.Value(d.Dist, c.x[i][j]), true
			}
		}
		return now.trial.Drawn(name)
	})
}

// cellCount returns the number of cells of d if all have one width, -1 if they do not, 0 if d is
// continuous.
func cellCount(d space.Dist) int {
	switch d := d.(type) {
	case space.Float:
		return d.Len()
	case space.Int:
		if d.Log || d.Len() > 1<<40 { // so many that their coordinates may coincide
			return -1
		}
		return d.Len()
	}
	return -1
}

// cell returns the function that maps u to the coordinate and the cell of the value there.
func cell(d space.Dist) func(u float64) (x, lo, hi float64) {
	n := cellCount(d)
	switch {
	case cube.IsCategorical(d), n == 0:
		return func(u float64) (x, lo, hi float64) { return u, u, u }
	case n == -1:
		return func(u float64) (x, lo, hi float64) {
			value := d.Value(u)
			lo, hi = d.Cell(value)
			return d.Unit(value), lo, hi
		}
	}
	m := float64(n)
	return func(u float64) (x, lo, hi float64) {
		// u may be 1, which belongs to the last cell.
		k := min(float64(int(u*m)), m-1)
		return (k + 0.5) / m, k / m, (k + 1) / m
	}
}

// values returns point j in internal form.
func (c *candidates) values(j int) []float64 {
	values := make([]float64, len(c.space))
	for i, d := range c.space {
		values[i] = cube.Value(d.Dist, c.x[i][j])
	}
	return values
}

// point returns the coordinates of point j.
func (c *candidates) point(j int) []float64 {
	x := make([]float64, len(c.space))
	for i := range x {
		x[i] = c.x[i][j]
	}
	return x
}

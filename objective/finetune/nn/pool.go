package nn

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/kernel"
)

// A MeanPool layer replaces the rows of each example by their mean.
type MeanPool struct {
	fixed
	in    Batch // of the last Forward
	y, dx buffer
}

var _ Layer = (*MeanPool)(nil)

// Forward implements Layer.
func (m *MeanPool) Forward(b Batch, _ *rand.Rand) Batch {
	m.in = b
	d := b.X.Cols
	y := m.y.matrix(b.Len(), d)
	// The buffer holds the last batch.
	clear(y.Data)
	row := 0
	for i := range b.Len() {
		mean := y.Data[i*d : (i+1)*d]
		for range b.rows(i) {
			// Summed row by row in order, so the mean does not depend on the batch.
			kernel.Add(mean, b.X.Data[row*d:][:d])
			row++
		}
		kernel.Scale(mean, 1/float32(b.rows(i)))
	}
	return Batch{X: y}
}

// Backward implements Layer.
func (m *MeanPool) Backward(dy blas32.General, wantDX bool) (dx blas32.General) {
	if !wantDX {
		return blas32.General{}
	}
	d := dy.Cols
	dx = m.dx.matrix(m.in.X.Rows, d)
	row := 0
	for i := range dy.Rows {
		// Each row of an example has the same share in its mean.
		scale := 1 / float32(m.in.rows(i))
		for range m.in.rows(i) {
			to := dx.Data[row*d:][:d]
			for j, g := range dy.Data[i*d:][:d] {
				to[j] = g * scale
			}
			row++
		}
	}
	return dx
}

// A CLSPool layer keeps the first row of each example: in BERT, that of the token [CLS].
type CLSPool struct {
	fixed
	in    Batch // of the last Forward
	y, dx buffer
}

var _ Layer = (*CLSPool)(nil)

// Forward implements Layer.
func (c *CLSPool) Forward(b Batch, _ *rand.Rand) Batch {
	c.in = b
	d := b.X.Cols
	y := c.y.matrix(b.Len(), d)
	row := 0
	for i := range y.Rows {
		copy(y.Data[i*d:][:d], b.X.Data[row*d:])
		row += b.rows(i)
	}
	return Batch{X: y}
}

// Backward implements Layer.
func (c *CLSPool) Backward(dy blas32.General, wantDX bool) (dx blas32.General) {
	if !wantDX {
		return blas32.General{}
	}
	d := dy.Cols
	dx = c.dx.matrix(c.in.X.Rows, d)
	// Only the first rows get a gradient.
	clear(dx.Data)
	row := 0
	for i := range dy.Rows {
		copy(dx.Data[row*d:][:d], dy.Data[i*d:])
		row += c.in.rows(i)
	}
	return dx
}

package nn

import (
	"cmp"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas32"
)

// A MaxPool2D layer takes the largest number that a window sees in each channel. Pixels outside the
// image do not count.
type MaxPool2D struct {
	fixed
	in, out Image
	window  Window
	rows    int     // of the last batch
	from    []int32 // n×out: the column of the largest x, the first if equal
	y, dx   buffer
}

var _ Layer = (*MaxPool2D)(nil)

// NewMaxPool2D returns a layer for images of the shape in.
func NewMaxPool2D(in Image, window Window) *MaxPool2D {
	window.Stride = cmp.Or(window.Stride, window.Size)
	return &MaxPool2D{in: in, out: window.over(in, in.Channels), window: window}
}

// Out returns the shape of the output.
func (m *MaxPool2D) Out() Image { return m.out }

// Forward implements Layer.
func (m *MaxPool2D) Forward(b Batch, _ *rand.Rand) Batch {
	m.rows = b.X.Rows
	y := m.y.matrix(m.rows, m.out.Size())
	if len(m.from) < len(y.Data) {
		m.from = make([]int32, len(y.Data))
	}
	d := m.in.Channels
	for n := range m.rows {
		x := b.X.Data[n*b.X.Stride:][:m.in.Size()]
		at := n * m.out.Size()
		for i := range m.out.Height {
			top, bottom, _ := m.window.span(i, m.in.Height)
			for k := range m.out.Width {
				left, right, _ := m.window.span(k, m.in.Width)
				first := (top*m.in.Width + left) * d
				best, from := y.Data[at:][:d], m.from[at:][:d]
				copy(best, x[first:])
				for c := range from {
					from[c] = int32(first + c)
				}
				for line := top; line < bottom; line++ {
					for pixel := (line*m.in.Width + left) * d; pixel < (line*m.in.Width+right)*d; pixel += d {
						seen := x[pixel:][:d]
						best, from := best[:len(seen)], from[:len(seen)]
						for c, v := range seen {
							where := from[c]
							if v > best[c] {
								where = int32(pixel + c)
							}
							best[c], from[c] = max(best[c], v), where // branch-free; NaN propagates
						}
					}
				}
				at += d
			}
		}
	}
	b.X = y
	return b
}

// Backward implements Layer.
func (m *MaxPool2D) Backward(dy blas32.General, wantDX bool) (dx blas32.General) {
	if !wantDX {
		return blas32.General{}
	}
	dx = m.dx.matrix(m.rows, m.in.Size())
	clear(dx.Data)
	d := m.out.Size()
	for n := range m.rows {
		to := dx.Data[n*dx.Stride:][:dx.Cols]
		for i, g := range dy.Data[n*d:][:d] {
			to[m.from[n*d+i]] += g
		}
	}
	return dx
}

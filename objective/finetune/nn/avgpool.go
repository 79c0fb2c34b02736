package nn

import (
	"cmp"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/kernel"
)

// An AvgPool2D layer averages what a window sees in each channel. Pixels outside the image count as
// 0, as in PyTorch.
type AvgPool2D struct {
	fixed
	in, out Image
	window  Window
	y, dx   buffer
}

var _ Layer = (*AvgPool2D)(nil)

// NewAvgPool2D returns a layer for images of the shape in.
func NewAvgPool2D(in Image, window Window) *AvgPool2D {
	// Windows side by side are the usual case.
	window.Stride = cmp.Or(window.Stride, window.Size)
	return &AvgPool2D{in: in, out: window.over(in, in.Channels), window: window}
}

// Out returns the shape of the output.
func (a *AvgPool2D) Out() Image { return a.out }

// Forward implements Layer.
func (a *AvgPool2D) Forward(b Batch, _ *rand.Rand) Batch {
	y := a.y.matrix(b.X.Rows, a.out.Size())
	clear(y.Data)
	d := a.in.Channels
	for n := range b.X.Rows {
		x, mean := b.X.Data[n*b.X.Stride:], y.Data[n*y.Stride:]
		a.each(func(pixel, place int) {
			kernel.Add(mean[place:][:d], x[pixel:][:d])
		})
	}
	kernel.Scale(y.Data, a.scale())
	b.X = y
	return b
}

// Backward implements Layer.
func (a *AvgPool2D) Backward(dy blas32.General, wantDX bool) (dx blas32.General) {
	if !wantDX {
		return blas32.General{}
	}
	dx = a.dx.matrix(dy.Rows, a.in.Size())
	clear(dx.Data)
	d := a.in.Channels
	for n := range dy.Rows {
		to, g := dx.Data[n*dx.Stride:], dy.Data[n*dy.Stride:]
		a.each(func(pixel, place int) {
			kernel.Add(to[pixel:][:d], g[place:][:d])
		})
	}
	kernel.Scale(dx.Data, a.scale())
	return dx
}

// scale divides by the whole window, also at borders: pixels outside count as 0.
func (a *AvgPool2D) scale() float32 { return 1 / float32(a.window.Size*a.window.Size) }

// each calls f for each place of the window and each pixel it sees there, with the columns where
// their channels start.
func (a *AvgPool2D) each(f func(pixel, place int)) {
	d := a.in.Channels
	place := 0
	for i := range a.out.Height {
		top, bottom, _ := a.window.span(i, a.in.Height)
		for k := range a.out.Width {
			left, right, _ := a.window.span(k, a.in.Width)
			for line := top; line < bottom; line++ {
				for column := left; column < right; column++ {
					f((line*a.in.Width+column)*d, place)
				}
			}
			place += d
		}
	}
}

// A GlobalAvgPool2D layer averages all pixels of an image, channel by channel.
type GlobalAvgPool2D struct {
	fixed
	Channels int // of an image, at least 1

	cols  int // of the last batch
	y, dx buffer
}

var _ Layer = (*GlobalAvgPool2D)(nil)

// Forward implements Layer.
func (a *GlobalAvgPool2D) Forward(b Batch, _ *rand.Rand) Batch {
	a.cols = b.X.Cols
	y := a.y.matrix(b.X.Rows, a.Channels)
	clear(y.Data)
	for n := range b.X.Rows {
		mean := y.Data[n*a.Channels:][:a.Channels]
		for pixel := 0; pixel < a.cols; pixel += a.Channels {
			kernel.Add(mean, b.X.Data[n*b.X.Stride+pixel:][:a.Channels])
		}
	}
	// The number of pixels is columns by channels.
	kernel.Scale(y.Data, float32(a.Channels)/float32(a.cols))
	b.X = y
	return b
}

// Backward implements Layer.
func (a *GlobalAvgPool2D) Backward(dy blas32.General, wantDX bool) (dx blas32.General) {
	if !wantDX {
		return blas32.General{}
	}
	dx = a.dx.matrix(dy.Rows, a.cols)
	scale := float32(a.Channels) / float32(a.cols)
	for n := range dy.Rows {
		to := dx.Data[n*a.cols:][:a.cols]
		for c, g := range dy.Data[n*a.Channels:][:a.Channels] {
			to[c] = g * scale
		}
		// Doubling what is filled copies long runs instead of single pixels.
		for filled := a.Channels; filled < a.cols; filled *= 2 {
			copy(to[filled:], to[:filled])
		}
	}
	return dx
}

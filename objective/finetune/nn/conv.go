package nn

import (
	"cmp"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/kernel"
)

// A Conv2D layer is a convolution: the channels of each output pixel are affine functions of what a
// window sees. Pixels outside the image count as 0.
type Conv2D struct {
	W *Param // out×k×k×in, channels last as in an Image; other frameworks use out×in×k×k
	B *Param // out, or nil

	in, out Image
	window  Window
	params  []*Param
	x       blas32.General // n×in, argument of the last Forward
	columns buffer         // see unfold
	y, dx   buffer
}

var _ Layer = (*Conv2D)(nil)

// NewConv2D returns a layer of zeros from images of the shape in to the given number of channels.
// The parameters are name.weight and, with bias, name.bias. A BatchNorm after it makes the bias
// useless.
func NewConv2D(name string, in Image, channels int, window Window, bias bool) *Conv2D {
	window.Stride = cmp.Or(window.Stride, 1)
	c := &Conv2D{in: in, out: window.over(in, channels), window: window}
	c.W = newParam(name+".weight", true, channels, window.Size, window.Size, in.Channels)
	c.params = []*Param{c.W}
	if bias {
		c.B = newParam(name+".bias", false, channels)
		c.params = append(c.params, c.B)
	}
	return c
}

// Out returns the shape of the output.
func (c *Conv2D) Out() Image { return c.out }

// Init draws the weights from a normal distribution with mean 0 and standard deviation sd and
// zeroes the biases.
func (c *Conv2D) Init(sd float64, rng *rand.Rand) {
	for i := range c.W.Value {
		c.W.Value[i] = float32(sd * rng.NormFloat64())
	}
	if c.B != nil {
		clear(c.B.Value)
	}
}

// Forward implements Layer.
func (c *Conv2D) Forward(b Batch, _ *rand.Rand) Batch {
	c.x = b.X
	y := c.y.matrix(b.X.Rows, c.out.Size())
	// With a bias the product adds to what is there.
	beta := float32(0)
	if c.B != nil {
		beta = 1
		for i := 0; i < len(y.Data); i += len(c.B.Value) {
			copy(y.Data[i:], c.B.Value)
		}
	}
	for i, step := 0, c.step(); i < y.Rows; i += step {
		n := min(step, y.Rows-i)
		kernel.Gemm(blas.NoTrans, blas.Trans, c.unfold(i, n), c.weights(c.W.Value), beta, c.pixels(y, i, n)) // y = x·Wᵀ + b
	}
	b.X = y
	return b
}

// Backward implements Layer.
func (c *Conv2D) Backward(dy blas32.General, wantDX bool) (dx blas32.General) {
	if c.B != nil && !c.B.Frozen {
		kernel.AddColumnSums(c.B.Grad, c.pixels(dy, 0, dy.Rows)) // db += Σ dy over the pixels
	}
	if !c.W.Frozen {
		for i, step := 0, c.step(); i < dy.Rows; i += step {
			n := min(step, dy.Rows-i)
			// Unfolded again: keeping the columns of all images would take k·k times the memory
			// of the input.
			kernel.Gemm(blas.Trans, blas.NoTrans, c.pixels(dy, i, n), c.unfold(i, n), 1, c.weights(c.W.Grad)) // dW += dyᵀ·x
		}
	}
	if !wantDX {
		return blas32.General{}
	}
	dx = c.dx.matrix(dy.Rows, c.in.Size())
	// Windows overlap, so pixels add up.
	clear(dx.Data)
	for i, step := 0, c.step(); i < dy.Rows; i += step {
		n := min(step, dy.Rows-i)
		columns := c.columnsOf(n)
		kernel.Gemm(blas.NoTrans, blas.NoTrans, c.pixels(dy, i, n), c.weights(c.W.Value), 0, columns) // dx = dy·W
		c.fold(columns, dx, i, n)
	}
	return dx
}

// Params implements Layer: W, then B.
func (c *Conv2D) Params() []*Param { return c.params }

// weights views the data of W or of its gradient as a matrix, out×k·k·in.
func (c *Conv2D) weights(data []float32) blas32.General {
	k := len(data) / c.out.Channels
	return blas32.General{Rows: c.out.Channels, Cols: k, Stride: k, Data: data}
}

// pixels returns n rows of m, from row i, as a matrix with a row per pixel.
func (c *Conv2D) pixels(m blas32.General, i, n int) blas32.General {
	d := c.out.Channels
	return blas32.General{Rows: n * c.out.Height * c.out.Width, Cols: d, Stride: d,
		Data: m.Data[i*m.Stride : (i+n)*m.Stride]}
}

// cacheSize is roughly how many numbers fit into the second-level cache.
const cacheSize = 1 << 18

// step returns how many images are unfolded at once.
func (c *Conv2D) step() int {
	return max(1, cacheSize/(c.out.Height*c.out.Width*c.window.Size*c.window.Size*c.in.Channels))
}

// columnsOf returns memory for what the windows see on n images: a row per place, k·k·in columns.
func (c *Conv2D) columnsOf(n int) blas32.General {
	return c.columns.matrix(n*c.out.Height*c.out.Width, c.window.Size*c.window.Size*c.in.Channels)
}

// unfold returns what the windows see on n images of the last batch, from row i. The convolution is
// its product with the weights (im2col).
func (c *Conv2D) unfold(i, n int) blas32.General {
	to := c.columnsOf(n)
	// Pixels outside the image keep what the last use left there.
	if c.window.Padding > 0 {
		clear(to.Data)
	}
	for j := range n {
		c.each(j, func(row, column, pixel, length int) {
			copy(to.Data[row*to.Stride+column:][:length], c.x.Data[(i+j)*c.x.Stride+pixel:])
		})
	}
	return to
}

// fold adds columns to their pixels in dx: the transpose of unfold.
func (c *Conv2D) fold(columns, dx blas32.General, i, n int) {
	for j := range n {
		c.each(j, func(row, column, pixel, length int) {
			kernel.Add(dx.Data[(i+j)*dx.Stride+pixel:][:length], columns.Data[row*columns.Stride+column:][:length])
		})
	}
}

// each calls f for each line of pixels that a window sees on image j: the index of its first number
// in the image and in the columns, and its length.
func (c *Conv2D) each(j int, f func(row, column, pixel, length int)) {
	d := c.in.Channels
	row := j * c.out.Height * c.out.Width
	for i := range c.out.Height {
		top, bottom, skippedRows := c.window.span(i, c.in.Height)
		for k := range c.out.Width {
			left, right, skipped := c.window.span(k, c.in.Width)
			for line := top; line < bottom; line++ {
				column := ((line-top+skippedRows)*c.window.Size + skipped) * d
				f(row, column, (line*c.in.Width+left)*d, (right-left)*d)
			}
			row++
		}
	}
}

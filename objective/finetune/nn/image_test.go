package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// pixelAt returns the number of channel c of a pixel of an image, which is 0
// outside of it.
func pixelAt(m Image, x []float64, i, j, c int) (v float64, inside bool) {
	if i < 0 || j < 0 || i >= m.Height || j >= m.Width {
		return 0, false
	}
	return x[(i*m.Width+j)*m.Channels+c], true
}

func referenceConv(in, out Image, w Window) reference {
	return func(_ int, x []float64, params [][]float64) []float64 {
		y := make([]float64, out.Size())
		for at := range y {
			o, j, i := at%out.Channels, at/out.Channels%out.Width, at/out.Channels/out.Width
			if len(params) > 1 {
				y[at] = params[1][o]
			}
			for di := range w.Size {
				for dj := range w.Size {
					for c := range in.Channels {
						v, _ := pixelAt(in, x, i*w.Stride-w.Padding+di, j*w.Stride-w.Padding+dj, c)
						y[at] += v * params[0][((o*w.Size+di)*w.Size+dj)*in.Channels+c]
					}
				}
			}
		}
		return y
	}
}

func TestConv2DAgreesWithFiniteDifferences(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 1))
	for name, c := range map[string]struct {
		window Window
		bias   bool
		rows   int
		out    Image
	}{
		"plain":              {Window{Size: 3, Stride: 1}, true, 3, Image{3, 2, 3}},
		"same size":          {Window{Size: 3, Stride: 1, Padding: 1}, true, 2, Image{5, 4, 3}},
		"stride":             {Window{Size: 3, Stride: 2, Padding: 1}, false, 3, Image{3, 2, 3}},
		"a pixel each":       {Window{Size: 1, Stride: 1}, true, 2, Image{5, 4, 3}},
		"every other pixel":  {Window{Size: 1, Stride: 2}, false, 1, Image{3, 2, 3}},
		"larger than image":  {Window{Size: 6, Stride: 3, Padding: 2}, true, 2, Image{2, 1, 3}},
		"windows far apart":  {Window{Size: 2, Stride: 3}, true, 2, Image{2, 1, 3}},
		"much of it outside": {Window{Size: 4, Stride: 1, Padding: 3}, false, 1, Image{8, 7, 3}},
	} {
		in := Image{5, 4, 2}
		l := NewConv2D("conv", in, 3, c.window, c.bias)
		if l.Out() != c.out {
			t.Errorf("%s: images are %+v, want %+v", name, l.Out(), c.out)
		}
		randomize(rng, l.Params()...)
		checkGradients(t, name, l, rowByRow(in.Size(), referenceConv(in, c.out, c.window)), Batch{X: randomMatrix(c.rows, in.Size(), rng)}, rng)
	}
}

// Images that are too many to be unfolded at once.
func TestConv2DOfManyImages(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 2))
	in := Image{16, 16, 8}
	l := NewConv2D("conv", in, 4, Window{Size: 3, Padding: 1}, true)
	randomize(rng, l.Params()...)
	n := 2*l.step() + 1
	x := randomMatrix(n, in.Size(), rng)
	y := append([]float32(nil), l.Forward(Batch{X: x}, nil).X.Data...)
	dy := randomMatrix(n, l.Out().Size(), rng)
	dx := append([]float32(nil), l.Backward(dy, true).Data...)
	grad := append([]float32(nil), l.W.Grad...)
	clear(l.W.Grad)
	for i := range n {
		one := matrixOf(1, x.Data[i*in.Size():(i+1)*in.Size()]...)
		sameBits(t, fmt.Sprintf("image %d", i), l.Forward(Batch{X: one}, nil).X.Data, y[i*dy.Cols:(i+1)*dy.Cols])
		g := matrixOf(1, dy.Data[i*dy.Cols:(i+1)*dy.Cols]...)
		sameBits(t, fmt.Sprintf("gradient in image %d", i), l.Backward(g, true).Data, dx[i*in.Size():(i+1)*in.Size()])
	}
	if e := relativeError(grad, to64(l.W.Grad)); !(e < 10*tolerance) {
		t.Errorf("gradient of all images is off by %.2g from the sum of them, want less than %.0g", e, 10*tolerance)
	}
}

func TestPoolingOfImagesAgreesWithFiniteDifferences(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 3))
	in := Image{5, 4, 2}
	for name, w := range map[string]Window{
		"tiles":          {Size: 2},
		"overlapping":    {Size: 3, Stride: 1},
		"with a border":  {Size: 3, Stride: 2, Padding: 1},
		"all at once":    {Size: 4},
		"nothing at all": {Size: 1},
	} {
		stride := w.Stride
		if stride == 0 {
			stride = w.Size
		}
		pooled := func(out Image, pool func(seen []float64) float64) reference {
			return func(_ int, x []float64, _ [][]float64) []float64 {
				y := make([]float64, out.Size())
				for at := range y {
					c, j, i := at%out.Channels, at/out.Channels%out.Width, at/out.Channels/out.Width
					var seen []float64
					for di := range w.Size {
						for dj := range w.Size {
							if v, ok := pixelAt(in, x, i*stride-w.Padding+di, j*stride-w.Padding+dj, c); ok {
								seen = append(seen, v)
							}
						}
					}
					y[at] = pool(seen)
				}
				return y
			}
		}
		largest := func(seen []float64) float64 {
			top := math.Inf(-1)
			for _, v := range seen {
				top = math.Max(top, v)
			}
			return top
		}
		mean := func(seen []float64) (sum float64) {
			for _, v := range seen {
				sum += v / float64(w.Size*w.Size)
			}
			return sum
		}
		b := Batch{X: randomMatrix(3, in.Size(), rng)}
		top, avg := NewMaxPool2D(in, w), NewAvgPool2D(in, w)
		checkGradients(t, name+", max", top, rowByRow(in.Size(), pooled(top.Out(), largest)), b, rng)
		checkGradients(t, name+", mean", avg, rowByRow(in.Size(), pooled(avg.Out(), mean)), b, rng)
	}
	global := func(_ int, x []float64, _ [][]float64) []float64 {
		y := make([]float64, in.Channels)
		for i, v := range x {
			y[i%in.Channels] += v * float64(in.Channels) / float64(len(x))
		}
		return y
	}
	checkGradients(t, "global", &GlobalAvgPool2D{Channels: in.Channels}, rowByRow(in.Size(), global), Batch{X: randomMatrix(3, in.Size(), rng)}, rng)
}

func TestMaxPoolOfEqualNumbersPassesTheGradientToTheFirst(t *testing.T) {
	m := NewMaxPool2D(Image{2, 2, 1}, Window{Size: 2})
	m.Forward(Batch{X: matrixOf(1, -1, -1, -1, -1)}, nil)
	sameBits(t, "dx", m.Backward(matrixOf(1, 5), true).Data, []float32{5, 0, 0, 0})
}

func TestMaxPoolPassesNaNOn(t *testing.T) {
	nan := float32(math.NaN())
	m := NewMaxPool2D(Image{2, 2, 1}, Window{Size: 2})
	for _, x := range [][]float32{{nan, 1, 2, 3}, {1, nan, 2, 3}, {3, 2, 1, nan}} {
		if y := m.Forward(Batch{X: matrixOf(1, x...)}, nil).X.Data[0]; y == y {
			t.Errorf("the largest of %v is %v, want NaN", x, y)
		}
	}
}

func TestAWindowThatFitsNowherePanics(t *testing.T) {
	for name, w := range map[string]Window{
		"larger than the image": {Size: 4, Stride: 1},
		"no size":               {Stride: 1},
		"too much padding":      {Size: 2, Stride: 1, Padding: 2},
		"negative padding":      {Size: 2, Stride: 1, Padding: -1},
		"negative stride":       {Size: 2, Stride: -1},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: there was no panic", name)
				}
			}()
			w.over(Image{3, 3, 1}, 1)
		}()
	}
}

func referenceBatchNorm(channels int, fixed bool) batchReference {
	return func(x []float64, params [][]float64) []float64 {
		y := make([]float64, len(x))
		n := float64(len(x) / channels)
		for c := range channels {
			mean, variance := 0.0, 0.0
			for i := c; i < len(x); i += channels {
				mean += x[i] / n
			}
			for i := c; i < len(x); i += channels {
				variance += (x[i] - mean) * (x[i] - mean) / n
			}
			if fixed {
				mean, variance = params[2][c], params[3][c]
			}
			for i := c; i < len(x); i += channels {
				y[i] = (x[i]-mean)/math.Sqrt(variance+1e-5)*params[0][c] + params[1][c]
			}
		}
		return y
	}
}

func TestBatchNormAgreesWithFiniteDifferences(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 4))
	for name, c := range map[string]struct {
		rng    *rand.Rand
		freeze func(n *BatchNorm)
		fixed  bool
	}{
		"training":                        {rng, func(*BatchNorm) {}, false},
		"training, weights frozen":        {rng, func(n *BatchNorm) { n.Gamma.Frozen, n.Beta.Frozen = true, true }, false},
		"training, one statistic frozen":  {rng, func(n *BatchNorm) { n.Mean.Frozen = true }, true},
		"training, both statistic frozen": {rng, func(n *BatchNorm) { n.Mean.Frozen, n.Var.Frozen = true, true }, true},
	} {
		n := NewBatchNorm("norm", 2)
		randomize(rng, n.Params()...)
		copy(n.Var.Value, []float32{0.7, 1.8})
		c.freeze(n)
		checkGradients(t, name, n, referenceBatchNorm(2, c.fixed), Batch{X: randomMatrix(4, 6, rng)}, c.rng)
	}
	n := NewBatchNorm("norm", 2)
	randomize(rng, n.Gamma, n.Beta, n.Mean)
	x := randomMatrix(4, 6, rng)
	want := referenceBatchNorm(2, true)(to64(x.Data), [][]float64{to64(n.Gamma.Value), to64(n.Beta.Value), to64(n.Mean.Value), to64(n.Var.Value)})
	if e := relativeError(n.Forward(Batch{X: x}, nil).X.Data, want); !(e < tolerance) {
		t.Errorf("evaluation is off by %.2g, want less than %.0g", e, tolerance)
	}
}

func TestBatchNormKeepsRunningStatistics(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 5))
	n := NewBatchNorm("norm", 1)
	x := matrixOf(2, 1, 5) // mean 3, variance 8 with n-1
	n.Forward(Batch{X: x}, nil)
	sameBits(t, "after an evaluation", []float32{n.Mean.Value[0], n.Var.Value[0]}, []float32{0, 1})
	n.Forward(Batch{X: x}, rng)
	near := func(what string, mean, variance float64) {
		t.Helper()
		if !(math.Abs(float64(n.Mean.Value[0])-mean) < 1e-6) || !(math.Abs(float64(n.Var.Value[0])-variance) < 1e-6) {
			t.Errorf("%s: running mean and variance are %v and %v, want %v and %v", what, n.Mean.Value[0], n.Var.Value[0], mean, variance)
		}
	}
	near("with the default momentum", 0.3, 0.9+0.8)
	n.Momentum = 0.5
	n.Forward(Batch{X: x}, rng)
	near("with momentum 1/2", 0.15+1.5, 0.85+4)
	n.Forward(Batch{X: matrixOf(1, 7)}, rng)
	near("with a single number", 0.825+3.5, 4.85)
	n.Var.Frozen = true
	n.Forward(Batch{X: x}, rng)
	near("frozen", 4.325, 4.85)
	if n.Mean.Trains() || n.Var.Trains() {
		t.Error("running statistics train, want no gradient")
	}
}

func TestBatchNormOfEqualNumbersIsItsOffset(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 6))
	n := NewBatchNorm("norm", 1)
	for range 100 {
		x := randomMatrix(1, 1, rng).Data[0] * 1e9
		equal := slices.Repeat([]float32{x}, 1000) // enough for the sum of squares to be rounded
		for i, y := range n.Forward(Batch{X: matrixOf(1000, equal...)}, rng).X.Data {
			if !(math.Abs(float64(y)) < 1) {
				t.Fatalf("element %d of numbers that are all %v is %v, want nearly 0", i, x, y)
			}
		}
	}
}

package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"
)

// A reference is a layer's forward pass done again, plainly, in float64: from
// one row x and the parameters to one row y. Row r is for what depends on it.
type reference func(r int, x []float64, params [][]float64) (y []float64)

func referenceDense(_ int, x []float64, params [][]float64) []float64 {
	w, b := params[0], params[1]
	y := make([]float64, len(b))
	for i := range y {
		y[i] = b[i]
		for j, v := range x {
			y[i] += w[i*len(x)+j] * v
		}
	}
	return y
}

func referenceReLU(_ int, x []float64, _ [][]float64) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = math.Max(v, 0)
	}
	return y
}

// referenceDropout uses the mask that the layer has drawn.
func referenceDropout(d *Dropout) reference {
	return func(r int, x []float64, _ [][]float64) []float64 {
		y := make([]float64, len(x))
		for i, v := range x {
			y[i] = v * float64(d.mask[r*len(x)+i])
		}
		return y
	}
}

// chain is the reference of a Sequential; counts are the numbers of
// parameters of its layers.
func chain(layers []reference, counts []int) reference {
	return func(r int, x []float64, params [][]float64) []float64 {
		for i, l := range layers {
			x = l(r, x, params[:counts[i]])
			params = params[counts[i]:]
		}
		return x
	}
}

// A batchReference is a reference that sees all rows of a batch at once.
type batchReference func(x []float64, params [][]float64) (y []float64)

// rowByRow is the reference of a layer that treats each row, of the given
// width, by itself.
func rowByRow(cols int, ref reference) batchReference {
	return func(x []float64, params [][]float64) (all []float64) {
		for i := range len(x) / cols {
			all = append(all, ref(i, x[i*cols:(i+1)*cols], params)...)
		}
		return all
	}
}

// gradientError runs l forward and backward at b and returns how far its
// result, its gradient in b.X and the gradients in its parameters are from the
// reference and the central differences of the reference, relative to the
// largest element of each. The loss is Σ r∘y for a random r.
func gradientError(l Layer, ref batchReference, b Batch, rng *rand.Rand) map[string]float64 {
	var params [][]float64
	for _, p := range l.Params() {
		clear(p.Grad)
		params = append(params, to64(p.Value))
	}
	y := l.Forward(b, rng).X
	r := randomMatrix(y.Rows, y.Cols, rng)
	dx := l.Backward(r, true)

	xs := to64(b.X.Data)
	loss := func() (sum float64) {
		for i, v := range ref(xs, params) {
			sum += float64(r.Data[i]) * v
		}
		return sum
	}
	worst := map[string]float64{"y": relativeError(y.Data, ref(xs, params))}
	if len(xs) > 0 {
		worst["dx"] = relativeError(dx.Data, differences(loss, xs))
	}
	for i, p := range l.Params() {
		if !p.Trains() {
			continue
		}
		worst[fmt.Sprintf("parameter %d", i)] = relativeError(p.Grad, differences(loss, params[i]))
	}
	return worst
}

// differences are the central differences of f in the elements of x.
func differences(f func() float64, x []float64) []float64 {
	const eps = 1e-6
	d := make([]float64, len(x))
	for i, v := range x {
		x[i] = v + eps
		above := f()
		x[i] = v - eps
		d[i] = (above - f()) / (2 * eps)
		x[i] = v
	}
	return d
}

func relativeError(got []float32, want []float64) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	var worst, largest float64
	for i, w := range want {
		worst = math.Max(worst, math.Abs(float64(got[i])-w))
		largest = math.Max(largest, math.Abs(w))
	}
	return worst / largest
}

func randomMatrix(r, c int, rng *rand.Rand) blas32.General {
	m := blas32.General{Rows: r, Cols: c, Stride: c, Data: make([]float32, r*c)}
	for i := range m.Data {
		m.Data[i] = float32(rng.NormFloat64())
	}
	return m
}

// rowsOf returns n rows of m, from row i on, as a view of m.
func rowsOf(m blas32.General, i, n int) blas32.General {
	m.Data = m.Data[i*m.Stride : (i+n)*m.Stride]
	m.Rows = n
	return m
}

func randomDense(in, out int, rng *rand.Rand) *Dense {
	d := NewDense("dense", in, out)
	d.Init(1/math.Sqrt(float64(in)), rng)
	for i := range d.B.Value {
		d.B.Value[i] = float32(rng.NormFloat64())
	}
	return d
}

func to64(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// tolerance is some 10 roundings of float32.
const tolerance = 2e-6

func TestGradientsAgreeWithFiniteDifferences(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	dense, drop, deepDrop := randomDense(7, 5, rng), &Dropout{Rate: 0.4}, &Dropout{Rate: 0.4}
	for name, c := range map[string]struct {
		layer Layer
		ref   reference
		in    int
		rows  int
	}{
		"dense":          {dense, referenceDense, 7, 6},
		"dense, one row": {dense, referenceDense, 7, 1},
		"relu":           {&ReLU{}, referenceReLU, 9, 6},
		"dropout":        {drop, referenceDropout(drop), 9, 6},
		"a network of all": {
			Sequential{
				Sequential{dense, &ReLU{}, deepDrop},
				Sequential{randomDense(5, 6, rng), &ReLU{}},
				randomDense(6, 3, rng),
			},
			chain([]reference{referenceDense, referenceReLU, referenceDropout(deepDrop), referenceDense, referenceReLU, referenceDense}, []int{2, 0, 0, 2, 0, 2}),
			7, 6,
		},
	} {
		checkGradients(t, name, c.layer, rowByRow(c.in, c.ref), Batch{X: randomMatrix(c.rows, c.in, rng)}, rng)
	}
}

func checkGradients(t *testing.T, name string, l Layer, ref batchReference, b Batch, rng *rand.Rand) {
	t.Helper()
	for what, e := range gradientError(l, ref, b, rng) {
		if !(e < tolerance) {
			t.Errorf("%s: %s is off by %.2g of its largest element, want less than %.0g", name, what, e, tolerance)
		}
	}
}

// A faulty layer computes something slightly wrong.
type faulty struct {
	Layer
	fault func(dx blas32.General)
}

func (f faulty) Backward(dy blas32.General, wantDX bool) blas32.General {
	dx := f.Layer.Backward(dy, wantDX)
	f.fault(dx)
	return dx
}

func TestTheGradientCheckFindsSlightlyWrongGradients(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 3))
	d := randomDense(7, 5, rng)
	for name, c := range map[string]struct {
		what  string
		fault func(dx blas32.General)
	}{
		"one element of dx is 0.1% off": {"dx", func(dx blas32.General) {
			i := blas32.Iamax(blas32.Vector{N: len(dx.Data), Inc: 1, Data: dx.Data})
			dx.Data[i] *= 1.001
		}},
		"dx has the other sign":      {"dx", func(dx blas32.General) { blas32.Scal(-1, blas32.Vector{N: len(dx.Data), Inc: 1, Data: dx.Data}) }},
		"a weight gradient is 0":     {"parameter 0", func(blas32.General) { d.W.Grad[3] = 0 }},
		"a bias gradient is doubled": {"parameter 1", func(blas32.General) { d.B.Grad[4] *= 2 }},
	} {
		e := gradientError(faulty{d, c.fault}, rowByRow(7, referenceDense), Batch{X: randomMatrix(6, 7, rng)}, rng)
		if !(e[c.what] > 100*tolerance) {
			t.Errorf("%s: found %v, want %s to be off", name, e, c.what)
		}
	}
}

func TestCrossEntropyGradientAgreesWithFiniteDifferences(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 4))
	const n, c = 6, 5
	logits := randomMatrix(n, c, rng)
	labels := []int{0, 1, 2, 3, 4, 4}
	z := to64(logits.Data)
	sum := func() (loss float64) {
		for i, label := range labels {
			var total float64
			for _, v := range z[i*c : (i+1)*c] {
				total += math.Exp(v)
			}
			loss -= math.Log(math.Exp(z[i*c+label]) / total)
		}
		return loss
	}
	var l SoftmaxCrossEntropy
	got, _ := l.Forward(logits, labels)
	if want := sum(); math.Abs(got-want) > 1e-12*want {
		t.Errorf("loss is %v, want %v", got, want)
	}
	mean := func() float64 { return sum() / n }
	if e := relativeError(l.Backward().Data, differences(mean, z)); !(e < tolerance) {
		t.Errorf("gradient is off by %.2g of its largest element, want less than %.0g", e, tolerance)
	}
}

func TestBackwardWithoutDXSetsTheSameGradients(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 5))
	net := Sequential{randomDense(7, 5, rng), &ReLU{}, &Dropout{Rate: 0.5}, randomDense(5, 3, rng)}
	y := net.Forward(Batch{X: randomMatrix(6, 7, rng)}, rng).X
	dy := randomMatrix(y.Rows, y.Cols, rng)
	net.Backward(dy, true)
	var want [][]float32
	for _, p := range net.Params() {
		want = append(want, append([]float32(nil), p.Grad...))
		clear(p.Grad)
	}
	net.Backward(dy, false)
	for i, p := range net.Params() {
		sameBits(t, fmt.Sprintf("gradient of parameter %d", i), p.Grad, want[i])
	}
}

func sameBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", what, len(got), len(want))
	}
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: element %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

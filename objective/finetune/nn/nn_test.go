package nn

import (
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"
)

func TestARowDoesNotDependOnTheOtherRows(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	// 67 is not a multiple of the width of any kernel.
	net := Sequential{randomDense(67, 300, rng), &ReLU{}, randomDense(300, 5, rng)}
	const n = 200
	x := randomMatrix(n, 67, rng)
	want := append([]float32(nil), net.Forward(Batch{X: x}, nil).X.Data...)
	for _, rows := range []int{1, 2, 7, 63, 64, 65, 129} {
		for i := 0; i < n; i += rows {
			m := min(rows, n-i)
			got := net.Forward(Batch{X: rowsOf(x, i, m)}, nil).X
			sameBits(t, "logits in smaller batches", got.Data, want[i*5:(i+m)*5])
		}
	}
}

func TestTheNumberOfProcessorsChangesNothing(t *testing.T) {
	gradients := func(procs int) (all []float32) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		rng := rand.New(rand.NewPCG(2, 3))
		net := Sequential{randomDense(130, 260, rng), &ReLU{}, &Dropout{Rate: 0.3}, randomDense(260, 70, rng)}
		y := net.Forward(Batch{X: randomMatrix(100, 130, rng)}, rng).X
		dx := net.Backward(y, true)
		all = append(all, dx.Data...)
		for _, p := range net.Params() {
			all = append(all, p.Grad...)
		}
		return all
	}
	sameBits(t, "gradients with 2 processors", gradients(2), gradients(1))
}

func TestDropout(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 4))
	x := blas32.General{Rows: 100, Cols: 1000, Stride: 1000, Data: make([]float32, 100_000)}
	for i := range x.Data {
		x.Data[i] = 1
	}
	for _, rate := range []float64{0, 0.1, 0.5, 0.99} {
		d := Dropout{Rate: rate}
		sameBits(t, "dropout in evaluation", d.Forward(Batch{X: x}, nil).X.Data, x.Data)

		y := d.Forward(Batch{X: x}, rng).X
		if same := &y.Data[0] == &x.Data[0]; same != (rate == 0) {
			t.Errorf("rate %v: y is x: %v, want it to be with rate 0 only", rate, same)
		}
		var zeros int
		for _, v := range y.Data {
			switch v {
			case 0:
				zeros++
			case float32(1 / (1 - rate)):
			default:
				t.Fatalf("rate %v: an element is %v, want 0 or %v", rate, v, 1/(1-rate))
			}
		}
		// Five standard deviations of a binomial.
		n := float64(len(x.Data))
		if far := 5 * math.Sqrt(n*rate*(1-rate)); math.Abs(float64(zeros)-n*rate) > far {
			t.Errorf("rate %v: %d of %v elements are 0, want %v ± %.0f", rate, zeros, n, n*rate, far)
		}
	}
}

func TestDropoutIsTheIdentityBackwardAfterAnEvaluation(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 5))
	d, x := Dropout{Rate: 0.5}, randomMatrix(3, 4, rng)
	d.Forward(Batch{X: x}, rng)
	d.Forward(Batch{X: x}, nil)
	sameBits(t, "dx", d.Backward(x, true).Data, x.Data)
}

func TestCrossEntropy(t *testing.T) {
	for name, c := range map[string]struct {
		logits  []float32
		label   int
		loss    float64
		correct int
	}{
		"equal logits give ln 3 and the first class":  {[]float32{2, 2, 2}, 0, math.Log(3), 1},
		"of equal logits the second class is not top": {[]float32{2, 2, 2}, 1, math.Log(3), 0},
		"certain and right":                           {[]float32{-1e30, 1e30, 0}, 1, 0, 1},
		"certain and wrong is large and finite":       {[]float32{-1e30, 1e30, 0}, 0, 2 * float64(float32(1e30)), 0},
		"largest floats":                              {[]float32{-math.MaxFloat32, math.MaxFloat32}, 0, 2 * math.MaxFloat32, 0},
	} {
		var l SoftmaxCrossEntropy
		loss, correct := l.Forward(blas32.General{Rows: 1, Cols: len(c.logits), Stride: len(c.logits), Data: c.logits}, []int{c.label})
		if math.Abs(loss-c.loss) > 1e-15*c.loss || correct != c.correct {
			t.Errorf("%s: loss %v and %d correct, want %v and %d", name, loss, correct, c.loss, c.correct)
		}
		var sum float64
		for _, g := range l.Backward().Data {
			sum += float64(g)
		}
		if !(math.Abs(sum) < 1e-6) {
			t.Errorf("%s: the gradient adds up to %v, want 0", name, sum)
		}
	}
	var l SoftmaxCrossEntropy
	if loss, _ := l.Forward(blas32.General{Rows: 1, Cols: 2, Stride: 2, Data: []float32{float32(math.NaN()), 0}}, []int{1}); !math.IsNaN(loss) {
		t.Errorf("a NaN logit gives loss %v, want NaN", loss)
	}
}

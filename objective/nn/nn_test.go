package nn

import (
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"unsafe"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

func TestGemmEqualsThePlainSum(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	for _, s := range [][3]int{{1, 1, 1}, {3, 5, 7}, {64, 64, 64}, {65, 193, 66}, {130, 400, 5}, {1, 200, 3}, {200, 1, 3}} {
		m, n, k := s[0], s[1], s[2]
		for _, ta := range []blas.Transpose{blas.NoTrans, blas.Trans} {
			for _, tb := range []blas.Transpose{blas.NoTrans, blas.Trans} {
				a, b := randomMatrix(m, k, rng), randomMatrix(k, n, rng)
				if ta == blas.Trans {
					a = randomMatrix(k, m, rng)
				}
				if tb == blas.Trans {
					b = randomMatrix(n, k, rng)
				}
				at := func(x blas32.General, t blas.Transpose, i, j int) float64 {
					if t == blas.Trans {
						i, j = j, i
					}
					return float64(x.Data[i*x.Stride+j])
				}
				for _, beta := range []float32{0, 1} {
					c := randomMatrix(m, n, rng)
					want := make([]float64, m*n)
					for i := range m {
						for j := range n {
							want[i*n+j] = float64(beta * c.Data[i*n+j])
							for l := range k {
								want[i*n+j] += at(a, ta, i, l) * at(b, tb, l, j)
							}
						}
					}
					gemm(ta, tb, a, b, beta, c)
					if e := relativeError(c.Data, want); !(e < tolerance) {
						t.Errorf("%d×%d×%d, transposes %c %c, beta %v: off by %.2g", m, n, k, ta, tb, beta, e)
					}
				}
			}
		}
	}
}

func TestARowDoesNotDependOnTheOtherRows(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	// 67 is not a multiple of the width of any kernel, 300 columns are two tiles.
	net := Sequential{randomDense(67, 300, rng), &ReLU{}, randomDense(300, 5, rng)}
	const n = 200
	x := randomMatrix(n, 67, rng)
	want := append([]float32(nil), net.Forward(Batch{X: x}, nil).X.Data...)
	for _, rows := range []int{1, 2, 7, 63, 64, 65, 129} {
		for i := 0; i < n; i += rows {
			m := min(rows, n-i)
			got := net.Forward(Batch{X: part(blas.NoTrans, x, i, m)}, nil).X
			sameBits(t, "logits in smaller batches", got.Data, want[i*5:(i+m)*5])
		}
	}
}

// Gonum's parallel product adds up in blocks, so that an element's last bits
// would tell whether the product that it is part of was large.
func TestAnElementDoesNotDependOnTheShapeOfTheProduct(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 6))
	const m, n, k = 130, 400, 200
	a, b, c := randomMatrix(m, k, rng), randomMatrix(n, k, rng), randomMatrix(m, n, rng)
	gemm(blas.NoTrans, blas.Trans, a, b, 0, c)
	for i := range m {
		for j := range n {
			one := randomMatrix(1, 1, rng)
			gemm(blas.NoTrans, blas.Trans, part(blas.NoTrans, a, i, 1), part(blas.NoTrans, b, j, 1), 0, one)
			sameBits(t, "an element computed alone", one.Data, c.Data[i*n+j:i*n+j+1])
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

func TestArraysBeginAtMultiplesOf16Bytes(t *testing.T) {
	for n := 1; n < 5000; n += 1 + n/50 {
		if at := uintptr(unsafe.Pointer(unsafe.SliceData(aligned(n)))); at%16 != 0 {
			t.Errorf("%d numbers begin at %d modulo 16, want 0", n, at%16)
		}
	}
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

package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// matrix returns r×c numbers between -1 and 1, rows pad numbers apart.
func matrix(rng *rand.Rand, r, c, pad int) blas32.General {
	m := blas32.General{Rows: r, Cols: c, Stride: max(c+pad, 1), Data: make([]float32, r*(c+pad))}
	for i := range m.Data {
		m.Data[i] = 2*rng.Float32() - 1
	}
	return m
}

// at returns an element of op(m).
func at(t blas.Transpose, m blas32.General, i, j int) float64 {
	if t != blas.NoTrans {
		i, j = j, i
	}
	return float64(m.Data[i*m.Stride+j])
}

// operands returns op(a) m×k and op(b) k×n.
func operands(rng *rand.Rand, ta, tb blas.Transpose, m, n, k, pad int) (a, b blas32.General) {
	if a = matrix(rng, m, k, pad); ta != blas.NoTrans {
		a = matrix(rng, k, m, pad)
	}
	if b = matrix(rng, k, n, pad); tb != blas.NoTrans {
		b = matrix(rng, n, k, pad)
	}
	return a, b
}

func clone(m blas32.General) blas32.General {
	m.Data = append([]float32(nil), m.Data...)
	return m
}

var ops = []struct {
	name   string
	ta, tb blas.Transpose
}{
	{"NN", blas.NoTrans, blas.NoTrans},
	{"NT", blas.NoTrans, blas.Trans},
	{"TN", blas.Trans, blas.NoTrans},
	{"TT", blas.Trans, blas.Trans},
}

// vectors are the kernels that must agree bit for bit.
func vectors() []Kernel { return vectorKernels() }

func TestProductsAreRightForAllShapes(t *testing.T) {
	sizes := []int{1, 2, 3, 5, 7, 8, 11, 12, 13, 15, 16, 17, 31, 32, 33, 47, 64, 65, 100}
	depths := []int{0, 1, 2, 7, 8, 9, 33, 255, 256, 257, 300, 515}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, op := range ops {
		for range 400 {
			m, n, k := sizes[rng.IntN(len(sizes))], sizes[rng.IntN(len(sizes))], depths[rng.IntN(len(depths))]
			pad, beta := rng.IntN(3)*rng.IntN(5), float32(rng.IntN(2))
			a, b := operands(rng, op.ta, op.tb, m, n, k, pad)
			c := matrix(rng, m, n, pad)
			var first blas32.General
			for _, kern := range Available() {
				got := clone(c)
				if beta == 0 {
					for i := range m { // what was there does not matter
						got.Data[i*got.Stride+rng.IntN(n)] = float32(math.NaN())
					}
				}
				kern.Gemm(op.ta, op.tb, a, b, beta, got)
				name := fmt.Sprintf("%v %s %d×%d×%d, beta %v, pad %d", kern, op.name, m, k, n, beta, pad)
				checkProduct(t, name, op.ta, op.tb, a, b, beta, c, got)
				if kern == AVX2 {
					first = got
				} else if kern == AVX512 {
					sameBits(t, name+": AVX2 gives other bits", got.Data, first.Data)
				}
			}
		}
	}
}

// checkProduct compares with sums in float64 and sees that what is between the
// rows is as before.
func checkProduct(t *testing.T, name string, ta, tb blas.Transpose, a, b blas32.General, beta float32, c, got blas32.General) {
	t.Helper()
	k := a.Cols
	if ta != blas.NoTrans {
		k = a.Rows
	}
	for i := range c.Rows {
		for j := range c.Stride {
			if i*c.Stride+j >= len(c.Data) {
				continue
			}
			x := float64(got.Data[i*c.Stride+j])
			if j >= c.Cols {
				if x != float64(c.Data[i*c.Stride+j]) {
					t.Fatalf("%s: what is behind row %d has changed", name, i)
				}
				continue
			}
			want := float64(beta) * float64(c.Data[i*c.Stride+j])
			size := math.Abs(want)
			for l := range k {
				p := at(ta, a, i, l) * at(tb, b, l, j)
				want += p
				size += math.Abs(p)
			}
			// The error of a sum of k+1 terms is at most about k+1 roundings of it.
			if !(math.Abs(x-want) <= size*float64(k+1)*0x1p-24+1e-30) {
				t.Fatalf("%s: element %d, %d is %v, want %v", name, i, j, x, want)
			}
		}
	}
}

func sameBits(t *testing.T, name string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: number %d is %v (%08x), want %v (%08x)", name, i,
				got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
		}
	}
}

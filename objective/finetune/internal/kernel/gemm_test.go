package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// matrix returns r×c numbers between -1 and 1, rows pad numbers apart.
func matrix(rng *rand.Rand, r, c, pad int) blas32.General {
	m := blas32.General{Rows: r, Cols: c, Stride: max(c+pad, 1), Data: make([]float32, r*max(c+pad, 1))}
	for i := range m.Data {
		m.Data[i] = 2*rng.Float32() - 1
	}
	return m
}

// rowsOf returns the rows of op(m), one after the other.
func rowsOf(t blas.Transpose, m blas32.General) (rows [][]float32) {
	if t == blas.NoTrans {
		for i := range m.Rows {
			rows = append(rows, m.Data[i*m.Stride:][:m.Cols])
		}
		return rows
	}
	for j := range m.Cols {
		row := make([]float32, m.Rows)
		for i := range row {
			row[i] = m.Data[i*m.Stride+j]
		}
		rows = append(rows, row)
	}
	return rows
}

// An expectation is what a product is compared with, m×n.
type expectation struct {
	plain []float32 // the simplest plain Go
	exact []float64 // in float64
	error []float64 // the most that float32 can be off
}

func expect(ta, tb blas.Transpose, a, b blas32.General, beta float32, c blas32.General) expectation {
	rows, columns := rowsOf(ta, a), rowsOf(other(tb), b)
	var e expectation
	for i, row := range rows {
		for j, column := range columns {
			plain := float32(0)
			if beta == 1 {
				plain = c.Data[i*c.Stride+j]
			}
			exact, size := float64(plain), math.Abs(float64(plain))
			for l, x := range row {
				plain += float32(x * column[l])
				p := float64(x) * float64(column[l])
				exact += p
				size += math.Abs(p)
			}
			// A sum of k+1 terms is rounded k times, and each product once.
			e.plain = append(e.plain, plain)
			e.exact = append(e.exact, exact)
			e.error = append(e.error, size*float64(len(row)+1)*0x1p-24+1e-30)
		}
	}
	return e
}

func other(t blas.Transpose) blas.Transpose {
	if t == blas.NoTrans {
		return blas.Trans
	}
	return blas.NoTrans
}

// check compares a product got with the expectation, and sees that what is
// between the rows is as before, in c.
func (e expectation) check(t *testing.T, name string, kern Kernel, got, c blas32.General) {
	t.Helper()
	for i := range got.Rows {
		for j := range min(got.Stride, len(got.Data)-i*got.Stride) {
			x := got.Data[i*got.Stride+j]
			if j >= got.Cols {
				if x != c.Data[i*c.Stride+j] {
					t.Fatalf("%s: what is behind row %d has changed", name, i)
				}
				continue
			}
			at := i*got.Cols + j
			if !(math.Abs(float64(x)-e.exact[at]) <= e.error[at]) {
				t.Fatalf("%s: element %d, %d is %v, want %v", name, i, j, x, e.exact[at])
			}
			if kern == Generic && math.Float32bits(x) != math.Float32bits(e.plain[at]) {
				t.Fatalf("%s: element %d, %d is %v, want %v as in plain Go", name, i, j, x, e.plain[at])
			}
		}
	}
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

func TestProductsAreRightForAllShapes(t *testing.T) {
	sizes := []int{1, 2, 3, 5, 7, 8, 11, 12, 13, 15, 16, 17, 31, 32, 33, 47, 64, 65, 100}
	depths := []int{0, 1, 2, 7, 8, 9, 33, 255, 300, 511, 512, 513, 1030}
	large := [][3]int{{130, 33, 40}, {33, 130, 40}, {131, 145, 520}, {515, 129, 20}, {1010, 130, 9}, {505, 150, 513}} // packed and in blocks
	few := 400
	if testing.Short() {
		few, large = 40, large[:3]
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, op := range ops {
		for i := range few + len(large) {
			m, n, k := sizes[rng.IntN(len(sizes))], sizes[rng.IntN(len(sizes))], depths[rng.IntN(len(depths))]
			if i >= few {
				m, n, k = large[i-few][0], large[i-few][1], large[i-few][2]
			}
			pad, beta := rng.IntN(3)*rng.IntN(5), float32(rng.IntN(2))
			a, b := operands(rng, op.ta, op.tb, m, n, k, pad)
			c := matrix(rng, m, n, pad)
			e := expect(op.ta, op.tb, a, b, beta, c)
			var first []float32
			for _, kern := range Available() {
				got := clone(c)
				if beta == 0 {
					for i := range m { // what was there does not matter
						got.Data[i*got.Stride+rng.IntN(n)] = float32(math.NaN())
					}
				}
				kern.Gemm(op.ta, op.tb, a, b, beta, got)
				name := fmt.Sprintf("%v %s %d×%d×%d, beta %v, pad %d", kern, op.name, m, k, n, beta, pad)
				e.check(t, name, kern, got, c)
				if kern == AVX2 {
					first = got.Data
				} else if kern == AVX512 {
					sameBits(t, name+": AVX2 gives other bits", got.Data, first)
				}
			}
			if k > 0 { // what Generic is where it has no instructions for it
				got := clone(c)
				gemmGeneric(op.ta != blas.NoTrans, op.tb != blas.NoTrans, m, n, k, a, b, beta == 1, got)
				e.check(t, fmt.Sprintf("plain Go, %s %d×%d×%d", op.name, m, k, n), Generic, got, c)
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

func TestARowIsTheSameInEveryBatch(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 22))
	for _, op := range ops {
		for _, s := range [][2]int{{384, 384}, {40, 600}, {5, 33}, {100, 1}} {
			n, k := s[0], s[1]
			_, b := operands(rng, op.ta, op.tb, 1, n, k, 2)
			rows := matrix(rng, 100, k, 0)
			c := matrix(rng, 100, n, 0)
			for _, kern := range Available() {
				if kern == OpenBLAS {
					continue // it promises nothing
				}
				for _, beta := range []float32{0, 1} {
					all := batch(kern, op.ta, op.tb, rows, b, beta, c, 0, 100)
					for _, m := range []int{1, 7, 16, 32, 33, 99} {
						for first := 0; first < 100; first += m {
							last := min(first+m, 100)
							got := batch(kern, op.ta, op.tb, rows, b, beta, c, first, last)
							sameBits(t, fmt.Sprintf("%v %s, n %d, k %d: rows %d to %d of 100", kern, op.name, n, k, first, last),
								got, all[first*n:last*n])
						}
					}
				}
			}
		}
	}
}

// batch returns some rows of a·op(b) + beta·c, from a batch of their own. With
// ta the batch is handed over as its transpose.
func batch(kern Kernel, ta, tb blas.Transpose, a, b blas32.General, beta float32, c blas32.General, first, last int) []float32 {
	m := last - first
	x := blas32.General{Rows: m, Cols: a.Cols, Stride: a.Stride, Data: a.Data[first*a.Stride:]}
	if ta != blas.NoTrans {
		y := blas32.General{Rows: a.Cols, Cols: m, Stride: m, Data: make([]float32, a.Cols*m)}
		for i := range m {
			for l := range a.Cols {
				y.Data[l*m+i] = x.Data[i*x.Stride+l]
			}
		}
		x = y
	}
	z := blas32.General{Rows: m, Cols: c.Cols, Stride: c.Cols, Data: append([]float32(nil), c.Data[first*c.Stride:last*c.Stride]...)}
	kern.Gemm(ta, tb, x, b, beta, z)
	return z.Data
}

func TestProductsAgreeWithGonum(t *testing.T) {
	rng := rand.New(rand.NewPCG(23, 24))
	for _, op := range ops {
		a, b := operands(rng, op.ta, op.tb, 61, 53, 200, 1)
		c := matrix(rng, 61, 53, 1)
		want := clone(c)
		blas32.Gemm(op.ta, op.tb, 1, a, b, 1, want)
		for _, kern := range Available() {
			got := clone(c)
			kern.Gemm(op.ta, op.tb, a, b, 1, got)
			for i := range want.Data {
				if math.Abs(float64(got.Data[i]-want.Data[i])) > 1e-4 {
					t.Fatalf("%v %s: number %d is %v, gonum has %v", kern, op.name, i, got.Data[i], want.Data[i])
				}
			}
		}
	}
}

// What is computed once per kernel is one chain of fused multiply-adds: with
// math.FMA, which rounds to float64, it is the same where that is exact.
func TestVectorKernelsFuse(t *testing.T) {
	e := float32(0x1p-12)
	a := blas32.General{Rows: 1, Cols: 2, Stride: 2, Data: []float32{1 + e, -1}}
	b := blas32.General{Rows: 2, Cols: 1, Stride: 1, Data: []float32{1 + e, 1 + 2*e}}
	c := blas32.General{Rows: 1, Cols: 1, Stride: 1, Data: make([]float32, 1)}
	// (1+e)² = 1 + 2e + e² loses e² when it is rounded. As the first term it is;
	// as the second it is not.
	for _, kern := range vectorKernels() {
		kern.Gemm(blas.NoTrans, blas.NoTrans, a, b, 0, c)
		if c.Data[0] != 0 {
			t.Errorf("%v: the first product is not rounded: %v", kern, c.Data[0])
		}
		a.Data[0], a.Data[1], b.Data[0], b.Data[1] = -1, 1+e, 1+2*e, 1+e
		kern.Gemm(blas.NoTrans, blas.NoTrans, a, b, 0, c)
		if c.Data[0] != e*e {
			t.Errorf("%v: the second product is rounded: %v, want %v", kern, c.Data[0], e*e)
		}
		a.Data[0], a.Data[1], b.Data[0], b.Data[1] = 1+e, -1, 1+e, 1+2*e
	}
	Generic.Gemm(blas.NoTrans, blas.NoTrans, blas32.General{Rows: 1, Cols: 2, Stride: 2, Data: []float32{-1, 1 + e}},
		blas32.General{Rows: 2, Cols: 1, Stride: 1, Data: []float32{1 + 2*e, 1 + e}}, 0, c)
	if c.Data[0] != 0 {
		t.Errorf("generic: a product is not rounded: %v", c.Data[0])
	}
}

func TestProductsPropagateWhatIsNotFinite(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, kern := range Available() {
		for _, x := range []float32{nan, inf} {
			a := blas32.General{Rows: 1, Cols: 2, Stride: 2, Data: []float32{0, 1}}
			b := blas32.General{Rows: 2, Cols: 1, Stride: 1, Data: []float32{x, 1}}
			c := blas32.General{Rows: 1, Cols: 1, Stride: 1, Data: make([]float32, 1)}
			if kern.Gemm(blas.NoTrans, blas.NoTrans, a, b, 0, c); c.Data[0] == c.Data[0] {
				t.Errorf("%v: 0·%v + 1 is %v, want NaN", kern, x, c.Data[0])
			}
		}
	}
}

func TestNothingIsAllocatedFromCallToCall(t *testing.T) {
	rng := rand.New(rand.NewPCG(25, 26))
	for _, op := range ops {
		a, b := operands(rng, op.ta, op.tb, 100, 100, 300, 0)
		c := matrix(rng, 100, 100, 0)
		x := normals(rng, 100, 1)
		for _, kern := range vectorKernels() {
			// The pool of buffers may be emptied by the garbage collector, hence below one.
			if n := testing.AllocsPerRun(100, func() {
				kern.Gemm(op.ta, op.tb, a, b, 0, c)
				AdamW(x, x, x, x, step)
				Softmax(x, x)
			}); n >= 1 {
				t.Errorf("%v %s allocates %v times", kern, op.name, n)
			}
		}
	}
}

func TestGoroutinesDoNotDisturbEachOther(t *testing.T) {
	rng := rand.New(rand.NewPCG(27, 28))
	a, b := operands(rng, blas.Trans, blas.Trans, 150, 150, 600, 0)
	c := matrix(rng, 150, 150, 0)
	for _, kern := range Available() {
		want := clone(c)
		kern.Gemm(blas.Trans, blas.Trans, a, b, 1, want)
		var group sync.WaitGroup
		results := make([]blas32.General, 8)
		for i := range results {
			results[i] = clone(c)
			group.Go(func() { kern.Gemm(blas.Trans, blas.Trans, a, b, 1, results[i]) })
		}
		group.Wait()
		for _, got := range results {
			sameBits(t, kern.String()+" in parallel", got.Data, want.Data)
		}
	}
}

func FuzzGemm(f *testing.F) {
	f.Add(uint64(1), uint8(13), uint8(33), uint16(257), uint8(2), uint8(1), true)
	f.Fuzz(func(t *testing.T, seed uint64, m, n uint8, k uint16, pad, op uint8, add bool) {
		rng := rand.New(rand.NewPCG(seed, 0))
		o := ops[op%4]
		rows, cols, depth := int(m), int(n), int(k%600)
		a, b := operands(rng, o.ta, o.tb, rows, cols, depth, int(pad%20))
		c := matrix(rng, rows, cols, int(pad%20))
		beta := float32(0)
		if add {
			beta = 1
		}
		e := expect(o.ta, o.tb, a, b, beta, c)
		var first []float32
		for _, kern := range append([]Kernel{Generic}, vectorKernels()...) {
			got := clone(c)
			kern.Gemm(o.ta, o.tb, a, b, beta, got)
			e.check(t, fmt.Sprintf("%v %s %d×%d×%d", kern, o.name, rows, depth, cols), kern, got, c)
			if kern == AVX2 {
				first = got.Data
			} else if kern == AVX512 {
				sameBits(t, "AVX2 and AVX512", got.Data, first)
			}
		}
	})
}

func TestVectorKernelsHaveNoSubnormals(t *testing.T) {
	one := func(x float32) blas32.General {
		return blas32.General{Rows: 1, Cols: 1, Stride: 1, Data: []float32{x}}
	}
	for _, kern := range vectorKernels() {
		for _, c := range []struct{ a, b, add, want float32 }{
			{1e-20, 1e-20, 0, 0}, // a product
			{1e-40, 1e10, 0, 0},  // an operand
			{1e-10, 1, 1e-40, 1e-10},
			{0, 0, 1e-40, 0},                // what it is added to
			{0x1p-63, 0x1p-63, 0, 0x1p-126}, // the smallest that is left
		} {
			got := one(c.add)
			kern.Gemm(blas.NoTrans, blas.NoTrans, one(c.a), one(c.b), 1, got)
			if got.Data[0] != c.want {
				t.Errorf("%v: %v·%v + %v is %v, want %v", kern, c.a, c.b, c.add, got.Data[0], c.want)
			}
		}
	}
}

func TestTheRestOfTheProgramKeepsItsSubnormals(t *testing.T) {
	for _, kern := range vectorKernels() {
		for name, call := range map[string]func(){
			"Gemm": func() {
				a := blas32.General{Rows: 1, Cols: 1, Stride: 1, Data: []float32{1}}
				kern.Gemm(blas.NoTrans, blas.NoTrans, a, a, 0, clone(a))
			},
			"AdamW": func() { adamW(kern, []float32{1}, []float32{1}, []float32{1}, []float32{1}, &step) },
		} {
			tiny := []float32{0x1p-140}
			call()
			scale(kern, tiny, 2)
			// Bits, because without subnormal numbers all of them equal 0.
			if got := math.Float32bits(tiny[0]); got != 1<<10 {
				t.Errorf("after %s with %v 2⁻¹⁴⁰·2 is %#x", name, kern, got)
			}
		}
	}
}

package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"
)

// phi is the distribution function of the standard normal distribution.
func phi(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }

// everywhere are numbers from -15 to 15 and some far out.
func everywhere() []float32 {
	x := []float32{-1e30, -1000, 1000, 1e30, 1e-30, -1e-30}
	for v := -15.0; v <= 15; v += 0.00037 {
		x = append(x, float32(v))
	}
	return x
}

func TestElementFunctionsAreAccurate(t *testing.T) {
	ones := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = 1
		}
		return x
	}
	for _, c := range []struct {
		name  string
		f     func(y, x []float32)
		want  func(x float64) float64
		error float64 // of a number around 1, and of one around 0
	}{
		{"GELU", GELU, func(x float64) float64 { return x * phi(x) }, 1e-6},
		{"GELUBackward", func(y, x []float32) { GELUBackward(y, x, ones(len(x))) },
			func(x float64) float64 { return phi(x) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi) }, 5e-7},
		{"Tanh", Tanh, math.Tanh, 1.5e-7},
		{"TanhBackward", func(y, x []float32) { Tanh(y, x); TanhBackward(y, y, ones(len(x))) },
			func(x float64) float64 { return 1 - math.Tanh(x)*math.Tanh(x) }, 3e-7},
		{"ReLU", ReLU, func(x float64) float64 { return max(x, 0) }, 0},
		{"ReLUBackward", func(y, x []float32) { ReLUBackward(y, x, ones(len(x))) },
			func(x float64) float64 { return math.Ceil(min(max(x, 0), 1)) }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := everywhere()
			y := make([]float32, len(x))
			c.f(y, x)
			for i, v := range x {
				want := c.want(float64(v))
				if !(math.Abs(float64(y[i])-want) <= c.error*max(1, math.Abs(want))) {
					t.Fatalf("at %v it is %v, want %v", v, y[i], want)
				}
			}
		})
	}
}

func TestSmallArgumentsKeepTheirDigits(t *testing.T) {
	for _, v := range []float32{1e-8, -1e-6, 1e-4, -1e-2, 0.5} {
		x, y := []float32{v}, []float32{0}
		if Tanh(y, x); math.Abs(float64(y[0])/math.Tanh(float64(v))-1) > 2e-7 {
			t.Errorf("tanh %v is %v", v, y[0])
		}
		if GELU(y, x); math.Abs(float64(y[0])/(float64(v)*phi(float64(v)))-1) > 5e-7 {
			t.Errorf("GELU of %v is %v", v, y[0])
		}
	}
}

func TestExp(t *testing.T) {
	for x := -80.0; x <= 0; x += 0.0011 {
		v := float32(x)
		if got, want := float64(exp(v)), math.Exp(float64(v)); math.Abs(got/want-1) > 1.2e-7 {
			t.Fatalf("exp %v is %v, want %v", v, got, want)
		}
	}
	for _, v := range []float32{-80.001, -1e30, float32(math.Inf(-1))} {
		if got := exp(v); got != 0 {
			t.Errorf("exp %v is %v, want 0", v, got)
		}
	}
	if got := exp(0); got != 1 {
		t.Errorf("exp 0 is %v", got)
	}
	if got := exp(math.Float32frombits(0x7FC00001)); got == got {
		t.Errorf("exp NaN is %v", got)
	}
}

// normals returns n draws of the normal distribution.
func normals(rng *rand.Rand, n int, sd float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(sd * rng.NormFloat64())
	}
	return x
}

func near(t *testing.T, name string, got []float32, want []float64, tolerance float64) {
	t.Helper()
	for i, w := range want {
		if !(math.Abs(float64(got[i])-w) <= tolerance*max(1, math.Abs(w))) {
			t.Fatalf("%s of %d numbers: element %d is %v, want %v", name, len(want), i, got[i], w)
		}
	}
}

func TestSoftmax(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, n := range []int{1, 2, 15, 16, 17, 32, 100, 1000} {
		x, dy := normals(rng, n, 3), normals(rng, n, 1)
		top := math.Inf(-1)
		for _, v := range x {
			top = max(top, float64(v))
		}
		want, total := make([]float64, n), 0.0
		for i, v := range x {
			want[i] = math.Exp(float64(v) - top)
			total += want[i]
		}
		dot := 0.0
		for i := range want {
			want[i] /= total
			dot += want[i] * float64(dy[i])
		}
		y := make([]float32, n)
		Softmax(y, x)
		near(t, "Softmax", y, want, 3e-7)
		grad := make([]float64, n)
		for i, p := range want {
			grad[i] = p * (float64(dy[i]) - dot)
		}
		dx := make([]float32, n)
		SoftmaxBackward(dx, y, dy)
		near(t, "SoftmaxBackward", dx, grad, 5e-7)
		for i := range x { // it does not see what is added to all
			x[i] += 64
		}
		Softmax(y, x)
		near(t, "Softmax, shifted", y, want, 1e-5)
	}
}

func TestSoftmaxOfWhatIsMasked(t *testing.T) {
	none := float32(math.Inf(-1))
	x, y := []float32{1, none, 1, -79.5, -1e30}, make([]float32, 5)
	Softmax(y, x)
	if y[0] != 0.5 || y[1] != 0 || y[2] != 0.5 || y[3] != 0 || y[4] != 0 {
		t.Errorf("the softmax of %v is %v", x, y)
	}
	for _, x := range [][]float32{{none, none}, {1, float32(math.NaN())}} {
		Softmax(y[:2], x)
		if y[0] == y[0] || y[1] == y[1] {
			t.Errorf("the softmax of %v is %v, want NaN", x, y[:2])
		}
	}
}

func TestLayerNorm(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	const eps = 1e-5
	for _, n := range []int{1, 2, 15, 16, 31, 384, 1000} {
		x, gain, bias, dy := normals(rng, n, 2), normals(rng, n, 1), normals(rng, n, 1), normals(rng, n, 1)
		for i := range x {
			x[i] += 3
		}
		var mean, variance float64
		for _, v := range x {
			mean += float64(v) / float64(n)
		}
		for _, v := range x {
			variance += (float64(v) - mean) * (float64(v) - mean) / float64(n)
		}
		rstd := 1 / math.Sqrt(variance+eps)
		want, dgain, dbias, dx := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
		var mg, mgx float64
		for i, v := range x {
			h := (float64(v) - mean) * rstd
			want[i] = h*float64(gain[i]) + float64(bias[i])
			dgain[i], dbias[i] = 1+float64(dy[i])*h, 2+float64(dy[i])
			mg += float64(dy[i]*gain[i]) / float64(n)
			mgx += float64(dy[i]*gain[i]) * h / float64(n)
		}
		for i, v := range x {
			dx[i] = rstd * (float64(dy[i]*gain[i]) - mg - (float64(v)-mean)*rstd*mgx)
		}
		y, gotGain, gotBias, gotX := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
		for i := range n { // gradients of parameters add up
			gotGain[i], gotBias[i] = 1, 2
		}
		m, r := LayerNorm(y, x, gain, bias, eps)
		near(t, "the mean", []float32{m}, []float64{mean}, 1e-6)
		near(t, "rstd", []float32{r}, []float64{rstd}, 2e-6)
		near(t, "LayerNorm", y, want, 4e-6)
		if n > 1 { // of one number rstd is large and the gradient nothing but rounding
			LayerNormBackward(gotX, gotGain, gotBias, dy, x, gain, m, r)
			near(t, "dx", gotX, dx, 1e-5)
			near(t, "dgain", gotGain, dgain, 1e-5)
			near(t, "dbias", gotBias, dbias, 1e-6)
			before := append([]float32(nil), gotGain...)
			clear(gotX)
			LayerNormBackward(gotX, nil, nil, dy, x, gain, m, r)
			near(t, "dx alone", gotX, dx, 1e-5)
			sameBits(t, "dgain, not asked for", gotGain, before)
			LayerNormBackward(nil, gotGain, gotBias, dy, x, nil, m, r)
			near(t, "dbias alone", gotBias[:1], []float64{dbias[0] + float64(dy[0])}, 1e-6)
		}
	}
}

func TestSums(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	m := matrix(rng, 37, 45, 3)
	sums := make([]float32, 45)
	sums[2] = 10
	AddColumnSums(sums, m)
	for j := range 45 {
		want := float32(0)
		if j == 2 {
			want = 10
		}
		for i := range 37 {
			x := m.Data[i*m.Stride+j]
			want += x
		}
		if sums[j] != want {
			t.Fatalf("AddColumnSums: column %d is %v, want %v", j, sums[j], want)
		}
	}
	large := []float32{1e30, -1e30, 1e30}
	if got := SumSquares(large); math.Abs(got/3e60-1) > 1e-6 {
		t.Errorf("SumSquares of %v is %v", large, got)
	}
	x, want := normals(rng, 1001, 1), 0.0
	for _, v := range x {
		want += float64(v) * float64(v)
	}
	if got := SumSquares(x); math.Abs(got/want-1) > 1e-14 {
		t.Errorf("SumSquares is %v, want %v", got, want)
	}
	y := append([]float32(nil), x...)
	Add(y, x)
	Scale(y, 0.25)
	for i, v := range x {
		if y[i] != v/2 {
			t.Fatalf("(x + x)/4 is %v for %v", y[i], v)
		}
	}
}

func TestArgumentsThatDoNotFitPanic(t *testing.T) {
	two, three := make([]float32, 2), make([]float32, 3)
	m := blas32.General{Rows: 2, Cols: 3, Stride: 3, Data: make([]float32, 5)}
	for name, call := range map[string]func(){
		"Softmax":           func() { Softmax(two, three) },
		"SoftmaxBackward":   func() { SoftmaxBackward(two, two, three) },
		"LayerNorm":         func() { LayerNorm(two, two, two, three, 0) },
		"LayerNormBackward": func() { LayerNormBackward(two, two, nil, two, two, two, 0, 1) },
		"GELU":              func() { GELU(three, two) },
		"Axpy":              func() { Axpy(three, 1, two) },
		"AdamW":             func() { AdamW(two, two, two, three, AdamWStep{}) },
		"AddColumnSums":     func() { AddColumnSums(two, m) },
		"Gemm, memory":      func() { Gemm(ops[0].ta, ops[0].tb, m, m, 0, m) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("it does not panic")
				}
			}()
			call()
		})
	}
}

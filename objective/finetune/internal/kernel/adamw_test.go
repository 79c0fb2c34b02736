package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestAdamWIsItsFormula(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	const n, rate, decay, beta1, beta2, eps = 40, 0.01, 0.1, 0.9, 0.999, 1e-8
	value := normals(rng, n, 1)
	m, v := make([]float32, n), make([]float32, n)
	want, m64, v64 := make([]float64, n), make([]float64, n), make([]float64, n)
	for i, x := range value {
		want[i] = float64(x)
	}
	for step := 1; step <= 20; step++ {
		grad := normals(rng, n, 0.1)
		c1, c2 := 1-math.Pow(beta1, float64(step)), 1-math.Pow(beta2, float64(step))
		AdamW(value, m, v, grad, AdamWStep{Clip: 0.5, Beta1: beta1, Gain1: 1 - beta1, Beta2: beta2, Gain2: 1 - beta2,
			Size: float32(rate / c1), Root: float32(1 / math.Sqrt(c2)), Epsilon: eps, Keep: 1 - rate*decay})
		for i, g := range grad {
			g := float64(g) / 2
			m64[i] = beta1*m64[i] + (1-beta1)*g
			v64[i] = beta2*v64[i] + (1-beta2)*g*g
			want[i] -= rate*decay*want[i] + rate*(m64[i]/c1)/(math.Sqrt(v64[i]/c2)+eps)
		}
	}
	near(t, "AdamW", value, want, 2e-6)
}

// Gradients and moments may be subnormal, and with every kernel the bits are
// those of arithmetic that has such numbers.
func TestAdamWOfTinyGradients(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 16))
	f := vectorFuncs[len(vectorFuncs)-1]
	for _, size := range []float64{1e-18, 1e-20, 1e-30, 1e-38, 1e-42, 0} {
		x := [][]float32{normals(rng, 50, 1), normals(rng, 50, size), normals(rng, 50, size), normals(rng, 50, size)}
		compareWithGeneric(t, f, x)
	}
}

func TestMomentsFadeButNotIntoSubnormals(t *testing.T) {
	value, m, v, grad := []float32{1}, []float32{1e-10}, []float32{1e-10}, []float32{0}
	for range 100000 {
		AdamW(value, m, v, grad, step)
		for _, x := range []float32{m[0], v[0]} {
			if x != 0 && x < 1e-30 {
				t.Fatalf("a moment is %v", x)
			}
		}
	}
	if m[0] > 1e-24 || v[0] > 1e-24 {
		t.Errorf("the moments end as %v and %v", m[0], v[0])
	}
}

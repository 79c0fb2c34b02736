package nn

import (
	"math"
	"math/rand/v2"
	"testing"
)

// elementwise is the reference of an activation function.
func elementwise(f func(float64) float64) batchReference {
	return func(x []float64, _ [][]float64) (y []float64) {
		for _, v := range x {
			y = append(y, f(v))
		}
		return y
	}
}

func TestActivationsAgreeWithFiniteDifferences(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	for name, c := range map[string]struct {
		layer Layer
		f     func(x float64) float64
	}{
		"gelu": {&GELU{}, func(x float64) float64 { return x * 0.5 * (1 + math.Erf(x/math.Sqrt2)) }},
		"tanh": {&Tanh{}, math.Tanh},
	} {
		checkGradients(t, name, c.layer, elementwise(c.f), Batch{X: randomMatrix(6, 9, rng)}, rng)
	}
}

func TestActivationsOfLargeNumbersAreFinite(t *testing.T) {
	x := matrixOf(1, -math.MaxFloat32, -100, -20, 0, 20, 100, math.MaxFloat32)
	for name, c := range map[string]struct {
		layer Layer
		y, dx []float32
	}{
		"gelu": {&GELU{}, []float32{0, 0, 0, 0, 20, 100, math.MaxFloat32}, []float32{0, 0, 0, 0.5, 1, 1, 1}},
		"tanh": {&Tanh{}, []float32{-1, -1, -1, 0, 1, 1, 1}, []float32{0, 0, 0, 1, 0, 0, 0}},
	} {
		y := c.layer.Forward(Batch{X: x}, nil).X.Data
		dx := c.layer.Backward(matrixOf(1, 1, 1, 1, 1, 1, 1, 1), true).Data
		for i := range y {
			if math.Abs(float64(y[i]-c.y[i])) > 1e-30 || math.Abs(float64(dx[i]-c.dx[i])) > 1e-30 {
				t.Errorf("%s at %v is %v with slope %v, want %v with %v", name, x.Data[i], y[i], dx[i], c.y[i], c.dx[i])
			}
		}
	}
}

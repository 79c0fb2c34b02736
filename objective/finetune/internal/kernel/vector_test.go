package kernel

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// A vectorFunc is a function on vectors, called on a list of which it changes
// the first ones. It returns what else it computes.
type vectorFunc struct {
	name    string
	vectors int
	call    func(kern Kernel, x [][]float32) []float64
}

var step = AdamWStep{Clip: 0.75, Beta1: 0.9, Gain1: 0.1, Beta2: 0.999, Gain2: 0.001, Size: 0.01, Root: 1.5, Epsilon: 1e-8, Keep: 0.99}

var vectorFuncs = []vectorFunc{
	{"Softmax", 2, func(k Kernel, x [][]float32) []float64 { softmax(k, x[0], x[1]); return nil }},
	{"SoftmaxBackward", 3, func(k Kernel, x [][]float32) []float64 { softmaxBackward(k, x[0], x[1], x[2]); return nil }},
	{"LayerNorm", 4, func(k Kernel, x [][]float32) []float64 {
		var s [2]float32
		layerNorm(k, x[0], x[1], x[2], x[3], 1e-5, &s)
		return []float64{float64(s[0]), float64(s[1])}
	}},
	{"LayerNormBackward, parameters", 4, func(k Kernel, x [][]float32) []float64 {
		layerNormParams(k, x[0], x[1], x[2], x[3], 0.25, 1.75)
		return nil
	}},
	{"LayerNormBackward", 4, func(k Kernel, x [][]float32) []float64 {
		layerNormBackward(k, x[0], x[1], x[2], x[3], 0.25, 1.75)
		return nil
	}},
	{"GELU", 2, func(k Kernel, x [][]float32) []float64 { gelu(k, x[0], x[1]); return nil }},
	{"GELUBackward", 3, func(k Kernel, x [][]float32) []float64 { geluBackward(k, x[0], x[1], x[2]); return nil }},
	{"ReLU", 2, func(k Kernel, x [][]float32) []float64 { relu(k, x[0], x[1]); return nil }},
	{"ReLUBackward", 3, func(k Kernel, x [][]float32) []float64 { reluBackward(k, x[0], x[1], x[2]); return nil }},
	{"Axpy", 2, func(k Kernel, x [][]float32) []float64 { axpy(k, x[0], 0.3, x[1]); return nil }},
	{"Scale", 1, func(k Kernel, x [][]float32) []float64 { scale(k, x[0], 0.3); return nil }},
	{"SumSquares", 1, func(k Kernel, x [][]float32) []float64 { return []float64{sumSquares(k, x[0])} }},
	{"AdamW", 4, func(k Kernel, x [][]float32) []float64 {
		for i := range x[2] {
			x[2][i] = abs(x[2][i])
		}
		s := step
		adamW(k, x[0], x[1], x[2], x[3], &s)
		return nil
	}},
}

func abs(x float32) float32 { return float32(math.Abs(float64(x))) }

// compareWithGeneric calls f with every kernel on copies of x and demands the
// bits of Generic, NaN being NaN.
func compareWithGeneric(t *testing.T, f vectorFunc, x [][]float32) {
	t.Helper()
	copies := func() [][]float32 {
		list := make([][]float32, len(x))
		for i := range x {
			list[i] = append([]float32(nil), x[i]...)
		}
		return list
	}
	want := copies()
	wantMore := f.call(Generic, want)
	for _, kern := range vectorKernels() {
		got := copies()
		more := f.call(kern, got)
		for i := range want {
			for j, w := range want[i] {
				if g := got[i][j]; math.Float32bits(g) != math.Float32bits(w) && (g == g || w == w) {
					t.Fatalf("%s of %d numbers, %v: element %d of vector %d is %v, want %v as with Generic",
						f.name, len(x[0]), kern, j, i, g, w)
				}
			}
		}
		for i, w := range wantMore {
			if more[i] != w && (more[i] == more[i] || w == w) {
				t.Fatalf("%s of %d numbers, %v: result %d is %v, want %v as with Generic", f.name, len(x[0]), kern, i, more[i], w)
			}
		}
	}
}

func TestVectorsHaveTheSameBitsWithEveryKernel(t *testing.T) {
	special := []float32{0, float32(math.Copysign(0, -1)), 1, -1, 100, -100, 1e20, -1e20, 1e-20,
		float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())}
	for _, f := range vectorFuncs {
		t.Run(f.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(3, 4))
			for n := range 200 {
				for round := range 6 {
					x := make([][]float32, f.vectors)
					for i := range x {
						x[i] = make([]float32, n)
						for j := range x[i] {
							x[i][j] = float32(rng.NormFloat64() * []float64{0.01, 1, 30}[round%3])
							if round > 3 && rng.IntN(max(n/2, 4)) == 0 {
								x[i][j] = special[rng.IntN(len(special))]
							}
						}
					}
					compareWithGeneric(t, f, x)
				}
			}
		})
	}
}

func TestResultsMayTakeThePlaceOfArguments(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	draw := func() []float32 {
		x := make([]float32, 45)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		return x
	}
	for _, f := range vectorFuncs {
		for place := 1; place < f.vectors; place++ {
			switch { // what the documentation does not allow
			case f.name == "LayerNorm" && place > 1, f.name == "LayerNormBackward" && place > 1,
				f.name == "LayerNormBackward, parameters", f.name == "AdamW":
				continue
			}
			for _, kern := range append(vectorKernels(), Generic) {
				x := make([][]float32, f.vectors)
				for i := range x {
					x[i] = draw()
				}
				if f.name == "Axpy" {
					copy(x[0], x[1])
				}
				y := append([][]float32(nil), x...)
				y[0] = append([]float32(nil), x[place]...)
				y[place] = y[0]
				f.call(kern, x)
				f.call(kern, y)
				sameBits(t, fmt.Sprintf("%s, %v: the result in the place of argument %d", f.name, kern, place), y[0], x[0])
			}
		}
	}
}

func FuzzVectors(f *testing.F) {
	f.Add(uint8(0), []byte{0, 0, 0x80, 0x3f, 0, 0, 0xc0, 0x7f, 1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		f := vectorFuncs[int(which)%len(vectorFuncs)]
		n := len(data) / 4 / f.vectors
		x := make([][]float32, f.vectors)
		for i := range x {
			x[i] = make([]float32, n)
			for j := range x[i] {
				v := math.Float32frombits(binary.LittleEndian.Uint32(data[4*(i*n+j):]))
				if f.name == "AdamW" && abs(v) < 0x1p-126 {
					v = 0 // the one function that may take subnormal numbers as 0
				}
				x[i][j] = v
			}
		}
		compareWithGeneric(t, f, x)
	})
}

package nn

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// A step may take its examples in several passes.
func TestGradientsOfPartsAddUpToThoseOfTheWhole(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 1))
	logits := randomMatrix(5, 3, rng)
	labels := []int{0, 2, 1, 1, 0}
	l := SoftmaxCrossEntropy{Smoothing: 0.1, Weights: []float64{1, 2, 0.5}}
	whole, _ := l.Forward(logits, labels)
	want := slices.Clone(l.Backward().Data)
	var got []float32
	var sum float64
	for _, at := range [][2]int{{0, 2}, {2, 5}} {
		part, _ := l.Forward(rowsOf(logits, at[0], at[1]-at[0]), labels[at[0]:at[1]])
		sum += part
		got = append(got, l.BackwardOf(l.Weight(labels)).Data...)
	}
	sameBits(t, "gradient", got, want)
	if math.Abs(sum-whole) > 1e-12 {
		t.Errorf("the losses add up to %v, want %v", sum, whole)
	}
	y, targets := randomMatrix(5, 2, rng), randomMatrix(5, 2, rng)
	var s SquaredError
	s.Forward(y, targets.Data)
	want = slices.Clone(s.Backward().Data)
	got = nil
	for i := range 5 {
		s.Forward(rowsOf(y, i, 1), rowsOf(targets, i, 1).Data)
		got = append(got, s.BackwardOf(5).Data...)
	}
	sameBits(t, "gradient of the squared error", got, want)
}

func TestWeightsOfOneAndNoSmoothingAreThePlainLoss(t *testing.T) {
	logits := randomMatrix(4, 3, rand.New(rand.NewPCG(11, 2)))
	labels := []int{0, 2, 1, 1}
	var plain SoftmaxCrossEntropy
	weighted := SoftmaxCrossEntropy{Weights: []float64{1, 1, 1}}
	want, _ := plain.Forward(logits, labels)
	got, correct := weighted.Forward(logits, labels)
	if _, c := plain.Forward(logits, labels); math.Abs(got-want) > 1e-12 || correct != c {
		t.Errorf("loss %v with %d correct, want %v with %d", got, correct, want, c)
	}
	if e := relativeError(weighted.Backward().Data, to64(plain.Backward().Data)); !(e < tolerance) {
		t.Errorf("the gradient is off by %.2g", e)
	}
}

func TestExamplesWithoutWeightHaveNoGradient(t *testing.T) {
	l := SoftmaxCrossEntropy{Weights: []float64{0, 1}}
	if sum, _ := l.Forward(matrixOf(2, 1, 2, 3, 4), []int{0, 0}); sum != 0 {
		t.Errorf("loss is %v, want 0", sum)
	}
	for _, g := range l.Backward().Data {
		if g != 0 {
			t.Errorf("a gradient is %v, want 0", g)
		}
	}
}

func TestASmoothedLossOfLargeLogitsIsFinite(t *testing.T) {
	l := SoftmaxCrossEntropy{Smoothing: 0.1}
	sum, _ := l.Forward(matrixOf(1, -math.MaxFloat32, math.MaxFloat32), []int{1})
	if want := 0.05 * 2 * math.MaxFloat32; math.Abs(sum-want) > 1e-12*want {
		t.Errorf("loss is %v, want %v", sum, want)
	}
	for _, g := range l.Backward().Data {
		if math.IsNaN(float64(g)) || math.IsInf(float64(g), 0) {
			t.Errorf("a gradient is %v, want a finite one", g)
		}
	}
}

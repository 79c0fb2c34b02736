package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// referenceAttention is the layer for examples of the given lengths, with the
// dropout mask that it has drawn.
func referenceAttention(a *MultiHeadAttention, d int, lens []int) batchReference {
	return func(x []float64, params [][]float64) []float64 {
		q := rowByRow(d, referenceDense)(x, params[0:2])
		k := rowByRow(d, referenceDense)(x, params[2:4])
		v := rowByRow(d, referenceDense)(x, params[4:6])
		width := len(params[1])
		c := width / a.Heads
		context := make([]float64, len(q))
		row, at := 0, 0
		for _, l := range lens {
			for h := range a.Heads {
				part := func(m []float64, i int) []float64 { return m[(row+i)*width+h*c:][:c] }
				for i := range l {
					p := make([]float64, l)
					var total float64
					for j := range l {
						p[j] = math.Exp(dot(part(q, i), part(k, j)) / math.Sqrt(float64(c)))
						total += p[j]
					}
					for j := range l {
						p[j] /= total
						if a.Dropout > 0 {
							p[j] *= float64(a.kept[at]) / (1 - a.Dropout)
						}
						at++
						for o := range c {
							part(context, i)[o] += p[j] * part(v, j)[o]
						}
					}
				}
			}
			row += l
		}
		return rowByRow(width, referenceDense)(context, params[6:8])
	}
}

func dot(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

func randomAttention(d, width, heads int, dropout float64, rng *rand.Rand) *MultiHeadAttention {
	return &MultiHeadAttention{Query: randomDense(d, width, rng), Key: randomDense(d, width, rng), Value: randomDense(d, width, rng), Output: randomDense(width, d, rng), Heads: heads, Dropout: dropout}
}

func TestAttentionAgreesWithFiniteDifferences(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 1))
	for name, c := range map[string]struct {
		heads   int
		dropout float64
		lens    []int
	}{
		"one head":        {1, 0, []int{4}},
		"several lengths": {2, 0, []int{3, 1, 5}},
		"dropout":         {3, 0.3, []int{2, 4}},
	} {
		n := 0
		for _, l := range c.lens {
			n += l
		}
		a := randomAttention(4, 6, c.heads, c.dropout, rng)
		b := Batch{X: randomMatrix(n, 4, rng), Lens: c.lens}
		for what, e := range gradientError(a, referenceAttention(a, 4, c.lens), b, rng) {
			// A bias of the keys adds the same to all scores of a row, which the
			// softmax does not see: its gradient is 0, and nothing is relative to it.
			if !(e < 2*tolerance) && what != "parameter 3" {
				t.Errorf("%s: %s is off by %.2g of its largest element, want less than %.0g", name, what, e, 2*tolerance)
			}
		}
		for i, g := range a.Key.B.Grad {
			if !(math.Abs(float64(g)) < tolerance) {
				t.Errorf("%s: the gradient of bias %d of the keys is %v, want 0", name, i, g)
			}
		}
	}
}

func TestAttentionWithoutLengthsSeesOneRowPerExample(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 2))
	a := randomAttention(4, 6, 2, 0, rng)
	x := randomMatrix(3, 4, rng)
	want := append([]float32(nil), a.Forward(Batch{X: x, Lens: []int{1, 1, 1}}, nil).X.Data...)
	sameBits(t, "without lengths", a.Forward(Batch{X: x}, nil).X.Data, want)
}

// What is frozen must not change what the others get.
func TestFrozenPartsOfAttentionLeaveTheOtherGradientsAsTheyAre(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 3))
	a := randomAttention(4, 6, 2, 0.2, rng)
	b := Batch{X: randomMatrix(6, 4, rng), Lens: []int{4, 2}}
	a.Forward(b, rng)
	dy := randomMatrix(6, 4, rng)
	a.Backward(dy, true)
	var want [][]float32
	for _, p := range a.Params() {
		want = append(want, append([]float32(nil), p.Grad...))
	}
	for only := range a.Params() {
		for _, p := range a.Params() {
			p.Frozen = false
		}
		a.Backward(randomMatrix(6, 4, rng), true) // leaves other numbers in the buffers
		for i, p := range a.Params() {
			p.Frozen = i != only
			clear(p.Grad)
		}
		a.Backward(dy, false)
		for i, p := range a.Params() {
			if i == only {
				sameBits(t, fmt.Sprintf("gradient of parameter %d when only it trains", i), p.Grad, want[i])
			} else {
				sameBits(t, fmt.Sprintf("gradient of parameter %d, frozen", i), p.Grad, make([]float32, len(p.Grad)))
			}
		}
	}
}

func TestDropoutOfAttention(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 4))
	a := randomAttention(4, 6, 2, 0.3, rng)
	b := Batch{X: randomMatrix(200, 4, rng), Lens: []int{120, 80}}
	want := append([]float32(nil), a.Forward(b, nil).X.Data...)
	a.Forward(b, rng)
	var kept float64
	for _, k := range a.kept {
		kept += float64(k)
	}
	// Five standard deviations of a binomial.
	n := float64(2 * (120*120 + 80*80))
	if far := 5 * math.Sqrt(n*0.3*0.7); len(a.kept) != int(n) || math.Abs(kept-0.7*n) > far {
		t.Errorf("%v of %d weights are kept, want %v ± %.0f of %v", kept, len(a.kept), 0.7*n, far, n)
	}
	sameBits(t, "evaluation after training", a.Forward(b, nil).X.Data, want)
}

package nn

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"
)

func matrixOf(rows int, data ...float32) blas32.General {
	m := blas32.General{Rows: rows, Cols: len(data) / rows, Stride: len(data) / rows, Data: make([]float32, len(data))}
	copy(m.Data, data)
	return m
}

func randomize(rng *rand.Rand, params ...*Param) {
	for _, p := range params {
		for i := range p.Value {
			p.Value[i] = float32(rng.NormFloat64())
		}
	}
}

func randomEmbedding(rng *rand.Rand) *Embedding {
	e := NewEmbedding("embeddings", 3, 7, 5, 2)
	randomize(rng, e.Params()...)
	return e
}

func TestEmbeddingAgreesWithFiniteDifferences(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 1))
	full := randomEmbedding(rng)
	tokens := NewEmbedding("embeddings", 3, 7, 0, 0)
	randomize(rng, tokens.Params()...)
	// Tokens occur several times, so that gradients add up.
	ids := []int32{6, 0, 6, 2, 2, 0, 5}
	for name, c := range map[string]struct {
		layer *Embedding
		lens  []int
		at    []int // positions
	}{
		"tokens, positions and segments": {full, []int{5, 2}, []int{0, 1, 2, 3, 4, 0, 1}},
		"no sequences":                   {full, nil, make([]int, 7)},
		"tokens only":                    {tokens, []int{5, 2}, nil},
	} {
		ref := func(_ []float64, params [][]float64) (y []float64) {
			for row, id := range ids {
				for j := range 3 {
					v := params[0][int(id)*3+j]
					if c.at != nil {
						v += params[1][c.at[row]*3+j] + params[2][j]
					}
					y = append(y, v)
				}
			}
			return y
		}
		checkGradients(t, name, c.layer, ref, Batch{IDs: ids, Lens: c.lens}, rng)
	}
}

func TestEmbeddingTurnsTokensIntoRows(t *testing.T) {
	e := randomEmbedding(rand.New(rand.NewPCG(4, 2)))
	b := e.Forward(Batch{IDs: []int32{1, 2, 3}, Lens: []int{2, 1}}, nil)
	if b.IDs != nil || len(b.Lens) != 2 || b.X.Rows != 3 || b.X.Cols != 3 {
		t.Errorf("got %+v, want 3 rows without IDs in two examples", b)
	}
}

func TestFrozenTablesGetNoGradient(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 3))
	e := randomEmbedding(rng)
	for only := range e.Params() {
		for i, p := range e.Params() {
			p.Frozen = i != only
			clear(p.Grad)
		}
		e.Forward(Batch{IDs: []int32{1, 2, 3}, Lens: []int{2, 1}}, nil)
		e.Backward(matrixOf(3, 1, 1, 1, 1, 1, 1, 1, 1, 1), false)
		for i, p := range e.Params() {
			if got := p.Grad[0] != 0 || p.Grad[3] != 0; got != (i == only) {
				t.Errorf("%s trains: gradient of %s is %v", e.Params()[only].Name, p.Name, p.Grad)
			}
		}
	}
}

func TestLayerNormAgreesWithFiniteDifferences(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for name, epsilon := range map[string]float64{"usual": 1e-12, "large epsilon": 0.5, "default": 0} {
		l := NewLayerNorm("norm", 7, epsilon)
		randomize(rng, l.Params()...)
		ref := func(_ int, x []float64, params [][]float64) (y []float64) {
			var mean, variance float64
			for _, v := range x {
				mean += v / 7
			}
			for _, v := range x {
				variance += (v - mean) * (v - mean) / 7
			}
			for j, v := range x {
				y = append(y, (v-mean)/math.Sqrt(variance+max(epsilon, 1e-12))*params[0][j]+params[1][j])
			}
			return y
		}
		if name == "default" {
			epsilon = 1e-5
		}
		checkGradients(t, name, l, rowByRow(7, ref), Batch{X: randomMatrix(6, 7, rng)}, rng)
	}
}

func TestANewLayerNormOnlyNormalizes(t *testing.T) {
	y := NewLayerNorm("norm", 4, 1e-12).Forward(Batch{X: matrixOf(2, 10, 10, 30, 30, 5, 5, 5, 5)}, nil).X
	for i, want := range []float32{-1, -1, 1, 1, 0, 0, 0, 0} {
		if math.Abs(float64(y.Data[i]-want)) > 1e-6 {
			t.Errorf("element %d is %v, want %v", i, y.Data[i], want)
		}
	}
}

func TestPoolingAgreesWithFiniteDifferences(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 5))
	lens := []int{3, 1, 2}
	pooled := func(weight func(row, rows int) float64) batchReference {
		return func(x []float64, _ [][]float64) []float64 {
			y := make([]float64, len(lens)*4)
			row := 0
			for i, l := range lens {
				for r := range l {
					for j := range 4 {
						y[i*4+j] += weight(r, l) * x[row*4+j]
					}
					row++
				}
			}
			return y
		}
	}
	first := func(row, _ int) float64 {
		if row == 0 {
			return 1
		}
		return 0
	}
	mean := func(_, rows int) float64 { return 1 / float64(rows) }
	for name, c := range map[string]struct {
		layer Layer
		ref   batchReference
	}{"mean": {&MeanPool{}, pooled(mean)}, "cls": {&CLSPool{}, pooled(first)}} {
		b := Batch{X: randomMatrix(6, 4, rng), Lens: lens}
		checkGradients(t, name, c.layer, c.ref, b, rng)
		if out := c.layer.Forward(b, nil); out.Lens != nil || out.Len() != 3 {
			t.Errorf("%s: %+v behind the pooling, want 3 examples that are no sequences", name, out)
		}
	}
}

func TestResidualAgreesWithFiniteDifferences(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 6))
	drop := &Dropout{Rate: 0.5}
	same, other, shortcut := randomDense(4, 4, rng), randomDense(4, 3, rng), randomDense(4, 3, rng)
	plus := func(a, b []float64) (sum []float64) {
		for i := range a {
			sum = append(sum, a[i]+b[i])
		}
		return sum
	}
	for name, c := range map[string]struct {
		layer Layer
		ref   reference
	}{
		"identity": {&Residual{F: Sequential{same, drop}}, func(r int, x []float64, params [][]float64) []float64 {
			return plus(x, referenceDropout(drop)(r, referenceDense(r, x, params), nil))
		}},
		"shortcut": {&Residual{F: other, Shortcut: shortcut}, func(r int, x []float64, params [][]float64) []float64 {
			return plus(referenceDense(r, x, params[:2]), referenceDense(r, x, params[2:]))
		}},
		"of the identity": {&Residual{F: Sequential{}}, func(_ int, x []float64, _ [][]float64) []float64 { return plus(x, x) }},
	} {
		checkGradients(t, name, c.layer, rowByRow(4, c.ref), Batch{X: randomMatrix(5, 4, rng)}, rng)
	}
}

package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func randomLoRA(in, out int, dropout float64, rng *rand.Rand) *Dense {
	d := randomDense(in, out, rng)
	d.AddLoRA(3, 6, dropout, rng)
	randomize(rng, d.lora.A, d.lora.B)
	return d
}

// referenceLoRA is a layer with a term of rank 3 and α = 6.
func referenceLoRA(d *Dense) reference {
	return func(r int, x []float64, params [][]float64) []float64 {
		y := referenceDense(r, x, params[:2])
		if d.lora.drop.Rate > 0 {
			x = referenceDropout(&d.lora.drop)(r, x, nil)
		}
		h := referenceDense(r, x, [][]float64{params[2], make([]float64, 3)})
		for i, v := range referenceDense(r, h, [][]float64{params[3], make([]float64, len(y))}) {
			y[i] += 2 * v
		}
		return y
	}
}

func TestLoRAAgreesWithFiniteDifferences(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 1))
	for name, dropout := range map[string]float64{"no dropout": 0, "dropout": 0.4} {
		d := randomLoRA(7, 5, dropout, rng)
		d.W.Frozen, d.B.Frozen = false, false
		checkGradients(t, name, d, rowByRow(7, referenceLoRA(d)), Batch{X: randomMatrix(6, 7, rng)}, rng)
	}
}

func TestANewLoRAChangesNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 2))
	d, x := randomDense(7, 5, rng), randomMatrix(6, 7, rng)
	want := append([]float32(nil), d.Forward(Batch{X: x}, nil).X.Data...)
	d.AddLoRA(2, 16, 0.1, rng)
	sameBits(t, "y", d.Forward(Batch{X: x}, nil).X.Data, want)
	if !d.W.Frozen || !d.B.Frozen || !d.lora.A.Trains() || !d.lora.B.Trains() {
		t.Error("want weight and bias frozen and the others not")
	}
	for i, want := range []string{"dense.weight [5 7]", "dense.bias [5]", "dense.lora_A [2 7]", "dense.lora_B [5 2]"} {
		p := d.Params()[i]
		if got := fmt.Sprint(p.Name, " ", p.Shape); got != want {
			t.Errorf("parameter %d is %s, want %s", i, got, want)
		}
	}
	var largest float64
	for _, v := range d.lora.A.Value {
		largest = math.Max(largest, math.Abs(float64(v)))
	}
	if bound := 1 / math.Sqrt(7); !(largest > bound/2 && largest <= bound) {
		t.Errorf("the largest element of A is %v, want nearly %v", largest, bound)
	}
}

func TestAMergedLoRAComputesTheSame(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 3))
	d, x := randomLoRA(7, 5, 0.4, rng), randomMatrix(6, 7, rng)
	want := to64(d.Forward(Batch{X: x}, nil).X.Data)
	d.MergeLoRA()
	if len(d.Params()) != 2 || d.lora != nil {
		t.Errorf("%d parameters are left, want weight and bias", len(d.Params()))
	}
	if e := relativeError(d.Forward(Batch{X: x}, nil).X.Data, want); !(e < tolerance) {
		t.Errorf("off by %.2g, want less than %.0g", e, tolerance)
	}
	w := append([]float32(nil), d.W.Value...)
	d.MergeLoRA()
	sameBits(t, "merged twice", d.W.Value, w)
}

func TestTrainingALoRALeavesTheWeightsAsTheyAre(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 4))
	d, x := randomLoRA(7, 5, 0.1, rng), randomMatrix(6, 7, rng)
	w, a := append([]float32(nil), d.W.Value...), append([]float32(nil), d.lora.A.Value...)
	opt := AdamW{WeightDecay: 0.1}
	for range 3 {
		d.Backward(d.Forward(Batch{X: x}, rng).X, false)
		opt.Step(d.Params(), 0.01)
	}
	sameBits(t, "weights", d.W.Value, w)
	sameBits(t, "gradient of the weights", d.W.Grad, make([]float32, len(w)))
	if d.lora.A.Value[0] == a[0] {
		t.Error("A has not changed")
	}
}

package train_test

import (
	"context"
	"fmt"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// points are n points of the plane, labelled by whether they are in a circle.
func points(n int, rng *rand.Rand) (s train.Set) {
	s.X = blas32.General{Rows: n, Cols: 2, Stride: 2}
	for range n {
		x, y := rng.Float32()*2-1, rng.Float32()*2-1
		label := 0
		if x*x+y*y < 0.6 {
			label = 1
		}
		s.X.Data, s.Labels = append(s.X.Data, x, y), append(s.Labels, label)
	}
	return s
}

func Example() {
	rng := rand.New(rand.NewPCG(1, 1))
	dense := func(name string, in, out int) *nn.Dense {
		d := nn.NewDense(name, in, out)
		d.Init(0.5, rng)
		return d
	}
	net := &nn.Network{
		Blocks: nn.Sequential{nn.Sequential{dense("first", 2, 64), &nn.ReLU{}}, nn.Sequential{dense("second", 64, 32), &nn.ReLU{}}},
		Head:   dense("head", 32, 2),
	}
	for _, p := range net.Blocks[0].Params() {
		p.Frozen = true
	}
	config := train.Config{LearningRate: 5e-3, BatchSize: 16, Epochs: 20, WarmupRatio: 0.1, Patience: 5, Metric: train.MetricAUROC}
	result, err := train.Fit(context.Background(), net, points(400, rng), points(200, rng), config, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("right nine times of ten:", result.Best.Validation.Accuracy > 0.9)
	// Output:
	// right nine times of ten: true
}

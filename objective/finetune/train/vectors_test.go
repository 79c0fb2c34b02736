package train

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

//go:embed testdata/train.json
var vectorsJSON []byte

// vectors is what PyTorch and transformers computed; testdata/make.py says how.
type vectors struct {
	Schedules []struct {
		Schedule      Schedule
		LearningRate  float64 `json:"learning_rate"`
		Total, Warmup int
		LREnd         float64 `json:"lr_end"`
		Power         float64
		Timescale     int
		Rates         []float64
	}
	Losses []struct {
		Outputs   []float32
		Labels    []int
		Targets   []float32
		Weights   []float64
		Smoothing float64
		Loss      float64
		Grad      []float64
	}
	Trainings []struct {
		Schedule     Schedule
		Epochs       int
		Clip         float64
		Smoothing    float64
		Weights      []float64
		Decay        float64
		LayerDecay   float64 `json:"layer_decay"`
		Warmup       int
		LearningRate float64 `json:"learning_rate"`
		LREnd        float64 `json:"lr_end"`
		Power        float64
		X            []float32
		Labels       []int
		Start, End   [][]float32
	}
}

func loadVectors(t *testing.T) (v vectors) {
	t.Helper()
	if err := json.Unmarshal(vectorsJSON, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Schedules) != 25 || len(v.Losses) != 7 || len(v.Trainings) != 3 {
		t.Fatalf("%d schedules, %d losses, %d trainings, want 25, 7, 3", len(v.Schedules), len(v.Losses), len(v.Trainings))
	}
	return v
}

func TestSchedulesAreThoseOfTransformers(t *testing.T) {
	for _, v := range loadVectors(t).Schedules {
		c := Config{LearningRate: v.LearningRate, Schedule: v.Schedule, WarmupSteps: v.Warmup, LREnd: v.LREnd, Power: v.Power, Timescale: v.Timescale}
		for step, want := range v.Rates {
			if got := c.withDefaults().rate(step, v.Total); math.Abs(got-want) > 1e-12*v.LearningRate {
				t.Errorf("%s, warmup %d of %d: rate in step %d is %v, want %v", v.Schedule, v.Warmup, v.Total, step, got, want)
			}
		}
		if v.Schedule == ConstantWithWarmup {
			c.Schedule = Constant
			for step, want := range v.Rates {
				if got := c.withDefaults().rate(step, v.Total); math.Abs(got-want) > 1e-12*v.LearningRate {
					t.Errorf("constant, warmup %d: rate in step %d is %v, want %v", v.Warmup, step, got, want)
				}
			}
		}
	}
}

func matrix(cols int, data []float32) blas32.General {
	return blas32.General{Rows: len(data) / cols, Cols: cols, Stride: cols, Data: data}
}

func TestLossesAreThoseOfPyTorch(t *testing.T) {
	for i, v := range loadVectors(t).Losses {
		cols := 4
		if v.Targets != nil {
			cols = 1
		}
		s := Set{Batch: nn.Batch{X: matrix(1, make([]float32, 5))}, Labels: v.Labels, Targets: v.Targets}
		y := matrix(cols, v.Outputs)
		c := criterion{entropy: nn.SoftmaxCrossEntropy{Smoothing: v.Smoothing, Weights: v.Weights}}
		total := c.weight(s, []int{0, 1, 2, 3, 4})
		if got := c.forward(y, s) / total; math.Abs(got-v.Loss) > 1e-6 {
			t.Errorf("case %d: loss is %v, want %v", i, got, v.Loss)
		}
		for j, got := range c.backward(total).Data {
			if math.Abs(float64(got)-v.Grad[j]) > 1e-6 {
				t.Errorf("case %d: gradient %d is %v, want %v", i, j, got, v.Grad[j])
			}
		}
		// In several passes the loss and the gradient are the same.
		var sum float64
		row := 0
		for _, n := range []int{2, 3} {
			part := s.Select([]int{0, 1, 2, 3, 4}[row : row+n])
			sum += c.forward(matrix(cols, v.Outputs[row*cols:(row+n)*cols]), part)
			for j, got := range c.backward(total).Data {
				if want := v.Grad[row*cols+j]; math.Abs(float64(got)-want) > 1e-6 {
					t.Errorf("case %d: gradient %d of the pass from %d is %v, want %v", i, j, row, got, want)
				}
			}
			row += n
		}
		if math.Abs(sum/total-v.Loss) > 1e-6 {
			t.Errorf("case %d: loss of two passes is %v, want %v", i, sum/total, v.Loss)
		}
	}
}

// Clipping, smoothing, class weights, decay, layer-wise rates, schedule and
// optimizer together, in one pass and in several per step.
func TestTrainingsEndWhereThoseOfPyTorchDo(t *testing.T) {
	for i, v := range loadVectors(t).Trainings {
		for _, batch := range []int{12, 5, 1} {
			net := &nn.Network{Head: nn.NewDense("head", 5, 3)}
			for k, w := range [][2]int{{3, 6}, {6, 5}} {
				net.Blocks = append(net.Blocks, nn.Sequential{nn.NewDense(fmt.Sprint(k), w[0], w[1]), &nn.ReLU{}})
			}
			put(net.Params(), v.Start)
			s := Set{Batch: nn.Batch{X: matrix(3, v.X)}, Labels: v.Labels}
			c := Config{
				LearningRate: v.LearningRate, BatchSize: batch, GradientAccumulationSteps: 12, Epochs: v.Epochs, WeightDecay: v.Decay,
				MaxGradNorm: v.Clip, LabelSmoothingFactor: v.Smoothing, ClassWeights: v.Weights, LayerDecay: v.LayerDecay,
				Schedule: v.Schedule, WarmupSteps: v.Warmup, LREnd: v.LREnd, Power: v.Power,
			}
			var last [][]float32
			if _, err := Fit(t.Context(), net, s, s, c, nil, func(m Metrics, s State) error {
				if m.Epoch == v.Epochs {
					last = clone(s).Weights
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			for k := range v.End {
				for j, want := range v.End[k] {
					if got := last[k][j]; math.Abs(float64(got-want)) > 2e-5 {
						t.Errorf("training %d, batches of %d: element %d of parameter %d is %v, want %v", i, batch, j, k, got, want)
					}
				}
			}
		}
	}
}

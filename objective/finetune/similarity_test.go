package finetune

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/digits"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/mlp"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/weights"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

func similarity(t *testing.T, task *Task) Similarity {
	t.Helper()
	s, err := task.Similarity(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A network that was trained on the new classes themselves knows all, one that
// was not trained knows less than the pixels.
func TestFrozenLayersAreRecommendedWhereTheyKnowTheTask(t *testing.T) {
	task := digitsTask(t)
	s := Defaults()
	s.NumTrainEpochs = 40
	task.Training, task.Validation = task.Validation, task.Training
	expert, _, err := task.Train(t.Context(), Checkpoints{}, s, 1, silent)
	if err != nil {
		t.Fatal(err)
	}
	task = digitsTask(t)
	task.Network = func(s Settings, rng *rand.Rand) (*nn.Network, error) {
		net := mlp.New(digits.Pixels, 5, s.Dropout, rng)
		return net, weights.Load(net.Blocks.Params(), weights.Tensors(expert.Params()))
	}
	knows := similarity(t, task)
	if knows.Frozen != mlp.Hidden {
		t.Errorf("with layers that know the task %d are recommended to freeze, want %d: %+v", knows.Frozen, mlp.Hidden, knows)
	}

	task = digitsTask(t)
	task.Network = func(s Settings, rng *rand.Rand) (*nn.Network, error) {
		net := mlp.New(digits.Pixels, 5, s.Dropout, rng)
		for _, p := range net.Blocks[1].Params() {
			clear(p.Value) // nothing gets through
		}
		return net, nil
	}
	blind := similarity(t, task)
	if blind.Frozen > 1 {
		t.Errorf("with a second layer that sees nothing %d layers are recommended to freeze, want at most 1: %+v", blind.Frozen, blind)
	}
	last := len(blind.Depths) - 1
	if a, b := knows.Depths[last], blind.Depths[last]; !(a.Accuracy > b.Accuracy+0.3) || !(a.LogME > b.LogME) {
		t.Errorf("the layers that know the task have %+v, those that see nothing %+v", a, b)
	}
	if math.Abs(blind.Depths[last].Accuracy-blind.Chance) > 0.05 || blind.Chance != 0.2 {
		t.Errorf("without features the accuracy is %v, by chance %v", blind.Depths[last].Accuracy, blind.Chance)
	}
}

func TestSimilarityIsOfClassifications(t *testing.T) {
	task := digitsTask(t)
	task.Training.Targets, task.Training.Labels = make([]float32, 75), nil
	if _, err := task.Similarity(t.Context()); err == nil || !strings.Contains(err.Error(), "regression") {
		t.Errorf("error is %v", err)
	}
}

// Distances survive the projection, and so does the number of examples.
func TestNarrowKeepsDistances(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	const n, d = 20, 3000
	s := train.Set{Labels: make([]int, n)}
	s.X = blas32.General{Rows: n, Cols: d, Stride: d, Data: make([]float32, n*d)}
	for i := range s.X.Data {
		s.X.Data[i] = float32(rng.NormFloat64())
	}
	y := narrow(s)
	if y.X.Rows != n || y.X.Cols != widest {
		t.Fatalf("%d×%d numbers, want %d×%d", y.X.Rows, y.X.Cols, n, widest)
	}
	distance := func(x blas32.General, i, j int) (sum float64) {
		for k := range x.Cols {
			e := float64(x.Data[i*x.Stride+k] - x.Data[j*x.Stride+k])
			sum += e * e
		}
		return sum
	}
	for i := range n {
		for j := range i {
			// Its standard deviation is √(2/256) of it.
			if r := distance(y.X, i, j) / widest / distance(s.X, i, j); math.Abs(r-1) > 5*math.Sqrt(2./widest) {
				t.Errorf("the distance of %d and %d is %v of what it was", i, j, r)
			}
		}
	}
}

func TestARehearsalSaysWhatATrialTakes(t *testing.T) {
	task := digitsTask(t)
	r, err := task.Rehearse(t.Context(), Defaults(), 1, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	if r.Examples != 8 || r.Epoch <= 0 || r.Total < r.Epoch || r.Footprint.Total() < 4*(64*128+128*96+96*64) {
		t.Errorf("rehearsal is %+v", r)
	}
	for stages, times := range map[Stages]float64{{}: 30, {Folds: 4}: 120, {Fidelity: Data}: 30 * 13. / 9, {Fidelity: Freezing}: 90} {
		task := digitsTask(t)
		task.Stages = stages
		r, err := task.Rehearse(t.Context(), Defaults(), 1, 0.1)
		if err != nil {
			t.Fatal(err)
		}
		if got := float64(r.Total) / float64(r.Epoch); math.Abs(got-times) > 1e-3 {
			t.Errorf("%+v: a trial takes %v epochs, want %v", stages, got, times)
		}
	}
	s := Defaults()
	s.LearningRate = -1
	if _, err := task.Rehearse(t.Context(), s, 1, 0.1); err == nil {
		t.Error("a negative learning rate is not found")
	}
}

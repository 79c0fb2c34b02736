package finetune

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/weights"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

func TestStandardize(t *testing.T) {
	kept := []float32{1, 3, 5, 7}
	task := Task{Training: train.Set{Targets: kept}, Test: train.Set{Targets: []float32{4, 104}}}
	task.Standardize()
	if s := task.scale; s.mean != 4 || s.deviation != math.Sqrt(5) {
		t.Errorf("scale is %+v, want the mean 4 and the deviation √5", s)
	}
	d := float32(math.Sqrt(5))
	for i, want := range []float32{-3 / d, -1 / d, 1 / d, 3 / d} {
		if got := task.Training.Targets[i]; math.Abs(float64(got-want)) > 1e-6 {
			t.Errorf("target %d is %v, want %v", i, got, want)
		}
	}
	if test := task.Test; test.Targets[0] != 0 || math.Abs(float64(test.Targets[1])-100/math.Sqrt(5)) > 1e-5 {
		t.Errorf("the other part has %v, want it on the scale of the first", test.Targets)
	}
	if task.Validation.Targets != nil {
		t.Error("a part without targets has some")
	}
	if !slices.Equal(kept, []float32{1, 3, 5, 7}) {
		t.Errorf("the caller's targets are %v now", kept)
	}
}

func TestStandardizeLeavesWhatHasNoScale(t *testing.T) {
	classes := Task{Training: train.Set{Labels: []int{0, 1}}}
	if classes.Standardize(); classes.scale.scaled() || classes.Training.Targets != nil {
		t.Errorf("a classification has scale %+v and targets %v", classes.scale, classes.Training.Targets)
	}
	same := Task{Training: train.Set{Targets: []float32{3, 3}}}
	if same.Standardize(); same.scale != (scale{3, 1}) || same.Training.Targets[0] != 0 {
		t.Errorf("targets that are all 3 have scale %+v and become %v, want a deviation of 1", same.scale, same.Training.Targets)
	}
}

func TestRescaleGivesTheTargetsOfTheFileAndUndoesIt(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	first, last := nn.NewDense("pooler", 3, 3), nn.NewDense("head", 3, 1)
	first.Init(1, rng)
	last.Init(1, rng)
	last.B.Value[0] = 0.25
	net := &nn.Network{Head: nn.Sequential{first, &nn.Tanh{}, last}}
	var x nn.Batch
	x.X.Rows, x.X.Cols, x.X.Stride, x.X.Data = 2, 3, 3, []float32{1, 2, 3, -1, 0, 1}
	before := slices.Clone(net.Forward(x, nil).X.Data[:2])
	stored := weights.Tensors(net.Params())
	for _, s := range []scale{{}, {0, 1}, {100, 1}, {0, 7}, {-40, 0.01}} {
		task := Task{scale: s}
		undo := task.Rescale(net)
		for i, y := range net.Forward(x, nil).X.Data[:2] {
			want := float64(before[i])
			if s != (scale{}) {
				want = want*s.deviation + s.mean
			}
			if math.Abs(float64(y)-want) > 1e-5*(1+math.Abs(want)) {
				t.Errorf("%+v: output %d is %v, want %v", s, i, y, want)
			}
		}
		undo()
		for _, p := range net.Params() {
			if !slices.Equal(p.Value, stored[p.Name].Data) {
				t.Errorf("%+v: %s is not as before", s, p.Name)
			}
		}
	}
}

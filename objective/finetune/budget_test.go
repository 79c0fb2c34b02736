package finetune

import (
	"math"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/mlp"
)

func TestABudgetAffordsMoreEpochsWhereMoreIsFrozen(t *testing.T) {
	task := digitsTask(t)
	task.Budget = 3
	s := Defaults()
	s.NumTrainEpochs = 10
	for frozen, want := range []int{3, 4, 6, 10} { // of 4 parts 4, 3, 2, 1 train; the last would afford 12
		s.FrozenLayers = frozen
		r := mustRun(t, task, s, 1)
		if r.EpochsRun != want {
			t.Errorf("%d of %d blocks frozen: %d epochs are run, want %d", frozen, mlp.Hidden, r.EpochsRun, want)
		}
	}
	// The schedule ends with the epochs that there are.
	s.FrozenLayers, s.NumTrainEpochs = 0, 3
	want := mustRun(t, digitsTask(t), s, 1)
	s.NumTrainEpochs = 10
	if got := mustRun(t, task, s, 1); got.Best != want.Best {
		t.Errorf("a training cut to 3 epochs ends with %+v, one of 3 epochs with %+v", got.Best, want.Best)
	}
	task.Budget = 0.1
	if r := mustRun(t, task, s, 1); r.EpochsRun != 1 {
		t.Errorf("a budget below an epoch: %d epochs, want 1", r.EpochsRun)
	}
}

func TestABudgetIsANumberAboveZero(t *testing.T) {
	for _, budget := range []float64{-1, math.NaN(), math.Inf(1)} {
		task := digitsTask(t)
		task.Budget = budget
		if _, err := task.Run(t.Context(), Defaults(), 1, silent); err == nil || !strings.Contains(err.Error(), "Budget is") {
			t.Errorf("budget %v: error is %v", budget, err)
		}
	}
}

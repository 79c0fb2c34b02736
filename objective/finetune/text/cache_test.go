package text

import (
	"os"
	"reflect"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/weights"
)

// Trainings on what frozen layers made of the texts once end with the weights
// of those that compute it in each step.
func TestComputingFrozenLayersOnceChangesNoBit(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine, many trainings")
	}
	path := file(t, 50)
	task, plain := mustNew(t, Config{Train: path}), mustNew(t, Config{Train: path})
	task.CacheDir = t.TempDir()
	plain.Recompute = true
	for frozen := 1; frozen <= task.Layers; frozen++ {
		for _, batch := range []int{1, 7, 32} {
			for _, tuning := range []string{finetune.Full, finetune.BitFit, finetune.LoRA} {
				if frozen == task.Layers && tuning != finetune.Full {
					continue // the same
				}
				s := quick()
				s.Dropout = 0.1
				s.FrozenLayers, s.BatchSize, s.Tuning, s.NumTrainEpochs = frozen, batch, tuning, 2
				got, result := mustTrain(t, task.Task, s)
				want, expected := mustTrain(t, plain.Task, s)
				if !reflect.DeepEqual(weights.Tensors(got.Params()), weights.Tensors(want.Params())) || !reflect.DeepEqual(result, expected) {
					t.Errorf("%d blocks frozen, batches of %d, %s: ends with %+v, want %+v and the same weights", frozen, batch, tuning, result.Best, expected.Best)
				}
			}
		}
	}
	// A file for each part of the data at each depth: they were computed once.
	if files, err := os.ReadDir(task.CacheDir); err != nil || len(files) != 2*task.Layers {
		t.Errorf("%d files of features, error %v; want %d", len(files), err, 2*task.Layers)
	}
}

package fashion

import (
	"os"
	"reflect"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/weights"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// small is the task with fewer images.
func small(tb testing.TB) *finetune.Task {
	t := task(tb)
	t.Training, t.Validation, t.Test = part(t.Training, 0, 60), part(t.Validation, 0, 45), part(t.Test, 0, 30)
	return t
}

// Trainings on what frozen layers made of the images once end with the weights
// of those that compute it in each step.
func TestComputingFrozenLayersOnceChangesNoBit(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine, many trainings")
	}
	cached, plain := small(t), small(t)
	cached.CacheDir = t.TempDir()
	plain.Recompute = true
	train := func(task *finetune.Task, s finetune.Settings) (*nn.Network, finetune.Result) {
		net, r, err := task.Train(t.Context(), finetune.Checkpoints{}, s, 1, func(int, train.Metrics) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		return net, r
	}
	for frozen := 1; frozen <= cached.Layers; frozen++ {
		for _, batch := range []int{1, 7, 32} {
			s := defaults()
			s.FrozenLayers, s.BatchSize, s.NumTrainEpochs = frozen, batch, 2
			got, result := train(cached, s)
			want, expected := train(plain, s)
			if !reflect.DeepEqual(weights.Tensors(got.Params()), weights.Tensors(want.Params())) || !reflect.DeepEqual(result, expected) {
				t.Errorf("%d blocks frozen, batches of %d: ends with %+v, want %+v and the same weights", frozen, batch, result.Best, expected.Best)
			}
		}
	}
	// A file for each part of the data at each depth: they were computed once.
	if files, err := os.ReadDir(cached.CacheDir); err != nil || len(files) != 3*cached.Layers {
		t.Errorf("%d files of features, error %v; want %d", len(files), err, 3*cached.Layers)
	}
}

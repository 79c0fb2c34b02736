package fashion

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/nn"
	"github.com/bluefin-hpo/bluefin/objective/prefix"
)

// idle is a layer that says that it changes examples at random, which turns the
// cache off, and does not.
type idle struct{}

func (idle) Forward(b nn.Batch, _ *rand.Rand) nn.Batch              { return b }
func (idle) Backward(dy blas32.General, _ bool) (dx blas32.General) { return dy }
func (idle) Params() []*nn.Param                                    { return nil }
func (idle) Augments() bool                                         { return true }

// small is the task with fewer images.
func small(tb testing.TB) *finetune.Task {
	t := task(tb)
	t.Training, t.Validation, t.Test = part(t.Training, 0, 60), part(t.Validation, 0, 45), part(t.Test, 0, 30)
	return t
}

// Trainings on what frozen layers made of the images once end with the weights
// of those that compute it in each step. (Without dropout: what is frozen has
// none, but behind an idle layer it is not in evaluation mode.)
func TestComputingFrozenLayersOnceChangesNoBit(t *testing.T) {
	cached, plain := small(t), small(t)
	cached.Features = &prefix.Cache{}
	network := plain.Network
	plain.Network = func(s finetune.Settings, rng *rand.Rand) (*nn.Network, error) {
		net, err := network(s, rng)
		if err == nil {
			net.Blocks[0] = nn.Sequential{net.Blocks[0], idle{}}
		}
		return net, err
	}
	train := func(task *finetune.Task, s finetune.Settings) (*nn.Network, finetune.Result) {
		net, r, err := task.Train(t.Context(), finetune.Checkpoints{}, s, 1, func(int, finetune.Metrics) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		return net, r
	}
	for frozen := 1; frozen <= cached.Layers; frozen++ {
		for _, batch := range []int{1, 7, 32} {
			s := Defaults()
			s.FrozenLayers, s.BatchSize, s.Dropout, s.NumTrainEpochs = frozen, batch, 0, 2
			got, result := train(cached, s)
			want, expected := train(plain, s)
			if !reflect.DeepEqual(nn.Tensors(got.Params()), nn.Tensors(want.Params())) || !reflect.DeepEqual(result, expected) {
				t.Errorf("%d blocks frozen, batches of %d: ends with %+v, want %+v and the same weights", frozen, batch, result.Best, expected.Best)
			}
		}
	}
	if st := cached.Features.Stats(); st.Misses != 3*cached.Layers || st.Hits != 6*cached.Layers {
		t.Errorf("stats are %+v, want %d misses and %d hits", st, 3*cached.Layers, 6*cached.Layers)
	}
	if cached.Notes() != nil || len(plain.Notes()) == 0 {
		t.Errorf("notes are %q and %q, want none and why the cache is off", cached.Notes(), plain.Notes())
	}
}

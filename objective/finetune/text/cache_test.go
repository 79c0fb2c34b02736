package text

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

// Trainings on what frozen layers made of the texts once end with the weights
// of those that compute it in each step. (Without dropout: what is frozen has
// none, but behind an idle layer it is not in evaluation mode.)
func TestComputingFrozenLayersOnceChangesNoBit(t *testing.T) {
	path := file(t, 50)
	task, plain := mustNew(t, Config{Train: path}), mustNew(t, Config{Train: path})
	task.Features = &prefix.Cache{}
	network := plain.Network
	plain.Network = func(s finetune.Settings, rng *rand.Rand) (*nn.Network, error) {
		net, err := network(s, rng)
		if err == nil {
			net.Blocks[0] = nn.Sequential{net.Blocks[0], idle{}}
		}
		return net, err
	}
	for frozen := 1; frozen <= task.Layers; frozen++ {
		for _, batch := range []int{1, 7, 32} {
			for _, tuning := range []string{finetune.Full, finetune.BitFit, finetune.LoRA} {
				if frozen == task.Layers && tuning != finetune.Full {
					continue // the same
				}
				s := quick()
				s.FrozenLayers, s.BatchSize, s.Tuning, s.NumTrainEpochs = frozen, batch, tuning, 2
				got, result := mustTrain(t, task.Task, s)
				want, expected := mustTrain(t, plain.Task, s)
				if !reflect.DeepEqual(nn.Tensors(got.Params()), nn.Tensors(want.Params())) || !reflect.DeepEqual(result, expected) {
					t.Errorf("%d blocks frozen, batches of %d, %s: ends with %+v, want %+v and the same weights", frozen, batch, tuning, result.Best, expected.Best)
				}
			}
		}
	}
	if st := task.Features.Stats(); st.Misses != 2*task.Layers || st.Hits == 0 {
		t.Errorf("stats are %+v, want %d misses", st, 2*task.Layers)
	}
	if task.Notes() != nil || len(plain.Notes()) == 0 {
		t.Errorf("notes are %q and %q, want none and why the cache is off", task.Notes(), plain.Notes())
	}
}

package weights

import (
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

func TestCheckpointsCarryRunningStatistics(t *testing.T) {
	n, other := nn.NewBatchNorm("norm", 2), nn.NewBatchNorm("norm", 2)
	copy(n.Mean.Value, []float32{3, 4})
	if err := Load(other.Params(), Tensors(n.Params())); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(other.Mean.Value, n.Mean.Value) {
		t.Errorf("the running mean is %v, want %v", other.Mean.Value, n.Mean.Value)
	}
}

package batch

import (
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

func TestAChunkIsBoundedInExamplesAndRows(t *testing.T) {
	sequences := func(n, length int) nn.Batch {
		b := nn.Batch{IDs: make([]int32, n*length)}
		for range n {
			b.Lens = append(b.Lens, length)
		}
		return b
	}
	matrix := nn.Batch{}
	matrix.X.Rows = 1000
	for name, c := range map[string]struct {
		b    nn.Batch
		want int
	}{
		"rows":                  {matrix, 64},
		"short sequences":       {sequences(100, 3), 64},
		"sequences of 64":       {sequences(100, 64), 16},
		"sequences of 512":      {sequences(5, 512), 2},
		"very long sequences":   {sequences(2, 5000), 1},
		"sequences of one row":  {sequences(1, 1), 64},
		"no sequences, no rows": {nn.Batch{}, 64},
	} {
		if got := Chunk(c.b); got != c.want {
			t.Errorf("%s: %d examples at once, want %d", name, got, c.want)
		}
	}
}

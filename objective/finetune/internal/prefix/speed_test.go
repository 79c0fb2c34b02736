package prefix

import (
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// BenchmarkHashBlocks is what it costs to tell which weights a network has.
func BenchmarkHashBlocks(b *testing.B) {
	blocks := nn.Sequential{nn.NewDense("d", 1000, 1000)}
	b.SetBytes(4 * 1001 * 1000)
	for b.Loop() {
		HashBlocks(blocks)
	}
}

// BenchmarkSplit is what a training costs whose features are there.
func BenchmarkSplit(b *testing.B) {
	task := tasks["encoder of sequences"]
	net, data := task.frozen(3), task.data(1000, 1)
	blocks := HashBlocks(net.Blocks)
	var c Cache
	for b.Loop() {
		if _, _, _, err := c.Split(b.Context(), net, blocks, data); err != nil {
			b.Fatal(err)
		}
	}
	if s := c.Stats(); s.Misses != 1 {
		b.Fatalf("%+v", s)
	}
}

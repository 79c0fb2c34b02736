//go:build unix

package finetune_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/finetune/fashion"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// fresh gives the networks of a task blocks that know nothing, for each seed
// others: normal with variance 2/in, biases 0, as before a pretraining.
func fresh(task *finetune.Task, seed uint64) {
	network := task.Network
	task.Network = func(s finetune.Settings, rng *rand.Rand) (*nn.Network, error) {
		net, err := network(s, rng)
		if err != nil {
			return nil, err
		}
		draw := rand.New(rand.NewPCG(seed, 2))
		for _, p := range net.Blocks.Params() {
			in := 1
			for _, n := range p.Shape[1:] {
				in *= n
			}
			for i := range p.Value {
				if p.Value[i] = 0; p.Decay {
					p.Value[i] = float32(math.Sqrt(2/float64(in)) * draw.NormFloat64())
				}
			}
		}
		return net, nil
	}
}

// cpu returns how long this process has computed.
func cpu(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestFreshBlocksKnowNothing(t *testing.T) {
	task, err := finetune.Digits()
	if err != nil {
		t.Fatal(err)
	}
	var seen []float32
	for _, seed := range []uint64{0, 1, 2} {
		if seed > 0 {
			fresh(task, seed)
		}
		net, err := task.Network(task.Defaults, rand.New(rand.NewPCG(1, 0)))
		if err != nil {
			t.Fatal(err)
		}
		w := net.Blocks.Params()[0]
		for _, other := range seen {
			if other == w.Value[0] {
				t.Errorf("seed %d: the weights are those of another", seed)
			}
		}
		seen = append(seen, w.Value[0])
		var squares float64
		for _, x := range w.Value {
			squares += float64(x) * float64(x)
		}
		if got, want := squares/float64(len(w.Value)), 2./64; seed > 0 && math.Abs(got/want-1) > 0.1 {
			t.Errorf("seed %d: the variance is %v, want %v", seed, got, want)
		}
	}
}

// BenchmarkFreezing prints the table of docs/finetuning.md: test accuracy and time
// against the number of frozen blocks, with pretrained blocks and with fresh
// ones, at the recommended settings. Each training computes
// its frozen features once.
//
//	GOMAXPROCS=1 go test -run '^$' -bench Freezing -benchtime 1x ./objective/finetune
func BenchmarkFreezing(b *testing.B) {
	const seeds = 20
	for name, open := range map[string]func() (*finetune.Task, error){"digits": finetune.Digits, "fashion": fashion.Task} {
		b.Run(name, func(b *testing.B) {
			var table strings.Builder
			for b.Loop() {
				table.Reset()
				fmt.Fprintf(&table, "\n| frozen_layers | blocks | test accuracy | validation loss | epochs | CPU s |\n|---|---|---|---|---|---|\n")
				for _, start := range []string{"pretrained", "fresh"} {
					for frozen := 0; ; frozen++ {
						var accuracy, loss, epochs, seconds []float64
						layers := 0
						for seed := range uint64(seeds) {
							task, err := open()
							if err != nil {
								b.Fatal(err)
							}
							if start == "fresh" {
								fresh(task, seed)
							}
							layers = task.Layers
							s := task.Defaults
							s.FrozenLayers = frozen
							before := cpu(b)
							r, err := task.Run(b.Context(), s, seed, func(int, train.Metrics) error { return nil })
							if err != nil {
								b.Fatal(err)
							}
							seconds = append(seconds, (cpu(b) - before).Seconds())
							accuracy, loss, epochs = append(accuracy, r.Test.Accuracy), append(loss, r.Best.Validation.Loss), append(epochs, float64(r.EpochsRun))
						}
						mean, deviation := stat.MeanStdDev(accuracy, nil)
						fmt.Fprintf(&table, "| %d | %s | %.4f ± %.4f | %.4f | %.1f | %.2f |\n", frozen, start, mean, deviation/math.Sqrt(seeds),
							stat.Mean(loss, nil), stat.Mean(epochs, nil), stat.Mean(seconds, nil))
						b.ReportMetric(mean, fmt.Sprintf("accuracy/%s/%d", start, frozen))
						if frozen == layers {
							break
						}
					}
				}
			}
			fmt.Print(table.String()) // Log would cut it
		})
	}
}

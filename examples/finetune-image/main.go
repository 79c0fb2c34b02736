// Finetune-image builds a convolutional network from layers, loads weights that
// were pretrained on five kinds of clothes, and searches for the settings that
// best teach it five others from 500 images; see func task.
//
// It prints a line for each trial, then the best settings and their results on
// test images. Nothing is written to disk.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"math"
	"math/rand/v2"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/finetune/fashion"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

const seed = 1 // of the search and of every training

// task is a network with weights from a file, and the data of a task that
// comes with the module. The trainer freezes the layers a trial selects.
func task(weights string) (*finetune.Task, error) {
	clothes, err := fashion.Task()
	if err != nil {
		return nil, err
	}
	t := &finetune.Task{Name: "clothes", Layers: 3, Defaults: finetune.Defaults(), Patience: 3}
	t.Training, t.Validation, t.Test = clothes.Training, clothes.Validation, clothes.Test
	t.Defaults.BatchSize, t.Defaults.NumTrainEpochs = 32, 5
	t.Space.LearningRate = space.Float{Low: 1e-4, High: 1e-2, Log: true}
	t.Space.Dropout = space.Float{Low: 0, High: 0.3}
	t.Space.FrozenLayers = space.Int{Low: 0, High: t.Layers}
	t.Network = func(s finetune.Settings, rng *rand.Rand) (*nn.Network, error) {
		var net nn.Network
		image := nn.Image{Height: 28, Width: 28, Channels: 1}
		for i, channels := range []int{16, 32, 64} {
			conv := nn.NewConv2D(fmt.Sprintf("conv.%d", i), image, channels, nn.Window{Size: 3, Padding: 1}, true)
			pool := nn.NewMaxPool2D(conv.Out(), nn.Window{Size: 2})
			net.Blocks = append(net.Blocks, nn.Sequential{conv, &nn.ReLU{}, pool, &nn.Dropout{Rate: s.Dropout}})
			image = pool.Out()
		}
		head := nn.NewDense("head", image.Size(), len(fashion.Classes))
		head.Init(math.Sqrt(1/float64(image.Size())), rng)
		net.Head = head
		return &net, finetune.LoadWeights(weights, net.Blocks.Params())
	}
	return t, nil
}

func show(t *trial.Trial) {
	fmt.Printf("trial %d  %-8v", t.Number, t.State)
	for _, p := range t.Params {
		fmt.Printf("  %s=%.3g", p.Name, p.Value)
	}
	if len(t.Values) == 1 {
		fmt.Printf("  loss %.3f", t.Values[0])
	}
	fmt.Println()
}

func run(ctx context.Context, weights string, trials int) error {
	clothes, err := task(weights)
	if err != nil {
		return err
	}
	s, err := study.Open(ctx, study.Config{Pruner: pruner.Median{StartupTrials: 2}, Seed: seed, OnTrialEnd: show})
	if err != nil {
		return err
	}
	if err := s.Optimize(ctx, clothes.Objective(clothes.Space, seed), study.Budget{Trials: trials}); err != nil {
		return err
	}
	best, err := s.Best(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("Best: trial %d with validation loss %.3f, test accuracy %s\n", best.Number, best.Values[0],
		best.UserAttrs["test_accuracy"])
	return nil
}

func main() {
	weights := flag.String("weights", "objective/finetune/fashion/pretrained.safetensors",
		"the `file` with the weights to start from")
	trials := flag.Int("trials", 6, "the `number` of trials")
	flag.Parse()
	if err := run(context.Background(), *weights, *trials); err != nil {
		log.Fatal(err)
	}
}

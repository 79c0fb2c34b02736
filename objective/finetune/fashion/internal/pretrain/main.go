// Command pretrain writes the files that the fashion task embeds, from the folder of the
// Fashion-MNIST data set: the network's weights after training on the classes 0 to 4, and the
// images of 5 to 9 that the task uses. Its output is the same every time, the weights bit for bit
// with one kernel.
//
// Usage: pretrain DATA FOLDER
package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/fashion/internal/cnn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/fashion/internal/idx"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/safetensors"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/weights"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

const (
	seed    = 1
	dropout = 0.1
	classes = 5 // of each task

	// Images of each class.
	taskTraining   = 100
	taskValidation = 100
	taskTest       = 300
	validation     = 200 // of the pretraining's own images
)

var config = train.Config{
	LearningRate:   2e-3,
	BatchSize:      64,
	Epochs:         8,
	WeightDecay:    0.01,
	Schedule:       train.Linear,
	WarmupRatio:    0.05,
	EvaluateAtMost: 1000,
	Seed:           seed,
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "pretrain:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("got %d arguments, want the data folder and the output folder", len(args))
	}
	learn, err := read(args[0], "train")
	if err != nil {
		return err
	}
	judge, err := read(args[0], "t10k")
	if err != nil {
		return err
	}
	images, labels, err := slice(learn, judge)
	if err != nil {
		return err
	}
	weights, err := pretrain(context.Background(), learn, judge)
	if err != nil {
		return err
	}
	for name, file := range map[string][]byte{"images.idx.gz": images, "labels.idx.gz": labels,
		"pretrained.safetensors": weights} {
		if err := os.WriteFile(filepath.Join(args[1], name), file, 0o666); err != nil {
			return err
		}
	}
	return nil
}

// A part is the training or test part of the data set.
type part struct{ images, labels idx.Array }

func read(folder, name string) (p part, err error) {
	for file, a := range map[string]*idx.Array{"-images-idx3-ubyte.gz": &p.images, "-labels-idx1-ubyte.gz": &p.labels} {
		b, err := os.ReadFile(filepath.Join(folder, name+file))
		if err != nil {
			return p, err
		}
		if *a, err = idx.Unmarshal(b); err != nil {
			return p, fmt.Errorf("%s: %w", name+file, err)
		}
	}
	return p, nil
}

// of returns the indices of the images of each class, starting at class first.
func (p part) of(first int) [classes][]int {
	var all [classes][]int
	for i, label := range p.labels.Data {
		if c := int(label) - first; c >= 0 && c < classes {
			all[c] = append(all[c], i)
		}
	}
	return all
}

func (p part) pixels(i int) []byte {
	d := cnn.Input.Size()
	return p.images.Data[i*d : (i+1)*d]
}

// slice returns the files of the task: training and validation images from the data set's training
// part, test images from its test part, with the classes taking turns.
func slice(learn, judge part) (images, labels []byte, err error) {
	all := idx.Array{Shape: []int{0, cnn.Input.Height, cnn.Input.Width}}
	which := idx.Array{Shape: []int{0}}
	add := func(from part, begin, n int) {
		byClass := from.of(classes)
		for i := begin; i < begin+n; i++ {
			for c, list := range byClass {
				all.Data = append(all.Data, from.pixels(list[i])...)
				which.Data = append(which.Data, byte(c))
			}
		}
	}
	add(learn, 0, taskTraining+taskValidation)
	add(judge, 0, taskTest)
	all.Shape[0], which.Shape[0] = len(which.Data), len(which.Data)
	if images, err = idx.Marshal(all); err != nil {
		return nil, nil, err
	}
	labels, err = idx.Marshal(which)
	return images, labels, err
}

// pretrain trains the network and returns the file of its weights, with its accuracy on the data
// set's test images of the classes 0 to 4.
func pretrain(ctx context.Context, learn, judge part) ([]byte, error) {
	byClass := learn.of(0)
	var training, choose [classes][]int
	for c, list := range byClass {
		choose[c], training[c] = list[:validation], list[validation:]
	}
	net := cnn.New(classes, dropout, rand.New(rand.NewPCG(seed, 0)))
	if _, err := train.Fit(ctx, net, set(learn, training), set(learn, choose), config, nil,
		func(m train.Metrics, _ train.State) error {
			fmt.Fprintf(os.Stderr, "epoch %d: %+v\n", m.Epoch, m.Validation)
			return nil
		}); err != nil {
		return nil, err
	}
	accuracy := train.Evaluate(net, set(judge, judge.of(0))).Accuracy
	return safetensors.Marshal(safetensors.File{
		Metadata: map[string]string{
			"classes":       "0 1 2 3 4",
			"test_accuracy": strconv.FormatFloat(accuracy, 'f', 4, 64),
		},
		Tensors: weights.Tensors(net.Params()),
	})
}

// set returns images by class as examples.
func set(p part, byClass [classes][]int) (s train.Set) {
	for c, list := range byClass {
		for _, i := range list {
			for _, v := range p.pixels(i) {
				s.X.Data = append(s.X.Data, float32(v)/255)
			}
			s.Labels = append(s.Labels, c)
		}
	}
	d := cnn.Input.Size()
	s.X = blas32.General{Rows: len(s.Labels), Cols: d, Stride: d, Data: s.X.Data}
	return s
}

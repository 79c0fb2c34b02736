// Package fashion is a fine-tuning task on photographs of clothes: a convolutional network that was
// pretrained on five classes learns five others from 500 images. Everything is embedded.
//
// The images are from Fashion-MNIST: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a Novel Image
// Dataset for Benchmarking Machine Learning Algorithms", 2017, © Zalando SE, under the MIT licence
// (see LICENSE.data).
package fashion

import (
	_ "embed"
	"fmt"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/finetune/fashion/internal/cnn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/fashion/internal/idx"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/safetensors"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/weights"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
	"github.com/bluefin-hpo/bluefin/space"
)

//go:generate go run ./internal/pretrain /usr/share/datasets/fashion-mnist .

//go:embed pretrained.safetensors
var pretrained []byte

//go:embed images.idx.gz
var imagesFile []byte

//go:embed labels.idx.gz
var labelsFile []byte

// Classes are the names of the labels 0 to 4: classes 5 to 9 of the data set.
var Classes = [...]string{"sandal", "shirt", "sneaker", "bag", "ankle boot"}

// Numbers of images. The files hold the splits in this order, with as many images of each class.
const (
	training   = 500
	validation = 500
	test       = 1500
)

// defaults returns settings from experience with small convolutional networks.
func defaults() finetune.Settings {
	s := finetune.Defaults()
	s.BatchSize = 16
	s.NumTrainEpochs = 20
	return s
}

// searchSpace returns the ranges to search. They include the defaults.
func searchSpace() finetune.Space {
	sp := finetune.DefaultSpace(cnn.Blocks)
	sp.LearningRate = space.Float{Low: 1e-4, High: 3e-2, Log: true}
	sp.BatchSize = space.Int{Low: 8, High: 64, Log: true}
	sp.NumTrainEpochs = space.Int{Low: 5, High: 30}
	sp.LabelSmoothing = space.Float{Low: 0, High: 0.2}
	return sp
}

// Task returns the task; each call decodes data and weights again. The network was trained on
// 30,000 images of the classes 0 to 4: t-shirt, trouser, pullover, dress and coat. It learns 5 to 9
// from 500 images, 100 of each. Another 500 are for validation, and 1,500 of the data set's own
// test images for testing. docs/finetuning.md has measurements of what pretraining is worth.
func Task() (*finetune.Task, error) {
	file, err := safetensors.Unmarshal(pretrained)
	if err != nil {
		return nil, fmt.Errorf("pretrained weights: %w", err)
	}
	all, err := load(imagesFile, labelsFile)
	if err != nil {
		return nil, err
	}
	if n := all.Len(); n != training+validation+test {
		return nil, fmt.Errorf("there are %d images, want %d", n, training+validation+test)
	}
	return &finetune.Task{
		Name:   "fashion",
		Layers: cnn.Blocks,
		Network: func(s finetune.Settings, rng *rand.Rand) (*nn.Network, error) {
			net := cnn.New(len(Classes), s.Dropout, rng)
			if err := weights.Load(net.Blocks.Params(), file.Tensors); err != nil {
				return nil, fmt.Errorf("pretrained weights: %w", err)
			}
			return net, nil
		},
		Training:   part(all, 0, training),
		Validation: part(all, training, training+validation),
		Test:       part(all, training+validation, training+validation+test),
		Defaults:   defaults(),
		Space:      searchSpace(),
		Patience:   5,
	}, nil
}

// load returns the images of two files as rows of numbers in [0, 1].
func load(imagesFile, labelsFile []byte) (train.Set, error) {
	images, err := idx.Unmarshal(imagesFile)
	if err != nil {
		return train.Set{}, err
	}
	labels, err := idx.Unmarshal(labelsFile)
	if err != nil {
		return train.Set{}, err
	}
	if len(images.Shape) != 3 || images.Shape[1] != cnn.Input.Height || images.Shape[2] != cnn.Input.Width ||
		len(labels.Shape) != 1 || labels.Shape[0] != images.Shape[0] {
		return train.Set{}, fmt.Errorf("images have shape %v and labels %v", images.Shape, labels.Shape)
	}
	n, d := images.Shape[0], cnn.Input.Size()
	s := train.Set{Labels: make([]int, n)}
	s.X = blas32.General{Rows: n, Cols: d, Stride: d, Data: make([]float32, n*d)}
	for i, pixel := range images.Data {
		s.X.Data[i] = float32(pixel) / 255
	}
	for i, label := range labels.Data {
		s.Labels[i] = int(label)
	}
	return s, nil
}

// part returns the images from first up to but excluding last.
func part(s train.Set, first, last int) train.Set {
	d := s.X.Cols
	s.X.Rows, s.X.Data = last-first, s.X.Data[first*d:last*d]
	s.Labels = s.Labels[first:last]
	return s
}

package main

import (
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"strconv"
	"sync"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/finetune/fashion/internal/cnn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/fashion/internal/idx"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/safetensors"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/weights"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// folder is where Debian's package dataset-fashion-mnist puts the data set.
const folder = "/usr/share/datasets/fashion-mnist"

// dataset returns the two parts of the data set.
func dataset(t *testing.T) (learn, judge part) {
	t.Helper()
	if testing.Short() {
		t.Skip("one goroutine, 70,000 images")
	}
	if _, err := os.Stat(folder); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	both, err := parts()
	if err != nil {
		t.Fatal(err)
	}
	return both[0], both[1]
}

// parts reads the data set, once.
var parts = sync.OnceValues(func() (both [2]part, err error) {
	for i, name := range []string{"train", "t10k"} {
		if both[i], err = read(folder, name); err != nil {
			return both, err
		}
	}
	return both, nil
})

func committed(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("../../" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTheCommittedImagesAreThoseOfTheDataSet(t *testing.T) {
	learn, judge := dataset(t)
	images, labels, err := slice(learn, judge)
	if err != nil {
		t.Fatal(err)
	}
	for name, made := range map[string][]byte{"images.idx.gz": images, "labels.idx.gz": labels} {
		got, err := idx.Unmarshal(made)
		if err != nil {
			t.Fatal(err)
		}
		want, err := idx.Unmarshal(committed(t, name))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s differs from the committed file; run go generate and say why in the commit", name)
		}
	}
}

// What the file says of its accuracy is true: on images of 0 to 4 that neither
// the pretraining nor the task has seen. Kernels round differently, which may
// move an image or two.
func TestTheCommittedWeightsKnowTheClassesOfBefore(t *testing.T) {
	_, judge := dataset(t)
	file, err := safetensors.Unmarshal(committed(t, "pretrained.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	net := cnn.New(classes, 0, rand.New(rand.NewPCG(0, 0)))
	if err := weights.Load(net.Params(), file.Tensors); err != nil {
		t.Fatal(err)
	}
	said, err := strconv.ParseFloat(file.Metadata["test_accuracy"], 64)
	if err != nil {
		t.Fatal(err)
	}
	s := set(judge, judge.of(0))
	if s.Len() != 5000 {
		t.Fatalf("there are %d images of 0 to 4, want 5000", s.Len())
	}
	if got := train.Evaluate(net, s).Accuracy; math.Abs(got-said) > 0.0005 || got < 0.93 {
		t.Errorf("the accuracy is %v, and the file says %v; want the same, and at least 0.93", got, said)
	}
}

// The pretraining never sees a class of the task, nor an image that it is
// judged by.
func TestThePretrainingSeesItsClassesOnly(t *testing.T) {
	learn, _ := dataset(t)
	for c, list := range learn.of(0) {
		if len(list) != 6000 {
			t.Errorf("there are %d images of class %d, want 6000", len(list), c)
		}
		for _, i := range list {
			if got := int(learn.labels.Data[i]); got != c {
				t.Fatalf("image %d is of class %d, want %d", i, got, c)
			}
		}
	}
}

func TestRunWantsTwoFolders(t *testing.T) {
	for _, args := range [][]string{nil, {"a"}, {"a", "b", "c"}} {
		if err := run(args); err == nil {
			t.Errorf("arguments %q: no error", args)
		}
	}
	if err := run([]string{t.TempDir(), t.TempDir()}); !os.IsNotExist(err) {
		t.Errorf("without data: error is %v, want that of a missing file", err)
	}
}

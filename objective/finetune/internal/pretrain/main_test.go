package main

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/digits"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/kernel"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/mlp"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/safetensors"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/weights"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// The kernel is chosen once, with the first product.
func TestMain(m *testing.M) {
	os.Setenv(kernel.Variable, kernel.Generic.String())
	os.Exit(m.Run())
}

const committed = "../../digits04.safetensors"

func TestPretrainingAgainGivesTheCommittedFile(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine, many trainings")
	}
	if runtime.GOARCH != "amd64" {
		t.Skip("the committed file was made on amd64; other architectures round otherwise")
	}
	want, err := os.ReadFile(committed)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "weights")
	if err := run([]string{name}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("the file differs from the committed one; run go generate and say why in the commit")
	}
}

func TestTheCommittedWeightsKnowImagesTheyHaveNotSeen(t *testing.T) {
	b, err := os.ReadFile(committed)
	if err != nil {
		t.Fatal(err)
	}
	file, err := safetensors.Unmarshal(b)
	if err != nil {
		t.Fatal(err)
	}
	net := mlp.New(digits.Pixels, len(split.Digits), 0, rand.New(rand.NewPCG(0, 0)))
	if err := weights.Load(net.Blocks.Params(), file.Tensors); err != nil {
		t.Fatal(err)
	}
	if err := weights.Load(net.Head.Params(), file.Tensors); err != nil {
		t.Fatal(err)
	}
	_, _, test, err := digits.Load(split)
	if err != nil {
		t.Fatal(err)
	}
	_, all := net.Split(0)
	if accuracy := train.Evaluate(all, test).Accuracy; accuracy < 0.97 {
		t.Errorf("accuracy on %d unseen images of 0 to 4 is %v, want at least 0.97", len(test.Labels), accuracy)
	}
}

func TestPretrainStopsWhenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := pretrain(ctx); err != context.Canceled {
		t.Errorf("error is %v, want %v", err, context.Canceled)
	}
}

func TestRunWantsAFile(t *testing.T) {
	for _, args := range [][]string{nil, {"a", "b"}} {
		if err := run(args); err == nil {
			t.Errorf("arguments %q: no error", args)
		}
	}
}

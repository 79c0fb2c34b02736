package text

import (
	"errors"
	"io/fs"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/batch"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// A saved network predicts what the trained one does, bit for bit, in parts of
// any size.
func TestASavedNetworkPredictsTheSame(t *testing.T) {
	texts, labels := messages(90)
	test := write(t, "test.csv", texts[60:], labels[60:])
	for name, c := range map[string]struct {
		pooling string
		tuning  string
	}{"cls": {"cls", finetune.Full}, "mean": {"mean", finetune.Full}, "low rank": {"cls", finetune.LoRA}} {
		task := mustNew(t, Config{Train: write(t, "train.csv", texts[:60], labels[:60]), Test: test, Pooling: c.pooling, MaxLength: 9})
		s := quick()
		s.Tuning = c.tuning
		net, r := mustTrain(t, task.Task, s)
		want := batch.Predict(net, task.Test.Batch)
		dir := t.TempDir()
		if err := task.Save(dir, net); err != nil {
			t.Fatal(err)
		}
		m, err := Load(dir)
		if err != nil || !slices.Equal(m.Classes, []string{"broken", "fine", "late"}) {
			t.Fatal(name, m, err)
		}
		if y := m.outputs(texts[60:]); y.Cols != 3 || !slices.Equal(y.Data, want.Data) {
			t.Errorf("%s: logits differ", name)
		}
		if y := m.outputs(texts[67:68]); !slices.Equal(y.Data, want.Data[21:24]) {
			t.Errorf("%s: alone a text has the logits %v, want %v", name, y.Data, want.Data[21:24])
		}
		if p := m.Predict(texts[60:]).Data; math.Abs(float64(p[0]+p[1]+p[2])-1) > 1e-6 || (p[0] > p[1]) != (want.Data[0] > want.Data[1]) {
			t.Errorf("%s: the probabilities of %v are %v", name, want.Data[:3], p[:3])
		}
		if got := train.Score(m.outputs(texts[60:]), task.Test); name != "low rank" && got != r.Test {
			t.Errorf("%s: scores are %+v, want %+v as in training", name, got, r.Test)
		}
	}
}

func TestARegressionIsReadAgain(t *testing.T) {
	texts, _ := messages(60)
	lengths := make([]string, len(texts))
	for i, s := range texts {
		lengths[i] = strings.Repeat("1", 1+len(s)%3)
	}
	task := mustNew(t, Config{Train: write(t, "train.csv", texts, lengths), Regression: true})
	net, _ := mustTrain(t, task.Task, quick())
	dir := t.TempDir()
	if err := task.Save(dir, net); err != nil {
		t.Fatal(err)
	}
	m, err := Load(dir)
	if err != nil || m.Classes != nil {
		t.Fatal(m, err)
	}
	defer task.Rescale(net)()
	if y, want := m.outputs(texts), batch.Predict(net, task.model.Batch(texts)); y.Cols != 1 || !slices.Equal(y.Data, want.Data) {
		t.Error("the numbers differ")
	}
}

func TestAnEncoderWithoutAHeadIsRefused(t *testing.T) {
	if _, err := Load(model); err == nil || !strings.Contains(err.Error(), "has no head for a task") {
		t.Errorf("error is %v", err)
	}
	if _, err := Load(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of an empty folder: %v", err)
	}
}

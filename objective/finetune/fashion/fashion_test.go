package fashion

import (
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/finetune/fashion/internal/cnn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

func task(tb testing.TB) *finetune.Task {
	tb.Helper()
	t, err := Task()
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func run(tb testing.TB, t *finetune.Task, s finetune.Settings, seed uint64) finetune.Result {
	tb.Helper()
	r, err := t.Run(tb.Context(), s, seed, func(int, train.Metrics) error { return nil })
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func TestPartsHaveTheDocumentedSizes(t *testing.T) {
	task := task(t)
	for name, c := range map[string]struct {
		part train.Set
		each int // of each class
	}{"training": {task.Training, 100}, "validation": {task.Validation, 100}, "test": {task.Test, 300}} {
		count := make([]int, len(Classes))
		for _, l := range c.part.Labels {
			count[l]++
		}
		for class, n := range count {
			if n != c.each {
				t.Errorf("%s has %d images of class %s, want %d", name, n, Classes[class], c.each)
			}
		}
		if err := c.part.Check(len(Classes)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNoImageIsInTwoParts(t *testing.T) {
	task := task(t)
	seen := make(map[string]string)
	for name, part := range map[string]train.Set{"training": task.Training, "validation": task.Validation, "test": task.Test} {
		d := part.X.Cols
		for i := range part.Len() {
			b := make([]byte, d)
			for j, x := range part.X.Data[i*d : (i+1)*d] {
				b[j] = byte(x * 255)
			}
			if other, ok := seen[string(b)]; ok && other != name {
				t.Errorf("image %d of %s is in %s, too", i, name, other)
			}
			seen[string(b)] = name
		}
	}
}

func TestTheDefaultsAreInTheSpace(t *testing.T) {
	sp := searchSpace()
	params := sp.Params(defaults(), cnn.Blocks)
	for _, d := range sp.Dims() {
		if _, err := d.Dist.Internal(params[d.Name]); err != nil {
			t.Errorf("%s: %v", d.Name, err)
		}
	}
	if err := defaults().Check(cnn.Blocks); err != nil {
		t.Error(err)
	}
}

func TestAShortTrainingLearnsTheTask(t *testing.T) {
	s := defaults()
	s.NumTrainEpochs, s.FrozenLayers = 2, 2
	if r := run(t, task(t), s, 1); r.Test.Accuracy < 0.75 {
		t.Errorf("the test accuracy is %v after 2 epochs, want at least 0.75", r.Test.Accuracy)
	}
}

// BenchmarkTrial is the time of one training with the recommended settings.
func BenchmarkTrial(b *testing.B) {
	task := task(b)
	for b.Loop() {
		r := run(b, task, defaults(), 1)
		b.ReportMetric(r.Test.Accuracy, "test_accuracy")
		b.ReportMetric(float64(r.EpochsRun), "epochs")
	}
}

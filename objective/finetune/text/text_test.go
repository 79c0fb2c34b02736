package text

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/bert"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/safetensors"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/weights"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// model is a random encoder of two layers for at most 20 tokens.
const model = "../internal/bert/testdata/tiny"

// messages returns n texts in the words of the model, about late, broken and
// fine parcels in turn. No two are the same up to 600.
func messages(n int) (texts, labels []string) {
	starts := []string{"the parcel", "a parcel", "parcel", "the refund", "it"}
	ends := []string{".", "!", "!!", "...", ", thanks", ", thanks!", ", not early", ", very very not"}
	for i := range n {
		label := []string{"late", "broken", "fine"}[i%3]
		k := i / 3
		text := starts[k%5] + []string{" is ", " was ", " came ", " was very ", " is very "}[k/5%5] + label + ends[k/25%8]
		texts, labels = append(texts, text), append(labels, label)
	}
	return texts, labels
}

// write makes a CSV file of two columns.
func write(tb testing.TB, name string, texts, labels []string) (path string) {
	tb.Helper()
	path = filepath.Join(tb.TempDir(), name)
	var b strings.Builder
	b.WriteString("text,label\n")
	for i := range texts {
		fmt.Fprintf(&b, "%q,%s\n", texts[i], labels[i])
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
		tb.Fatal(err)
	}
	return path
}

func file(tb testing.TB, n int) string {
	texts, labels := messages(n)
	return write(tb, "train.csv", texts, labels)
}

func mustNew(tb testing.TB, c Config) *Task {
	tb.Helper()
	c.Model = model
	t, err := New(c)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func silent(int, train.Metrics) error { return nil }

func mustTrain(tb testing.TB, t *finetune.Task, s finetune.Settings) (*nn.Network, finetune.Result) {
	tb.Helper()
	net, r, err := t.Train(tb.Context(), finetune.Checkpoints{}, s, 1, silent)
	if err != nil {
		tb.Fatalf("%+v: %v", s, err)
	}
	return net, r
}

// quick are settings with which the random encoder learns something at once.
func quick() finetune.Settings {
	s := defaults()
	s.LearningRate, s.NumTrainEpochs, s.BatchSize, s.Dropout = 3e-3, 12, 8, 0
	return s
}

func TestTheDefaultsAreInTheSpace(t *testing.T) {
	for _, blocks := range []int{3, 7, 13} {
		sp := searchSpace(blocks)
		for tuning := range map[string]bool{finetune.Full: true, finetune.LoRA: true} {
			s := defaults()
			s.Tuning = tuning
			if err := s.Check(blocks); err != nil {
				t.Error(err)
			}
			params := sp.Params(s, blocks)
			for _, d := range sp.Dims() {
				if v, ok := params[d.Name]; ok {
					if _, err := d.Dist.Internal(v); err != nil {
						t.Errorf("%s: %v", d.Name, err)
					}
				}
			}
		}
	}
}

func TestTheEncoderLearnsWhatMessagesAreAbout(t *testing.T) {
	task := mustNew(t, Config{Train: file(t, 300), TestShare: 0.2})
	task.Patience = 12
	if !slices.Equal(task.Classes, []string{"broken", "fine", "late"}) || task.Layers != 3 {
		t.Fatalf("the classes are %v and there are %d blocks", task.Classes, task.Layers)
	}
	for tuning, c := range map[string]struct{ rate, accuracy float64 }{
		finetune.Full:   {3e-3, 0.95},
		finetune.BitFit: {3e-2, 0.75},
		finetune.LoRA:   {3e-3, 0.95},
	} {
		s := quick()
		s.Tuning, s.LearningRate = tuning, c.rate
		if _, r := mustTrain(t, task.Task, s); r.Test.Accuracy < c.accuracy {
			t.Errorf("%s: the test accuracy is %v after %d epochs, want at least %v", tuning, r.Test.Accuracy, r.EpochsRun, c.accuracy)
		}
	}
}

func TestTheFilesAreDivided(t *testing.T) {
	valid, test := file(t, 30), file(t, 15)
	for name, c := range map[string]struct {
		config                     Config
		training, validation, test int
		parts                      int // that have texts of the training part; -1: any
	}{
		"a fifth to choose by":    {Config{Train: file(t, 150)}, 120, 30, 0, 0},
		"a third and a fifth":     {Config{Train: file(t, 150), ValidShare: 1. / 3, TestShare: 0.2}, 80, 40, 30, 0},
		"files":                   {Config{Train: file(t, 150), Valid: valid, Test: test}, 150, 30, 15, 2},
		"a file and a share":      {Config{Train: file(t, 150), Test: test, ValidShare: 0.5}, 75, 75, 15, -1},
		"another file to choose ": {Config{Train: file(t, 60), Valid: file(t, 600)}, 60, 600, 0, 1},
	} {
		task := mustNew(t, c.config)
		if a, b, d := task.Training.Len(), task.Validation.Len(), task.Test.Len(); a != c.training || b != c.validation || d != c.test {
			t.Errorf("%s: %d, %d and %d texts, want %d, %d and %d", name, a, b, d, c.training, c.validation, c.test)
		}
		if c.parts >= 0 && len(task.Warnings) != c.parts {
			t.Errorf("%s: warnings are %v, want %d", name, task.Warnings, c.parts)
		}
		for _, part := range []train.Set{task.Training, task.Validation, task.Test} {
			count := make(map[int]int)
			for _, l := range part.Labels {
				count[l]++
			}
			if n := part.Len() / 3; n > 0 && (count[0] < n-1 || count[1] < n-1 || count[2] < n-1) {
				t.Errorf("%s: the classes of a part of %d have %v", name, part.Len(), count)
			}
		}
	}
	a, b, other := mustNew(t, Config{Train: file(t, 60)}), mustNew(t, Config{Train: file(t, 60)}), mustNew(t, Config{Train: file(t, 60), Seed: 7})
	if !slices.Equal(a.Training.IDs, b.Training.IDs) || slices.Equal(a.Training.IDs, other.Training.IDs) {
		t.Error("the division is not a function of the seed")
	}
}

// Spaces around a text make no other text of it.
func TestRepeatedTextsAreCounted(t *testing.T) {
	texts, labels := messages(30)
	training := write(t, "train.csv", texts, labels)
	test := write(t, "test.csv", []string{" " + texts[0] + "  ", texts[4], "the refund came late, fine"}, []string{"late", "broken", "fine"})
	task := mustNew(t, Config{Train: training, Valid: file(t, 3), Test: test})
	if said := fmt.Sprint(task.Warnings); len(task.Warnings) != 2 || !strings.Contains(said, "all 3 texts to validate on are also among") || !strings.Contains(said, "2 of 3 texts to test on are also among") {
		t.Errorf("warnings are %s, want one for each of the two parts", said)
	}
}

func TestMaxLengthCutsTexts(t *testing.T) {
	texts := []string{strings.Repeat("very ", 300) + "late", "fine", "not late", "not fine"}
	path := write(t, "train.csv", slices.Repeat(texts, 5), slices.Repeat([]string{"a", "b", "a", "b"}, 5))
	for length, want := range map[int]int{0: 20, 3: 3, 7: 7, 20: 20, 1000: 20} { // the model bears 20
		task := mustNew(t, Config{Train: path, MaxLength: length})
		if got := slices.Max(task.Training.Lens); got != want {
			t.Errorf("MaxLength %d: the longest text has %d tokens, want %d", length, got, want)
		}
	}
}

func TestConfigErrors(t *testing.T) {
	good := file(t, 30)
	texts, labels := messages(12)
	for want, c := range map[string]Config{
		`Model is "", want the folder`:              {Train: good},
		`Train is "", want a file`:                  {Model: model},
		"MaxLength is 2, want at least 3":           {Model: model, Train: good, MaxLength: 2},
		"MaxLength is -1, want at least 3":          {Model: model, Train: good, MaxLength: -1},
		"ValidShare is 1, want at least 0 and":      {Model: model, Train: good, ValidShare: 1},
		"ValidShare is -0.1, want at least 0":       {Model: model, Train: good, ValidShare: -0.1},
		"TestShare is NaN, want at least 0":         {Model: model, Train: good, TestShare: math.NaN()},
		"ValidShare is 0.5, want at most one of":    {Model: model, Train: good, Valid: good, ValidShare: 0.5},
		"TestShare is 0.5, want at most one of":     {Model: model, Train: good, Test: good, TestShare: 0.5},
		"no such file":                              {Model: model, Train: "missing.csv"},
		"missing-valid.csv":                         {Model: model, Train: good, Valid: "missing-valid.csv"},
		"config.json":                               {Model: t.TempDir(), Train: good},
		`there is no column "message"`:              {Model: model, Train: good, TextColumn: "message"},
		`there is no column "topic"`:                {Model: model, Train: good, LabelColumn: "topic"},
		`the target is "late", want a finite`:       {Model: model, Train: good, Regression: true},
		`:3: column "text": `:                       {Model: model, Train: write(t, "empty.csv", []string{"a", "  ", "b", "c"}, []string{"x", "y", "x", "y"})},
		`all 12 rows have the label "late"`:         {Model: model, Train: write(t, "one.csv", texts, slices.Repeat([]string{"late"}, 12))},
		"there are 12 classes in 12 rows":           {Model: model, Train: write(t, "many.csv", texts, texts12())},
		`the label is "lost", want one of "broken"`: {Model: model, Train: good, Valid: write(t, "new.csv", texts[:1], []string{"lost"})},
		"the label is \"lost\", want":               {Model: model, Train: good, Test: write(t, "new.csv", texts[:1], []string{"lost"})},
		"there is no label":                         {Model: model, Train: write(t, "unlabelled.csv", texts, append(slices.Clone(labels[:11]), ""))},
		"pooling is \"max\", want":                  {Model: model, Train: good, Pooling: "max"},
	} {
		task, err := New(c)
		if err == nil && task != nil { // what the network says
			_, err = task.ID()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one with %q", err, want)
		}
	}
}

func texts12() (all []string) {
	for i := range 12 {
		all = append(all, fmt.Sprint("class ", i))
	}
	return all
}

// A class of which there is one text is learnt from, though every choice of
// others would be possible.
func TestEveryClassIsLearntFrom(t *testing.T) {
	texts, labels := messages(40)
	texts, labels = append(texts, "a refund!"), append(labels, "refund")
	path := write(t, "train.csv", texts, labels)
	for seed := range uint64(20) {
		task := mustNew(t, Config{Train: path, ValidShare: 0.4, TestShare: 0.5, Seed: seed})
		if n := task.Training.Classes(); n != 4 {
			t.Errorf("seed %d: %d classes are learnt from, want 4", seed, n)
		}
	}
}

func TestBalancedGivesAllClassesTheSameWeight(t *testing.T) {
	texts, labels := messages(90)
	for i := range labels {
		if labels[i] == "fine" && i > 15 {
			labels[i] = "late"
		}
	}
	path := write(t, "train.csv", texts, labels)
	if task := mustNew(t, Config{Train: path}); task.ClassWeights != nil {
		t.Errorf("without Balanced the weights are %v", task.ClassWeights)
	}
	task := mustNew(t, Config{Train: path, Balanced: true})
	sums := make([]float64, 3)
	for _, l := range task.Training.Labels {
		sums[l] += task.ClassWeights[l]
	}
	for c, sum := range sums {
		if math.Abs(sum-sums[0]) > 1e-9 || sum == 0 {
			t.Errorf("class %s weighs %v in all, and class %s %v", task.Classes[c], sum, task.Classes[0], sums[0])
		}
	}
}

// What a saved network predicts is in the units of the file, whatever the
// pooling, and the network that trained is as before.
func TestARegressionIsSavedInTheUnitsOfTheFile(t *testing.T) {
	texts, _ := messages(90)
	var numbers []string
	for _, s := range texts {
		n := 1000 + 300*strings.Count(s, "very") + 100*strings.Count(s, "late")
		numbers = append(numbers, fmt.Sprint(n))
	}
	path := write(t, "train.csv", texts, numbers)
	for _, pooling := range []string{"mean", "cls"} {
		task := mustNew(t, Config{Train: path, Regression: true, TestShare: 0.2, Pooling: pooling})
		s := quick()
		s.NumTrainEpochs = 10
		net, r := mustTrain(t, task.Task, s)
		if r.Test.R2 < 0.8 {
			t.Errorf("%v: R² on the test part is %v, want at least 0.8", pooling, r.Test.R2)
		}
		before := weights.Tensors(net.Params())
		dir := filepath.Join(t.TempDir(), "out")
		if err := task.Save(dir, net); err != nil {
			t.Fatal(err)
		}
		for name, tensor := range weights.Tensors(net.Params()) {
			if !slices.Equal(tensor.Data, before[name].Data) {
				t.Errorf("%v: saving has changed %s", pooling, name)
			}
		}
		again := loadWithHead(t, dir, 1)
		question := []string{"the parcel was very late", "it is fine", "parcel came broken"}
		undo := task.Rescale(net)
		want := slices.Clone(net.Forward(task.model.Batch(question), nil).X.Data[:3])
		undo()
		for i, y := range again.net.Forward(again.model.Batch(question), nil).X.Data[:3] {
			if w := float64(want[i]); w < 500 || math.Abs(float64(y)-w) > 0.01 {
				t.Errorf("%v: %q is %v, want %v", pooling, question[i], y, w)
			}
		}
	}
}

type loaded struct {
	model *bert.Model
	net   *nn.Network
}

// loadWithHead reads a folder that Save wrote, and the last layer with it.
func loadWithHead(t *testing.T, dir string, outputs int) loaded {
	t.Helper()
	m, err := bert.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	net, err := m.Network(bert.Options{Outputs: outputs})
	if err != nil {
		t.Fatal(err)
	}
	name, prefix := filepath.Join(dir, "model.safetensors"), "classifier"
	if m.Pooling == bert.PoolMean {
		name, prefix = filepath.Join(dir, "2_Dense", "model.safetensors"), "linear"
	}
	f, err := safetensors.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range net.Head.Params() {
		if kind, ok := strings.CutPrefix(p.Name, "classifier"); ok {
			copy(p.Value, f.Tensors[prefix+kind].Data)
		}
	}
	return loaded{m, net}
}

// A second fine-tuning may start from what the first one saved.
func TestASavedClassifierIsAModelAgain(t *testing.T) {
	task := mustNew(t, Config{Train: file(t, 300)})
	net, _ := mustTrain(t, task.Task, quick())
	dir := t.TempDir()
	if err := task.Save(dir, net); err != nil {
		t.Fatal(err)
	}
	again, err := New(Config{Model: dir, Train: file(t, 300)})
	if err != nil {
		t.Fatal(err)
	}
	s := quick()
	s.FrozenLayers, s.LearningRate = again.Layers, 0.03
	fresh, err := again.Network(s, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	want := weights.Tensors(net.Blocks.Params())
	for name, tensor := range weights.Tensors(fresh.Blocks.Params()) {
		if !slices.Equal(tensor.Data, want[name].Data) {
			t.Errorf("%s is not what was saved", name)
		}
	}
	if _, r := mustTrain(t, again.Task, s); r.Best.Validation.Accuracy < 0.9 {
		t.Errorf("with a head on what it has learnt the accuracy is %v, want at least 0.9", r.Best.Validation.Accuracy)
	}
	if err := task.Save(model, net); err == nil || !strings.Contains(err.Error(), "holds the pretrained model") {
		t.Errorf("saving over the model: error is %v", err)
	}
}

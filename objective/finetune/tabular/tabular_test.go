package tabular

import (
	"encoding/csv"
	"errors"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/batch"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/safetensors"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/table"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/weights"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

const cancer = "testdata/breast-cancer.csv"

// cells returns the lines of the data: names, then 569 rows whose last field is
// benign or malignant.
func cells(tb testing.TB) (names []string, rows [][]string) {
	tb.Helper()
	f, err := os.Open(cancer)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		tb.Fatal(err)
	}
	return all[0], all[1:]
}

func write(tb testing.TB, name string, names []string, rows [][]string) (path string) {
	tb.Helper()
	path = filepath.Join(tb.TempDir(), name)
	f, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	if err := csv.NewWriter(f).WriteAll(append([][]string{names}, rows...)); err != nil {
		tb.Fatal(err)
	}
	return path
}

func mustNew(tb testing.TB, c Config) *Task {
	tb.Helper()
	t, err := New(c)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func mustTrain(tb testing.TB, t *Task, s finetune.Settings) (*nn.Network, finetune.Result) {
	tb.Helper()
	net, r, err := t.Train(tb.Context(), finetune.Checkpoints{}, s, 1, func(int, train.Metrics) error { return nil })
	if err != nil {
		tb.Fatalf("%+v: %v", s, err)
	}
	return net, r
}

// quick are the recommended settings for a tenth of a second.
func quick() finetune.Settings {
	s := finetune.Defaults()
	s.NumTrainEpochs, s.BatchSize = 10, 16
	return s
}

func TestTheDataAreAsDescribed(t *testing.T) {
	_, rows := cells(t)
	count := make(map[string]int)
	for _, row := range rows {
		count[row[30]]++
	}
	if count["benign"] != 357 || count["malignant"] != 212 || len(count) != 2 {
		t.Errorf("classes are %v, want 357 benign and 212 malignant", count)
	}
	task := mustNew(t, Config{Train: cancer, TestShare: 0.2})
	if n, v, e := task.Training.Len(), task.Validation.Len(), task.Test.Len(); n != 364 || v != 91 || e != 114 || task.Training.X.Cols != 30 {
		t.Errorf("%d, %d and %d rows of %d features, want 364, 91 and 114 of 30", n, v, e, task.Training.X.Cols)
	}
	if !slices.Equal(task.Classes, []string{"benign", "malignant"}) || task.Layers != 2 || task.Space.FrozenLayers.High != 0 {
		t.Errorf("classes %v, %d blocks, freezing searched up to %d", task.Classes, task.Layers, task.Space.FrozenLayers.High)
	}
}

func TestTheNetworkTellsTheClassesApart(t *testing.T) {
	task := mustNew(t, Config{Train: cancer, TestShare: 0.2})
	if _, r := mustTrain(t, task, quick()); r.Test.Accuracy < 0.93 || r.Test.AUROC < 0.98 {
		t.Errorf("the test part has %+v, want an accuracy of 0.93 and an AUROC of 0.98 at least", r.Test)
	}
}

// rare returns training and test rows with one malignant row in eighteen, and
// one in two.
func rare(tb testing.TB) (training, test string) {
	names, rows := cells(tb)
	var learn, judge [][]string
	malignant := 0
	for i, row := range rows {
		switch {
		case i%3 == 0:
			judge = append(judge, row)
		case row[30] == "benign":
			learn = append(learn, row)
		case malignant < 14:
			learn = append(learn, row)
			malignant++
		}
	}
	return write(tb, "train.csv", names, learn), write(tb, "test.csv", names, judge)
}

// Class weights find more of the rare class, at the price of false alarms.
func TestBalancedFindsMoreOfTheAnomalies(t *testing.T) {
	training, test := rare(t)
	found := make(map[bool]float64)
	for _, balanced := range []bool{false, true} {
		task := mustNew(t, Config{Train: training, Test: test, Balanced: balanced})
		task.Metric = train.MetricAUROC
		s := quick()
		net, r := mustTrain(t, task, s)
		if !r.Test.HasAUROC || r.Test.AUROC < 0.9 {
			t.Errorf("balanced %t: AUROC on the test part is %v, want at least 0.9", balanced, r.Test.AUROC)
		}
		var hits, all float64
		y := batch.Predict(net, task.Test.Batch)
		for i, label := range task.Test.Labels {
			if label == 1 {
				all++
				if y.Data[2*i+1] > y.Data[2*i] {
					hits++
				}
			}
		}
		found[balanced] = hits / all
	}
	t.Logf("found of the malignant: %v", found)
	if found[true] < 0.8 || found[true] < found[false]+0.05 {
		t.Errorf("found of the malignant: %v, want at least 0.8 with balanced classes, and more than without", found)
	}
	weights := mustNew(t, Config{Train: training, Test: test, Balanced: true})
	if got, want := weights.ClassWeights, weights.Training.BalancedWeights(2); !slices.Equal(got, want) || got[1] < 5*got[0] {
		t.Errorf("class weights are %v, want %v", got, want)
	}
}

// A network that learned on one part of the data is the start on another: its
// hidden layers and its features, not those of the new file.
func TestAPretrainedNetworkIsTheStart(t *testing.T) {
	names, rows := cells(t)
	early, late := write(t, "early.csv", names, rows[:400]), write(t, "late.csv", names, rows[400:])
	first := mustNew(t, Config{Train: early})
	net, _ := mustTrain(t, first, quick())
	dir := filepath.Join(t.TempDir(), "pre", "trained")
	if err := first.Save(dir, net); err != nil {
		t.Fatal(err)
	}
	second := mustNew(t, Config{Train: late, ValidShare: 0.4, TestShare: 0.4, Pretrained: dir})
	if second.Space.FrozenLayers.High != blocks {
		t.Errorf("freezing is searched up to %d, want %d", second.Space.FrozenLayers.High, blocks)
	}
	fresh, err := second.Network(quick(), rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	want := weights.Tensors(net.Blocks.Params())
	for name, tensor := range weights.Tensors(fresh.Blocks.Params()) {
		if !slices.Equal(tensor.Data, want[name].Data) {
			t.Errorf("%s is not that of the saved network", name)
		}
	}
	// The features of a row are those that the network was trained on.
	data, err := table.Read(early, table.Options{})
	if err != nil {
		t.Fatal(err)
	}
	x, err := first.encoder.Encode(data, []int{7})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := second.encoder.Encode(data, []int{7}); err != nil || !slices.Equal(got.Data, x.Data) {
		t.Errorf("a row has features %v, want %v (%v)", got.Data, x.Data, err)
	}
	s := quick()
	s.FrozenLayers = blocks
	trained, r := mustTrain(t, second, s)
	if r.Test.AUROC < 0.97 {
		t.Errorf("with frozen layers AUROC on the test part is %v, want at least 0.97", r.Test.AUROC)
	}
	for name, tensor := range weights.Tensors(trained.Blocks.Params()) {
		if !slices.Equal(tensor.Data, want[name].Data) {
			t.Errorf("%s has changed while it was frozen", name)
		}
	}
	a, b := mustNew(t, Config{Train: late, Pretrained: dir}), mustNew(t, Config{Train: late})
	idA, _ := a.ID()
	if idB, _ := b.ID(); idA == idB {
		t.Error("with and without pretrained layers the task has the same ID")
	}
}

// linear are rows whose label is 1000 + 200·x + a step for the colour.
func linear(tb testing.TB, n int) string {
	rng := rand.New(rand.NewPCG(1, 1))
	var rows [][]string
	for i := range n {
		x := rng.NormFloat64()
		y, colour := 1000+200*x, "red"
		if i%2 == 0 {
			y, colour = y+100, "blue"
		}
		rows = append(rows, []string{strconv.FormatFloat(x, 'f', 4, 64), colour, strconv.FormatFloat(y, 'f', 2, 64)})
	}
	return write(tb, "linear.csv", []string{"x", "colour", "price"}, rows)
}

func TestARegressionIsSavedInTheUnitsOfTheFile(t *testing.T) {
	task := mustNew(t, Config{Train: linear(t, 300), LabelColumn: "price", Regression: true, TestShare: 0.2, Balanced: true})
	if task.Classes != nil || task.ClassWeights != nil {
		t.Errorf("a regression has classes %v and weights %v", task.Classes, task.ClassWeights)
	}
	s := quick()
	s.NumTrainEpochs = 30
	net, r := mustTrain(t, task, s)
	if r.Test.R2 < 0.98 {
		t.Errorf("R² on the test part is %v, want at least 0.98", r.Test.R2)
	}
	dir := t.TempDir()
	before := weights.Tensors(net.Params())
	if err := task.Save(dir, net); err != nil {
		t.Fatal(err)
	}
	for name, tensor := range weights.Tensors(net.Params()) {
		if !slices.Equal(tensor.Data, before[name].Data) {
			t.Errorf("saving has changed %s", name)
		}
	}
	// What is in the folder is all that a prediction needs.
	model, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if model.Classes != nil || model.LabelColumn != "price" {
		t.Errorf("the model has classes %q and predicts %q, want a regression of the price", model.Classes, model.LabelColumn)
	}
	data, err := table.Read(write(t, "new.csv", []string{"colour", "x"}, [][]string{{"red", "1"}, {"blue", "-1"}}), table.Options{})
	if err != nil {
		t.Fatal(err)
	}
	predicted, err := model.outputs(data)
	if err != nil {
		t.Fatal(err)
	}
	y := predicted.Data
	for i, want := range []float64{1200, 900} {
		if math.Abs(float64(y[i])-want) > 60 {
			t.Errorf("row %d: %v is predicted, want about %v", i, y[i], want)
		}
	}
	if _, err := New(Config{Train: linear(t, 40), LabelColumn: "price", Regression: true, Pretrained: dir}); err != nil {
		t.Errorf("as the start of another: %v", err)
	}
}

// A saved network predicts what the trained one does, bit for bit, in parts of
// any size and with the columns in any order.
func TestASavedNetworkPredictsTheSame(t *testing.T) {
	var header = []string{"label", "x", "colour"}
	var rows, swapped [][]string
	rng := rand.New(rand.NewPCG(2, 1))
	for i := range 90 {
		x, label := rng.NormFloat64(), "low"
		if x > 0 {
			label = "high"
		}
		row := []string{label, strconv.FormatFloat(x, 'f', 4, 64), []string{"red", "blue", ""}[i%3]}
		rows, swapped = append(rows, row), append(swapped, []string{row[2], "note", row[1]})
	}
	test := write(t, "test.csv", header, rows[60:])
	task := mustNew(t, Config{Train: write(t, "train.csv", header, rows[:60]), Test: test})
	net, r := mustTrain(t, task, quick())
	want := batch.Predict(net, task.Test.Batch)
	dir := t.TempDir()
	if err := task.Save(dir, net); err != nil {
		t.Fatal(err)
	}
	model, err := Load(dir)
	if err != nil || !slices.Equal(model.Classes, []string{"high", "low"}) {
		t.Fatal(model, err)
	}
	correct := 0
	for name, path := range map[string]string{"as in training": test, "other columns": write(t, "new.csv", []string{"colour", "what", "x"}, swapped[60:])} {
		data, err := table.Read(path, table.Options{})
		if err != nil {
			t.Fatal(err)
		}
		y, err := model.outputs(data)
		if err != nil || !slices.Equal(y.Data, want.Data) {
			t.Fatalf("%s: logits differ (%v)", name, err)
		}
		if p, err := model.Predict(data); err != nil || math.Abs(float64(p.Data[0]+p.Data[1])-1) > 1e-6 || (p.Data[0] > p.Data[1]) != (y.Data[0] > y.Data[1]) {
			t.Errorf("%s: the probabilities of %v are %v, error %v", name, y.Data[:2], p.Data[:2], err)
		}
		correct = 0
		for i, label := range task.Test.Labels {
			if (y.Data[2*i+1] > y.Data[2*i]) == (label == 1) {
				correct++
			}
		}
	}
	if accuracy := float64(correct) / 30; accuracy != r.Test.Accuracy {
		t.Errorf("the accuracy is %v, want %v as in training", accuracy, r.Test.Accuracy)
	}
	if _, err := Load(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of an empty folder: %v", err)
	}
}

func TestConfigErrors(t *testing.T) {
	names, rows := cells(t)
	one := write(t, "one.csv", names, rows[:19]) // all malignant
	dir, empty, narrow := t.TempDir(), t.TempDir(), t.TempDir()
	task := mustNew(t, Config{Train: cancer})
	net, _ := mustTrain(t, task, finetune.Settings{LearningRate: 1e-3, BatchSize: 64, NumTrainEpochs: 1, LRSchedulerType: "linear"})
	for _, d := range []string{dir, empty, narrow} {
		if err := task.Save(d, net); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(empty, featuresFile), []byte("{}"), 0o666); err != nil {
		t.Fatal(err)
	}
	b, err := safetensors.Marshal(safetensors.File{Tensors: map[string]safetensors.Tensor{"hidden.0.weight": {Shape: []int{1}, Data: []float32{1}}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(narrow, weightsFile), b, 0o666); err != nil {
		t.Fatal(err)
	}
	torn := t.TempDir()
	if err := os.WriteFile(filepath.Join(torn, featuresFile), []byte(`{"inputs": [`), 0o666); err != nil {
		t.Fatal(err)
	}
	for want, c := range map[string]Config{
		`Train is ""`:                             {},
		"no such file":                            {Train: "missing.csv"},
		"ValidShare is 1, want at least 0":        {Train: cancer, ValidShare: 1},
		"TestShare is -1, want at least 0":        {Train: cancer, TestShare: -1},
		"TestShare is 0.5, want at most":          {Train: cancer, Test: cancer, TestShare: 0.5},
		`there is no column "diagnosis"`:          {Train: cancer, LabelColumn: "diagnosis"},
		`the target is "malignant", want`:         {Train: cancer, Regression: true},
		"is it a regression":                      {Train: cancer, LabelColumn: "mean_area"},
		`all 19 rows have the label`:              {Train: one},
		"features.json: no such file":             {Train: cancer, Pretrained: t.TempDir()},
		"features.json: unexpected end":           {Train: cancer, Pretrained: torn},
		"there are no inputs":                     {Train: cancer, Pretrained: empty},
		`hidden.0.weight`:                         {Train: cancer, Pretrained: narrow},
		`there is no column "mean_radius"`:        {Train: linear(t, 40), LabelColumn: "price", Regression: true, Pretrained: dir},
		`the label is "unclear", want one of "be`: {Train: cancer, Valid: write(t, "new.csv", names, [][]string{append(slices.Clone(rows[0][:30]), "unclear")})},
	} {
		task, err := New(c)
		if err == nil {
			_, err = task.ID()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one with %q", err, want)
		}
	}
}

// What a row becomes follows from the rows that are learnt from.
func TestNothingIsLearnedFromTheRowsToJudgeBy(t *testing.T) {
	task := mustNew(t, Config{Train: cancer, TestShare: 0.3, Seed: 5})
	d := task.Training.X.Cols
	for j := range d {
		var sum, squares float64
		n := float64(task.Training.Len())
		for i := range task.Training.Len() {
			x := float64(task.Training.X.Data[i*d+j])
			sum += x
			squares += x * x
		}
		if math.Abs(sum/n) > 1e-5 || math.Abs(squares/n-1) > 1e-4 {
			t.Errorf("feature %d has mean %v and variance %v over the training part, want 0 and 1", j, sum/n, squares/n)
		}
	}
}

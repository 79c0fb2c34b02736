package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/finetune/fashion"
	"github.com/bluefin-hpo/bluefin/objective/finetune/tabular"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
	"github.com/bluefin-hpo/bluefin/objective/functions"
	"github.com/bluefin-hpo/bluefin/space"
)

// taskFiles are the tables of the tabular tasks.
//
//go:embed tasks/*.csv.gz
var taskFiles embed.FS

// trainingNames are the tasks that really train, by name; split 0 is reported, split 1 is the
// sibling of which good beliefs come.
var trainingNames = []string{
	"digits", "digits-few", "digits-many", "digits-three", "digits-noisy", "digits-lora",
	"breast-cancer", "breast-few", "wine", "wine-alcohol", "iris", "fashion-few",
}

// newTraining makes a task that really trains.
func newTraining(name string, split uint64) (*finetune.Task, error) {
	switch name {
	case "digits":
		return digitsTask(images{perClass: 15, validation: 60, split: split})
	case "digits-few":
		return digitsTask(images{perClass: 5, validation: 60, split: split})
	case "digits-many":
		return digitsTask(images{perClass: 40, validation: 60, split: split})
	case "digits-three":
		return digitsTask(images{perClass: 8, validation: 80, split: split, classes: []int{0, 3, 4}}) // 5, 8, 9
	case "digits-noisy":
		return digitsTask(images{perClass: 20, validation: 60, split: split, wrong: 0.2})
	case "digits-lora":
		t, err := digitsTask(images{perClass: 15, validation: 60, split: split})
		if err == nil {
			t.Space.Tuning = space.Choose(finetune.Full, finetune.LoRA)
			t.Space.LoRARank = space.Int{Low: 1, High: 16, Log: true}
			t.Space.LoRAAlpha = space.Float{Low: 1, High: 64, Log: true}
			t.Defaults.LoRARank, t.Defaults.LoRAAlpha = 8, 16
		}
		return t, err
	case "breast-cancer":
		return tabularTask("breast-cancer", tabular.Config{ValidShare: 0.4, Seed: split})
	case "breast-few":
		return tabularTask("breast-cancer", tabular.Config{ValidShare: 0.85, Seed: split})
	case "wine":
		return tabularTask("wine", tabular.Config{ValidShare: 0.5, Seed: split})
	case "wine-alcohol":
		return tabularTask("wine", tabular.Config{ValidShare: 0.4, Seed: split, LabelColumn: "alcohol", Regression: true,
			IgnoreColumns: []string{"label"}})
	case "iris":
		return tabularTask("iris", tabular.Config{ValidShare: 0.6, Seed: split})
	case "fashion-few":
		t, err := fashion.Task()
		if err != nil {
			return nil, err
		}
		t.Defaults.NumTrainEpochs = 10
		return t, images{perClass: 10, validation: 20, split: split}.choose(t)
	}
	return nil, fmt.Errorf("task %q", name)
}

// images say which images a task trains and validates with.
type images struct {
	perClass, validation int
	split                uint64
	classes              []int   // labels that stay; nil: all
	wrong                float64 // share of the training images with a random label
}

func digitsTask(c images) (*finetune.Task, error) {
	t, err := finetune.Digits()
	if err != nil {
		return nil, err
	}
	return t, c.choose(t)
}

// choose shuffles all images of a task and divides them again.
func (c images) choose(t *finetune.Task) error {
	pixels := t.Training.X.Cols
	byClass := make([][][]float32, t.Training.Classes())
	for _, s := range []train.Set{t.Training, t.Validation, t.Test} {
		for i, label := range s.Labels {
			byClass[label] = append(byClass[label], s.X.Data[i*pixels:(i+1)*pixels])
		}
	}
	classes := c.classes
	if classes == nil {
		classes = make([]int, len(byClass))
		for i := range classes {
			classes[i] = i
		}
	}
	rng := rand.New(rand.NewPCG(c.split, 11))
	t.Training, t.Validation, t.Test = train.Set{}, train.Set{}, train.Set{}
	for label, class := range classes {
		all := byClass[class]
		if len(all) < c.perClass+c.validation {
			return fmt.Errorf("%d images of a class, want %d", len(all), c.perClass+c.validation)
		}
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for i, image := range all[:c.perClass+c.validation] {
			part, given := &t.Training, label
			if i >= c.perClass {
				part = &t.Validation
			} else if rng.Float64() < c.wrong {
				given = rng.IntN(len(classes))
			}
			part.X.Data = append(part.X.Data, image...)
			part.Labels = append(part.Labels, given)
		}
	}
	for _, part := range []*train.Set{&t.Training, &t.Validation} {
		part.X = blas32.General{Rows: len(part.Labels), Cols: pixels, Stride: pixels, Data: part.X.Data}
	}
	return nil
}

// tabularTask makes a task of an embedded table.
func tabularTask(table string, c tabular.Config) (*finetune.Task, error) {
	packed, err := taskFiles.ReadFile("tasks/" + table + ".csv.gz")
	if err != nil {
		return nil, err
	}
	plain, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(plain)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "bluefin-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	c.Train = filepath.Join(dir, table+".csv")
	if err := os.WriteFile(c.Train, text, 0o600); err != nil {
		return nil, err
	}
	t, err := tabular.New(c)
	if err != nil {
		return nil, err
	}
	return t.Task, nil
}

// diverged is the value of the epochs that a diverged training did not reach, as in our tables.
const diverged = 99.99

// trainingTuning returns a task that trains and remembers its curves.
func trainingTuning(name string, split uint64, dir string) (*tuning, error) {
	task, err := newTraining(name, split)
	if err != nil {
		return nil, fmt.Errorf("task %s: %w", name, err)
	}
	// Every training has the same length, so that budgets and rungs mean the same everywhere. The
	// recommended number of epochs is not searched.
	epochs := task.Defaults.NumTrainEpochs
	task.Space.NumTrainEpochs, task.Patience, task.EvaluateAtMost = space.Int{}, epochs, -1
	id, err := task.ID()
	if err != nil {
		return nil, fmt.Errorf("task %s: %w", name, err)
	}
	memory, err := openCurves(filepath.Join(dir, fmt.Sprintf("%s-%d-%.12s.jsonl", name, split, id)), dir != "")
	if err != nil {
		return nil, err
	}
	t := &tuning{name: name, id: name + "-" + id, epochs: epochs, dims: task.Space.Dims(), first: map[string]float64{}, best: true}
	for name, v := range task.Space.Params(task.Defaults, task.Layers) {
		d, _ := t.dims.Get(name)
		if t.first[name], err = d.Internal(v); err != nil {
			return nil, fmt.Errorf("task %s: %s: %w", t.name, name, err)
		}
	}
	t.draw = func(ask functions.Ask) point {
		p := point{}
		// Those that depend on others, which sort before them otherwise, come last.
		for _, last := range []bool{false, true} {
			for _, d := range t.dims {
				if strings.HasPrefix(d.Name, "lora_") == last && active(d.Name, p, task.Layers) {
					p[d.Name] = ask(d.Name, d.Dist)
				}
			}
		}
		return p
	}
	t.curve = func(ctx context.Context, p point, n int) ([]float64, error) {
		return memory.get(p, n, func() ([]float64, error) { return trainTo(ctx, task, t, p, rounds(n, epochs)) })
	}
	t.minimum = func() float64 { return memory.least(epochs) }
	if split == 0 {
		t.sibling = sync.OnceValues(func() (*tuning, error) { return trainingTuning(name, 1, dir) })
	}
	return t, nil
}

// active reports whether a setting with the values so far has the parameter, as finetune.Space does.
func active(name string, p point, layers int) bool {
	frozen := p["frozen_layers"] == float64(layers) && layers > 0
	switch name {
	case "tuning":
		return !frozen
	case "lora_r", "lora_alpha":
		// The second choice; an absent one is 0.
		return !frozen && p["tuning"] == 1
	}
	return true
}

// rounds is how far a training goes that needs n epochs: few trainings are taken up again.
func rounds(n, epochs int) int {
	for _, part := range []int{9, 3} {
		if stop := (epochs + part - 1) / part; n <= stop {
			return stop
		}
	}
	return epochs
}

var errEnough = errors.New("enough epochs")

// trainTo trains a setting for n epochs.
func trainTo(ctx context.Context, task *finetune.Task, t *tuning, p point, n int) ([]float64, error) {
	external := map[string]any{}
	for name, x := range p {
		d, _ := t.dims.Get(name)
		external[name] = d.External(x)
	}
	// Settings have the names of the parameters in JSON.
	text, err := json.Marshal(external)
	if err != nil {
		return nil, err
	}
	s := task.Defaults
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, err
	}
	curve := make([]float64, 0, n)
	_, err = task.Run(ctx, s, 1, func(_ int, m train.Metrics) error {
		curve = append(curve, math.Min(m.Validation.Loss, diverged))
		if len(curve) == n && n < t.epochs {
			return errEnough
		}
		return nil
	})
	switch {
	case errors.Is(err, train.ErrDiverged):
		for len(curve) < n {
			curve = append(curve, diverged)
		}
	case err != nil && !errors.Is(err, errEnough):
		return nil, fmt.Errorf("task %s: %w", t.name, err)
	case len(curve) != n:
		return nil, fmt.Errorf("task %s: %d epochs, want %d", t.name, len(curve), n)
	}
	return curve, nil
}

package finetune

import (
	"encoding/json"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestSettingsHaveTheSameNamesEverywhere(t *testing.T) {
	want := []string{"batch_size", "dropout", "frozen_layers", "learning_rate", "lr_scheduler_type", "num_train_epochs", "warmup_ratio", "weight_decay"}
	text, err := json.Marshal(Defaults())
	if err != nil {
		t.Fatal(err)
	}
	var inJSON map[string]any
	if err := json.Unmarshal(text, &inJSON); err != nil {
		t.Fatal(err)
	}
	var inSpace []string
	for _, d := range DefaultSpace().Dims() {
		inSpace = append(inSpace, d.Name)
	}
	for where, got := range map[string][]string{
		"JSON":   slices.Sorted(maps.Keys(inJSON)),
		"Params": slices.Sorted(maps.Keys(Defaults().Params())),
		"Dims":   inSpace,
	} {
		if !slices.Equal(got, want) {
			t.Errorf("%s has %v, want %v", where, got, want)
		}
	}
	for name, v := range Defaults().Params() {
		a, _ := json.Marshal(v)
		b, _ := json.Marshal(inJSON[name])
		if string(a) != string(b) {
			t.Errorf("%s is %s in Params and %s in JSON", name, a, b)
		}
	}
}

func TestDefaultsAreInTheDefaultSpace(t *testing.T) {
	params := Defaults().Params()
	for _, d := range DefaultSpace().Dims() {
		if err := d.Dist.Check(); err != nil {
			t.Errorf("%s: %v", d.Name, err)
		}
		if _, err := d.Dist.Internal(params[d.Name]); err != nil {
			t.Errorf("%s: %v", d.Name, err)
		}
	}
}

func TestBothEndsOfTheDefaultSpaceTrain(t *testing.T) {
	task := digitsTask(t)
	for _, d := range DefaultSpace().Dims() {
		for _, u := range []float64{0, 1} {
			params := Defaults().Params()
			params[d.Name] = d.Dist.External(d.Dist.Value(u))
			text, err := json.Marshal(params)
			if err != nil {
				t.Fatal(err)
			}
			var s Settings
			if err := json.Unmarshal(text, &s); err != nil {
				t.Fatal(err)
			}
			if r := mustRun(t, task, s, 1); !(r.ValidationLoss < 10) {
				t.Errorf("%s is %v: validation loss %v, want a finite one", d.Name, params[d.Name], r.ValidationLoss)
			}
		}
	}
}

func TestCheck(t *testing.T) {
	if err := Defaults().Check(); err != nil {
		t.Errorf("defaults: %v", err)
	}
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		change func(*Settings)
		want   string
	}{
		{func(s *Settings) { s.LearningRate = 0 }, "learning_rate is 0, want"},
		{func(s *Settings) { s.LearningRate = nan }, "learning_rate is NaN, want"},
		{func(s *Settings) { s.LearningRate = inf }, "learning_rate is +Inf, want"},
		{func(s *Settings) { s.BatchSize = 0 }, "batch_size is 0, want at least 1"},
		{func(s *Settings) { s.NumTrainEpochs = 0 }, "num_train_epochs is 0, want at least 1"},
		{func(s *Settings) { s.Dropout = -0.1 }, "dropout is -0.1, want"},
		{func(s *Settings) { s.Dropout = 1 }, "dropout is 1, want at least 0 and below 1"},
		{func(s *Settings) { s.Dropout = nan }, "dropout is NaN, want"},
		{func(s *Settings) { s.WeightDecay = -1 }, "weight_decay is -1, want"},
		{func(s *Settings) { s.WeightDecay = nan }, "weight_decay is NaN, want"},
		{func(s *Settings) { s.WeightDecay = inf }, "weight_decay is +Inf, want"},
		{func(s *Settings) { s.WarmupRatio = -0.1 }, "warmup_ratio is -0.1, want 0 to 1"},
		{func(s *Settings) { s.WarmupRatio = 1.1 }, "warmup_ratio is 1.1, want 0 to 1"},
		{func(s *Settings) { s.WarmupRatio = nan }, "warmup_ratio is NaN, want 0 to 1"},
		{func(s *Settings) { s.FrozenLayers = -1 }, "frozen_layers is -1, want 0 to 3"},
		{func(s *Settings) { s.FrozenLayers = 4 }, "frozen_layers is 4, want 0 to 3"},
		{func(s *Settings) { s.LRSchedulerType = "steps" }, `lr_scheduler_type: schedule is "steps", want`},
	} {
		s := Defaults()
		c.change(&s)
		err := s.Check()
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error is %v, want one with %q", err, c.want)
			continue
		}
		if _, runErr := digitsTask(t).Run(t.Context(), s, 1, silent); !reflect.DeepEqual(runErr, err) {
			t.Errorf("Run says %v, want %v", runErr, err)
		}
	}
}

package finetune

import (
	"encoding/json"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/mlp"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study"
)

// everything is a space in which all settings are searched that can be.
func everything() Space {
	sp := DefaultSpace(mlp.Hidden)
	sp.LabelSmoothing = space.Float{Low: 0, High: 0.2}
	sp.Tuning = space.Choose(Full, BitFit, LoRA)
	sp.LoRARank = space.Int{Low: 1, High: 8, Log: true}
	sp.LoRAAlpha = space.Float{Low: 1, High: 16, Log: true}
	sp.LayerwiseLRDecay = space.Float{Low: 0.5, High: 1}
	sp.GradualUnfreezing = space.Choose(false, true)
	return sp
}

func TestSettingsHaveTheSameNamesEverywhere(t *testing.T) {
	text, err := json.Marshal(Defaults())
	if err != nil {
		t.Fatal(err)
	}
	var inJSON map[string]any
	if err := json.Unmarshal(text, &inJSON); err != nil {
		t.Fatal(err)
	}
	var inSpace []string
	for _, d := range everything().Dims() {
		inSpace = append(inSpace, d.Name)
		if _, ok := inJSON[d.Name]; !ok {
			t.Errorf("%s is searched and not in JSON", d.Name)
		}
	}
	if want := len(inJSON) - 2; len(inSpace) != want { // max_grad_norm and gradient_accumulation_steps are not searched
		t.Errorf("%d settings are searched, %v, want %d", len(inSpace), inSpace, want)
	}
	lora := Defaults()
	lora.Tuning, lora.LoRARank, lora.LoRAAlpha = LoRA, 4, 8
	for _, s := range []Settings{Defaults(), lora} {
		for name, v := range everything().Params(s, mlp.Hidden) {
			a, _ := json.Marshal(v)
			text, _ := json.Marshal(s)
			json.Unmarshal(text, &inJSON)
			b, _ := json.Marshal(inJSON[name])
			if string(a) != string(b) {
				t.Errorf("%s is %s in Params and %s in JSON", name, a, b)
			}
		}
	}
}

func TestATrialHasTheSettingsThatMatter(t *testing.T) {
	common := []string{"batch_size", "dropout", "frozen_layers", "label_smoothing_factor", "learning_rate", "lr_scheduler_type", "num_train_epochs", "warmup_ratio", "weight_decay"}
	for _, c := range []struct {
		tuning string
		frozen int
		more   []string
	}{
		{Full, 0, []string{"gradual_unfreezing", "layerwise_lr_decay", "tuning"}},
		{BitFit, 2, []string{"tuning"}},
		{LoRA, 2, []string{"lora_alpha", "lora_r", "tuning"}},
		{LoRA, mlp.Hidden, nil},
		{Full, mlp.Hidden, nil},
	} {
		s := Defaults()
		s.Tuning, s.FrozenLayers = c.tuning, c.frozen
		got := slices.Sorted(maps.Keys(everything().Params(s, mlp.Hidden)))
		want := slices.Sorted(slices.Values(slices.Concat(common, c.more)))
		if !slices.Equal(got, want) {
			t.Errorf("%s with %d frozen layers: %v, want %v", c.tuning, c.frozen, got, want)
		}
	}
	if got := slices.Sorted(maps.Keys(DefaultSpace(mlp.Hidden).Params(Defaults(), mlp.Hidden))); len(got) != 8 {
		t.Errorf("in the default space: %v, want the 8 that have a range", got)
	}
}

func TestDefaultsAreInTheDefaultSpace(t *testing.T) {
	params := DefaultSpace(mlp.Hidden).Params(Defaults(), mlp.Hidden)
	for _, d := range DefaultSpace(mlp.Hidden).Dims() {
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
	for _, d := range DefaultSpace(mlp.Hidden).Dims() {
		for _, u := range []float64{0, 1} {
			params := map[string]any{}
			params[d.Name] = d.Dist.External(d.Dist.Value(u))
			text, err := json.Marshal(params)
			if err != nil {
				t.Fatal(err)
			}
			s := Defaults()
			if err := json.Unmarshal(text, &s); err != nil {
				t.Fatal(err)
			}
			if r := mustRun(t, task, s, 1); !(r.Best.Validation.Loss < 10) {
				t.Errorf("%s is %v: validation loss %v, want a finite one", d.Name, params[d.Name], r.Best.Validation.Loss)
			}
		}
	}
}

func TestCheck(t *testing.T) {
	if err := Defaults().Check(mlp.Hidden); err != nil {
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
		{func(s *Settings) { s.LabelSmoothing = 1 }, "label_smoothing_factor is 1, want at least 0 and below 1"},
		{func(s *Settings) { s.LabelSmoothing = nan }, "label_smoothing_factor is NaN, want"},
		{func(s *Settings) { s.MaxGradNorm = -1 }, "max_grad_norm is -1, want"},
		{func(s *Settings) { s.GradientAccumulationSteps = -1 }, "gradient_accumulation_steps is -1, want"},
		{func(s *Settings) { s.Tuning = "half" }, `tuning is "half", want`},
		{func(s *Settings) { s.Tuning = LoRA }, "lora_r is 0, want at least 1"},
		{func(s *Settings) { s.Tuning, s.LoRARank = LoRA, 1 }, "lora_alpha is 0, want"},
		{func(s *Settings) { s.LayerwiseLRDecay = 1.1 }, "layerwise_lr_decay is 1.1, want"},
		{func(s *Settings) { s.LRSchedulerType = "steps" }, `lr_scheduler_type: schedule is "steps", want`},
	} {
		s := Defaults()
		c.change(&s)
		err := s.Check(mlp.Hidden)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error is %v, want one with %q", err, c.want)
			continue
		}
		if _, runErr := digitsTask(t).Run(t.Context(), s, 1, silent); !reflect.DeepEqual(runErr, err) {
			t.Errorf("Run says %v, want %v", runErr, err)
		}
	}
}

// TestDefaultBeliefsAreAboutTheSevenSettings: each is in the default space of a task, around its default.
func TestDefaultBeliefsAreAboutTheSevenSettings(t *testing.T) {
	sp, base := DefaultSpace(mlp.Hidden), Defaults()
	s, err := study.Open(t.Context(), study.Config{})
	if err != nil {
		t.Fatal(err)
	}
	live, err := s.Ask(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first := sp.suggest(live, base, mlp.Hidden)
	if err := live.Err(); err != nil {
		t.Fatal(err)
	}
	first.WarmupRatio = base.WarmupRatio // nothing is believed about it
	if first != base {
		t.Errorf("trial 0 has %+v, want the defaults %+v", first, base)
	}
	for name := range sp.Beliefs {
		if _, ok := sp.Dims().Get(name); !ok {
			t.Errorf("a belief is about %s, which is not in the space", name)
		}
	}
	narrow := sp
	narrow.NumTrainEpochs = space.Int{Low: 1, High: base.NumTrainEpochs - 1}
	live, err = s.Ask(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if narrow.suggest(live, base, mlp.Hidden); live.Err() != nil {
		t.Errorf("a range without the default: %v, want no belief", live.Err())
	}
	if n := len(DefaultBeliefs()); n != 7 {
		t.Errorf("%d beliefs, want 7", n)
	}
}

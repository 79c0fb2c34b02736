package finetune

import (
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study"
)

// A Space is the range of each of the Settings. Settings without a range, the zero value, are not
// searched and keep the task's Defaults.
//
// A trial has a setting only where it matters: those of LoRA with that tuning, the learning-rate
// decay and the unfreezing where whole blocks are trained.
type Space struct {
	LearningRate      space.Float
	BatchSize         space.Int
	NumTrainEpochs    space.Int
	Dropout           space.Float
	WeightDecay       space.Float
	LRSchedulerType   space.Domain[string]
	WarmupRatio       space.Float
	FrozenLayers      space.Int
	LabelSmoothing    space.Float
	Tuning            space.Domain[string]
	LoRARank          space.Int
	LoRAAlpha         space.Float
	LayerwiseLRDecay  space.Float
	GradualUnfreezing space.Domain[bool]

	// Beliefs are how sure it is that good values are near the task's Defaults, by parameter. Those
	// about a default outside its range do not count. nil: nothing is believed.
	Beliefs map[string]space.Confidence
}

// DefaultSpace returns ranges for a small network with the given number of blocks. They include the
// Defaults, near which good settings are believed to be.
func DefaultSpace(layers int) Space {
	return Space{
		LearningRate:    space.Float{Low: 1e-5, High: 1e-1, Log: true},
		BatchSize:       space.Int{Low: 4, High: 64, Log: true},
		NumTrainEpochs:  space.Int{Low: 5, High: 60},
		Dropout:         space.Float{Low: 0, High: 0.5},
		WeightDecay:     space.Float{Low: 1e-4, High: 1, Log: true},
		LRSchedulerType: space.Choose(string(train.Constant), string(train.Linear), string(train.Cosine)),
		WarmupRatio:     space.Float{Low: 0, High: 0.3},
		FrozenLayers:    space.Int{Low: 0, High: layers},
		Beliefs:         DefaultBeliefs(),
	}
}

// visit calls ask for each searched setting that matters, with its name and place in s; ask sets
// it. A setting comes after those it depends on.
func (sp Space) visit(s *Settings, layers int, ask asker) {
	ask.float("learning_rate", sp.LearningRate, &s.LearningRate)
	ask.int("batch_size", sp.BatchSize, &s.BatchSize)
	ask.int("num_train_epochs", sp.NumTrainEpochs, &s.NumTrainEpochs)
	ask.float("dropout", sp.Dropout, &s.Dropout)
	ask.float("weight_decay", sp.WeightDecay, &s.WeightDecay)
	ask.text("lr_scheduler_type", sp.LRSchedulerType, &s.LRSchedulerType)
	ask.float("warmup_ratio", sp.WarmupRatio, &s.WarmupRatio)
	ask.int("frozen_layers", sp.FrozenLayers, &s.FrozenLayers)
	ask.float("label_smoothing_factor", sp.LabelSmoothing, &s.LabelSmoothing)
	if s.FrozenLayers == layers {
		return
	}
	ask.text("tuning", sp.Tuning, &s.Tuning)
	switch s.Tuning {
	case LoRA:
		ask.int("lora_r", sp.LoRARank, &s.LoRARank)
		ask.float("lora_alpha", sp.LoRAAlpha, &s.LoRAAlpha)
	case Full, "":
		ask.float("layerwise_lr_decay", sp.LayerwiseLRDecay, &s.LayerwiseLRDecay)
		ask.bool("gradual_unfreezing", sp.GradualUnfreezing, &s.GradualUnfreezing)
	}
}

// An asker decides one setting after another.
type asker func(name string, d space.Dist, s setting)

// A setting is a place in Settings.
type setting interface {
	external() any // its value

	// suggest sets it to the trial's value. Good ones are believed to be near its present one, unless
	// c is 0.
	suggest(t *study.Trial, c space.Confidence)
}

type place[T any] struct {
	name   string
	domain space.Domain[T]
	at     *T
}

func (p place[T]) external() any { return *p.at }

func (p place[T]) suggest(t *study.Trial, c space.Confidence) {
	d := p.domain
	if _, err := d.Dist().Internal(p.external()); c != 0 && err == nil {
		d = space.Near(d, *p.at, c)
	}
	*p.at = study.Suggest(t, p.name, d)
}

func (a asker) float(name string, d space.Float, at *float64) {
	if d != (space.Float{}) {
		a(name, d, place[float64]{name, d, at})
	}
}

func (a asker) int(name string, d space.Int, at *int) {
	if d != (space.Int{}) {
		a(name, d, place[int]{name, d, at})
	}
}

func (a asker) text(name string, d space.Domain[string], at *string) {
	if d != nil {
		a(name, d.Dist(), place[string]{name, d, at})
	}
}

func (a asker) bool(name string, d space.Domain[bool], at *bool) {
	if d != nil {
		a(name, d.Dist(), place[bool]{name, d, at})
	}
}

// suggest returns base with the searched settings of the trial.
func (sp Space) suggest(t *study.Trial, base Settings, layers int) Settings {
	sp.visit(&base, layers, asker(func(name string, _ space.Dist, s setting) { s.suggest(t, sp.Beliefs[name]) }))
	return base
}

// Params returns the parameters in sp of a trial with settings s, by name in external form, for
// study.Enqueue. Layers is the number of blocks.
func (sp Space) Params(s Settings, layers int) map[string]any {
	params := make(map[string]any)
	sp.visit(&s, layers, asker(func(name string, _ space.Dist, at setting) { params[name] = at.external() }))
	return params
}

// Dims returns all parameters that a trial may have.
func (sp Space) Dims() space.Space {
	var dims []space.Dimension
	seen := make(map[string]bool)
	add := asker(func(name string, d space.Dist, _ setting) {
		if !seen[name] {
			seen[name] = true
			dims = append(dims, space.Dimension{Name: name, Dist: d})
		}
	})
	for _, tuning := range []string{Full, LoRA} {
		s := Settings{Tuning: tuning}
		sp.visit(&s, 1, add)
	}
	return space.Must(space.New(dims...))
}

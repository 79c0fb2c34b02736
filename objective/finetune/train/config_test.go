package train

import (
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestTheZeroConfigHasTheDocumentedDefaults(t *testing.T) {
	full := Config{
		LearningRate: 5e-5, BatchSize: 8, GradientAccumulationSteps: 1, Epochs: 3,
		AdamBeta1: 0.9, AdamBeta2: 0.999, AdamEpsilon: 1e-8, MaxGradNorm: 1,
		Schedule: Linear, LREnd: 1e-7, Power: 1, LayerDecay: 1, Metric: MetricLoss, Patience: math.MaxInt,
	}
	if got := (Config{}).withDefaults(); !reflect.DeepEqual(got, full) {
		t.Errorf("defaults are %+v, want %+v", got, full)
	}
	// Each of them acts: with any other value the training is another.
	_, want, _ := fitBlobs(t, Config{})
	if _, got, _ := fitBlobs(t, full); !reflect.DeepEqual(got, want) {
		t.Error("the defaults written out train otherwise than the zero value")
	}
	for name, change := range map[string]func(*Config){
		"LearningRate":              func(c *Config) { c.LearningRate = 6e-5 },
		"BatchSize":                 func(c *Config) { c.BatchSize = 7 },
		"GradientAccumulationSteps": func(c *Config) { c.GradientAccumulationSteps = 2 },
		"Epochs":                    func(c *Config) { c.Epochs = 4 },
		"WeightDecay":               func(c *Config) { c.WeightDecay = 100 },
		"AdamBeta1":                 func(c *Config) { c.AdamBeta1 = 0.8 },
		"AdamBeta2":                 func(c *Config) { c.AdamBeta2 = 0.9 },
		"AdamEpsilon":               func(c *Config) { c.AdamEpsilon = 1 },
		"MaxGradNorm":               func(c *Config) { c.MaxGradNorm = 1e-6 },
		"LabelSmoothingFactor":      func(c *Config) { c.LabelSmoothingFactor = 0.9 },
		"ClassWeights":              func(c *Config) { c.ClassWeights = []float64{1, 3} },
		"Schedule":                  func(c *Config) { c.Schedule = Cosine },
		"WarmupRatio":               func(c *Config) { c.WarmupRatio = 0.5 },
		"WarmupSteps":               func(c *Config) { c.WarmupSteps = 5 },
		"LayerDecay":                func(c *Config) { c.LayerDecay = 0.5 },
		"GradualUnfreezing":         func(c *Config) { c.GradualUnfreezing = true },
		"EvaluateAtMost":            func(c *Config) { c.EvaluateAtMost = 7 },
		"no train scores":           func(c *Config) { c.EvaluateAtMost = -1 },
		"Seed":                      func(c *Config) { c.Seed = 1 },
	} {
		var c Config
		change(&c)
		if _, got, _ := fitBlobs(t, c); reflect.DeepEqual(got, want) {
			t.Errorf("%s: the training is the same with another value", name)
		}
	}
}

func TestCheckNamesTheFieldOutOfRange(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for want, cs := range map[string][]Config{
		"LearningRate is":              {{LearningRate: -1e-9}, {LearningRate: nan}, {LearningRate: inf}},
		"BatchSize is -1":              {{BatchSize: -1}},
		"GradientAccumulationSteps is": {{GradientAccumulationSteps: -1}},
		"Epochs is -1":                 {{Epochs: -1}},
		"WeightDecay is":               {{WeightDecay: -1e-9}, {WeightDecay: nan}, {WeightDecay: inf}},
		"AdamBeta1 is":                 {{AdamBeta1: -0.1}, {AdamBeta1: 1}, {AdamBeta1: nan}},
		"AdamBeta2 is":                 {{AdamBeta2: -0.1}, {AdamBeta2: 1}, {AdamBeta2: nan}},
		"AdamEpsilon is":               {{AdamEpsilon: -1}, {AdamEpsilon: inf}},
		"MaxGradNorm is":               {{MaxGradNorm: nan}, {MaxGradNorm: inf}, {MaxGradNorm: -inf}},
		"LabelSmoothingFactor is":      {{LabelSmoothingFactor: -0.1}, {LabelSmoothingFactor: 1}, {LabelSmoothingFactor: nan}},
		"ClassWeights[1] is":           {{ClassWeights: []float64{1, -1}}, {ClassWeights: []float64{1, nan}}, {ClassWeights: []float64{1, inf}}},
		`schedule is "linaer"`:         {{Schedule: "linaer"}},
		"WarmupRatio is":               {{WarmupRatio: -0.1}, {WarmupRatio: 1.1}, {WarmupRatio: nan}},
		"WarmupSteps is -1":            {{WarmupSteps: -1}},
		"LREnd is":                     {{Schedule: Polynomial, LREnd: 5e-5}, {Schedule: Polynomial, LREnd: -1}, {Schedule: Polynomial, LREnd: nan}, {Schedule: Polynomial, LearningRate: 1e-8}},
		"Power is":                     {{Power: -1}, {Power: inf}},
		"Timescale is -1":              {{Timescale: -1}},
		"LayerDecay is":                {{LayerDecay: -0.1}, {LayerDecay: 1.1}, {LayerDecay: nan}},
		`metric is "accuarcy"`:         {{Metric: "accuarcy"}},
		"Patience is -1":               {{Patience: -1}},
		"EarlyStoppingThreshold is":    {{EarlyStoppingThreshold: -1}, {EarlyStoppingThreshold: inf}},
	} {
		for _, c := range cs {
			err := c.Check()
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%+v: error is %v, want one that begins with %q", c, err, want)
			}
			if _, fitErr := Fit(t.Context(), network(), blobs(20, 1), blobs(9, 2), c, nil, nil); fitErr == nil || err == nil || fitErr.Error() != err.Error() {
				t.Errorf("Fit returns %v, want what Check does: %v", fitErr, err)
			}
		}
	}
	for _, c := range []Config{
		{}, {MaxGradNorm: -1}, {WarmupRatio: 1}, {LabelSmoothingFactor: 0.99}, {LayerDecay: 1}, {LayerDecay: 0.01}, {LREnd: 1}, {EvaluateAtMost: -1},
		{ClassWeights: []float64{0, 1}}, {Patience: 1}, {Schedule: Polynomial, LREnd: 4.9e-5}, {AdamBeta1: 1e-9, AdamBeta2: 1 - 1e-9},
	} {
		if err := c.Check(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestMaxGradNormBelow0IsNoLimit(t *testing.T) {
	run := func(most float64) []Metrics {
		c := config
		c.MaxGradNorm = most
		_, seen, _ := fitBlobs(t, c)
		return seen
	}
	if !reflect.DeepEqual(run(-1), run(1e9)) {
		t.Error("-1 trains otherwise than a limit that no gradient reaches")
	}
	if reflect.DeepEqual(run(-1), run(1e-3)) {
		t.Error("a limit that every gradient reaches changes nothing")
	}
}

func TestWarmupStepsOverrideTheRatio(t *testing.T) {
	c := Config{LearningRate: 1, WarmupRatio: 0.5, WarmupSteps: 2, Schedule: Constant}
	for step, want := range []float64{0, 0.5, 1, 1} {
		if got := c.withDefaults().rate(step, 10); got != want {
			t.Errorf("rate in step %d is %v, want %v", step, got, want)
		}
	}
	// A warmup longer than the training never ends.
	c.WarmupSteps, c.Schedule = 20, Linear
	if got := c.withDefaults().rate(9, 10); got != 9./20 {
		t.Errorf("rate in the last of 10 steps is %v, want 9/20 of a warmup of 20", got)
	}
}

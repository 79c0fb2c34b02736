package sampler_test

import (
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/sampler/samplertest"
)

func TestRandomConforms(t *testing.T) {
	samplertest.Run(t, func() sampler.Sampler { return sampler.Random{} })
}

func TestPriorBandConforms(t *testing.T) {
	samplertest.Run(t, func() sampler.Sampler { return sampler.PriorBand{} })
}

func TestTPEConforms(t *testing.T) {
	for _, c := range []struct {
		name string
		tpe  func() sampler.Sampler
	}{
		{"default", func() sampler.Sampler { return &sampler.TPE{} }},
		{"one parameter at a time", func() sampler.Sampler { return &sampler.TPE{Independent: true} }},
		{"a model from the first trial on, one candidate", func() sampler.Sampler {
			return &sampler.TPE{StartupTrials: 1, Candidates: 1}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			samplertest.Run(t, c.tpe)
		})
	}
}

func TestTPEImproves(t *testing.T) {
	samplertest.Improves(t, func() sampler.Sampler { return &sampler.TPE{} })
	samplertest.Improves(t, func() sampler.Sampler { return &sampler.TPE{Independent: true} })
}

func TestAutoConforms(t *testing.T) {
	samplertest.Run(t, func() sampler.Sampler { return &sampler.Auto{} })
	if !testing.Short() {
		t.Run("eight workers", func(t *testing.T) {
			samplertest.Run(t, func() sampler.Sampler { return &sampler.Auto{Workers: 8} })
		})
	}
}

func TestAutoImproves(t *testing.T) {
	samplertest.ImprovesSoon(t, func() sampler.Sampler { return &sampler.Auto{} })
}

func TestSamplersThatLearnDoNotRepeatThemselves(t *testing.T) {
	grid := sampler.Grid{Values: map[string][]any{"x": {1, 2, 3, 4, 5}, "y": {0.0, 0.5, 1.0, 1.5}, "c": {"a", "b", "c"}}}
	for name, newSampler := range map[string]func() sampler.Sampler{
		"TPE":        func() sampler.Sampler { return &sampler.TPE{} },
		"GP":         func() sampler.Sampler { return &sampler.GP{} },
		"Auto":       func() sampler.Sampler { return &sampler.Auto{} },
		"Grid":       func() sampler.Sampler { return grid },
		"BruteForce": func() sampler.Sampler { return sampler.BruteForce{} },
		"PartialFixed": func() sampler.Sampler {
			return sampler.PartialFixed{Values: map[string]any{"other": 1}, Sampler: &sampler.TPE{}}
		},
	} {
		t.Run(name, func(t *testing.T) { samplertest.NoRepeats(t, newSampler) })
	}
}

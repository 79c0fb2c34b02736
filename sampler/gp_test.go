package sampler_test

import (
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/sampler/samplertest"
)

func TestGPConforms(t *testing.T) {
	for _, c := range []struct {
		name string
		gp   sampler.GP
	}{
		{"default", sampler.GP{}},
		{"a model from the first trial on, without noise", sampler.GP{StartupTrials: 1, Deterministic: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			samplertest.Run(t, func() samplertest.Sampler { return &sampler.GP{StartupTrials: c.gp.StartupTrials, Deterministic: c.gp.Deterministic} })
		})
	}
}

func TestGPImproves(t *testing.T) {
	samplertest.Improves(t, func() samplertest.Sampler { return &sampler.GP{} })
}

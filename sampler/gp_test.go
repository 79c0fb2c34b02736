package sampler_test

import (
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/sampler/samplertest"
)

func TestGPConforms(t *testing.T) {
	t.Run("default", func(t *testing.T) {
		samplertest.Run(t, func() sampler.Sampler { return &sampler.GP{} })
	})
	if testing.Short() {
		return
	}
	t.Run("a model from the first trial on, without noise", func(t *testing.T) {
		samplertest.Run(t, func() sampler.Sampler { return &sampler.GP{StartupTrials: 1, Deterministic: true} })
	})
}

func TestGPImproves(t *testing.T) {
	samplertest.ImprovesSoon(t, func() sampler.Sampler { return &sampler.GP{} })
}

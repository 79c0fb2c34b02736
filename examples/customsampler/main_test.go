package main

import (
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/sampler/samplertest"
)

func TestLocalConforms(t *testing.T) {
	samplertest.Run(t, func() sampler.Sampler { return Local{} })
}

func TestLocalImproves(t *testing.T) {
	samplertest.Improves(t, func() sampler.Sampler { return Local{} })
}

package main

import (
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler/samplertest"
)

func TestLocalConforms(t *testing.T) {
	samplertest.Run(t, func() samplertest.Sampler { return Local{} })
}

func TestLocalImproves(t *testing.T) {
	samplertest.Improves(t, func() samplertest.Sampler { return Local{} })
}

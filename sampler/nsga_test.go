package sampler_test

import (
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/sampler/samplertest"
)

func TestNSGAConforms(t *testing.T) {
	few := sampler.Breeding{Population: 6} // so that the suite's short studies have children
	for name, newSampler := range map[string]func() sampler.Sampler{
		"NSGA2": func() sampler.Sampler { return &sampler.NSGA2{Breeding: few} },
		"NSGA3": func() sampler.Sampler { return &sampler.NSGA3{Breeding: few} },
		"Optuna's rules": func() sampler.Sampler {
			return &sampler.NSGA2{Breeding: sampler.Breeding{Population: 6, Optuna: true}}
		},
		"three parents": func() sampler.Sampler {
			return &sampler.NSGA2{Breeding: sampler.Breeding{Population: 6, Crossover: sampler.UNDX}}
		},
	} {
		t.Run(name, func(t *testing.T) { samplertest.Run(t, newSampler) })
	}
}

func TestNSGAImproves(t *testing.T) {
	samplertest.Improves(t, func() sampler.Sampler { return &sampler.NSGA2{Breeding: sampler.Breeding{Population: 20}} })
	samplertest.Improves(t, func() sampler.Sampler { return &sampler.NSGA3{Breeding: sampler.Breeding{Population: 20}} })
}

package tpe

import (
	"math/rand/v2"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// SampleJoint and Sample are those of sampler.TPE.
func (s *Search) SampleJoint(r Request) (map[string]float64, error) { return s.Joint(r), nil }

func (s *Search) Sample(r Request, name string, d space.Dist) (float64, error) {
	return s.One(r, name, d), nil
}

// newRequest is sampler.NewRequest.
func newRequest(h trial.History, t *trial.Trial, r *rand.Rand) Request {
	return Request{History: h.WithoutRunning(), Trial: t, Rand: r, Running: h.Running}
}

// random is sampler.Random.
type random struct{}

func (random) Sample(r Request, name string, d space.Dist) (float64, error) {
	return d.Value(r.Rand.Float64()), nil
}

package tpe

import (
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler/internal/belief"
	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/sampler/internal/parzen"
	"github.com/bluefin-hpo/bluefin/space"
)

const (
	believed = 4    // trials before the first model if there are beliefs
	pseudos  = 2.0  // weight of what is believed, in good trials, after the first model
	faded    = 0.02 // weight below which it is left out
)

// A pseudo is a good trial that was not run: what is believed about a space. Its kernel has the
// centers and spreads of the beliefs, and it weighs less with each trial.
type pseudo struct {
	x, sigma []float64 // by parameter; x is parzen.Missing where nothing is believed
	weight   float64   // 0: nothing is believed
}

// believe returns the pseudo-trial of a request after seen trials.
func (m *model) believe(r Request, seen int) (p pseudo) {
	p.weight = pseudos * believed / float64(max(seen, 1))
	if len(r.Beliefs) == 0 || p.weight < faded {
		return pseudo{}
	}
	held := belief.Held(r.History, r.Beliefs)
	known := false
	for _, d := range m.space {
		x, sigma := float64(parzen.Missing), 1.0
		if b := held.Belief(d.Name, d.Dist); b != nil {
			x, sigma, known = cube.Unit(d.Dist, b.Mode()), b.Spread, true
		}
		p.x, p.sigma = append(p.x, x), append(p.sigma, sigma)
	}
	if !known {
		return pseudo{}
	}
	return p
}

func (p pseudo) same(q pseudo) bool {
	return p.weight == q.weight && slices.Equal(p.x, q.x) && slices.Equal(p.sigma, q.sigma)
}

// add adds the kernel to the column of parameter i.
func (p pseudo) add(c *parzen.Column, i int) {
	if p.weight > 0 {
		c.X = append(c.X, p.x[i])
		if c.Sigma != nil {
			c.Sigma = append(c.Sigma, p.sigma[i])
		}
	}
}

// startNear returns a point near what is believed, untried if the space is finite, before there is
// a model.
func (s *Search) startNear(r Request, held space.Space) map[string]float64 {
	values := belief.Startup(held, r.Trial, r.Rand)
	sp := cube.Free(s.whole(r.History))
	if s.Optuna || s.Groups || len(sp) == 0 || !cube.IsFinite(sp) {
		return values
	}
	now := s.view(r, sp)
	if now.untried == nil {
		return values
	}
	const tries = 50
	for range tries {
		point := make([]float64, len(sp))
		for i, d := range sp {
			x, ok := values[d.Name]
			if !ok || !d.Dist.Contains(x) {
				x = d.Dist.Value(r.Rand.Float64())
				values[d.Name] = x
			}
			point[i] = cube.Unit(d.Dist, x)
		}
		if now.untried(point) {
			return values
		}
		values = belief.Startup(held, r.Trial, r.Rand)
	}
	return s.startNew(r)
}

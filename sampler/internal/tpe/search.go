// Package tpe is the tree-structured Parzen estimator on the trials of a study. It keeps
// what it has computed from a history and updates only what a finished trial changes.
package tpe

import (
	"math/rand/v2"
	"sync"

	"github.com/bluefin-hpo/bluefin/sampler/internal/belief"
	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/sampler/internal/outcome"
	"github.com/bluefin-hpo/bluefin/sampler/internal/parzen"
	"github.com/bluefin-hpo/bluefin/sampler/internal/recent"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A Search has the settings of sampler.TPE. It is safe for concurrent use.
type Search struct {
	StartupTrials int
	Candidates    int
	Independent   bool
	Groups        bool
	Optuna        bool

	outcomes outcome.Learner

	mu        sync.Mutex            // held while drawing
	histories recent.List[*history] // a cache
}

// A Request is a sampler.Request.
type Request struct {
	History trial.History
	Trial   *trial.Trial
	Rand    *rand.Rand
	Running func() []*trial.Trial
	Beliefs space.Space
}

// Joint draws the parameters that are drawn together. During startup it returns a point that probably
// runs if some trial did not, an untried point of a finite space, otherwise nothing.
func (s *Search) Joint(r Request) map[string]float64 {
	if s.Independent || len(r.History.Directions()) > 1 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.starting(r) {
		held := belief.Held(r.History, r.Beliefs)
		if chances := s.chances(r); chances != nil {
			return chances.Draw(held, r.Trial, r.Running(), r.Rand)
		}
		if held != nil {
			return s.startNear(r, held)
		}
		return s.startNew(r)
	}
	values := map[string]float64{}
	for _, sp := range s.spaces(r) {
		for i, x := range s.drawNew(r, sp) {
			values[sp[i].Name] = x
		}
	}
	return values
}

// One draws a single parameter.
func (s *Search) One(r Request, name string, d space.Dist) float64 {
	switch {
	case d.Len() == 1:
		return d.Value(0)
	case s.starting(r):
		if x, ok := belief.One(belief.Held(r.History, r.Beliefs), r.Trial, r.Rand, name, d); ok {
			return x
		}
		return d.Value(r.Rand.Float64())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draw(r, space.Space{{Name: name, Dist: d}})[0]
}

// starting reports whether there are too few trials for a model.
func (s *Search) starting(r Request) bool {
	return r.History.NumRanked() < s.startupTrials(r)
}

// startupTrials returns how many trials must be complete or pruned. Beliefs stand in for some.
func (s *Search) startupTrials(r Request) int {
	switch {
	case s.StartupTrials != 0:
		return s.StartupTrials
	case !s.Optuna && belief.Held(r.History, r.Beliefs) != nil:
		return believed
	}
	return 10
}

// draw returns a value for each parameter of sp, in internal form. The caller holds mu.
func (s *Search) draw(r Request, sp space.Space) []float64 {
	now := s.view(r, sp)
	c := newCandidates(sp, s.candidates())
	c.draw(r.Rand, now.good)
	return c.values(c.best(now))
}

// drawNew is draw, but in a finite space it returns an untried point while there is one.
func (s *Search) drawNew(r Request, sp space.Space) []float64 {
	now := s.view(r, sp)
	c := newCandidates(sp, s.candidates())
	c.draw(r.Rand, now.good)
	j := c.best(now)
	if now.untried != nil && !now.untried(c.point(j)) {
		c = c.without(r.Rand, now)
		j = c.best(now)
	}
	return c.values(j)
}

// startNew returns an untried point at random if the space is finite, otherwise nothing.
func (s *Search) startNew(r Request) map[string]float64 {
	if s.Optuna || s.Groups || r.History.NumRanked() == 0 {
		return nil
	}
	sp := cube.Free(s.whole(r.History))
	if len(sp) == 0 || !cube.IsFinite(sp) {
		return nil
	}
	now := s.view(r, sp)
	if now.untried == nil {
		return nil
	}
	values := map[string]float64{}
	if c := atRandom(sp, 1, r.Rand, now); c != nil {
		for i, x := range c.values(0) {
			values[sp[i].Name] = x
		}
	}
	return values
}

func (s *Search) candidates() int {
	if s.Candidates == 0 {
		return 24
	}
	return s.Candidates
}

// A view holds what TPE knows about one space. It is valid until mu is unlocked.
type view struct {
	good *parzen.Estimator
	poor *parzen.Live // of all other trials

	untried func(point []float64) bool // see model.untried
	within  int

	chances *outcome.Chances // nil: all trials ran
	trial   *trial.Trial     // to draw for
}

// view brings the model of sp up to date.
func (s *Search) view(r Request, sp space.Space) view {
	f := s.history(r.History)
	m := f.model(sp)
	good, poor := m.follow(f, r)
	untried, within := m.untried(f, r)
	return view{good, poor, untried, within, s.chances(r), r.Trial}
}

// chances returns what is known of which parameters run, nil if all trials did or the rules do not use
// it.
func (s *Search) chances(r Request) *outcome.Chances {
	if s.Optuna || s.Independent {
		return nil
	}
	return s.outcomes.Chances(r.History.Finished())
}

// groups returns the groups of parameters of a history.
func (s *Search) groups(h trial.History) []space.Space {
	return s.history(h).groups(len(h.Finished()))
}

// whole returns the parameters that are drawn jointly.
func (s *Search) whole(h trial.History) space.Space {
	return s.history(h).whole(len(h.Finished())).steady
}

// history returns the state derived from a history, up to date.
func (s *Search) history(h trial.History) *history {
	f := s.histories.Get(
		func(f *history) bool { return f.of(h) },
		func() *history { return newHistory(h, s.rules(len(h.Directions()))) })
	f.advance(h)
	return f
}

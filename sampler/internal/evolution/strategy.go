// Package evolution runs the covariance matrix adaptation evolution strategy on
// the trials of a study: it sorts them into generations, tells package cma what
// they found, and draws the next point.
package evolution

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"gonum.org/v1/gonum/mat"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cma"
	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/sampler/internal/rank"
	"github.com/bluefin-hpo/bluefin/sampler/internal/recent"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A Strategy has the settings of sampler.CMAES. It is safe for concurrent use.
type Strategy struct {
	StartupTrials int
	Population    int
	Sigma         float64 // 0: firstSigma
	Separable     bool
	AdaptRates    bool
	Margin        bool
	Restart       Restart
	Optuna        bool
	Source        trial.History

	mu    sync.Mutex
	lines recent.List[*line] // a cache
}

// A line is how far the fold over one history has come.
type line struct {
	first       *trial.Trial // identifies the history
	beliefs     space.Space
	newest      search   // after the last call
	generations []search // the starts of the last two, for workers whose history is a little older
}

// Draw returns the parameters of trial t, in internal form, after the finished
// trials of h. It returns none before the first generation. The first search starts
// at the centers of the beliefs.
func (s *Strategy) Draw(h trial.History, beliefs space.Space, t *trial.Trial, r *rand.Rand) map[string]float64 {
	now := s.fold(h, beliefs)
	if now.state == nil {
		return nil
	}
	values := make(map[string]float64, len(now.space))
	for i, u := range now.draw(t, r, s.Optuna) {
		values[now.space[i].Name] = now.space[i].Dist.Value(u)
	}
	return values
}

// fold returns the search after the finished trials of h. It resumes from what
// an earlier call with this history has cached.
func (s *Strategy) fold(h trial.History, beliefs space.Space) search {
	all, direction := h.Finished(), h.Directions()[0]
	if len(all) == 0 {
		return search{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	line := s.lines.Get(
		func(l *line) bool { return l.first == all[0] && slices.EqualFunc(l.beliefs, beliefs, sameBelief) },
		func() *line { return &line{first: all[0], beliefs: beliefs, newest: search{beliefs: beliefs}} })
	e := line.newest
	if !e.within(all) {
		e = search{beliefs: beliefs}
		for _, g := range line.generations {
			if g.within(all) {
				e = g
			}
		}
	}
	for _, t := range all[e.seen:] {
		next := e.with(t, direction, s)
		if next.began != e.began {
			line.generations = append(line.generations[max(0, len(line.generations)-1):], next)
		}
		e = next
	}
	line.newest = e
	return e
}

// firstSigma is the step size of a new search in the unit cube.
const firstSigma = 1.0 / 6

func (s *Strategy) sigma() float64 { return cmp.Or(s.Sigma, firstSigma) }

// sameBelief reports whether two parameters have the same distribution and belief.
func sameBelief(a, b space.Dimension) bool {
	return a.Name == b.Name && space.Equal(a.Dist, b.Dist) && a.Belief.Same(b.Belief)
}

// origin returns the distribution with which the first search starts.
func (s *Strategy) origin(sp, beliefs space.Space) (mean []float64, sigma float64, cov *mat.SymDense) {
	var points [][]float64
	var values []float64
	bounds := s.bounds(sp)
	for _, t := range s.Source.Finished() {
		x, ok := pointOf(sp, t)
		if !ok || t.State != trial.Complete || t.Violation() > 0 || math.IsNaN(t.Values[0]) {
			continue
		}
		points, values = append(points, bounds.Unfold(x)), append(values, rank.Loss(t.Values[0], s.Source.Directions()[0]))
	}
	if len(points) < 10 {
		mean = slices.Repeat([]float64{0.5}, len(sp))
		for i, d := range sp {
			if b := beliefs.Belief(d.Name, d.Dist); b != nil {
				mean[i] = d.Dist.Unit(b.Center)
			}
		}
		return mean, s.sigma(), nil
	}
	return cma.WarmStart(points, values, 0.1, 0.1)
}

// pointOf returns where t is in sp. It reports false if t lacks a parameter or has
// a value outside its range.
func pointOf(sp space.Space, t *trial.Trial) (x []float64, ok bool) {
	x = make([]float64, len(sp))
	for i, d := range sp {
		p, ok := t.Param(d.Name)
		if !ok || !d.Dist.Contains(p.Value) || cube.IsCategorical(p.Dist) {
			return nil, false
		}
		x[i] = d.Dist.Unit(p.Value)
	}
	return x, true
}

// bounds returns those of a search in sp. A grid has a cell at each end and
// nothing to gain beyond, so its bounds are sharp.
func (s *Strategy) bounds(sp space.Space) cma.Bounds {
	b := cma.Bounds{Sharp: make([]bool, len(sp))}
	for i, d := range sp {
		b.Sharp[i] = s.Optuna || cube.Grid(d.Dist) != nil
	}
	return b
}

package sampler

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/sampler/internal/cma"
	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/sampler/internal/rank"
	"github.com/bluefin-hpo/bluefin/sampler/internal/sobol"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// An evolution is where CMAES stands after the first seen trials of a history.
// It is a value: with returns the next one, and they share what stays.
type evolution struct {
	seen     int
	last     *trial.Trial   // Finished()[seen-1]
	complete int            // trials among them
	space    space.Space    // numeric, more than one value, common to the complete ones
	state    *cma.State     // nil before the first generation
	began    int            // how many trials had finished when the generation began
	scramble uint64         // of the draws of the generation
	members  []*trial.Trial // that count, as they finished; fewer than a population
	bounds   cma.Bounds     // of the search under way
	margined *cma.Margined  // with a margin, what state is in; else nil
	watch    cma.Watch
	restarts restarts
}

// A cmaesLine is how far the fold over one history has come: that of a study,
// or of a bracket of it.
type cmaesLine struct {
	first      *trial.Trial // which tells a history from all others
	newest     evolution    // after the last call
	beginnings []evolution  // of generations, at most two, for workers whose history is a little older
}

// fold returns the evolution after the finished trials of h, going on from
// where the last call with this history has come to.
func (s *CMAES) fold(h trial.History) evolution {
	all, direction := h.Finished(), h.Directions()[0]
	if len(all) == 0 {
		return evolution{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	line := s.lines.Get(
		func(l *cmaesLine) bool { return l.first == all[0] },
		func() *cmaesLine { return &cmaesLine{first: all[0]} })
	e := line.newest
	if !e.within(all) {
		e = evolution{}
		for _, b := range line.beginnings {
			if b.within(all) {
				e = b
			}
		}
	}
	for _, t := range all[e.seen:] {
		next := e.with(t, direction, s)
		if next.began != e.began {
			line.beginnings = append(line.beginnings[max(0, len(line.beginnings)-1):], next)
		}
		e = next
	}
	line.newest = e
	return e
}

// within reports whether all begins with the trials that e has seen. Histories
// only grow, so the last of them stands for those before it.
func (e evolution) within(all []*trial.Trial) bool {
	return e.seen == 0 || e.seen <= len(all) && all[e.seen-1] == e.last
}

// with returns the evolution after one more trial has finished.
func (e evolution) with(t *trial.Trial, d trial.Direction, s *CMAES) evolution {
	e.seen++
	e.last = t
	if t.State != trial.Complete {
		return e
	}
	e.complete++
	before := len(e.space)
	if e.complete == 1 {
		e.space = slices.DeleteFunc(cube.Free(t.Space()), func(d space.Dimension) bool { return cube.IsCategorical(d.Dist) })
	} else {
		e.space = e.space.Intersect(t.Space())
	}
	switch {
	case e.complete < s.StartupTrials || len(e.space) == 0:
		e.state = nil
	case e.state == nil || len(e.space) < before:
		e.restarts = restarts{}
		e.start(s)
	case t.Seen >= e.began:
		e.members = append(slices.Clip(e.members), t)
		if len(e.members) == e.state.Lambda {
			e.advance(d, s)
		}
	}
	return e
}

// begin makes s the state of a new generation.
func (e *evolution) begin(s *cma.State) {
	e.state, e.began, e.members = s, e.seen, nil
	e.scramble = scrambleOf(e.last, e.seen)
}

// start begins a search as the restarts so far demand.
func (e *evolution) start(s *CMAES) {
	dim := len(e.space)
	lambda := s.Population
	if lambda == 0 {
		lambda = cma.DefaultLambda(dim)
	}
	e.bounds = s.bounds(e.space)
	mean, sigma, cov := s.origin(e.space)
	if e.restarts.count > 0 {
		mean, cov = make([]float64, dim), nil
		lambda, sigma = e.restarts.population(lambda)
		for i := range mean {
			mean[i] = sobol.At(uint64(e.restarts.count), i%sobol.MaxDim, &sobol.Scramble{})
		}
	}
	constants := cma.NewConstants(dim, lambda)
	if s.Separable {
		constants = cma.NewSeparable(dim, lambda)
	}
	constants.AdaptRates = s.AdaptRates
	e.watch = cma.NewWatch(sigma)
	state := cma.New(constants, mean, sigma, cov)
	e.margined = nil
	if s.Margin {
		margin := &cma.Margin{Values: make([][]float64, dim), Least: 1 / float64(dim*lambda)}
		for i, d := range e.space {
			margin.Values[i] = cube.Grid(d.Dist)
		}
		e.margined = margin.Wrap(state)
		state = e.margined.State
	}
	e.begin(state)
}

// bounds are those of a search in the space: a grid has a cell at each end, and
// nothing to gain beyond.
func (s *CMAES) bounds(sp space.Space) cma.Bounds {
	b := cma.Bounds{Sharp: make([]bool, len(sp))}
	for i, d := range sp {
		b.Sharp[i] = s.AsOptuna || cube.Grid(d.Dist) != nil
	}
	return b
}

// origin returns the distribution that the first search in the space begins with.
func (s *CMAES) origin(sp space.Space) (mean []float64, sigma float64, cov *mat.SymDense) {
	var points [][]float64
	var values []float64
	for _, t := range s.Source.Finished() {
		x, ok := pointOf(sp, t)
		if !ok || t.State != trial.Complete || t.Violation() > 0 || math.IsNaN(t.Values[0]) {
			continue
		}
		points, values = append(points, s.bounds(sp).Unfold(x)), append(values, t.Values[0])
		if s.Source.Directions()[0] == trial.Maximize {
			values[len(values)-1] *= -1
		}
	}
	if len(points) < 10 {
		return slices.Repeat([]float64{0.5}, len(sp)), firstSigma, nil
	}
	return cma.WarmStart(points, values, 0.1, 0.1)
}

// firstSigma is the step size of a new search in the unit cube.
const firstSigma = 1.0 / 6

// advance begins the generation after that of the members, of this search or of
// the next.
func (e *evolution) advance(d trial.Direction, s *CMAES) {
	values := make([]float64, len(e.members))
	for i, t := range e.members {
		values[i] = rank.Loss(t.Values[0], d)
	}
	state := e.tell(d, s)
	watch, stop := e.watch.See(state, values)
	e.restarts.trials += len(e.members)
	if s.Restart == NoRestart || !stop && !e.restarts.spent() {
		e.watch = watch
		e.begin(state)
		return
	}
	e.restarts = e.restarts.next(s.Restart)
	e.start(s)
}

// tell returns the state after the generation of the members: the feasible
// ones rank first, then the better value, then who finished first.
func (e *evolution) tell(d trial.Direction, s *CMAES) *cma.State {
	ranked := slices.SortedStableFunc(slices.Values(e.members), rank.ByValue(d))
	points, ranks := make([][]float64, len(ranked)), make([]float64, len(ranked)) // λ×d, λ
	for k, t := range ranked {
		x := make([]float64, len(e.space))
		for i, dim := range e.space {
			p, _ := t.Param(dim.Name)
			x[i] = dim.Dist.Unit(p.Value)
		}
		points[k] = e.bounds.Unfold(x)
		if e.margined != nil {
			points[k] = e.margined.Decode(points[k], quantiles(t.Number, len(e.space)))
		}
		ranks[k] = float64(k)
	}
	e.bounds.Redraw(e.state, points, func(k int) []float64 { return quantiles(ranked[k].Number, len(e.space)) })
	for k, t := range ranked {
		if !s.AsOptuna {
			points[k] = e.state.Shorten(points[k], longest(t, len(e.space)))
		}
	}
	if e.margined != nil {
		e.margined = e.margined.Tell(points, ranks)
		return e.margined.State
	}
	return e.state.Tell(points, ranks)
}

// longest is the longest step that trial t may tell, in deviations. What somebody
// queued, and Optuna marks so, was not drawn. Another sampler's trials cannot be
// told from ours unless they are farther out than one draw in 100,000 is.
func longest(t *trial.Trial, dim int) float64 {
	if _, queued := t.SystemAttrs[sysattr.FixedParams]; queued {
		return cma.MaxStep(dim)
	}
	return 2 * cma.MaxStep(dim)
}

// quantiles returns dim numbers in (0, 1) that look random but are a function of
// the trial.
func quantiles(number, dim int) []float64 {
	u := make([]float64, dim)
	for i := range u {
		u[i] = max(sobol.At(uint64(number), i%sobol.MaxDim, &sobol.Scramble{Seed: 2}), 0x1p-53)
	}
	return u
}

package evolution

import (
	"slices"

	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/sampler/internal/cma"
	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/sampler/internal/rank"
	"github.com/bluefin-hpo/bluefin/sampler/internal/sobol"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A search is the state of a Strategy after the first seen trials of a history.
// It is a value: with returns the next one, and both share what has not changed.
type search struct {
	beliefs  space.Space // where the first search starts
	seen     int
	last     *trial.Trial   // Finished()[seen-1]
	complete int            // trials among them
	space    space.Space    // ordered, more than one value, common to the complete trials
	state    *cma.State     // nil before the first generation
	began    int            // how many trials had finished when the generation started
	scramble uint64         // of the draws of the generation
	members  []*trial.Trial // of the generation, as they finished; fewer than a population
	bounds   cma.Bounds
	margined *cma.Margined // with a margin, what state is in; else nil
	watch    cma.Watch
	restarts restarts
}

// within reports whether all begins with the trials that e has seen. Histories
// only grow, so comparing the last of them is enough.
func (e search) within(all []*trial.Trial) bool {
	return e.seen == 0 || e.seen <= len(all) && all[e.seen-1] == e.last
}

// with returns the search after one more trial has finished.
func (e search) with(t *trial.Trial, d trial.Direction, s *Strategy) search {
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

// start starts a search: the first one, or what the restarts so far demand.
func (e *search) start(s *Strategy) {
	dim := len(e.space)
	lambda := s.Population
	if lambda == 0 {
		lambda = cma.DefaultLambda(dim)
	}
	e.bounds = s.bounds(e.space)
	mean, sigma, cov := s.origin(e.space, e.beliefs)
	if e.restarts.count > 0 {
		mean, cov = make([]float64, dim), nil
		lambda, sigma = e.restarts.population(lambda, s.sigma())
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

// begin starts a generation.
func (e *search) begin(s *cma.State) {
	e.state, e.began, e.members = s, e.seen, nil
	e.scramble = scrambleOf(e.last, e.seen)
}

// advance starts the generation after that of the members, in this search or in
// a new one.
func (e *search) advance(d trial.Direction, s *Strategy) {
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

// tell returns the state after the generation of the members. Feasible ones rank
// first, then better values, then those that finished earlier.
func (e *search) tell(d trial.Direction, s *Strategy) *cma.State {
	dim := len(e.space)
	ranked := slices.SortedStableFunc(slices.Values(e.members), rank.ByValue(d))
	points, ranks := make([][]float64, len(ranked)), make([]float64, len(ranked)) // λ×d, λ
	for k, t := range ranked {
		x := make([]float64, dim)
		for i, d := range e.space {
			p, _ := t.Param(d.Name)
			x[i] = d.Dist.Unit(p.Value)
		}
		points[k] = e.bounds.Unfold(x)
		if e.margined != nil {
			points[k] = e.margined.Decode(points[k], quantiles(t.Number, dim))
		}
		ranks[k] = float64(k)
	}
	e.bounds.Redraw(e.state, points, func(k int) []float64 { return quantiles(ranked[k].Number, dim) })
	if !s.Optuna {
		for k, t := range ranked {
			points[k] = e.state.Shorten(points[k], longest(t, dim))
		}
	}
	if e.margined != nil {
		e.margined = e.margined.Tell(points, ranks)
		return e.margined.State
	}
	return e.state.Tell(points, ranks)
}

// longest returns the longest step that t may contribute, in deviations. Queued
// trials, which Optuna marks with an attribute, were not drawn. Trials of another
// sampler look like ours unless they are farther out than one draw in 100,000.
func longest(t *trial.Trial, dim int) float64 {
	if _, queued := t.SystemAttrs[sysattr.FixedParams]; queued {
		return cma.MaxStep(dim)
	}
	return 2 * cma.MaxStep(dim)
}

// quantiles returns dim numbers in (0, 1) that look random but are a function of
// the trial's number.
func quantiles(number, dim int) []float64 {
	u := make([]float64, dim)
	for i := range u {
		u[i] = max(sobol.At(uint64(number), i%sobol.MaxDim, &sobol.Scramble{Seed: 2}), 0x1p-53)
	}
	return u
}

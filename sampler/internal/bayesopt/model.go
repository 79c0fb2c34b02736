// Package bayesopt is Bayesian optimization with Gaussian processes on the trials
// of a study: it places them in a space, fits package gp to them, and searches for
// the most promising point.
package bayesopt

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"strings"
	"sync"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/sampler/internal/gp"
	"github.com/bluefin-hpo/bluefin/sampler/internal/outcome"
	"github.com/bluefin-hpo/bluefin/sampler/internal/splitmix"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A Request has the fields of sampler.Request.
type Request struct {
	History trial.History
	Trial   *trial.Trial
	Rand    *rand.Rand
	Running func() []*trial.Trial
	Beliefs space.Space
}

// A Model draws points and caches its fits. It is safe for concurrent use.
type Model struct {
	Deterministic bool  // the objective has no noise
	PerSecond     bool  // search by improvement per second
	Prior         Prior // what other studies tell; nil: nothing

	outcomes outcome.Learner

	mu   sync.Mutex
	fits []fit // the newest last
}

// A fit holds the parameters of a process and what they were fitted to: the first n
// of some trials, in a space.
type fit struct {
	name  string // of the constraint, "" for the objective; objectivePrefix begins those of several
	n     int
	last  *trial.Trial
	rows  uint64 // a hash: what is learned later about conditions can move trials
	space space.Space

	scale  gp.Scale // of a constraint, and of one of several objectives
	kernel gp.Kernel
	noise  float64
	theta  []float64 // the same for gp.Data.Fit
}

// fitsKept is how many fits are kept: workers see histories of different lengths,
// and every constraint has its own. A fit is as large as the space has parameters.
const fitsKept = 100

// minNoise is the least variance of the noise. Optuna's, 1e-6, keeps the search from
// coming closer to the optimum of a smooth function than a thousandth of the
// deviation of the values.
const minNoise = 1e-8

// Draw returns the parameters of sp at the most promising point, in internal form.
// At least one trial of the history must have finished.
func (m *Model) Draw(r Request, sp Space) map[string]float64 {
	all, order, terms := m.condition(r, sp)
	search := gp.Search{Axes: sp.axes(), Fold: sp.fold, Taken: sp.taken(r)}
	for _, i := range order[:min(len(order), 10)] {
		search.Good = append(search.Good, sp.unfold(all.rows[i]))
	}
	for _, t := range terms {
		search.Terms = append(search.Terms, t.Term)
	}
	search.Terms = append(search.Terms, sp.beliefTerms(r)...)
	return sp.values(search.Best(r.Rand))
}

// A term is what one model contributes to the search: the first is that of the objective, if its
// constraint is "", the others are those of constraints and of the chance to run. Of several objectives
// the first is the term of all, without a posterior.
type term struct {
	gp.Term
	constraint string
	fit        fit
	posterior  *gp.Posterior
}

// condition returns what the model learns from, its order, and a term for each process that can be
// conditioned on it.
func (m *Model) condition(r Request, sp Space) (all data, order []int, terms []term) {
	direction := r.History.Directions()[0]
	all = newData(sp, r.History.Finished(), direction)
	all.pending = sp.pending(r)
	order = all.order(direction)
	if len(r.History.Directions()) > 1 {
		order, terms = m.several(all, r.History.Directions())
	} else if len(order) > 0 && all.trials[order[0]].Violation() == 0 {
		f := m.fit(all, "", lastRefit(len(all.trials)))
		y, mean := m.less(sp, all.rows, standardized(all.goals))
		if p, ok := gp.Condition(f.kernel, f.noise, all.rows, y, all.pending); ok {
			p = p.Over(mean)
			ei := gp.NewLogEI(p, all.highest(p), gp.Normals(r.Rand, len(all.pending)))
			terms = append(terms, term{ei, "", f, p})
		}
	}
	for _, name := range all.constraints() {
		some := all.constrained(name)
		n := lastRefit(len(all.trials))
		if len(some.trials) == 0 {
			continue
		}
		if len(all.first(n).constrained(name).trials) == 0 {
			n = len(all.trials)
		}
		f := m.fit(all, name, n)
		if p, ok := gp.Condition(f.kernel, f.noise, some.rows, f.scale.Apply(some.values()), some.pending); ok {
			limit := gp.LogFeasibility{Posterior: p, Limit: -f.scale.Shift / f.scale.Unit}
			terms = append(terms, term{limit, name, f, p})
		}
	}
	return all, order, append(append(terms, m.runs(r, sp)...), m.prices(r, sp)...)
}

// untried returns a random point of a finite space that no trial has tried, as Draw
// does. It returns nil if the space is not finite or none is found.
func untried(r Request, sp Space) map[string]float64 {
	if !cube.IsFinite(sp.Space) {
		return nil
	}
	const tries = 200
	taken := sp.taken(r)
	for range tries {
		x := make([]float64, len(sp.Space))
		for i, d := range sp.Space {
			x[i] = cube.Unit(d.Dist, d.Dist.Value(r.Rand.Float64()))
		}
		if y, _ := sp.fold(x); !taken(y) {
			return sp.values(x)
		}
	}
	return nil
}

// fit returns the parameters for the first n trials, so they are a function of the
// history, and yet most requests need no new fit. It starts where the fit before ended,
// except where n passes a power of two: a bad optimum does not last, and a study that is
// resumed repeats only a few fits.
func (m *Model) fit(g data, name string, n int) fit {
	f := fit{name: name, n: n, last: g.trials[n-1], rows: hash(g.rows[:n]), space: g.space.Space}
	m.mu.Lock()
	for _, known := range m.fits {
		if known.name == name && known.n == n && known.last == f.last && known.rows == f.rows && cube.Same(known.space, f.space) {
			m.mu.Unlock()
			return known
		}
	}
	m.mu.Unlock()
	past := g.first(n)
	if name != "" && !strings.HasPrefix(name, objectivePrefix) {
		// Of the past alone: what a constraint is where it is unknown depends on the others.
		if past = past.constrained(name); len(past.trials) == 0 {
			return f
		}
	}
	first := gp.Data{Points: past.rows, MinNoise: minNoise}
	if name == "" {
		first.Values, _ = m.less(g.space, first.Points, standardized(past.goals))
	} else {
		values := past.values()
		f.scale = gp.ScaleOf(values)
		first.Values = f.scale.Apply(values)
	}
	for i, d := range f.space {
		if cube.IsCategorical(d.Dist) {
			if first.Unordered == nil {
				first.Unordered = make([]bool, len(f.space))
			}
			first.Unordered[i] = true
		}
	}
	var from []float64
	if before := lastRefit(n - 1); bits.Len(uint(before)) == bits.Len(uint(n)) && n > 1 {
		from = m.fit(g, name, before).theta
	}
	f.kernel, f.noise, f.theta = first.Fit(m.Deterministic, from)
	m.mu.Lock()
	m.fits = append(m.fits[max(0, len(m.fits)+1-fitsKept):], f)
	m.mu.Unlock()
	return f
}

// hash returns a hash of points.
func hash(rows [][]float64) uint64 {
	h := uint64(len(rows))
	for _, row := range rows {
		for _, u := range row {
			h = splitmix.Mix(h ^ math.Float64bits(u))
		}
	}
	return h
}

// standardized returns goals as the process sees them: warped, with mean 0 and variance 1.
func standardized(goals []gp.Goal) []float64 {
	warped := gp.Warp(goals)
	return gp.TransformOf(warped).Apply(warped)
}

// Gain returns how much better the model of the objective predicts the trials of a history than
// a constant would; see gp.Posterior.LeaveOneOut. It is -Inf if there is no model.
func (m *Model) Gain(h trial.History) float64 {
	sp := SpaceOf(h)
	all := newData(sp, h.Finished(), h.Directions()[0])
	if len(sp.Space) == 0 || len(all.trials) == 0 {
		return math.Inf(-1)
	}
	f := m.fit(all, "", lastRefit(len(all.trials)))
	p, ok := gp.Condition(f.kernel, f.noise, all.rows, standardized(all.goals), nil)
	if !ok {
		return math.Inf(-1)
	}
	return p.LeaveOneOut()
}

// lastRefit returns the largest number up to n of those at which parameters are
// fitted: all up to 32, then each a sixteenth larger than the one before.
func lastRefit(n int) int {
	at := 1
	for next := 1; next <= n; next += max(1, next/16) {
		at = next
	}
	return at
}

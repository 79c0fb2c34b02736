package sampler

import (
	"fmt"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler/internal/bayesopt"
	"github.com/bluefin-hpo/bluefin/sampler/internal/tpe"
	"github.com/bluefin-hpo/bluefin/space"
)

// An Explainer is a Sampler that can show what it knows, to people and to programs that suggest
// trials beside it. The interface is optional: TPE, GP, CMAES and WarmStart implement it, and Auto and
// PartialFixed pass it on.
type Explainer interface {
	Sampler

	// Explain describes the model behind the draw for r.Trial and rates the point of the trial's
	// parameters, which it has by now. It is a function of r, changes no draw, and fails where
	// Sample does. It must be safe for concurrent use. All numbers are finite.
	Explain(r Request) (Explanation, error)
}

// An Explanation is what a sampler knew before a trial.
type Explanation struct {
	Sampler string   // the algorithm, such as "TPE"
	Startup bool     // there were too few trials for a model: the draw was random
	Trials  int      // finished trials that the model rests on
	Params  []Belief // of the model, sorted by name
	Axes    []Axis   // of CMAES: the main axes of its distribution, longest first
	Facts   []Fact   // about the model, then about the point
}

// A Belief is what a sampler knows about one parameter. Lengths are shares of the parameter's
// range, on its own scale: 0.1 of a logarithmic range from 1e-5 to 1 is a factor of 3.16.
type Belief struct {
	Name string

	// Best is the value thought best, in external form. TPE: where the good trials are densest. GP:
	// that of the trial with the best predicted mean; nil if it has none. CMAES: the mean.
	Best any

	// Low and High are the ends of the region worth trying, in external form; nil with choices.
	// TPE: half of the density of good trials is between them. CMAES: the mean ± one standard
	// deviation. GP has none.
	Low, High any

	// Choices is, for TPE, the probability of each choice among the good trials; nil without choices.
	Choices []float64

	// Scale is how far one value tells about others. CMAES: the standard deviation. GP: the length
	// scale, at most 1000; the longer, the less the objective changes along the parameter. TPE: 0.
	Scale float64
}

// An Axis is a main axis of a normal distribution.
type Axis struct {
	SD        float64            // the standard deviation along the axis, as a share of the range
	Direction map[string]float64 // by parameter; a vector of length 1
}

// A Fact is a number with its meaning.
type Fact struct {
	Name    string // a word, or several with _ between them
	Value   float64
	Meaning string // one sentence
}

// startup returns the explanation of a random draw.
func startup(name string, trials, need int, r Request) Explanation {
	return Explanation{Sampler: name, Startup: true, Trials: trials, Facts: append([]Fact{
		{"startup_trials", float64(need), "finished trials before the first model; until then draws are random"}},
		beliefFacts(r)...)}
}

// external returns the value at a coordinate of the unit interval.
func external(d space.Dist, u float64) any { return d.External(d.Value(min(max(u, 0), 1))) }

// Explain implements Explainer. The point's rating is the one that TPE maximizes.
func (s *TPE) Explain(r Request) (Explanation, error) {
	if err := s.check(); err != nil {
		return Explanation{}, err
	}
	m := s.start().Explain(tpe.Request(r))
	if m.Startup > 0 {
		return startup("TPE", m.Trials, m.Startup, r), nil
	}
	e := Explanation{Sampler: "TPE", Trials: m.Trials}
	for _, p := range m.Params {
		b := Belief{Name: p.Name, Best: p.Dist.External(p.Best), Choices: p.Choices}
		if p.Choices == nil {
			b.Low, b.High = p.Dist.External(p.Low), p.Dist.External(p.High)
		}
		e.Params = append(e.Params, b)
	}
	e.Facts = []Fact{
		{"good_trials", float64(m.Good), "the best trials, whose density is l"},
		{"other_trials", float64(m.Poor), "the other trials, running ones included, whose density is g"},
	}
	if m.Rated {
		share := float64(m.Good) / float64(m.Trials)
		e.Facts = append(e.Facts,
			Fact{"log_ratio", m.LogRatio, "ln(l/g) at the point, which TPE maximizes: above 0 it resembles good trials"},
			Fact{"chance_good", 1 / (1 + (1-share)/share*math.Exp(-m.LogRatio)),
				"the chance that the point is among the good ones, by both densities"})
	}
	e.Facts = append(e.Facts, beliefFacts(r)...)
	if m.Runs > 0 {
		e.Facts = append(e.Facts, Fact{"chance_to_run", m.Runs,
			"the chance that a trial at the point does not fail and is not infeasible"})
	}
	return e, nil
}

// Explain implements Explainer. Means and deviations are in units of the objective.
func (s *GP) Explain(r Request) (Explanation, error) {
	if err := s.check(r.History); err != nil {
		return Explanation{}, err
	}
	sp, n := bayesopt.SpaceOf(r.History), len(r.History.Finished())
	if need := s.startup(r); len(sp.Space) == 0 || n < need {
		return startup("GP", n, need, r), nil
	}
	return process(s.start(), r, sp), nil
}

// process returns what a model of package bayesopt knows.
func process(model *bayesopt.Model, r Request, sp bayesopt.Space) Explanation {
	m := model.Explain(bayesopt.Request(r), sp)
	e := Explanation{Sampler: "GP", Trials: m.Trials}
	for i, d := range sp.Space {
		b := Belief{Name: d.Name}
		if m.Lengths != nil {
			b.Scale = m.Lengths[i]
		}
		if m.Best != nil {
			if p, ok := m.Best.Param(d.Name); ok {
				b.Best = p.External()
			}
		}
		e.Params = append(e.Params, b)
	}
	e.Facts = append(facts(m.Facts), beliefFacts(r)...)
	return e
}

// Explain implements Explainer.
func (s *CMAES) Explain(r Request) (Explanation, error) {
	if err := s.check(r.History); err != nil {
		return Explanation{}, err
	}
	m := s.start().Explain(r.History, r.Beliefs, r.Trial)
	if m.Mean == nil {
		return startup("CMAES", len(r.History.Finished()), max(s.StartupTrials, 1), r), nil
	}
	e := Explanation{Sampler: "CMAES", Trials: m.Trials}
	for i, d := range m.Space {
		u, sd := m.Mean[i], m.SD[i]
		e.Params = append(e.Params, Belief{Name: d.Name, Best: external(d.Dist, u),
			Low: external(d.Dist, u-sd), High: external(d.Dist, u+sd), Scale: sd})
	}
	for i, v := range m.Axes {
		a := Axis{SD: m.AxisSD[i], Direction: map[string]float64{}}
		for j, d := range m.Space {
			a.Direction[d.Name] = v[j]
		}
		e.Axes = append(e.Axes, a)
	}
	e.Facts = facts(m.Facts)
	return e, nil
}

// facts converts those of an internal package.
func facts[F ~struct {
	Name    string
	Value   float64
	Meaning string
}](list []F) []Fact {
	var all []Fact
	for _, f := range list {
		all = append(all, Fact(f))
	}
	return all
}

// Explain implements Explainer: it is that of the chosen sampler.
func (s *Auto) Explain(r Request) (Explanation, error) {
	chosen, err := s.choose(r.History)
	if err != nil {
		return Explanation{}, err
	}
	e, err := chosen.(Explainer).Explain(r)
	e.Sampler += ", chosen by Auto"
	return e, err
}

// Explain implements Explainer: it is that of Sampler, without the fixed parameters. If Sampler is
// no Explainer, the explanation has only a name.
func (s PartialFixed) Explain(r Request) (Explanation, error) {
	inner, ok := s.Sampler.(Explainer)
	if !ok {
		return Explanation{Sampler: "PartialFixed", Startup: true}, nil
	}
	e, err := inner.Explain(r)
	e.Params = slices.DeleteFunc(e.Params, func(b Belief) bool { _, fixed := s.Values[b.Name]; return fixed })
	return e, err
}

// Explain implements Explainer: the model is that of the earlier studies while they draw trials, else
// that of Sampler. Facts say how far they agree with the study.
func (s *WarmStart) Explain(r Request) (Explanation, error) {
	if err := s.check(r.History); err != nil {
		return Explanation{}, err
	}
	sp := bayesopt.SpaceOf(r.History)
	v, share := s.share(r.History, sp)
	e := Explanation{Sampler: "WarmStart", Startup: true, Trials: len(r.History.Finished())}
	if inner, ok := s.cold.(Explainer); ok && share == 0 {
		var err error
		if e, err = inner.Explain(r); err != nil {
			return e, err
		}
		e.Sampler += ", below WarmStart"
	} else if share > 0 {
		e = process(s.warm, r, sp)
		e.Sampler = "WarmStart"
	}
	if c, ok := s.first(r, sp.Space); ok {
		e.Facts = append(e.Facts, Fact{"warm_trial", float64(c.Trial.Number), "the trial of " + s.name(c.Source) +
			" whose setting this trial has, because it was good there"})
	}
	e.Facts = append(e.Facts, Fact{"warm_share", share, "the share of trials that the earlier studies draw; 0: they " +
		"mislead, or nothing is known yet"})
	for i, w := range v.Weights {
		e.Facts = append(e.Facts, Fact{fmt.Sprintf("warm_weight_%d", i+1), w, fmt.Sprintf(
			"how much %s, with %d trials, counts among them", s.name(i), len(s.Sources[i].Finished()))})
	}
	if rank, ok := s.rank(r.Trial, sp, v); ok {
		e.Facts = append(e.Facts, Fact{"warm_rank", rank, "the share of the trials of these studies that were better than " +
			"they expect this one to be, by these weights"})
	}
	return e, nil
}

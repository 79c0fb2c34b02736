package sampler

import (
	"fmt"
	"sync"

	"github.com/bluefin-hpo/bluefin/sampler/internal/auto"
	"github.com/bluefin-hpo/bluefin/sampler/internal/cma"
	"github.com/bluefin-hpo/bluefin/sampler/internal/recent"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Auto chooses a sampler for every trial: TPE with constraints, pruned trials or more
// than three objectives; otherwise GP for the first 100 complete trials, up to 40
// parameters; then CMAES in a space that is mostly continuous, which learns from GP's
// trials, and TPE elsewhere. In such a space CMAES takes over early if GP predicts
// poorly, and GP stays longer in a short study. The first ten trials fill
// the middle of continuous ranges evenly, from the centre on. With two or three
// objectives NSGA2 takes over from GP in such a space, after 100 complete trials, and
// TPE draws all trials elsewhere. See docs/samplers.md for
// the rules in full and the figures behind them.
//
// The choice is a function of the request, the history and the fields, so a resumed
// study, or another worker with the same fields, continues in the same way. Trials
// of GP cost the most: with five parameters 6 ms at 100 trials, 14 ms at 200. The
// other choices cost less than 1 ms.
//
// Do not copy an Auto or change its fields after first use.
type Auto struct {
	Trials  int // how many trials the study will have; 0: unknown, treated as many
	Workers int // how many run at the same time; 0: as many as the history shows

	// PerSecond searches by improvement per second while GP draws, see GP.
	PerSecond bool

	once sync.Once
	tpe  *TPE
	gp   *GP
	nsga *NSGA2

	mu       sync.Mutex
	facts    auto.Facts // a cache: of the history of the last call
	searches recent.List[autoSearch]
	verdicts recent.List[verdict]
}

// A verdict says whether GP predicted poorly when a trial had finished.
type verdict struct {
	last  *trial.Trial
	fails bool
}

// An autoSearch is a CMAES of one study and number of parameters.
type autoSearch struct {
	last *trial.Trial // of GP's trials; nil if there are none
	dim  int
	cma  *CMAES
}

// SampleJoint draws what the chosen sampler draws jointly. It fails where that sampler
// does, or if a setting is out of range.
func (s *Auto) SampleJoint(r Request) (map[string]float64, error) {
	chosen, err := s.choose(r.History)
	if err != nil {
		return nil, err
	}
	return chosen.SampleJoint(r)
}

// Sample draws a parameter that SampleJoint did not. It fails where SampleJoint does.
func (s *Auto) Sample(r Request, name string, d space.Dist) (float64, error) {
	chosen, err := s.choose(r.History)
	if err != nil {
		return 0, err
	}
	if u, ok := startAt(r, name, d); ok {
		return d.Value(u), nil
	}
	return chosen.Sample(r, name, d)
}

// choose returns the sampler for a trial that starts after h.
func (s *Auto) choose(h trial.History) (JointSampler, error) {
	switch {
	case s.Trials < 0:
		return nil, fmt.Errorf("Auto.Trials is %d, want at least 0", s.Trials)
	case s.Workers < 0:
		return nil, fmt.Errorf("Auto.Workers is %d, want at least 0", s.Workers)
	}
	s.once.Do(func() {
		s.tpe = &TPE{}
		s.gp = &GP{Independent: s.tpe, PerSecond: s.PerSecond}
		s.nsga = &NSGA2{Breeding: Breeding{Independent: s.tpe}}
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.facts = s.facts.After(h)
	switch c := s.facts.Choose(h, s.Trials, s.fails(h)); c.Kind {
	case auto.GP:
		return s.gp, nil
	case auto.CMAES:
		return s.search(h, c), nil
	case auto.NSGA2:
		return s.nsga, nil
	}
	return s.tpe, nil
}

// leastGain is what a trial must gain in log density from GP's predictions for GP to stay.
const leastGain = 1

// fails returns a function that reports whether GP predicts poorly after the first n trials of h.
func (s *Auto) fails(h trial.History) func(n int) bool {
	return func(n int) bool {
		last := h.Finished()[n-1]
		return s.verdicts.Get(
			func(v verdict) bool { return v.last == last },
			func() verdict { return verdict{last, s.gp.start().Gain(h.Before(n)) < leastGain} }).fails
	}
}

// search returns the CMAES of a choice.
func (s *Auto) search(h trial.History, c auto.Choice) *CMAES {
	var last *trial.Trial
	if n := c.From.Finished; n > 0 {
		last = h.Finished()[n-1]
	}
	return s.searches.Get(
		func(a autoSearch) bool { return a.last == last && a.dim == c.Dim },
		func() autoSearch {
			search := &CMAES{Restart: IPOP, Population: s.population(c), Independent: s.tpe}
			if c.Near {
				search.StartupTrials, search.Source = c.From.Complete, h.Before(c.From.Finished)
			}
			return autoSearch{last, c.Dim, search}
		}).cma
}

// population returns the trials per generation. With so many workers that most would
// come too late, twice the usual number is better in the long run; even more is not,
// not even with many more workers.
func (s *Auto) population(c auto.Choice) int {
	workers := s.Workers
	if workers == 0 {
		workers = c.From.Beside + 1
	}
	usual := cma.DefaultLambda(c.Dim)
	if workers < usual {
		return usual
	}
	return 2 * usual
}

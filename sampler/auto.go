package sampler

import (
	"fmt"
	"sync"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cma"
	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/sampler/internal/recent"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Auto chooses a sampler for every trial, by the space, the budget and what runs
// in parallel. The first of these rules that holds decides:
//
//  1. With several objectives, or once a trial has constraints or was pruned:
//     TPE. (Of pruned trials GP knows only that they are worse than complete ones.)
//  2. Until 100 trials are complete, in spaces of up to 40 parameters with a
//     choice: GP, with TPE for what it does not draw. This holds for categorical
//     and conditional parameters and for any number of workers too. In a smooth
//     space, if Trials is at most 250: until 250 are complete; else, if there are
//     fewer than four parameters: until 50 are.
//  3. In a smooth space: CMAES, with IPOP restarts, and a population of the
//     default size, or of twice that if at least so many run in parallel. It begins
//     where the first 100 trials were best (CMAES.Source). With fewer than four
//     parameters it is told GP's trials as generations of its own instead; with
//     more than 40 there are none.
//  4. Else: TPE.
//
// A space is smooth if no parameter is categorical, all complete and pruned
// trials have all parameters, and at least half of those that have a choice
// are continuous or have 16 values or more.
//
// The numbers were found with cmd/bluefin-bench and development seeds; see
// docs/benchmarks.md. On BBOB in 2 to 20 dimensions, on mixed and conditional
// problems and on tables, GP was ahead of TPE and CMAES at 50 and 100 trials. With
// 5 parameters it still was at 200; but of 300 trials and more those went best
// whose first 100 were GP's and the rest CMAES's, with 2 parameters the first 50.
// With 40 parameters CMAES was ahead of TPE
// at 20 trials and ever after.
//
// The choice is a function of the request, the history and the fields, so that
// resuming a study, or other workers with the same fields, go on in the same
// way. What a trial of GP costs grows with the square of the number of complete
// trials, and with its cube now and then: with five parameters, 3 ms at 20 trials,
// 6 ms at 50, 12 ms at 100, 35 ms at 200. All other choices cost less than 1 ms.
//
// The zero value, of which no budget is known, is a good default. An Auto must
// not be copied after its first use, nor its fields changed.
type Auto struct {
	Trials  int // how many trials the study is to have; 0: unknown, as if there were many
	Workers int // how many run at the same time; 0: as many as the history shows

	once sync.Once
	tpe  *TPE
	gp   *GP

	mu       sync.Mutex
	newest   autoFacts               // a cache: of the history of the last call
	searches recent.List[autoSearch] // a cache
}

// Where Auto's rules change.
const (
	autoShort = 250 // trials, up to which GP does not give way in a smooth space
	autoWide  = 40  // parameters with a choice, up to which there is a GP
	autoMany  = 16  // values of an int or a step, from which on it is like a continuum
	autoFew   = 4   // parameters of a smooth space, below which GP gives way earlier
)

// autoModelled are the numbers of complete trials from which on GP gives way: in
// smooth spaces of few parameters, and in others.
var autoModelled = [...]int{50, 100}

// SampleJoint draws what the chosen sampler draws jointly. Its errors are those
// of that sampler, and of a setting out of range.
func (s *Auto) SampleJoint(r Request) (map[string]float64, error) {
	chosen, err := s.choose(r.History)
	if err != nil {
		return nil, err
	}
	return chosen.SampleJoint(r)
}

// Sample draws a parameter that SampleJoint did not. Its errors are those of
// SampleJoint.
func (s *Auto) Sample(r Request, name string, d space.Dist) (float64, error) {
	chosen, err := s.choose(r.History)
	if err != nil {
		return 0, err
	}
	return chosen.Sample(r, name, d)
}

// choose returns the sampler for a trial that begins after h.
func (s *Auto) choose(h trial.History) (JointSampler, error) {
	switch {
	case s.Trials < 0:
		return nil, fmt.Errorf("Auto.Trials is %d, want at least 0", s.Trials)
	case s.Workers < 0:
		return nil, fmt.Errorf("Auto.Workers is %d, want at least 0", s.Workers)
	}
	s.once.Do(func() {
		s.tpe = &TPE{}
		s.gp = &GP{Independent: s.tpe}
	})
	f := s.facts(h)
	free := cube.Free(h.RankedSpace())
	if len(h.Directions()) > 1 || f.constrained || f.pruned {
		return s.tpe, nil
	}
	smooth := len(h.RankedSpace()) == f.most && isSmooth(free)
	phase := 1 // of autoModelled
	if smooth && len(free) < autoFew {
		phase = 0
	}
	modelled := autoModelled[phase]
	if smooth && s.Trials > 0 && s.Trials <= autoShort {
		modelled = autoShort
	}
	switch wide := len(free) > autoWide; {
	case f.complete < modelled && !wide:
		return s.gp, nil
	case smooth && wide:
		return s.evolution(h, autoHandover{}, len(free)), nil
	case smooth && f.complete >= autoModelled[phase]:
		return s.evolution(h, f.handovers[phase], len(free)), nil
	}
	return s.tpe, nil
}

// isSmooth reports whether no parameter is categorical and at least half have many
// values.
func isSmooth(free space.Space) bool {
	many := 0
	for _, d := range free {
		if cube.IsCategorical(d.Dist) {
			return false
		}
		if n := d.Dist.Len(); n == 0 || n >= autoMany {
			many++
		}
	}
	return many > 0 && 2*many >= len(free)
}

// An autoSearch is a CMAES that Auto has made: of which study, and for how many
// parameters.
type autoSearch struct {
	last *trial.Trial // of GP's trials; nil if there are none
	dim  int
	cma  *CMAES
}

// evolution returns the CMAES that goes on from GP's trials, if there are any, in
// dim dimensions.
func (s *Auto) evolution(h trial.History, from autoHandover, dim int) *CMAES {
	var last *trial.Trial
	if from.finished > 0 {
		last = h.Finished()[from.finished-1]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.searches.Get(
		func(a autoSearch) bool { return a.last == last && a.dim == dim },
		func() autoSearch {
			c := &CMAES{Restart: IPOP, Population: s.population(from, dim), Independent: s.tpe}
			if last != nil && dim >= autoFew {
				c.StartupTrials, c.Source = autoModelled[1], h.Before(from.finished)
			}
			return autoSearch{last, dim, c}
		}).cma
}

// population returns the trials of a generation. With so many workers that most
// of them would come too late for it, a larger one is better in the long run; but
// one of more than twice the size is not, not even with many more workers.
func (s *Auto) population(from autoHandover, dim int) int {
	workers := s.Workers
	if workers == 0 {
		workers = from.beside + 1
	}
	usual := cma.DefaultLambda(dim)
	if workers < usual {
		return usual
	}
	return 2 * usual
}

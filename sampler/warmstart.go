package sampler

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/bluefin-hpo/bluefin/sampler/internal/bayesopt"
	"github.com/bluefin-hpo/bluefin/sampler/internal/gp"
	"github.com/bluefin-hpo/bluefin/sampler/internal/recent"
	"github.com/bluefin-hpo/bluefin/sampler/internal/transfer"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// WarmStart lets earlier studies of similar objectives teach a new one. It first tries the setting
// that was best in them. Then a Gaussian process models how the new study differs from what the
// earlier ones predict; they count by how well they predict the order of its trials. It draws a part
// of the trials, the larger the better the studies agree; Sampler draws the others, and all of them
// once the studies turn out to mislead or 100 trials have finished.
//
// A parameter is shared if it has the same name and scale, linear, logarithmic or choices; ranges may
// differ. Other parameters of earlier studies are ignored. Directions may differ too: only the order
// of the trials counts. WarmStart takes one objective.
//
// See Feurer et al., "Scalable Meta-Learning for Bayesian Optimization using Ranking-Weighted Gaussian
// Process Ensembles" (2018), and docs/samplers.md for the rules in full.
//
// Do not copy a WarmStart or change its fields after first use.
type WarmStart struct {
	// Sampler draws what the earlier studies do not; nil: Auto. It must be safe for concurrent use.
	Sampler Sampler

	// Sources are the earlier studies. Those with other parameters, or fewer than five feasible
	// complete trials, teach nothing. Of a large one, 64 trials count.
	Sources []trial.History

	// Names are those of the studies in Sources, for explanations; nil: they have numbers.
	Names []string

	// Portfolio is how many of their settings are tried first; 0: 1.
	Portfolio int

	once      sync.Once
	cold      Sampler
	warm, own *bayesopt.Model // with the earlier studies, and without
	portfolio []transfer.Choice

	mu      sync.Mutex
	lessons recent.List[lessonsIn]
}

// lessonsIn are lessons in a space.
type lessonsIn struct {
	space   space.Space
	lessons transfer.Lessons
}

const (
	startOver = 10  // finished trials after which no settings of earlier studies are tried
	warmOver  = 100 // finished trials after which Sampler draws alone

	odds       = 0.5 // that earlier studies help, before anything is known
	few        = 5   // trials by which the evidence of as many counts half
	leastShare = 0.2 // below it they draw nothing
	mostShare  = 0.9 // the other trials test what earlier studies think poor
)

// SampleJoint draws what the earlier studies or Sampler draw jointly. It fails where Sampler does, or
// if a study has several objectives.
func (s *WarmStart) SampleJoint(r Request) (map[string]float64, error) {
	if err := s.check(r.History); err != nil {
		return nil, err
	}
	sp := bayesopt.SpaceOf(r.History)
	if c, ok := s.first(r, sp.Space); ok {
		values := map[string]float64{}
		for _, d := range sp.Space {
			if p, ok := c.Trial.Param(d.Name); ok {
				if x, ok := transfer.Translate(d.Dist, p); ok {
					values[d.Name] = x
				}
			}
		}
		return values, nil
	}
	if _, share := s.share(r.History, sp); share > 0 && r.Rand.Float64() < share {
		return s.warm.Draw(bayesopt.Request(r), sp), nil
	}
	if joint, ok := s.cold.(JointSampler); ok {
		return joint.SampleJoint(r)
	}
	return nil, nil
}

// Sample draws a parameter that SampleJoint did not. It fails where SampleJoint does.
func (s *WarmStart) Sample(r Request, name string, d space.Dist) (float64, error) {
	if err := s.check(r.History); err != nil {
		return 0, err
	}
	if c, ok := s.first(r, bayesopt.SpaceOf(r.History).Space); ok {
		if p, ok := c.Trial.Param(name); ok {
			if x, ok := transfer.Translate(d, p); ok {
				return x, nil
			}
		}
	}
	return s.cold.Sample(r, name, d)
}

// first returns the setting of an earlier study that the trial is to try, if there is one. A trial
// that has parameters follows the setting they are from; another one takes the first setting that no
// trial has tried, and leaves one to each earlier trial about which nothing is known. sp is what is
// known of the space.
func (s *WarmStart) first(r Request, sp space.Space) (transfer.Choice, bool) {
	if len(r.History.Finished()) >= startOver || len(s.portfolio) == 0 {
		return transfer.Choice{}, false
	}
	open := s.portfolio
	if len(r.Trial.Params) > 0 {
		open = slices.DeleteFunc(slices.Clone(open), func(c transfer.Choice) bool { return !c.Is(nil, r.Trial) })
	} else {
		skip := 0
		running := r.Running()
		for _, t := range running {
			if t.Number < r.Trial.Number && len(t.Params)+len(t.Joint) == 0 {
				skip++
			}
		}
		others := slices.DeleteFunc(slices.Concat(r.History.Finished(), running), func(t *trial.Trial) bool {
			return t.Number == r.Trial.Number
		})
		open = slices.DeleteFunc(slices.Clone(open), func(c transfer.Choice) bool {
			return slices.ContainsFunc(others, func(t *trial.Trial) bool { return c.Is(sp, t) })
		})
		open = open[min(skip, len(open)):]
	}
	if len(open) == 0 {
		return transfer.Choice{}, false
	}
	return open[0], true
}

// share returns the share of the trials that start after h which the earlier studies draw: the odds
// that they tell more about the trials of h than these tell about each other. The verdict says how
// much each counts.
func (s *WarmStart) share(h trial.History, sp bayesopt.Space) (v transfer.Verdict, share float64) {
	if len(sp.Space) == 0 || len(h.Finished()) >= warmOver {
		return v, 0
	}
	rows, y := bayesopt.Observed(h, sp)
	if v = s.learned(sp.Space).Judge(rows, y); v.Trust == 0 {
		return v, 0
	}
	n := float64(len(y))
	gain := (s.warm.LogScore(h, sp) - s.own.LogScore(h, sp)) * n / (n + few)
	share = 1 / (1 + math.Exp(-gain)/odds)
	if share < leastShare {
		return v, 0
	}
	return v, min(share, mostShare)
}

// rank returns the share of their trials that the earlier studies expect to be better than a trial. It
// reports false if they know nothing of it.
func (s *WarmStart) rank(t *trial.Trial, sp bayesopt.Space, v transfer.Verdict) (float64, bool) {
	x, ok := sp.Point(t)
	if !ok || v.Trust == 0 {
		return 0, false
	}
	return s.learned(sp.Space).Rank(v, x), true
}

// learned returns the lessons in a space.
func (s *WarmStart) learned(sp space.Space) transfer.Lessons {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lessons.Get(
		func(l lessonsIn) bool { return slices.EqualFunc(l.space, sp, sameDimension) },
		func() lessonsIn { return lessonsIn{sp, transfer.Learn(sp, s.Sources)} }).lessons
}

func sameDimension(a, b space.Dimension) bool { return a.Name == b.Name && space.Equal(a.Dist, b.Dist) }

// prior is what the earlier studies tell the Gaussian process.
type prior struct{ s *WarmStart }

// Mean implements bayesopt.Prior.
func (p prior) Mean(sp bayesopt.Space, rows [][]float64, y []float64) gp.Term {
	lessons := p.s.learned(sp.Space)
	v := lessons.Judge(rows, y)
	if v.Trust == 0 {
		return nil
	}
	return lessons.Expect(v)
}

// name returns what explanations call the study i.
func (s *WarmStart) name(i int) string {
	if len(s.Names) > 0 {
		return s.Names[i]
	}
	return fmt.Sprintf("earlier study %d", i+1)
}

func (s *WarmStart) check(h trial.History) error {
	if n := len(h.Directions()); n != 1 {
		return fmt.Errorf("WarmStart has %d objectives, want 1: it compares the order of trials", n)
	}
	if s.Portfolio < 0 {
		return fmt.Errorf("WarmStart.Portfolio is %d, want at least 0", s.Portfolio)
	}
	if n := len(s.Names); n > 0 && n != len(s.Sources) {
		return fmt.Errorf("WarmStart.Names has %d names, want one for each of %d sources", n, len(s.Sources))
	}
	for i, h := range s.Sources {
		if n := len(h.Directions()); n > 1 {
			return fmt.Errorf("WarmStart.Sources[%d] has %d objectives, want 1", i, n)
		}
	}
	s.once.Do(func() {
		if s.cold = s.Sampler; s.cold == nil {
			s.cold = &Auto{}
		}
		s.warm, s.own = &bayesopt.Model{Prior: prior{s}}, &bayesopt.Model{}
		n := s.Portfolio
		if n == 0 {
			n = 1
		}
		s.portfolio = transfer.Learn(transfer.Merged(s.Sources), s.Sources).Portfolio(n)
	})
	return nil
}

package sampler

import (
	"fmt"
	"slices"
	"sync"

	"github.com/bluefin-hpo/bluefin/sampler/internal/parzen"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// TPE is the tree-structured Parzen estimator with the rules of Optuna 5. It
// splits the history into the best trials and the others, estimates a density
// of each, l and g, draws candidates from l, and takes the one with the
// largest l/g.
//
// With one objective it draws all parameters that every ranked trial has
// jointly, so that it sees how they interact. The others, and all parameters
// if there are several objectives, are drawn one at a time from the trials
// that have them. Running trials of others count among the poor ones, so that
// parallel workers stay apart (the "constant liar"); pruned trials rank behind
// the complete ones, and infeasible ones last. Trials whose value lies outside
// the range of today are left out.
//
// See Bergstra, Bardenet, Bengio and Kégl, "Algorithms for Hyper-Parameter
// Optimization" (NeurIPS 2011), Ozaki et al., "Multiobjective Tree-Structured
// Parzen Estimator" (JAIR 73, 2022), and Watanabe, "Tree-Structured Parzen
// Estimator: Understanding Its Algorithm Components and Their Roles for
// Better Empirical Performance" (arXiv:2304.11127, 2023).
//
// A TPE must not be copied after its first use, nor its fields changed.
type TPE struct {
	StartupTrials int  // drawn at random until as many are complete or pruned; 0: 10
	Candidates    int  // drawn from l for every decision; 0: 24
	Independent   bool // draw one parameter at a time, also with one objective

	mu        sync.Mutex
	histories []*tpeHistory // a cache, the last used first
}

// SampleJoint draws the parameters that every complete and every pruned trial
// has. It returns none while the study starts up, and with several objectives.
// An error names a setting out of range.
func (s *TPE) SampleJoint(r trial.Request) (map[string]float64, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if s.Independent || len(r.History.Directions()) > 1 || s.starting(r) {
		return nil, nil
	}
	joint := searchSpace(r.History.Space(true))
	if len(joint) == 0 {
		return nil, nil
	}
	values := make(map[string]float64, len(joint))
	for i, x := range s.drawNew(r, joint) {
		values[joint[i].Name] = x
	}
	return values, nil
}

// searchSpace returns the parameters that have a choice.
func searchSpace(sp space.Space) space.Space {
	return slices.DeleteFunc(slices.Clone(sp), func(d space.Dimension) bool { return d.Dist.Len() == 1 })
}

// Sample draws one parameter from the trials that have it. An error names a
// setting out of range.
func (s *TPE) Sample(r trial.Request, name string, d space.Dist) (float64, error) {
	if err := s.check(); err != nil {
		return 0, err
	}
	if d.Len() == 1 {
		return d.Value(0), nil
	}
	if s.starting(r) {
		return Random{}.Sample(r, name, d)
	}
	return s.draw(r, space.New(space.Dimension{Name: name, Dist: d}))[0], nil
}

func (s *TPE) check() error {
	switch {
	case s.StartupTrials < 0:
		return fmt.Errorf("sampler: TPE.StartupTrials is %d, want at least 0", s.StartupTrials)
	case s.Candidates < 0:
		return fmt.Errorf("sampler: TPE.Candidates is %d, want at least 0", s.Candidates)
	}
	return nil
}

// starting reports whether there are too few trials for a model.
func (s *TPE) starting(r trial.Request) bool {
	need := s.StartupTrials
	if need == 0 {
		need = 10
	}
	return starting(r.History, need)
}

// draw returns a value for each parameter of sp, in internal form.
func (s *TPE) draw(r trial.Request, sp space.Space) []float64 {
	now := s.view(r, sp)
	c := newCandidates(sp, s.candidates())
	c.draw(r.Rand, now.good)
	return c.values(c.best(now))
}

// drawNew is draw, but of a space whose points can be counted it returns one
// that has not been tried, while there is one.
func (s *TPE) drawNew(r trial.Request, sp space.Space) []float64 {
	now := s.view(r, sp)
	c := newCandidates(sp, s.candidates())
	c.draw(r.Rand, now.good)
	j := c.best(now)
	if now.untried != nil && !now.untried(c.point(j)) {
		c = c.without(r.Rand, now.untried)
		j = c.best(now)
	}
	return c.values(j)
}

func (s *TPE) candidates() int {
	if s.Candidates == 0 {
		return 24
	}
	return s.Candidates
}

// A tpeView is what TPE knows of one space at one request. It never changes.
type tpeView struct {
	good *parzen.Estimator
	poor *parzen.Snapshot // of all other trials

	// untried reports whether a point has neither been tried nor is being
	// tried. It is nil if points may be tried again, see tpeModel.untried.
	untried func(point []float64) bool
}

// view makes what r needs to know of sp. What was made of its history before is
// continued.
func (s *TPE) view(r trial.Request, sp space.Space) tpeView {
	const kept = 16 // histories: one TPE may serve several studies, and the brackets of a study
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.histories, func(f *tpeHistory) bool { return f.of(r.History) })
	if i < 0 {
		i = min(len(s.histories), kept-1)
		s.histories = append(s.histories[:i], newTPEHistory(r.History))
	}
	f := s.histories[i]
	copy(s.histories[1:i+1], s.histories[:i])
	s.histories[0] = f
	f.advance(r.History)
	m := f.model(sp)
	good, poor := m.follow(f, r)
	return tpeView{good, poor, m.untried(f, r, &s.mu)}
}

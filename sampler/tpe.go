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
// parallel workers stay apart (the "constant liar"), and so does what Optuna's
// workers announce of theirs; pruned trials rank behind the complete ones, and
// infeasible ones last. Trials whose value lies outside the range of today are
// left out.
//
// In two things it differs from Optuna:
//
//   - Failed trials are among the poor ones. They never count as ranked, so
//     that nothing changes without them, but where only failures are, g grows.
//     On a test problem with its optimum at the border of a region that fails,
//     every later trial failed without this rule, and half of them with it.
//   - If no parameter is continuous and all trials have the same ones, no point
//     is drawn jointly that has been tried, failed ones included, or is being
//     tried, while others remain: of the candidates the best untried one is
//     taken, and if there is none, of as many untried points at random.
//
// With Groups, parameters that occur together are drawn together in conditional
// spaces too: the parameters are parted such that all ranked trials have all
// of a group or none, and each group is drawn from the trials that have it. It
// is off as in Optuna, because it does not win: with 100 trials and seeds 100
// to 139, groups were better than joint in 26 of 40 runs on jenatton, in 21 of
// 40 on synth_finetune and in 9 of 25 that differed on ft_digits.
//
// An answer is a function of the request, also after a restart. What follows
// from the history is kept between requests and brought up to date; candidates
// whose log l/g differ by less than 1e-10 count as equal, and the first of them
// is taken.
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
	Groups        bool // draw jointly what occurs together in conditional spaces too

	mu        sync.Mutex
	histories []*tpeHistory // a cache, the last used first
}

// SampleJoint draws the parameters that every complete and every pruned trial
// has; with Groups, all that any of them has. It returns none while the study
// starts up, and with several objectives. An error names a setting out of range.
func (s *TPE) SampleJoint(r trial.Request) (map[string]float64, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if s.Independent || len(r.History.Directions()) > 1 || s.starting(r) {
		return nil, nil
	}
	spaces := []space.Space{r.History.Space(true)}
	if s.Groups {
		spaces = s.groups(r.History)
	}
	values := map[string]float64{}
	for _, sp := range spaces {
		if sp = searchSpace(sp); len(sp) > 0 {
			for i, x := range s.drawNew(r, sp) {
				values[sp[i].Name] = x
			}
		}
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

// view makes what r needs to know of sp.
func (s *TPE) view(r trial.Request, sp space.Space) tpeView {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.history(r.History)
	m := f.model(sp)
	good, poor := m.follow(f, r)
	return tpeView{good, poor, m.untried(f, r, &s.mu)}
}

// groups returns the groups of parameters of a history.
func (s *TPE) groups(h trial.History) []space.Space {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.history(h).groups(len(h.Finished()))
}

// history returns what was made of a history before, brought up to its end. The
// caller holds mu.
func (s *TPE) history(h trial.History) *tpeHistory {
	const kept = 16 // one TPE may serve several studies, and the brackets of a study
	i := slices.IndexFunc(s.histories, func(f *tpeHistory) bool { return f.of(h) })
	if i < 0 {
		i = min(len(s.histories), kept-1)
		s.histories = append(s.histories[:i], newTPEHistory(h))
	}
	f := s.histories[i]
	copy(s.histories[1:i+1], s.histories[:i])
	s.histories[0] = f
	f.advance(h)
	return f
}

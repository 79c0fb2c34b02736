package sampler

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/sampler/internal/gp"
	"github.com/bluefin-hpo/bluefin/sampler/internal/sobol"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// GP models the objective by a Gaussian process and tries the point of the
// largest expected improvement. It needs the fewest trials where the objective
// is smooth, and takes the longest to think: the cost of a trial grows with the
// cube of their number. It is meant for up to a few hundred.
//
// It draws jointly the parameters, of more than one value, that every complete
// trial has (if none is complete, every pruned one) with a range that has lasted
// for as many of them as there were ranges; and those that only some have, if from the
// values of another one it can be told which (a method, and the settings of that
// method). Where such a parameter does not exist, all trials count as equal in
// it. The kernel is Matérn 5/2 on the unit cube with
// one length scale per parameter; two choices of a categorical parameter are
// either the same or not. Values are standardized, infinite ones taken as the
// worst or the best finite one, and how bad the worse half is counts by rank
// only (half-rank warping: Song et al., "The Vizier Gaussian Process Bandit
// Algorithm", arXiv:2408.11527, 2024), so that a few values far off do not hide
// the differences among the good. The parameters of the kernel and the noise
// are those of the largest posterior density, with the priors of Optuna's
// GPSampler. They are fitted anew whenever the number of trials has
// grown by a sixteenth.
//
// Pruned and failed trials count as poor: pruned ones below all complete ones,
// those that came farther above the others, and failed ones at the bottom. Of
// pruned and failed trials only about the last 200 count, so that a region that
// fails does not make draws slow. No point is tried again, in whatever state its
// trial is, nor one within a millionth of the range of each parameter, as long as
// the search finds others.
//
// The acquisition function is the logarithm of the expected improvement. Over
// what running trials will bring it takes the mean of their possible results, so
// that parallel workers stay apart. With constraints, the logarithm of the
// probability that they hold is added, each having a model of its own. The value
// to improve on is the best mean of the process at a feasible trial. (Optuna
// takes the best value, which may be luck: where the process takes a rugged
// objective for a noisy one, it then tries the same place again and again.)
//
// Other parameters, and all during startup, go to Independent. Without one, the
// startup in a finite space draws at random from what has not been tried. One
// objective only. See Jones, Schonlau and Welch, "Efficient Global Optimization of
// Expensive Black-Box Functions" (J. Global Optim. 13, 1998), Snoek, Larochelle
// and Adams, "Practical Bayesian Optimization of Machine Learning Algorithms"
// (NeurIPS 2012), and Ament et al., "Unexpected Improvements to Expected
// Improvement for Bayesian Optimization" (NeurIPS 2023).
//
// A GP must not be copied after its first use, nor its fields changed.
type GP struct {
	StartupTrials int // drawn from Independent until as many have finished, one at least not failed; 0: 10

	// Deterministic says that the objective has no noise: the same parameters
	// always get the same value.
	Deterministic bool

	// Independent draws the other parameters, and all during startup. It must
	// be safe for concurrent use; nil: Random.
	Independent Sampler

	mu   sync.Mutex
	fits []gpFit // a cache of the newest
}

// SampleJoint draws the parameters of the search space. It returns none while
// the study starts up. It is an error if a setting is out of range or the
// study has several objectives.
func (s *GP) SampleJoint(r Request) (map[string]float64, error) {
	if err := s.check(r.History); err != nil {
		return nil, err
	}
	finished := r.History.Finished()
	ranked := gpRanked(finished)
	if len(ranked) == 0 {
		return nil, nil
	}
	common := r.History.Space()
	if ranked[0].State == trial.Pruned {
		common = r.History.RankedSpace()
	}
	joint := newGPSpace(common, ranked)
	if len(joint.Space) == 0 {
		return nil, nil
	}
	if len(finished) < s.startup() {
		return s.start(r, joint)
	}
	return joint.values(s.search(r, joint).Best(r.Rand)), nil
}

// start draws a trial of the startup jointly, if Independent does, or if there are
// finitely many points: then one at random that has not been tried.
func (s *GP) start(r Request, joint gpSpace) (map[string]float64, error) {
	if other, ok := s.Independent.(interface {
		SampleJoint(r Request) (map[string]float64, error)
	}); ok {
		return other.SampleJoint(r)
	}
	if s.Independent != nil || !cube.IsFinite(joint.Space) {
		return nil, nil
	}
	const tries = 200
	taken := joint.taken(r)
	for range tries {
		x := make([]float64, len(joint.Space))
		for i, d := range joint.Space {
			if x[i] = d.Dist.Value(r.Rand.Float64()); !cube.IsCategorical(d.Dist) {
				x[i] = d.Dist.Unit(x[i])
			}
		}
		if y, _ := joint.fold(x); !taken(y) {
			return joint.values(x), nil
		}
	}
	return nil, nil
}

// Sample draws a parameter that SampleJoint did not. Its errors are those of
// SampleJoint and of Independent.
func (s *GP) Sample(r Request, name string, d space.Dist) (float64, error) {
	if err := s.check(r.History); err != nil {
		return 0, err
	}
	if s.Independent == nil {
		return Random{}.Sample(r, name, d)
	}
	return s.Independent.Sample(r, name, d)
}

func (s *GP) check(h trial.History) error {
	switch n := len(h.Directions()); {
	case n != 1:
		return fmt.Errorf("GP has %d objectives, want 1: it models one value", n)
	case s.StartupTrials < 0:
		return fmt.Errorf("GP.StartupTrials is %d, want at least 0", s.StartupTrials)
	}
	return nil
}

func (s *GP) startup() int {
	if s.StartupTrials == 0 {
		return 10
	}
	return s.StartupTrials
}

// search returns what to maximize, and where.
func (s *GP) search(r Request, joint gpSpace) gp.Search {
	finished := r.History.Finished()
	all := newGPData(joint, finished, r.History.Directions()[0])
	all.pending = joint.pending(r)
	search := gp.Search{Axes: gpAxes(joint.Space), Fold: joint.fold, Taken: joint.taken(r)}
	order := all.order(r.History.Directions()[0])
	for _, i := range order[:min(len(order), 10)] {
		search.Good = append(search.Good, joint.unfold(all.rows[i]))
	}
	if len(order) > 0 && all.trials[order[0]].Violation() == 0 {
		fit := s.fit(all, "")
		if p, ok := gp.Condition(fit.kernel, fit.noise, all.rows, fit.goals(all.goals), all.pending); ok {
			search.Terms = append(search.Terms, gp.NewLogEI(p, all.highest(p), gpNormals(r.Rand, len(all.pending))))
		}
	}
	for _, name := range gpConstraints(all.trials) {
		if c, ok := s.constraint(all, name); ok {
			search.Terms = append(search.Terms, c)
		}
	}
	return search
}

// constraint returns the feasibility by the constraint called name, by the
// trials that have it.
func (s *GP) constraint(all gpData, name string) (gp.LogFeasibility, bool) {
	some := gpData{space: all.space, pending: all.pending}
	for _, t := range all.trials {
		if v, ok := t.Constraints[name]; ok && !math.IsNaN(v) {
			some.add(t, gpGoal{value: v})
		}
	}
	if len(some.trials) == 0 {
		return gp.LogFeasibility{}, false
	}
	fit := s.fit(some, name)
	p, ok := gp.Condition(fit.kernel, fit.noise, some.rows, fit.standard(some.values()), some.pending)
	return gp.LogFeasibility{Posterior: p, Limit: -fit.shift / fit.scale}, ok
}

// gpFantasies is the number of samples of what running trials will bring.
const gpFantasies = 32

// gpNormals returns samples of q standard normal variables.
func gpNormals(r *rand.Rand, q int) [][]float64 {
	if q == 0 {
		return nil
	}
	scramble := &sobol.Scramble{Seed: r.Uint64()}
	normals := make([][]float64, gpFantasies)
	for i := range normals {
		normals[i] = make([]float64, q)
		for k := range normals[i] {
			u := sobol.At(uint64(i), k%sobol.MaxDim, scramble)
			normals[i][k] = math.Sqrt2 * math.Erfinv(2*max(u, 0x1p-53)-1)
		}
	}
	return normals
}

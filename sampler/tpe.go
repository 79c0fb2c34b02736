package sampler

import (
	"fmt"
	"math"

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
type TPE struct {
	StartupTrials int  // drawn at random until as many are complete or pruned; 0: 10
	Candidates    int  // drawn from l for every decision; 0: 24
	Independent   bool // draw one parameter at a time, also with one objective
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
	var joint space.Space
	for _, d := range r.History.Space(true) {
		if d.Dist.Len() != 1 {
			joint = append(joint, d)
		}
	}
	if len(joint) == 0 {
		return nil, nil
	}
	values := make(map[string]float64, len(joint))
	for i, x := range s.draw(r, joint) {
		values[joint[i].Name] = x
	}
	return values, nil
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
	for _, t := range r.History.Finished() {
		if t.State != trial.Failed {
			need--
		}
		if need <= 0 {
			return false
		}
	}
	return true
}

// draw returns a value for each parameter of s, in internal form.
func (s *TPE) draw(r trial.Request, sp space.Space) []float64 {
	below, above := split(r)
	l := goodEstimator(sp, below)
	g := poorEstimator(sp, above)

	c := newCandidates(sp, s.candidates())
	c.draw(r, l)
	logL, logG := c.logPDF(l), c.logPDF(g)
	best, gain := 0, math.Inf(-1)
	for j := range logL {
		if a := logL[j] - logG[j]; a > gain {
			best, gain = j, a
		}
	}
	return c.value(best)
}

func (s *TPE) candidates() int {
	if s.Candidates == 0 {
		return 24
	}
	return s.Candidates
}

// candidates are m points of a space.
type candidates struct {
	space  space.Space
	values [][]float64 // d×m, internal form
	lo, hi [][]float64 // d×m, cells; the index of a choice in both
}

func newCandidates(sp space.Space, m int) *candidates {
	c := &candidates{space: sp}
	matrix := func() [][]float64 {
		rows := make([][]float64, len(sp))
		for i := range rows {
			rows[i] = make([]float64, m)
		}
		return rows
	}
	c.values, c.lo, c.hi = matrix(), matrix(), matrix()
	return c
}

// draw fills c with points of e.
func (c *candidates) draw(r trial.Request, e *parzen.Estimator) {
	x := make([]float64, len(c.space))
	for j := range c.values[0] {
		e.Draw(r.Rand, x)
		for i, p := range c.space {
			if isCategorical(p.Dist) {
				c.set(i, j, x[i])
			} else {
				c.set(i, j, p.Dist.Value(x[i]))
			}
		}
	}
}

// set puts the value of parameter i at point j.
func (c *candidates) set(i, j int, value float64) {
	c.values[i][j], c.lo[i][j], c.hi[i][j] = value, value, value
	if d := c.space[i].Dist; !isCategorical(d) {
		c.lo[i][j], c.hi[i][j] = d.Cell(value)
	}
}

func (c *candidates) logPDF(e *parzen.Estimator) []float64 {
	dst := make([]float64, len(c.values[0]))
	e.LogPDF(dst, c.lo, c.hi)
	return dst
}

// value returns point j.
func (c *candidates) value(j int) []float64 {
	x := make([]float64, len(c.space))
	for i := range x {
		x[i] = c.values[i][j]
	}
	return x
}

// isCategorical reports whether the values of d have no order.
func isCategorical(d space.Dist) bool {
	_, ok := d.(space.Categorical)
	return ok
}

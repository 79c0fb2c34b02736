package bayesopt

import (
	"github.com/bluefin-hpo/bluefin/sampler/internal/gp"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A Prior knows the objective from elsewhere.
type Prior interface {
	// Mean returns what is expected of the objective before the process looks at its values y, which
	// are standardized, the larger the better, at the points rows of the space; nil: 0 everywhere.
	// It is a function of its arguments and safe for concurrent use.
	Mean(sp Space, rows [][]float64, y []float64) gp.Term
}

// less returns y less the prior mean, and that mean; nil: 0.
func (m *Model) less(sp Space, rows [][]float64, y []float64) ([]float64, gp.Term) {
	if m.Prior == nil {
		return y, nil
	}
	mean := m.Prior.Mean(sp, rows, y)
	if mean == nil {
		return y, nil
	}
	rest := make([]float64, len(y))
	for i, x := range rows {
		rest[i] = y[i] - mean.Value(x)
	}
	return rest, mean
}

// Observed returns what a model of the history conditions on: the points of the finished trials that
// have a place in the space, and their standardized values, the larger the better.
func Observed(h trial.History, sp Space) (rows [][]float64, y []float64) {
	g := newData(sp, h.Finished(), h.Directions()[0])
	return g.rows, standardized(g.goals)
}

// Point returns where a trial is in the space. It reports false if it has no place there.
func (g Space) Point(t *trial.Trial) ([]float64, bool) {
	if len(g.Space) == 0 {
		return nil, false
	}
	return g.point(t)
}

// LogScore returns how well the process predicts each trial of a history from the others, as the
// logarithm of a density; the mean of its prior is not left out of it. 0 if there is no process.
func (m *Model) LogScore(h trial.History, sp Space) float64 {
	g := newData(sp, h.Finished(), h.Directions()[0])
	if len(g.trials) == 0 {
		return 0
	}
	f := m.fit(g, "", lastRefit(len(g.trials)))
	y, _ := m.less(sp, g.rows, standardized(g.goals))
	p, ok := gp.Condition(f.kernel, f.noise, g.rows, y, nil)
	if !ok {
		return 0
	}
	return p.LogScore()
}

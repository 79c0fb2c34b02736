package outcome

import (
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Seconds tells how long a trial takes: a Gaussian process of the logarithm of the seconds of the
// latest complete trials.
type Seconds struct {
	space    space.Space
	kernel   kernel
	points   [][]float64
	weights  *mat.VecDense // of the covariances
	mean, sd float64       // of the logarithms
	evidence float64
}

const (
	fewestTimed = 5
	latestTimed = 60
)

// noises are those that are tried, as variances beside that of the process.
var noises = [...]float64{0.003, 0.03, 0.3}

// NewSeconds returns what the finished trials tell; nil if they are too few or all took the same time.
func NewSeconds(finished []*trial.Trial) *Seconds {
	var trials []*trial.Trial
	var logs []float64
	for i := len(finished) - 1; i >= 0 && len(trials) < latestTimed; i-- {
		if t := finished[i]; t.State == trial.Complete && t.Duration() > 0 {
			trials, logs = append(trials, t), append(logs, math.Log(t.Duration().Seconds()))
		}
	}
	if len(trials) < fewestTimed {
		return nil
	}
	mean, sd := stat.MeanStdDev(logs, nil)
	if !(sd > 1e-3) {
		return nil
	}
	sp := axesOf(trials)
	points, y := make([][]float64, len(trials)), mat.NewVecDense(len(trials), nil)
	for i, t := range trials {
		points[i] = placeOf(sp, t)
		y.SetVec(i, (logs[i]-mean)/sd)
	}
	var best *Seconds
	for _, slope := range slopes {
		for _, noise := range noises {
			s := &Seconds{space: sp, kernel: newKernel(sp, slope/10), points: points, mean: mean, sd: sd}
			if s.fit(y, noise) && (best == nil || s.evidence > best.evidence) {
				best = s
			}
		}
	}
	return best
}

// fit reports false if the covariance is singular.
func (s *Seconds) fit(y *mat.VecDense, noise float64) bool {
	n := len(s.points)
	cov := mat.NewSymDense(n, nil)
	for i, x := range s.points {
		for j, z := range s.points[:i+1] {
			cov.SetSym(i, j, s.kernel.at(x, z))
		}
		cov.SetSym(i, i, cov.At(i, i)+noise)
	}
	var lower mat.Cholesky
	if !lower.Factorize(cov) {
		return false
	}
	s.weights = mat.NewVecDense(n, nil)
	if lower.SolveVecTo(s.weights, y) != nil {
		return false
	}
	s.evidence = -mat.Dot(y, s.weights)/2 - lower.LogDet()/2
	return true
}

// LogAt returns the logarithm of the seconds at a place, see Chances.WorthAt. Unless grad is nil, it
// adds the gradient to that, except on axes of choices.
func (s *Seconds) LogAt(z, grad []float64) float64 {
	sum := 0.0
	for i, x := range s.points {
		w := s.weights.AtVec(i)
		sum += w * s.kernel.at(x, z)
		if grad != nil {
			s.kernel.descend(x, z, s.sd*w, grad)
		}
	}
	return s.mean + s.sd*sum
}

// Log returns LogAt of parameters, given their values in internal form.
func (s *Seconds) Log(value func(name string) (float64, bool)) float64 {
	return s.LogAt(place(s.space, value), nil)
}

// Space returns the parameters that the seconds depend on.
func (s *Seconds) Space() space.Space { return s.space }

// Place returns the place of parameters for LogAt, given their values in internal form.
func (s *Seconds) Place(value func(name string) (float64, bool)) []float64 {
	return place(s.space, value)
}

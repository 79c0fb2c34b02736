// Package transfer learns from studies that are over: which settings were good in them, and how far
// their ranks predict those of a new study.
//
// See Feurer et al., "Scalable Meta-Learning for Bayesian Optimization using Ranking-Weighted Gaussian
// Process Ensembles" (AutoML workshop 2018), and Bai et al., "Transfer Learning for Bayesian
// Optimization: A Survey" (arXiv:2302.05927, 2023).
package transfer

import (
	"github.com/bluefin-hpo/bluefin/sampler/internal/gp"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Lessons are the models of earlier studies in a space. They are safe for concurrent use.
type Lessons struct {
	space   space.Space
	studies int
	sources []source // those that can teach
	from    []int    // the studies that they are from
}

// Learn returns the models of some studies, in the dimensions of sp.
func Learn(sp space.Space, studies []trial.History) Lessons {
	l := Lessons{space: sp, studies: len(studies)}
	for i, h := range studies {
		if s, ok := newSource(sp, h); ok {
			l.sources, l.from = append(l.sources, s), append(l.from, i)
		}
	}
	return l
}

// Empty reports whether no study teaches anything.
func (l Lessons) Empty() bool { return len(l.sources) == 0 }

// A Verdict says how far earlier studies agree with a new one.
type Verdict struct {
	Trust   float64   // from 0, when they mislead, to 1
	Weights []float64 // of each study; sum to 1, or are all 0
	slope   float64   // of the values of the new study by the mean of the scores
}

const (
	belief   = 0.6 // the rank correlation that is expected before the first trial
	strength = 5.0 // how many trials that expectation is worth
	least    = 0.2 // of the trust: with less, a study counts as misleading
)

// Judge compares the studies with the values y of a new one, the larger the better, at its points.
func (l Lessons) Judge(rows [][]float64, y []float64) Verdict {
	v := Verdict{Weights: make([]float64, l.studies)}
	means := make([]float64, len(y))
	sum := 0.0
	scores := make([][]float64, len(l.sources))
	for k, s := range l.sources {
		scores[k] = make([]float64, len(y))
		for i, x := range rows {
			scores[k][i] = s.at(x)
		}
		if a := agreement(scores[k], y); a > least {
			v.Weights[l.from[k]] = a * a
			sum += a * a
		}
	}
	if sum == 0 {
		return v
	}
	for k, i := range l.from {
		v.Weights[i] /= sum
		for j, z := range scores[k] {
			means[j] += v.Weights[i] * z
		}
	}
	if v.Trust = agreement(means, y); v.Trust < least {
		v.Trust = 0
		clear(v.Weights)
		return v
	}
	v.slope = slope(means, y)
	return v
}

// agreement returns how well scores predict the order of y, as a rank correlation: that of the pairs,
// drawn towards belief while they are few.
func agreement(scores, y []float64) float64 {
	sum, pairs := 0.0, 0.0
	for i := range y {
		for j := range i {
			if y[i] == y[j] {
				continue
			}
			pairs++
			switch product := (scores[i] - scores[j]) * (y[i] - y[j]); {
			case product > 0:
				sum++
			case product < 0:
				sum--
			}
		}
	}
	if pairs == 0 {
		return belief
	}
	n := float64(len(y)) - 1
	return max(0, (n*sum/pairs+strength*belief)/(n+strength))
}

// slope returns the slope of y by x, drawn towards 1 while they are few, and at least 0.
func slope(x, y []float64) float64 {
	n := float64(len(x))
	if n == 0 {
		return 1
	}
	meanX, meanY := 0.0, 0.0
	for i := range x {
		meanX += x[i] / n
		meanY += y[i] / n
	}
	const ridge = 2
	xy, xx := ridge*1.0, ridge*1.0
	for i := range x {
		xy += (x[i] - meanX) * (y[i] - meanY)
		xx += (x[i] - meanX) * (x[i] - meanX)
	}
	return min(max(xy/xx, 0), 2)
}

// Expect returns what a verdict makes of the scores of the studies: a function on the scale of y.
func (l Lessons) Expect(v Verdict) gp.Term { return expectation{l, v} }

// Rank returns the share of the trials of the studies, weighted by a verdict, that are better than what
// they predict at x.
func (l Lessons) Rank(v Verdict, x []float64) float64 {
	sum := 0.0
	for k, s := range l.sources {
		if w := v.Weights[l.from[k]]; w > 0 {
			sum += w * rankOf(s.at(x))
		}
	}
	return sum
}

type expectation struct {
	lessons Lessons
	verdict Verdict
}

// Value implements gp.Term.
func (e expectation) Value(x []float64) float64 {
	sum := 0.0
	for k, s := range e.lessons.sources {
		if w := e.verdict.Weights[e.lessons.from[k]]; w > 0 {
			sum += w * s.at(x)
		}
	}
	return e.verdict.slope * sum
}

// Gradient implements gp.Term.
func (e expectation) Gradient(x, grad []float64) float64 {
	sum := 0.0
	for k, s := range e.lessons.sources {
		w := e.verdict.Weights[e.lessons.from[k]]
		if w == 0 {
			continue
		}
		part := make([]float64, len(s.dims))
		sum += w * s.mean.Gradient(pick(x, s.dims), part)
		for j, i := range s.dims {
			grad[i] += e.verdict.slope * w * part[j]
		}
	}
	return e.verdict.slope * sum
}

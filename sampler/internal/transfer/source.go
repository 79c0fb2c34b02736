package transfer

import (
	"cmp"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/sampler/internal/gp"
	"github.com/bluefin-hpo/bluefin/sampler/internal/rank"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

const (
	fewest = 5   // complete trials with which a study can teach
	most   = 64  // trials that the model of one study rests on
	best   = 24  // of these, at most, chosen for their values; the others for their ranks
	beyond = 0.5 // of a range: trials farther out of it tell nothing
)

// A source is the model of one study on the axes of a space that it shares: a Gaussian process over
// normal scores, which are the quantiles of the ranks of its trials, the best highest.
type source struct {
	dims []int
	mean gp.Mean
	top  []*trial.Trial // the best trials, the best first
}

// newSource returns the model of a study. It reports false if the study has too few trials or shares
// no parameter.
func newSource(sp space.Space, h trial.History) (source, bool) {
	ranked := Ranked(h)
	s := source{dims: shared(sp, ranked)}
	var trials []*trial.Trial
	var points [][]float64
	for _, t := range ranked {
		if x := place(sp, s.dims, t); near(sp, s.dims, x) {
			trials, points = append(trials, t), append(points, x)
		}
	}
	usable := 0
	for _, t := range trials {
		if isGood(t) {
			usable++
		}
	}
	if usable < fewest || len(s.dims) == 0 {
		return s, false
	}
	s.top = trials[:min(best, usable)]
	scores := scoresOf(trials, rank.ByValue(h.Directions()[0]))
	data := gp.Data{MinNoise: 1e-4}
	for _, i := range some(len(trials)) {
		data.Points, data.Values = append(data.Points, points[i]), append(data.Values, scores[i])
	}
	for k, i := range s.dims {
		if cube.IsCategorical(sp[i].Dist) {
			if data.Unordered == nil {
				data.Unordered = make([]bool, len(s.dims))
			}
			data.Unordered[k] = true
		}
	}
	kernel, noise, _ := data.Fit(false, nil)
	p, ok := gp.Condition(kernel, noise, data.Points, data.Values, nil)
	if ok {
		s.mean = p.Mean()
	}
	return s, ok
}

// at returns the predicted score at a point of the whole space.
func (s source) at(x []float64) float64 { return s.mean.Value(pick(x, s.dims)) }

// isGood reports whether a trial has a value that counts.
func isGood(t *trial.Trial) bool {
	return t.State == trial.Complete && t.Violation() == 0 && !math.IsNaN(t.Values[0])
}

// Ranked returns the trials of a study with one objective, the best first: those that are not good
// follow, all with the same rank.
func Ranked(h trial.History) []*trial.Trial {
	trials := slices.Clone(h.Finished())
	slices.SortStableFunc(trials, func(a, b *trial.Trial) int {
		switch x, y := isGood(a), isGood(b); {
		case x && y:
			return rank.Compare(a.Values[0], b.Values[0], h.Directions()[0])
		case x:
			return -1
		case y:
			return 1
		}
		return 0
	})
	return trials
}

// scoresOf returns the normal scores of ranked trials; equal ones share theirs.
func scoresOf(trials []*trial.Trial, compare func(a, b *trial.Trial) int) []float64 {
	scores := make([]float64, len(trials))
	same := func(a, b *trial.Trial) bool {
		return !isGood(a) && !isGood(b) || isGood(a) && isGood(b) && compare(a, b) == 0
	}
	for first := 0; first < len(trials); {
		end := first + 1
		for end < len(trials) && same(trials[first], trials[end]) {
			end++
		}
		quantile := 1 - float64(first+end)/float64(2*len(trials))
		for i := first; i < end; i++ {
			scores[i] = math.Sqrt2 * math.Erfinv(2*quantile-1)
		}
		first = end
	}
	return scores
}

// some returns which of n ranked trials a model rests on: all if they are few, else the best and some
// of the others, evenly by rank.
func some(n int) []int {
	var list []int
	for i := range min(n, most) {
		if n > most && i >= best {
			i = best + (i-best)*(n-best)/(most-best)
		}
		list = append(list, i)
	}
	return list
}

// near reports whether a point is in or close to the ranges of the axes.
func near(sp space.Space, dims []int, x []float64) bool {
	for k, i := range dims {
		if !cube.IsCategorical(sp[i].Dist) && !(x[k] >= -beyond && x[k] <= 1+beyond) {
			return false
		}
	}
	return true
}

// Merged returns the parameters of some studies. Where they differ, the study with more trials
// counts.
func Merged(studies []trial.History) space.Space {
	ordered := slices.Clone(studies)
	slices.SortStableFunc(ordered, func(a, b trial.History) int {
		return cmp.Compare(len(b.Finished()), len(a.Finished()))
	})
	var all []space.Dimension
	for _, h := range ordered {
		for _, t := range h.Finished() {
			for _, p := range t.Params {
				if !slices.ContainsFunc(all, func(d space.Dimension) bool { return d.Name == p.Name }) {
					all = append(all, space.Dimension{Name: p.Name, Dist: p.Dist})
				}
			}
		}
	}
	return space.Must(space.New(all...))
}

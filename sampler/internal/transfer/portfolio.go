package transfer

import (
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A Choice is a trial of a portfolio.
type Choice struct {
	Trial  *trial.Trial
	Source int // the study that it is from

	// Ranks are, for each study, the share of its trials that would be better, as its model predicts;
	// NaN for a study that has no model.
	Ranks []float64
}

const candidates = 12 // of each study: its best trials

// Portfolio returns up to n settings such that the best of them is good in each study: each next one
// lowers most the mean over the studies of the smallest rank so far.
func (l Lessons) Portfolio(n int) []Choice {
	var pool []Choice
	for k, s := range l.sources {
		for _, t := range s.top[:min(candidates, len(s.top))] {
			c := Choice{Trial: t, Source: l.from[k], Ranks: slices.Repeat([]float64{math.NaN()}, l.studies)}
			for j, other := range l.sources {
				c.Ranks[l.from[j]] = rankOf(other.mean.Value(place(l.space, other.dims, t)))
			}
			pool = append(pool, c)
		}
	}
	reached := slices.Repeat([]float64{1}, l.studies)
	var chosen []Choice
	for len(chosen) < n && len(pool) > 0 {
		at, least, own := 0, math.Inf(1), math.Inf(1)
		for i, c := range pool {
			sum, ranks := 0.0, 0.0
			for _, k := range l.from {
				sum += min(reached[k], c.Ranks[k])
				ranks += c.Ranks[k]
			}
			if sum < least || sum == least && ranks < own { // if nothing helps, the next best
				at, least, own = i, sum, ranks
			}
		}
		c := pool[at]
		for _, k := range l.from {
			reached[k] = min(reached[k], c.Ranks[k])
		}
		chosen = append(chosen, c)
		pool = slices.DeleteFunc(pool, func(o Choice) bool { return l.same(o.Trial, c.Trial) })
	}
	return chosen
}

// same reports whether two trials are at one point of the space.
func (l Lessons) same(a, b *trial.Trial) bool {
	all := make([]int, len(l.space))
	for i := range all {
		all[i] = i
	}
	return slices.Equal(place(l.space, all, a), place(l.space, all, b))
}

// rankOf returns the share of a study's trials that are better than a score.
func rankOf(score float64) float64 { return math.Erfc(score/math.Sqrt2) / 2 }

// Is reports whether a trial of another study has this setting: all of its parameters, at least one,
// that the setting has too. Of a running trial, the joint draw counts, in the dimensions of sp.
func (c Choice) Is(sp space.Space, t *trial.Trial) bool {
	n := 0
	equal := func(name string, d space.Dist, value float64) bool {
		p, ok := c.Trial.Param(name)
		if !ok {
			return true
		}
		x, ok := Translate(d, p)
		if !ok {
			return true
		}
		n++
		return x == value
	}
	for _, p := range t.Params {
		if !equal(p.Name, p.Dist, p.Value) {
			return false
		}
	}
	for _, d := range sp {
		if _, asked := t.Param(d.Name); asked {
			continue
		}
		if x, ok := t.Joint[d.Name]; ok && !equal(d.Name, d.Dist, x) {
			return false
		}
	}
	return n > 0
}

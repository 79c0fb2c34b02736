package sampler

import (
	"cmp"
	"slices"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A tpeHistory is what TPE has made of one history so far. It is a function of
// the finished trials, so that a history made of fewer or more of them, the
// same ones, is served as well.
type tpeHistory struct {
	directions []trial.Direction
	all        []*trial.Trial // finished
	ranked     []int          // ranked[i]: Complete or Pruned ones in all[:i]
	mostParams []int          // mostParams[i]: of any trial in all[:i]
	standings  []standing     // with one objective: at every change
	several    standing       // with several objectives: the last one asked for
	models     []*tpeModel    // the last used first
	groupings  []grouping     // at every change in all[:grouped]
	grouped    int
}

// A standing are the good ones among the first seen finished trials.
type standing struct {
	seen int
	good []int // indices into all; with one objective maxGood of them, the best first
}

// maxGood is the most trials that are good with one objective.
const maxGood = 25

func newTPEHistory(h trial.History) *tpeHistory {
	return &tpeHistory{directions: h.Directions(), ranked: []int{0}, mostParams: []int{0}, standings: []standing{{}}}
}

// of reports whether one of the two histories begins with the other. Both only
// grow, so their last common trial stands for those before it.
func (f *tpeHistory) of(h trial.History) bool {
	all := h.Finished()
	n := min(len(all), len(f.all))
	return n > 0 && all[n-1] == f.all[n-1] && slices.Equal(h.Directions(), f.directions)
}

// advance takes in the trials that f has not seen.
func (f *tpeHistory) advance(h trial.History) {
	all := h.Finished()
	for i := len(f.all); i < len(all); i++ {
		t := all[i]
		n := f.ranked[i]
		if t.State != trial.Failed {
			n++
			if len(f.directions) == 1 {
				f.rank(all, i)
			}
		}
		f.ranked = append(f.ranked, n)
		f.mostParams = append(f.mostParams, max(f.mostParams[i], len(t.Params)))
	}
	if len(all) > len(f.all) {
		f.all = all
	}
}

// rank gives all[i] its place among the best.
func (f *tpeHistory) rank(all []*trial.Trial, i int) {
	best := f.standings[len(f.standings)-1].good
	place, _ := slices.BinarySearchFunc(best, i, func(a, b int) int { return f.compare(all[a], all[b]) })
	if place == maxGood {
		return
	}
	better := make([]int, 0, min(len(best)+1, maxGood))
	better = append(append(better, best[:place]...), i)
	better = append(better, best[place:min(len(best), maxGood-1)]...)
	f.standings = append(f.standings, standing{i + 1, better})
}

// compare orders the ranked trials of one objective, the best first.
func (f *tpeHistory) compare(a, b *trial.Trial) int {
	classA, classB := class(a), class(b)
	if classA != classB {
		return cmp.Compare(classA, classB)
	}
	c := 0
	switch classA {
	case feasible:
		c = byLoss(f.directions[0])(a, b)
	case pruned:
		c = byProgress(f.directions[0])(a, b)
	default:
		c = byViolation(a, b)
	}
	return cmp.Or(c, byNumber(a, b))
}

// starting reports whether fewer than need trials of h are ranked.
func starting(h trial.History, need int) bool {
	for _, t := range h.Finished() {
		if need <= 0 {
			break
		}
		if t.State != trial.Failed {
			need--
		}
	}
	return need > 0
}

// good returns the indices of the good ones of the first seen trials.
func (f *tpeHistory) good(seen int) []int {
	n := belowSize(f.ranked[seen], len(f.directions))
	if len(f.directions) == 1 {
		i, found := slices.BinarySearchFunc(f.standings, seen, func(s standing, seen int) int { return s.seen - seen })
		if !found {
			i--
		}
		return f.standings[i].good[:n]
	}
	if f.several.seen != seen {
		var ranked []*trial.Trial
		index := map[*trial.Trial]int{}
		for i, t := range f.all[:seen] {
			if t.State != trial.Failed {
				ranked = append(ranked, t)
				index[t] = i
			}
		}
		f.several = standing{seen: seen}
		for _, t := range best(ranked, f.directions) {
			f.several.good = append(f.several.good, index[t])
		}
	}
	return f.several.good
}

// model returns the model of a space.
func (f *tpeHistory) model(sp space.Space) *tpeModel {
	const ranges = 3 // that are kept of parameters whose range changes
	same := 0
	for i, m := range f.models {
		if !sameNames(m.space, sp) {
			continue
		}
		if sameSpace(m.space, sp) {
			copy(f.models[1:i+1], f.models[:i])
			f.models[0] = m
			return m
		}
		if same++; same == ranges {
			f.models = slices.Delete(f.models, i, i+1)
			break
		}
	}
	m := newTPEModel(sp)
	f.models = slices.Insert(f.models, 0, m)
	return m
}

func sameNames(a, b space.Space) bool {
	return slices.EqualFunc(a, b, func(a, b space.Dimension) bool { return a.Name == b.Name })
}

// sameSpace reports whether two spaces of the same names are equal.
func sameSpace(a, b space.Space) bool {
	for i, d := range a {
		same := false
		switch x := d.Dist.(type) { // most often they are the very same
		case space.Float:
			same = b[i].Dist == space.Dist(x)
		case space.Int:
			same = b[i].Dist == space.Dist(x)
		}
		if !same && !space.Equal(d.Dist, b[i].Dist) {
			return false
		}
	}
	return true
}

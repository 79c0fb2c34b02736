package tpe

import (
	"cmp"
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/sampler/internal/rank"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A history is what TPE has derived from the finished trials of one history. It also serves
// workers that see fewer or more of the same trials.
type history struct {
	rules      rules
	directions []trial.Direction
	all        []*trial.Trial // finished
	index      []int          // by number: 1 + the index in all, 0 if not finished
	ranked     []int          // ranked[i]: the number of complete and pruned ones in all[:i]
	mostParams []int          // mostParams[i]: the most parameters of a trial in all[:i]
	standings  []standing     // with one objective, one for every change
	fronts     fronts         // with several objectives
	several    []standing     // with several objectives, those used last, the newest first
	models     []*model       // a cache, last used first
	groupings  []grouping     // one for every change in all[:grouped]
	grouped    int
	wholes     []widened             // one for every change
	drifts     map[string]cube.Drift // of every parameter
	single     map[string]bool       // parameters that count as single
}

// A standing holds the good ones among the first seen finished trials.
type standing struct {
	seen int
	good []int // indices into all; with one objective up to rules.most, best first
}

// latest returns the last element that holds after the first seen trials. The first one always
// does.
func latest[T any](list []T, seen int, from func(T) int) T {
	i, _ := slices.BinarySearchFunc(list, seen+1, func(v T, seen int) int { return from(v) - seen })
	return list[i-1]
}

// newHistory begins each list with the state before all trials, so latest always finds
// one.
func newHistory(h trial.History, rules rules) *history {
	return &history{
		rules: rules, directions: h.Directions(),
		ranked: []int{0}, mostParams: []int{0}, standings: []standing{{}},
		wholes: []widened{{}}, drifts: map[string]cube.Drift{}, single: map[string]bool{},
	}
}

// of reports whether one of the two histories begins with the other. Both only grow, so it is
// enough to compare their last common trial.
func (f *history) of(h trial.History) bool {
	all := h.Finished()
	n := min(len(all), len(f.all))
	return n > 0 && all[n-1] == f.all[n-1] && slices.Equal(h.Directions(), f.directions)
}

// advance adds the trials of h that f has not seen.
func (f *history) advance(h trial.History) {
	all := h.Finished()
	for i := len(f.all); i < len(all); i++ {
		t := all[i]
		n := f.ranked[i]
		if t.State != trial.Failed {
			n++
			if len(f.directions) == 1 {
				f.rank(all, i)
			} else {
				f.fronts.add(t, i, f.directions)
			}
			f.widen(t, i)
		}
		f.index = append(f.index, make([]int, max(0, t.Number+1-len(f.index)))...)
		f.index[t.Number] = i + 1
		f.ranked = append(f.ranked, n)
		f.mostParams = append(f.mostParams, max(f.mostParams[i], len(t.Params)))
	}
	if len(all) > len(f.all) {
		// The longest so far: a worker that sees fewer must not shorten it.
		f.all = all
	}
}

// rank sorts all[i] into the standings.
func (f *history) rank(all []*trial.Trial, i int) {
	best := f.standings[len(f.standings)-1].good
	place, _ := slices.BinarySearchFunc(best, i, func(a, b int) int { return f.compare(all[a], all[b]) })
	most := f.rules.most
	// It is not among the good ones, and never will be: trials only push others down.
	if place == most {
		return
	}
	// A new list, because earlier standings stay valid for workers that see fewer trials.
	better := make([]int, 0, min(len(best)+1, most))
	better = append(append(better, best[:place]...), i)
	better = append(better, best[place:min(len(best), most-1)]...)
	f.standings = append(f.standings, standing{i + 1, better})
}

// compare orders the ranked trials of one objective, best first.
func (f *history) compare(a, b *trial.Trial) int {
	classA, classB := class(a), class(b)
	if classA != classB {
		return cmp.Compare(classA, classB)
	}
	c := 0
	switch classA {
	case feasible:
		c = byLoss(f.directions[0])(a, b)
	case pruned:
		c = rank.ByProgress(f.directions[0])(a, b)
	default:
		c = byViolation(a, b)
	}
	// The oldest first, so the order does not depend on sorting.
	return cmp.Or(c, byNumber(a, b))
}

// good returns the indices of the good ones among the first seen trials.
func (f *history) good(seen int) []int {
	n := f.rules.size(f.ranked[seen])
	if len(f.directions) == 1 {
		return latest(f.standings, seen, func(s standing) int { return s.seen }).good[:n]
	}
	if i := slices.IndexFunc(f.several, func(s standing) bool { return s.seen == seen }); i >= 0 {
		return f.several[i].good
	}
	const kept = 16 // workers see histories of different lengths
	s := standing{seen: seen, good: f.fronts.best(f.all, seen, f.directions, f.rules.size(f.ranked[seen]))}
	f.several = slices.Insert(f.several[:min(len(f.several), kept-1)], 0, s)
	return s.good
}

// model returns the model of a space.
func (f *history) model(sp space.Space) *model {
	const ranges = 3 // kept for the same parameters when a range changes
	same := 0
	for i, m := range f.models {
		if !sameNames(m.space, sp) {
			continue
		}
		if cube.Same(m.space, sp) {
			// Moves it to the front.
			copy(f.models[1:i+1], f.models[:i])
			f.models[0] = m
			return m
		}
		if same++; same == ranges {
			f.models = slices.Delete(f.models, i, i+1)
			break
		}
	}
	m := newModel(sp, f.rules)
	f.models = slices.Insert(f.models, 0, m)
	// Spaces that never come again must not fill the memory.
	newest := f.wholes[len(f.wholes)-1]
	if limit := 16 + 4*(len(newest.steady)+newest.changing); len(f.models) > limit {
		f.models = slices.Delete(f.models, limit, len(f.models))
	}
	return m
}

// sameNames compares the parameters, whatever their ranges.
func sameNames(a, b space.Space) bool {
	return slices.EqualFunc(a, b, func(a, b space.Dimension) bool { return a.Name == b.Name })
}

// Package auto chooses a sampler by the features of a study.
package auto

import (
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Where the rules change.
const (
	Short = 250 // planned trials up to which GP stays in a smooth space
	Wide  = 40  // parameters with a choice up to which GP is used
	Late  = 100 // complete trials after which GP hands over in other spaces
	Few   = 4   // parameters of a smooth space below which a search never starts in the best part

	Recent = 9  // trials by which Facts judge how many run at the same time
	many   = 16 // values from which an int or a step counts as continuous
)

// checks are the numbers of complete trials at which GP has to predict well to stay in a smooth
// space.
var checks = [...]int{30, 50, 75, Late, 150, 200}

// A Kind is a kind of sampler.
type Kind uint8

// The kinds.
const (
	TPE Kind = iota
	GP
	CMAES
	NSGA2
)

// A Choice is a sampler for the next trial.
type Choice struct {
	Kind Kind
	Dim  int      // of CMAES: parameters with a choice
	From Handover // of CMAES; zero if GP drew no trials

	// Near says that CMAES should start where GP's trials were best. Otherwise it learns from them as
	// if they were its own, which keeps the search wide.
	Near bool
}

// A Handover is the state of a study when GP hands over.
type Handover struct {
	Complete int // trials
	Finished int // trials, the complete ones included
	Beside   int // how many trials ran beside one
}

// Facts are a fold over the finished trials of a history. They are a value.
type Facts struct {
	seen int
	last *trial.Trial // Finished()[seen-1]

	complete    int
	pruned      bool  // a trial was pruned
	constrained bool  // a trial has constraints
	most        int   // parameters of any complete or pruned trial
	besides     []int // how many trials ran beside each of the last complete ones

	handovers [len(checks)]Handover // after so many complete trials
}

// After returns the facts of a history, given those of an earlier one or another.
func (f Facts) After(h trial.History) Facts {
	all := h.Finished()
	if f.seen > len(all) || f.seen > 0 && all[f.seen-1] != f.last {
		f = Facts{}
	}
	for _, t := range all[f.seen:] {
		f = f.with(t)
	}
	return f
}

// with returns the facts after one more trial has finished.
func (f Facts) with(t *trial.Trial) Facts {
	f.seen, f.last = f.seen+1, t
	if t.State == trial.Failed || t.Infeasible() { // GP has a model of what runs
		return f
	}
	f.constrained = f.constrained || len(t.Constraints) > 0
	f.most = max(f.most, len(t.Params))
	if t.State == trial.Pruned {
		f.pruned = true
		return f
	}
	f.complete++
	if f.complete > checks[len(checks)-1] {
		return f
	}
	// Trial n that starts after s have finished runs beside n-s. A Seen of 0 may
	// mean that it was not recorded.
	if t.Seen > 0 {
		from := max(0, len(f.besides)+1-Recent)
		f.besides = append(slices.Clip(f.besides[from:]), max(0, t.Number-t.Seen))
	}
	if i := slices.Index(checks[:], f.complete); i >= 0 {
		f.handovers[i] = f.handover()
	}
	return f
}

func (f Facts) handover() Handover {
	o := Handover{Complete: f.complete, Finished: f.seen}
	if n := len(f.besides); n > 0 {
		o.Beside = slices.Sorted(slices.Values(f.besides))[n/2]
	}
	return o
}

// Choose returns the choice for a trial that starts after h, of which f are the
// facts. planned is how many trials the study will have, 0 if unknown. fails reports whether GP
// predicts poorly after the first n finished trials.
func (f Facts) Choose(h trial.History, planned int, fails func(n int) bool) Choice {
	objectives := len(h.Directions())
	if objectives > 3 || f.constrained || f.pruned {
		return Choice{Kind: TPE}
	}
	free := cube.Free(h.RankedSpace())
	smooth := len(h.RankedSpace()) == f.most && isSmooth(free)
	if objectives > 1 {
		return f.several(len(free), smooth)
	}
	switch wide := len(free) > Wide; {
	case smooth && wide:
		return Choice{Kind: CMAES, Dim: len(free)}
	case wide, !smooth && f.complete >= Late:
		return Choice{Kind: TPE}
	case !smooth:
		return Choice{Kind: GP}
	}
	short := planned > 0 && planned <= Short
	for i, n := range checks {
		if f.complete < n {
			break
		}
		over := n >= Late && !short || i == len(checks)-1 && f.complete >= Short
		if o := f.handovers[i]; over || fails(o.Finished) {
			return Choice{Kind: CMAES, Dim: len(free), From: o, Near: len(free) >= Few && !over}
		}
	}
	return Choice{Kind: GP}
}

// several returns the choice for two and three objectives, by the parameters with a choice.
func (f Facts) several(dim int, smooth bool) Choice {
	switch {
	case f.complete > 0 && !smooth:
		return Choice{Kind: TPE}
	case f.complete >= Late || dim > Wide:
		return Choice{Kind: NSGA2}
	}
	return Choice{Kind: GP}
}

// isSmooth reports whether no parameter is categorical and at least half have many
// values.
func isSmooth(free space.Space) bool {
	rich := 0
	for _, d := range free {
		if cube.IsCategorical(d.Dist) {
			return false
		}
		if IsRich(d.Dist) {
			rich++
		}
	}
	return rich > 0 && 2*rich >= len(free)
}

// IsRich reports whether a numeric parameter is continuous or has many values.
func IsRich(d space.Dist) bool {
	n := d.Len()
	return (n == 0 || n >= many) && !cube.IsCategorical(d)
}

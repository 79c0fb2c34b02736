package sampler

import (
	"slices"

	"github.com/bluefin-hpo/bluefin/trial"
)

// autoFacts are what Auto chooses by: a fold over the finished trials of a
// history. It is a value.
type autoFacts struct {
	seen int
	last *trial.Trial // Finished()[seen-1]

	complete    int
	pruned      bool  // there is a pruned trial
	constrained bool  // there is a trial with constraints
	most        int   // parameters of any complete or pruned trial
	recent      []int // how many trials ran beside each of the last complete ones

	handovers [len(autoModelled)]autoHandover // by autoModelled; zero before
}

// An autoHandover is what the study was like when GP gave way.
type autoHandover struct {
	finished int // trials
	beside   int // how many trials ran beside one
}

// autoRecent is by how many trials Auto judges how many run at the same time.
const autoRecent = 9

// facts returns those of h, going on from where the last call has come to.
func (s *Auto) facts(h trial.History) autoFacts {
	all := h.Finished()
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.newest
	if f.seen > len(all) || f.seen > 0 && all[f.seen-1] != f.last {
		f = autoFacts{}
	}
	for _, t := range all[f.seen:] {
		f = f.with(t)
	}
	s.newest = f
	return f
}

// with returns the facts after one more trial has finished.
func (f autoFacts) with(t *trial.Trial) autoFacts {
	f.seen, f.last = f.seen+1, t
	f.constrained = f.constrained || len(t.Constraints) > 0
	if t.State == trial.Failed {
		return f
	}
	f.most = max(f.most, len(t.Params))
	if t.State == trial.Pruned {
		f.pruned = true
		return f
	}
	f.complete++
	if f.complete > slices.Max(autoModelled[:]) {
		return f
	}
	// A trial that begins as the n-th after s have finished runs beside n-s. Of
	// one whose Seen is 0 nobody may have recorded it.
	if t.Seen > 0 {
		from := max(0, len(f.recent)+1-autoRecent)
		f.recent = append(slices.Clip(f.recent[from:]), max(0, t.Number-t.Seen))
	}
	for i, n := range autoModelled {
		if f.complete == n {
			f.handovers[i].finished = f.seen
			if k := len(f.recent); k > 0 {
				f.handovers[i].beside = slices.Sorted(slices.Values(f.recent))[k/2]
			}
		}
	}
	return f
}

package study

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// ErrPaused is returned by Trial.Checkpoint or Trial.Report when the trial should pause, and then by
// the objective. The trial waits, with its checkpoint, until a scheduler or a larger budget resumes
// it. It is not a failure.
var ErrPaused = errors.New("the trial is paused")

// A slice is what a live trial knows about its pause.
type slice struct {
	until int         // the step at which it pauses; 0: it has none
	used  func() bool // whether the budget of steps is used up; nil: there is none
	saved int         // the step of the last checkpoint; -1: there is none
	due   bool        // a report has met the end; the next checkpoint pauses the trial
	late  int         // reports since then
}

// mostLate is after how many further reports a trial that does not pause is said to continue. Some save their
// state a moment after their report.
const mostLate = 3

// newSlice returns the slice of a trial that was just claimed.
func newSlice(cfg Config, t *trial.Trial, used func() bool) slice {
	s := slice{used: used, saved: lastStep(t)} // Begin has dropped the reports after the checkpoint
	if _, repeats := repetitionOf(t); cfg.Scheduler != nil && !repeats {
		s.until = until(t)
	}
	return s
}

// until returns the step at which the trial pauses next, or 0.
func until(t *trial.Trial) int {
	var step int
	if err := json.Unmarshal(t.SystemAttrs[sysattr.Until], &step); err != nil {
		return 0
	}
	return step
}

// Pausing reports whether the trial should pause: the next Checkpoint that includes the last report
// returns ErrPaused. An objective that does not save its state after each report saves it now.
func (t *Trial) Pausing() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.slice.due
}

// reported notes a report, and returns ErrPaused if the trial should pause and can.
func (t *Trial) reported(step int) error {
	used := t.slice.used != nil && t.slice.used()
	t.mu.Lock()
	defer t.mu.Unlock()
	s := &t.slice
	if s.due && s.saved < step {
		s.late++
	}
	if s.late == mostLate {
		t.study.cfg.Logger.Warn("a trial should have paused, and has no checkpoint of its last report: it continues",
			"trial", t.Number(), "step", step)
	}
	if s.due = s.due || s.until > 0 && step >= s.until || used; s.due && s.saved >= step {
		return ErrPaused
	}
	return nil
}

// checkpointed notes a checkpoint, and returns ErrPaused if the trial should pause.
func (t *Trial) checkpointed(step int) error {
	last := lastStep(t.record.load())
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.slice.saved = step; t.slice.due && step >= last {
		return ErrPaused
	}
	return nil
}

// paused returns the update that pauses t, or fails it if it would lose what it has trained.
func paused(t *Trial) storage.Update {
	last := lastStep(t.record.load())
	t.mu.Lock()
	saved := t.slice.saved
	t.mu.Unlock()
	if last < 0 || saved < last {
		return failed(fmt.Errorf("the objective ended with %q, and has no checkpoint of its last report", ErrPaused))
	}
	return pause(t.record.load(), time.Now())
}

// pause returns the update that pauses a trial that has reported. It ran from its start until now; if now
// is zero, nobody knows.
func pause(t *trial.Trial, now time.Time) storage.Update {
	step, _ := json.Marshal(lastStep(t)) // numbers always marshal
	set := map[string]json.RawMessage{sysattr.Paused: step}
	if ran := now.Sub(t.Start); !t.Start.IsZero() && ran > 0 {
		set[sysattr.Seconds], _ = json.Marshal((t.Worked() + ran).Seconds())
	}
	return storage.Update{State: trial.Waiting, SystemAttrs: set}
}

// seenPausedKey is the system attribute that lists, in JSON, the paused trials that were in the history
// from which a trial was drawn: their numbers by the step of their last report.
const seenPausedKey = "bluefin:seen_paused"

// pausedTrials returns the paused trials by number. The caller holds s.mu.
func (s *Study) pausedTrials() []*trial.Trial {
	return slices.DeleteFunc(s.log.Trials(), func(t *trial.Trial) bool { return !t.Paused() })
}

// asPruned returns a copy of a paused trial as samplers see it: pruned at its last report of that step
// or before. A paused trial that was stopped at this moment would be one.
func asPruned(t *trial.Trial, step int) *trial.Trial {
	c := *t
	n, _ := slices.BinarySearchFunc(t.Reports, step+1, func(r trial.Report, step int) int { return cmp.Compare(r.Step, step) })
	c.State, c.Reports = trial.Pruned, slices.Clip(t.Reports[:n])
	c.Values = prunedValues(&c)
	c.Joint = nil
	return &c
}

// withPaused returns the finished trials of h, followed by the paused ones as if they were pruned.
// Samplers learn from a trial that was stopped for now as from one that was stopped for good. The
// copies are new each time: a sampler that has folded one history notices that the next is another.
func withPaused(h trial.History, paused []*trial.Trial) trial.History {
	if len(paused) == 0 {
		return h.WithoutRunning()
	}
	log := trial.NewLog(h.Directions())
	for _, t := range h.Finished() {
		log.Put(t)
	}
	for _, t := range paused {
		last, _ := t.LastReport()
		log.Put(asPruned(t, last.Step))
	}
	return log.History()
}

// withTried returns h with the paused trials among the running ones.
func withTried(h trial.History, paused []*trial.Trial) trial.History {
	if len(paused) == 0 {
		return h
	}
	log := trial.NewLog(h.Directions())
	for _, t := range h.Finished() {
		log.Put(t)
	}
	for _, t := range h.Running() {
		log.Put(t)
	}
	for _, t := range paused {
		c := *t
		c.State = trial.Running
		log.Put(&c)
	}
	return log.History()
}

// noteSeenPaused records which paused trials the sampler saw. The caller holds t.mu.
func (t *Trial) noteSeenPaused() {
	if len(t.beside) == 0 {
		return
	}
	seen := map[int][]int{}
	for _, u := range t.beside {
		last, _ := u.LastReport()
		seen[last.Step] = append(seen[last.Step], u.Number)
	}
	t.beside = nil
	text, _ := json.Marshal(seen) // ints always marshal
	attrs := map[string]json.RawMessage{seenPausedKey: text}
	t.record.change(func(now *trial.Trial) { now.SystemAttrs = merged(now.SystemAttrs, attrs) })
	t.systemAttrs = merged(t.systemAttrs, attrs)
}

// pastPaused returns the paused trials that t was drawn from, as they were then.
func (s *Study) pastPaused(t *trial.Trial) []*trial.Trial {
	var seen map[int][]int
	if text, ok := t.SystemAttrs[seenPausedKey]; !ok || json.Unmarshal(text, &seen) != nil {
		return nil
	}
	var all []*trial.Trial
	for step, numbers := range seen {
		for _, n := range numbers {
			if u, ok := s.lookup(n); ok {
				c := asPruned(u, step)
				c.State = trial.Waiting // withPaused makes it pruned
				all = append(all, c)
			}
		}
	}
	slices.SortFunc(all, func(a, b *trial.Trial) int { return a.Number - b.Number })
	return all
}

package study

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/bluefin-hpo/bluefin/trial"
)

// runningKey is the system attribute that lists, in JSON, the glimpses of running trials that the
// sampler saw when it drew. It is missing if there were none or the sampler did not look. Together
// with Seen, it makes every draw a function of the record.
const runningKey = "bluefin:running"

// A glimpse records how much of a running trial a sampler saw. In JSON it is the trial's number,
// the number of its parameters so far and, if any, its joint draws beyond these:
// [3, 1, {"y": 0.5}].
type glimpse struct {
	number, known int
	joint         map[string]float64 // in internal form, without those among the parameters
}

// MarshalJSON implements json.Marshaler.
func (g glimpse) MarshalJSON() ([]byte, error) {
	if len(g.joint) == 0 {
		return json.Marshal([2]int{g.number, g.known})
	}
	return json.Marshal([3]any{g.number, g.known, g.joint})
}

// UnmarshalJSON implements json.Unmarshaler.
func (g *glimpse) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[...]any{&g.number, &g.known, &g.joint})
}

// noteRunning records which running trials the sampler saw, if it looked. The caller holds t.mu.
func (t *Trial) noteRunning() {
	t.noteSeenPaused()
	if t.noted || !t.looked {
		return
	}
	t.noted = true
	seen := []glimpse{}
	for _, u := range t.running {
		if u.Number != t.Number() {
			seen = append(seen, glimpse{u.Number, len(u.Params), rest(u)})
		}
	}
	text, _ := json.Marshal(seen) // finite numbers never fail
	before := t.record.now.SystemAttrs[runningKey]
	if len(seen) == 0 && before == nil || string(text) == string(before) {
		return
	}
	attrs := map[string]json.RawMessage{runningKey: text}
	t.record.change(func(now *trial.Trial) { now.SystemAttrs = merged(now.SystemAttrs, attrs) })
	t.systemAttrs = merged(t.systemAttrs, attrs)
}

// past returns the history that t was drawn from and the trials that its sampler saw running, given
// its record and a later history.
func (s *Study) past(t *trial.Trial, h trial.History) (trial.History, []*trial.Trial) {
	var seen []glimpse
	if text, ok := t.SystemAttrs[runningKey]; ok && json.Unmarshal(text, &seen) != nil {
		seen = nil // another program wrote it
	}
	h = h.Before(t.Seen) // finishing order never changes, so this is the history of that time
	var running []*trial.Trial
	for _, g := range seen {
		u, ok := s.lookup(g.number)
		if !ok || slices.Contains(h.Finished(), u) {
			continue
		}
		running = append(running, &trial.Trial{
			Number: u.Number, State: trial.Running, Params: u.Params[:min(max(g.known, 0), len(u.Params))],
			Joint: g.joint, SystemAttrs: u.SystemAttrs, Seen: u.Seen, Start: u.Start,
		})
	}
	slices.SortFunc(running, func(a, b *trial.Trial) int { return a.Number - b.Number })
	split := new(brackets).split(h, s.bracketing(h))
	past := split.of(t.Number)
	if paused := s.pastPaused(t); paused != nil {
		past = withPaused(past, paused)
	}
	return past, split.beside(t.Number, running)
}

// Replay draws the parameters of a trial again, from the trials that had finished and those that
// were running when it started, and returns them. They are equal to the last bit if s has the
// sampler, pruner and seed of the worker that drew them.
//
// They may differ if the trial, or one that ran beside it, went back to the queue, lost unsaved
// draws when its worker was killed, or was drawn by another program or by the scheduler.
func (s *Study) Replay(ctx context.Context, number int) ([]trial.Param, error) {
	t, record, err := s.rewound(ctx, number)
	if err != nil {
		return nil, fmt.Errorf("replay trial %d: %w", number, err)
	}
	defer t.cancel(nil)
	if err := t.loadQueued(); err != nil {
		return nil, fmt.Errorf("replay trial %d: %w", number, err)
	}
	drawn := slices.Clone(record.Params)
	for i, p := range drawn {
		if drawn[i].Value, err = t.draw(p.Name, p.Dist); err != nil {
			return nil, fmt.Errorf("replay trial %d: %q: %w", number, p.Name, err)
		}
		t.record.now.Params = record.Params[:i+1] // the next draw may depend on these
	}
	return drawn, nil
}

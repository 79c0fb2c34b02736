package study

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// The best of many trials is better than it would be if it ran again: it is the one that was also
// lucky. Repeat runs the best few again, with other random seeds, and the mean of these repetitions
// decides.

// A repetition is the system attribute of a trial that repeats another one.
type repetition struct {
	Of   int `json:"of"`   // the number of the trial
	Time int `json:"time"` // 1, 2, …
}

// repetitionOf reads the attribute.
func repetitionOf(t *trial.Trial) (r repetition, ok bool) {
	text, ok := t.SystemAttrs[sysattr.Repeat]
	if !ok {
		return repetition{}, false // without the allocation below
	}
	var read repetition
	ok = json.Unmarshal(text, &read) == nil && read.Time > 0
	return read, ok
}

// Repetition returns 0 for an ordinary trial and 1, 2, … if Repeat runs the parameters of another one
// again. The objective must then use another random seed, a function of this number.
func (t *Trial) Repetition() int {
	r, _ := repetitionOf(t.record.load())
	return r.Time
}

// RepeatOf returns the number of the trial that t runs again for Repeat, or false if t is an ordinary
// trial.
func RepeatOf(t *trial.Trial) (number int, ok bool) {
	r, ok := repetitionOf(t)
	return r.Of, ok
}

// Repeat runs the best few of the complete trials a number of times more, with the same parameters,
// and returns when all repetitions have finished, also those that earlier calls queued. They are
// trials of the study, beyond its budget, and are never pruned. A repetition that failed is not
// tried again. From then on Best goes by them. It is an error if few or times is below 1 or the
// study has several objectives.
func (s *Study) Repeat(ctx context.Context, f Objective, few, times, workers int) error {
	switch n := len(s.record.Directions); {
	case f == nil:
		return errNoObjective
	case n > 1:
		return fmt.Errorf("repeat in a study with %d objectives, want 1", n)
	case few < 1 || times < 1:
		return fmt.Errorf("repeat the best %d trials %d times, want at least 1", few, times)
	}
	trials, err := s.Trials(ctx)
	if err != nil {
		return err
	}
	started := map[repetition]bool{}
	var best []*trial.Trial
	for _, t := range trials {
		if r, ok := repetitionOf(t); ok {
			started[r] = true
		} else if t.State == trial.Complete && t.Violation() == 0 {
			best = append(best, t)
		}
	}
	d := s.record.Directions[0]
	slices.SortStableFunc(best, func(a, b *trial.Trial) int { return compare(d, a.Values[0], b.Values[0]) })
	attrs := map[string]json.RawMessage{sysattr.Repeats: json.RawMessage("true")}
	if err := s.cfg.Storage.WriteStudy(ctx, s.record.ID, storage.StudyUpdate{SystemAttrs: attrs}); err != nil {
		return err
	}
	s.repeated.Store(true)
	total := len(trials)
	for time := 1; time <= times; time++ { // if it is interrupted, all have been repeated equally often
		for _, t := range best[:min(few, len(best))] {
			if r := (repetition{t.Number, time}); !started[r] {
				if err := s.enqueueRepetition(ctx, t, r); err != nil {
					return err
				}
				total++
			}
		}
	}
	if total == 0 {
		return nil
	}
	return s.optimize(ctx, func(t *Trial) ([]float64, error) {
		v, err := f(t)
		return []float64{v}, err
	}, Budget{Trials: total, Workers: workers, InitialFailures: -1, queue: true})
}

// repetitions counts the trials that repeat others.
func repetitions(trials []*trial.Trial) (n int) {
	for _, t := range trials {
		if _, ok := repetitionOf(t); ok {
			n++
		}
	}
	return n
}

// enqueueRepetition queues a trial with the parameters of t.
func (s *Study) enqueueRepetition(ctx context.Context, t *trial.Trial, r repetition) error {
	params := map[string]any{}
	for _, p := range t.Params {
		params[p.Name] = p.External()
	}
	text, err := fixed(params)
	if err != nil {
		return err
	}
	note, err := pyjson.Marshal(map[string]any{"of": r.Of, "time": r.Time})
	if err != nil {
		return err
	}
	_, err = s.cfg.Storage.Add(ctx, s.record.ID, &trial.Trial{Number: -1, State: trial.Waiting,
		SystemAttrs: map[string]json.RawMessage{sysattr.FixedParams: text, sysattr.Repeat: note}})
	if err != nil {
		return fmt.Errorf("repeat trial %d: %w", t.Number, err)
	}
	return nil
}

// compare orders the better value first.
func compare(d trial.Direction, a, b float64) int {
	switch {
	case d.Better(a, b):
		return -1
	case d.Better(b, a):
		return 1
	}
	return 0
}

// A Repeated is a trial and what its repetitions returned.
type Repeated struct {
	Trial  *trial.Trial
	Values []float64 // of the complete repetitions, by number; never that of Trial, which was selected for it
}

// Mean returns the mean of the repetitions' values.
func (r Repeated) Mean() float64 {
	sum := 0.0
	for _, v := range r.Values {
		sum += v
	}
	return sum / float64(len(r.Values))
}

// Deviation returns the standard deviation of the repetitions' values, NaN for a single one.
func (r Repeated) Deviation() float64 {
	sum := 0.0
	for _, v := range r.Values {
		sum += (v - r.Mean()) * (v - r.Mean())
	}
	return math.Sqrt(sum / float64(len(r.Values)-1))
}

// Repeated returns the trials of which a repetition is complete, the one with the best mean first.
func (s *Study) Repeated(ctx context.Context) ([]Repeated, error) {
	trials, err := s.Trials(ctx)
	if err != nil {
		return nil, err
	}
	return repeated(trials, s.record.Directions[0]), nil
}

func repeated(trials []*trial.Trial, d trial.Direction) []Repeated {
	by := map[int]*Repeated{}
	for _, t := range trials { // by number: the original comes before its repetitions
		if r, ok := repetitionOf(t); !ok {
			by[t.Number] = &Repeated{Trial: t}
		} else if of := by[r.Of]; of != nil && t.State == trial.Complete {
			of.Values = append(of.Values, t.Values[0])
		}
	}
	var all []Repeated
	for _, number := range slices.Sorted(maps.Keys(by)) {
		if r := by[number]; len(r.Values) > 0 {
			all = append(all, *r)
		}
	}
	slices.SortStableFunc(all, func(a, b Repeated) int {
		// One more repetition counts more than a better mean: trials that kept failing lose.
		return cmp.Or(len(b.Values)-len(a.Values), compare(d, a.Mean(), b.Mean()))
	})
	return all
}

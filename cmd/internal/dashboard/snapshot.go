package dashboard

import (
	"maps"
	"slices"
	"sync"

	"github.com/bluefin-hpo/bluefin/cmd/internal/outline"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A snapshot is a study at one moment. It never changes, so any number of requests may read it.
type snapshot struct {
	study      storage.Study
	history    trial.History
	trials     []*trial.Trial // by number, waiting ones too
	revision   int64          // grows with each snapshot of the study
	total      int            // how many trials there are, while only some are loaded; else 0
	unreported bool           // the trials lack their reports, which are being loaded
	err        error          // why there is nothing

	once     sync.Once // of the next two
	paramsOf []param
	attrsOf  []string

	plots       answers
	importances *importances // shared with the other snapshots of the study
}

// loading reports whether only part of the study is there yet.
func (s *snapshot) loading() bool { return s.total > 0 || s.unreported }

// progress says how far the study is loaded, "" if it is.
func (s *snapshot) progress() string {
	switch {
	case s.total > 0:
		return counted(len(s.trials)) + " of " + counted(s.total) + " trials are loaded"
	case s.unreported:
		return "Reports are still being loaded"
	}
	return ""
}

// outline is what the process that runs the study saved about it.
func (s *snapshot) outline() outline.Outline { return outline.Of(s.study) }

// objectives returns the names of the objectives.
func (s *snapshot) objectives() []string { return s.outline().Metrics }

// states counts the trials.
func (s *snapshot) states() map[trial.State]int {
	count := map[trial.State]int{}
	for _, t := range s.trials {
		count[t.State]++
	}
	return count
}

// trial returns a trial by its number.
func (s *snapshot) trial(number int) (*trial.Trial, bool) {
	i, ok := slices.BinarySearchFunc(s.trials, number, func(t *trial.Trial, n int) int { return t.Number - n })
	if !ok {
		return nil, false
	}
	return s.trials[i], true
}

// best returns the best trials: one, or the Pareto front.
func (s *snapshot) best() []*trial.Trial {
	if len(s.study.Directions) > 1 {
		return s.history.ParetoFront()
	}
	if t, ok := s.history.Best(); ok {
		return []*trial.Trial{t}
	}
	return nil
}

// A param is a parameter as the trials of a study have it.
type param struct {
	Name    string
	Choices []string // as text; nil: a number
	Int     bool
	Low     float64
	High    float64
}

// params returns all parameters, sorted by name.
func (s *snapshot) params() []param {
	s.once.Do(s.survey)
	return s.paramsOf
}

// attrs returns the keys of the trials' user attributes, sorted.
func (s *snapshot) attrs() []string {
	s.once.Do(s.survey)
	return s.attrsOf
}

// survey looks at all trials once.
func (s *snapshot) survey() {
	type found struct {
		param
		dist space.Dist // the last one seen, which most trials share
	}
	all, keys := map[string]*found{}, map[string]bool{}
	for _, t := range s.trials {
		for key := range t.UserAttrs {
			keys[key] = true
		}
		for _, p := range t.Params {
			f := all[p.Name]
			if f == nil {
				f = &found{param: param{Name: p.Name, Low: 1, High: -1}}
				all[p.Name] = f
			} else if same(f.dist, p.Dist) {
				continue
			}
			f.dist = p.Dist
			f.add(p.Dist)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		s.paramsOf = append(s.paramsOf, all[name].param)
	}
	s.attrsOf = slices.Sorted(maps.Keys(keys))
}

// same is a quick comparison, which may miss equal ones.
func same(a, b space.Dist) bool {
	if _, ok := a.(space.Categorical); ok {
		return space.Equal(a, b)
	}
	return a == b
}

// add widens p to the values of d.
func (p *param) add(d space.Dist) {
	widen := func(low, high float64) {
		if p.Low > p.High {
			p.Low, p.High = low, high
		}
		p.Low, p.High = min(p.Low, low), max(p.High, high)
	}
	switch d := d.(type) {
	case space.Float:
		widen(d.Low, d.High)
	case space.Int:
		p.Int = true
		widen(float64(d.Low), float64(d.High))
	case space.Categorical:
		for _, c := range d.Choices {
			if text := valueText(c); !slices.Contains(p.Choices, text) {
				p.Choices = append(p.Choices, text)
			}
		}
	}
}

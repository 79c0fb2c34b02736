// Package earlier keeps copies of earlier studies in the study that they teach, so that its workers
// and a later run learn the same, wherever they are and whatever became of the earlier ones.
package earlier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// most is how many trials of a study are copied: the best quarter of that number, and others evenly by
// rank.
const most = 400

// Copies are what a study keeps.
type Copies struct {
	Asked   []string `json:"asked"` // as --warm-start had it
	Studies []Study  `json:"studies"`
}

// A Study is the copy of one study with one objective.
type Study struct {
	From     string   `json:"from"`
	Finished int      `json:"finished"` // how many trials it had
	Maximize bool     `json:"maximize"`
	Params   []param  `json:"params"`
	Trials   []copied `json:"trials"`
}

// A param is a name with a distribution as Optuna writes it.
type param struct {
	Name string `json:"name"`
	Dist string `json:"dist"`
}

// A copied trial has indices of Params with values in internal form. Value is nil if the trial was
// pruned, failed, infeasible or had no finite value.
type copied struct {
	Value  *float64  `json:"value"`
	Params []int     `json:"params"`
	Values []float64 `json:"values"`
}

// Copy copies a study with one objective.
func Copy(from string, h trial.History) (Study, error) {
	s := Study{From: from, Finished: len(h.Finished()), Maximize: h.Directions()[0] == trial.Maximize}
	index := map[param]int{}
	for _, t := range selected(h) {
		c := copied{}
		if v := valueOf(t); !math.IsNaN(v) {
			c.Value = &v
		}
		for _, p := range t.Params {
			text, err := space.Marshal(p.Dist)
			if err != nil {
				return s, fmt.Errorf("%s: parameter %q: %w", from, p.Name, err)
			}
			key := param{p.Name, text}
			if _, ok := index[key]; !ok {
				index[key] = len(s.Params)
				s.Params = append(s.Params, key)
			}
			c.Params, c.Values = append(c.Params, index[key]), append(c.Values, p.Value)
		}
		s.Trials = append(s.Trials, c)
	}
	return s, nil
}

// valueOf returns the value of a trial, NaN if it has none that counts.
func valueOf(t *trial.Trial) float64 {
	if t.State != trial.Complete || t.Violation() > 0 || math.IsInf(t.Values[0], 0) {
		return math.NaN()
	}
	return t.Values[0]
}

// selected returns the trials to copy, in the order in which they finished.
func selected(h trial.History) []*trial.Trial {
	all := slices.DeleteFunc(slices.Clone(h.Finished()), func(t *trial.Trial) bool { return len(t.Params) == 0 })
	if len(all) <= most {
		return all
	}
	ranked := slices.Clone(all)
	slices.SortStableFunc(ranked, func(a, b *trial.Trial) int {
		switch x, y := valueOf(a), valueOf(b); {
		case h.Directions()[0].Better(x, y):
			return -1
		case h.Directions()[0].Better(y, x):
			return 1
		}
		return 0
	})
	chosen := map[*trial.Trial]bool{}
	for i := range most {
		if best := most / 4; i >= best {
			i = best + (i-best)*(len(ranked)-best)/(most-best)
		}
		chosen[ranked[i]] = true
	}
	return slices.DeleteFunc(all, func(t *trial.Trial) bool { return !chosen[t] })
}

// Good returns how many trials have a value.
func (s Study) Good() int {
	n := 0
	for _, t := range s.Trials {
		if t.Value != nil {
			n++
		}
	}
	return n
}

// Names returns the names of the parameters, each once.
func (s Study) Names() (names []string) {
	for _, p := range s.Params {
		if !slices.Contains(names, p.Name) {
			names = append(names, p.Name)
		}
	}
	return names
}

// Has reports whether the study has a parameter of the name that means the same.
func (s Study) Has(name string, d space.Dist) bool {
	return slices.ContainsFunc(s.Params, func(p param) bool {
		other, err := space.Unmarshal([]byte(p.Dist))
		return p.Name == name && err == nil && sampler.Alike(other, d)
	})
}

// history returns the study as samplers see it.
func (s Study) history() (trial.History, error) {
	dists := make([]space.Dist, len(s.Params))
	for i, p := range s.Params {
		d, err := space.Unmarshal([]byte(p.Dist))
		if err == nil {
			err = d.Check()
		}
		if err != nil {
			return trial.History{}, fmt.Errorf("parameter %q: %w", p.Name, err)
		}
		dists[i] = d
	}
	d := trial.Minimize
	if s.Maximize {
		d = trial.Maximize
	}
	log := trial.NewLog([]trial.Direction{d})
	for number, c := range s.Trials {
		t := &trial.Trial{Number: number, State: trial.Failed}
		if c.Value != nil {
			t.State, t.Values = trial.Complete, []float64{*c.Value}
		}
		if len(c.Params) != len(c.Values) {
			return trial.History{}, fmt.Errorf("trial %d has %d parameters and %d values", number, len(c.Params), len(c.Values))
		}
		for k, i := range c.Params {
			if i < 0 || i >= len(dists) || !dists[i].Contains(c.Values[k]) {
				return trial.History{}, fmt.Errorf("trial %d has a parameter out of its range", number)
			}
			t.Params = append(t.Params, trial.Param{Name: s.Params[i].Name, Value: c.Values[k], Dist: dists[i]})
		}
		log.Put(t)
	}
	return log.History(), nil
}

// Histories returns the studies as samplers see them.
func (c Copies) Histories() (all []trial.History, err error) {
	for _, s := range c.Studies {
		h, err := s.history()
		if err != nil {
			return nil, fmt.Errorf("the copy of %s in attribute %s: %w", s.From, sysattr.Earlier, err)
		}
		all = append(all, h)
	}
	return all, nil
}

// Names returns where the studies are from.
func (c Copies) Names() (all []string) {
	for _, s := range c.Studies {
		all = append(all, s.From)
	}
	return all
}

// Taught returns inner as tune and finetune run it in a study: below a sampler that learns from the
// earlier studies of which the study has copies. Without copies, or if inner tries every combination,
// it returns inner.
func Taught(record storage.Study, inner sampler.Sampler) (sampler.Sampler, error) {
	copies, ok, err := Of(record)
	if err != nil || !ok {
		return inner, err
	}
	if _, finite := inner.(sampler.FiniteSampler); finite {
		return inner, nil
	}
	histories, err := copies.Histories()
	return &sampler.WarmStart{Sampler: inner, Sources: histories, Names: copies.Names()}, err
}

// Of returns the copies that a study has, and whether it has any.
func Of(s storage.Study) (c Copies, ok bool, err error) {
	text, ok := s.SystemAttrs[sysattr.Earlier]
	if !ok {
		return c, false, nil
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, true, fmt.Errorf("study %q: attribute %s: %w", s.Name, sysattr.Earlier, err)
	}
	return c, true, nil
}

// Save gives a study copies, unless another process was first: then it returns those.
func (c Copies) Save(ctx context.Context, db storage.Storage, s storage.Study) (Copies, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return c, err
	}
	err = db.WriteStudy(ctx, s.ID, storage.StudyUpdate{
		SystemAttrs: map[string]json.RawMessage{sysattr.Earlier: text},
		If:          map[string]json.RawMessage{sysattr.Earlier: nil},
	})
	if !errors.Is(err, storage.ErrChanged) {
		return c, err
	}
	if s, err = db.Load(ctx, s.Name); err != nil {
		return c, err
	}
	c, _, err = Of(s)
	return c, err
}

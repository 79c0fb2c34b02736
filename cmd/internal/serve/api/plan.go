package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/bluefin-hpo/bluefin/cmd/internal/choose"
	"github.com/bluefin-hpo/bluefin/cmd/internal/earlier"
	"github.com/bluefin-hpo/bluefin/cmd/internal/outline"
	"github.com/bluefin-hpo/bluefin/cmd/internal/searchspace"
	"github.com/bluefin-hpo/bluefin/cmd/internal/studyfile"
	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study/schedule"
)

// planOf returns the plan of a study, or one that says nothing.
func planOf(record storage.Study) (*studyfile.File, error) {
	plan, err := studyfile.Plan(record)
	switch {
	case errors.Is(err, studyfile.ErrNoPlan):
		return &studyfile.File{}, nil
	case err != nil:
		return nil, err
	case plan.Finetune != nil:
		return nil, &Problem{Code: "finetune", Status: http.StatusConflict,
			Detail: fmt.Sprintf("study %q runs in bluefin finetune and bluefin worker, which draw its trials themselves", record.Name)}
	}
	return plan, nil
}

// prunerOf returns the pruner of the plan, or else that of all studies.
func prunerOf(plan *studyfile.File, record storage.Study) (pruner.Pruner, error) {
	switch {
	case plan.Pruner.Name == "" && plan.Scheduler.Name != "" && plan.Scheduler.Name != "none":
		return nil, nil // the scheduler decides in its place
	case plan.Pruner.Name == "":
		return choose.StudyPruner(record)
	}
	p, err := choose.Pruner(plan.Pruner.Name, plan.Pruner.Settings, record.Name)
	if err != nil {
		return nil, err
	}
	var metrics []string
	for _, m := range plan.Metrics {
		metrics = append(metrics, m.Name)
	}
	return choose.ForObjectives(p, plan.Pruner.Name, plan.Pruner.Settings, metrics)
}

// schedulerOf returns the scheduler of the plan, or nil.
func schedulerOf(plan *studyfile.File) (schedule.Scheduler, error) {
	if plan.Scheduler.Name == "" {
		return nil, nil
	}
	return choose.Scheduler(plan.Scheduler.Name, plan.Scheduler.Settings)
}

// samplerOf returns the sampler and the seed of the plan, or else those of the server. Earlier studies teach it.
func (a *API) samplerOf(record storage.Study, plan *studyfile.File) (s sampler.Sampler, seed uint64, err error) {
	if plan.Sampler.Name == "" {
		s, seed, err = a.cfg.Sampler(plan.Trials)
	} else {
		s, seed, err = choose.Sampler(plan.Sampler.Name, plan.Sampler.Settings, plan.Trials, plan.Seed)
	}
	if plan.Sampler.Name == "" && plan.Seed != 0 {
		seed = plan.Seed
	}
	if err == nil {
		s, err = earlier.Taught(record, s)
	}
	if err == nil {
		s, err = plan.Space.Sampler(s)
	}
	return s, seed, err
}

// A choice is a sampler, a pruner or a scheduler: a name, or an object of a name and settings.
type choice struct{ studyfile.Choice }

// UnmarshalJSON implements json.Unmarshaler.
func (c *choice) UnmarshalJSON(text []byte) error {
	v, err := pyjson.Unmarshal(text)
	if err != nil {
		return err
	}
	switch v := v.(type) {
	case string:
		if c.Name = v; v != "" {
			return nil
		}
	case map[string]any:
		c.Name, _ = v["name"].(string)
		c.Settings, _ = v["settings"].(map[string]any)
		if c.Name != "" && (len(v) == 1 || len(v) == 2 && c.Settings != nil) {
			return nil
		}
	}
	return fmt.Errorf(`%.100s is no choice, want a name, or {"name": NAME, "settings": {…}}`, text)
}

// attrs puts what the request says about the search into the attributes of a new study: the plan, and the pruner
// where commands look for it.
func (in createBody) attrs(s *storage.Study) error {
	f := studyfile.File{Sampler: in.Sampler.Choice, Pruner: in.Pruner.Choice, Seed: uint64(in.Seed), Trials: int(in.Trials)}
	if in.Sampler.Name != "" {
		if _, _, err := choose.Sampler(f.Sampler.Name, f.Sampler.Settings, f.Trials, f.Seed); err != nil {
			return invalid("sampler", err)
		}
	}
	if in.Pruner.Name != "" {
		var err error
		if f.Pruner.Settings == nil {
			if f.Pruner.Name, f.Pruner.Settings, err = choose.PrunerText(in.Pruner.Name); err != nil {
				return invalid("pruner", err)
			}
			text, _ := json.Marshal(in.Pruner.Name) // a string always marshals
			s.UserAttrs = map[string]json.RawMessage{choose.PrunerKey: text}
		}
		p, err := choose.Pruner(f.Pruner.Name, f.Pruner.Settings, in.Name)
		switch {
		case err != nil:
			return invalid("pruner", err)
		case p != nil && len(s.Directions) > 1:
			return wrong("pruner", f.Pruner.Name, "none with several directions: a pruner compares single values")
		}
	}
	if err := in.schedule(&f, len(s.Directions)); err != nil {
		return err
	}
	if len(in.Space) > 0 {
		dims, err := searchspace.ParseJSON(string(in.Space))
		switch {
		case err != nil:
			return invalid("search_space", err)
		case len(dims) == 0:
			return wrong("search_space", in.Space, "at least one parameter")
		}
		f.Space = searchspace.Of(dims)
	}
	for i, name := range outline.ValueNames(len(s.Directions)) {
		f.Metrics = append(f.Metrics, studyfile.Metric{Name: name, Direction: s.Directions[i].String()})
	}
	text, err := f.Text()
	if err == nil {
		_, err = studyfile.Parse("search_space", []byte(text)) // names and sizes have limits there
	}
	if err != nil {
		return invalid("search_space", err)
	}
	attr, err := json.Marshal(text)
	s.SystemAttrs = map[string]json.RawMessage{sysattr.Plan: attr}
	return err
}

// schedule puts the scheduler of the request into a plan.
func (in createBody) schedule(f *studyfile.File, directions int) (err error) {
	if f.Scheduler = in.Scheduler.Choice; f.Scheduler.Name == "" {
		return nil
	}
	if f.Scheduler.Settings == nil {
		if f.Scheduler.Name, f.Scheduler.Settings, err = choose.SchedulerText(in.Scheduler.Name); err != nil {
			return invalid("scheduler", err)
		}
	}
	by, err := choose.Scheduler(f.Scheduler.Name, f.Scheduler.Settings)
	switch {
	case err != nil:
		return invalid("scheduler", err)
	case by == nil:
	case directions > 1:
		return wrong("scheduler", f.Scheduler.Name, "none with several directions: a scheduler compares single values")
	case f.Pruner.Name == "halving" || f.Pruner.Name == "hyperband":
		return wrong("scheduler", f.Scheduler.Name, "none with the pruner "+f.Pruner.Name+", which stops for good what a "+
			"scheduler pauses")
	}
	return nil
}

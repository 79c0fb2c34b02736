package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A studyAnswer is a study.
type studyAnswer struct {
	Name       string                     `json:"name"`
	Directions []string                   `json:"directions"`
	Trials     map[string]int             `json:"trials"` // by state
	Revision   int64                      `json:"revision"`
	Space      json.RawMessage            `json:"search_space,omitempty"` // that ask draws
	Budget     int                        `json:"budget,omitempty"`       // trials in total
	UserAttrs  map[string]json.RawMessage `json:"user_attrs"`
}

func words(directions []trial.Direction) []string {
	names := []string{}
	for _, d := range directions {
		names = append(names, d.String())
	}
	return names
}

// stateWord is the word of a state: complete, pruned, fail, running or waiting.
func stateWord(s trial.State) string { return strings.ToLower(s.String()) }

// standard returns attributes as any JSON reader accepts them.
func standard(attrs map[string]json.RawMessage) map[string]json.RawMessage {
	all := map[string]json.RawMessage{}
	for key, text := range attrs {
		all[key] = pyjson.Standard(text)
	}
	return all
}

// describe returns the answer about a study.
func (a *API) describe(r *http.Request, record storage.Study) (s studyAnswer, err error) {
	tally, err := a.cfg.Storage.Tally(r.Context(), record.ID)
	if err != nil {
		return s, err
	}
	s = studyAnswer{Name: record.Name, Directions: words(record.Directions), Trials: map[string]int{},
		Revision: tally.Revision, UserAttrs: standard(record.UserAttrs)}
	for state := trial.Running; state <= trial.Waiting; state++ {
		s.Trials[stateWord(state)] = tally.States[state]
	}
	plan, err := planOf(record)
	if err != nil {
		return s, nil // the plan is not shown; ask says what is wrong with it
	}
	s.Budget = plan.Trials
	if dims := plan.Space.Dimensions(); len(dims) > 0 {
		s.Space, err = spaceJSON(dims)
	}
	return s, err
}

// spaceJSON is a search space as ask takes it.
func spaceJSON(dims []space.Dimension) (json.RawMessage, error) {
	var all pyjson.Object
	for _, dim := range dims {
		var o pyjson.Object
		put := func(name string, v any) { o = append(o, pyjson.Member{Name: name, Value: v}) }
		switch d := dim.Dist.(type) {
		case space.Float:
			put("type", "float")
			put("low", d.Low)
			put("high", d.High)
			put("log", d.Log)
			if d.Step != 0 {
				put("step", d.Step)
			}
		case space.Int:
			put("type", "int")
			put("low", d.Low)
			put("high", d.High)
			put("log", d.Log)
			if d.Step > 1 {
				put("step", d.Step)
			}
		case space.Categorical:
			put("type", "categorical")
			put("choices", d.Choices)
		}
		all = append(all, pyjson.Member{Name: dim.Name, Value: o})
	}
	text, err := pyjson.Marshal(all)
	return pyjson.Standard(text), err
}

// listStudies answers GET /v1/studies.
func (a *API) listStudies(_ http.ResponseWriter, r *http.Request) (any, error) {
	limit, err := query(r, "limit", 100, 1, 1000, "1 to 1000")
	if err != nil {
		return nil, err
	}
	after := r.URL.Query().Get("after")
	all, err := a.cfg.Storage.Studies(r.Context())
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(x, y storage.Study) int { return strings.Compare(x.Name, y.Name) })
	all = slices.DeleteFunc(all, func(s storage.Study) bool { return s.Name <= after })
	more := len(all) > int(limit)
	list := []studyAnswer{}
	for _, record := range all[:min(len(all), int(limit))] {
		s, err := a.describe(r, record)
		if errors.Is(err, storage.ErrNotExist) {
			continue // it was deleted a moment ago
		}
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return map[string]any{"studies": list, "more": more}, nil
}

// A createBody is the body of POST /v1/studies.
type createBody struct {
	Name         string          `json:"name"`
	Directions   []string        `json:"directions"`
	Space        json.RawMessage `json:"search_space"`
	Sampler      choice          `json:"sampler"`
	Pruner       choice          `json:"pruner"`
	Scheduler    choice          `json:"scheduler"`
	Seed         seed            `json:"seed"`
	Trials       whole           `json:"trials"` // the budget
	SkipIfExists bool            `json:"skip_if_exists"`
}

// createStudy answers POST /v1/studies.
func (a *API) createStudy(w http.ResponseWriter, r *http.Request) (any, error) {
	in, err := decode[createBody](r)
	if err != nil {
		return nil, err
	}
	record, err := in.study()
	if err != nil {
		return nil, err
	}
	// In one step, so that nobody sees the study without its plan.
	made, err := a.cfg.Storage.Import(r.Context(), storage.Snapshot{Study: record})
	isNew := err == nil
	if errors.Is(err, storage.ErrExist) && in.SkipIfExists {
		made, err = a.named(r.Context(), in.Name)
		if err == nil && in.Directions != nil && !slices.Equal(made.Directions, record.Directions) {
			p := wrong("directions", in.Directions, strings.Join(words(made.Directions), " "))
			p.Code, p.Status, p.Detail = "exists", http.StatusConflict, p.Detail+" as the study has"
			return nil, p
		}
	}
	if err != nil {
		return nil, err
	}
	s, err := a.describe(r, made)
	if err != nil || !isNew {
		return s, err
	}
	w.Header().Set("Location", "/v1/studies/"+url.PathEscape(made.Name))
	return created{s}, nil
}

// study returns the study that the body describes.
func (in createBody) study() (s storage.Study, err error) {
	if err := storage.CheckName("study name", in.Name); err != nil {
		return s, invalid("name", err)
	}
	s.Name = in.Name
	if in.Directions == nil {
		s.Directions = []trial.Direction{trial.Minimize}
	}
	for _, name := range in.Directions {
		d, err := trial.ParseDirection(name)
		if err != nil {
			return s, wrong("directions", name, "minimize or maximize")
		}
		s.Directions = append(s.Directions, d)
	}
	if n := len(s.Directions); n == 0 || n > 100 {
		return s, wrong("directions", in.Directions, "1 to 100 of minimize or maximize")
	}
	if in.Trials < 0 {
		return s, wrong("trials", in.Trials, "at least 0")
	}
	if in.Sampler.Name == "" && in.Pruner.Name == "" && in.Scheduler.Name == "" && len(in.Space) == 0 && in.Seed == 0 && in.Trials == 0 {
		return s, nil
	}
	err = in.attrs(&s)
	return s, err
}

// showStudy answers GET /v1/studies/{name}.
func (a *API) showStudy(_ http.ResponseWriter, r *http.Request) (any, error) {
	record, err := a.load(r)
	if err != nil {
		return nil, err
	}
	return a.describe(r, record)
}

// deleteStudy answers DELETE /v1/studies/{name}.
func (a *API) deleteStudy(w http.ResponseWriter, r *http.Request) (any, error) {
	record, err := a.load(r)
	if err != nil {
		return nil, err
	}
	if err := a.cfg.Storage.Delete(r.Context(), record.ID); err != nil {
		return nil, err
	}
	a.mu.Lock()
	delete(a.studies, record.ID)
	a.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
	return nil, nil
}

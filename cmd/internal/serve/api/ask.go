package api

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/bluefin-hpo/bluefin/cmd/internal/searchspace"
	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// longestLease is a month.
const longestLease = 30 * 24 * time.Hour

// An askBody is the body of POST ask.
type askBody struct {
	Space        json.RawMessage `json:"search_space"`
	LeaseSeconds *float64        `json:"lease_seconds"`
}

// An askAnswer is a trial to run.
type askAnswer struct {
	Number       int             `json:"number"`
	Params       json.RawMessage `json:"params"`
	Owner        string          `json:"owner"`
	LeaseSeconds float64         `json:"lease_seconds"`
	Reports      []reportAnswer  `json:"reports"` // of a restarted trial, up to its checkpoint
}

// A drawError says that the parameters of a trial cannot be drawn. The trial has ended.
type drawError struct{ error }

// Unwrap returns the error of the engine.
func (e drawError) Unwrap() error { return e.error }

// ask answers POST /v1/studies/{name}/ask.
func (a *API) ask(_ http.ResponseWriter, r *http.Request) (any, error) {
	in, err := decode[askBody](r)
	if err != nil {
		return nil, err
	}
	s, err := a.open(r)
	if err != nil {
		return nil, err
	}
	lease := storage.Lease{Owner: "http-" + rand.Text(), Duration: a.cfg.Lease}
	if n := in.LeaseSeconds; n != nil {
		if !(1 <= *n && *n <= longestLease.Seconds()) {
			return nil, wrong("lease_seconds", *n, fmt.Sprintf("1 to %.0f", longestLease.Seconds()))
		}
		lease.Duration = time.Duration(*n * float64(time.Second))
	}
	space, err := s.asked(r, in.Space)
	if err != nil {
		return nil, err
	}
	t, err := s.draw(r, space, lease)
	if err != nil {
		return nil, err
	}
	params, err := paramsJSON(t)
	return askAnswer{t.Number, params, lease.Owner, lease.Duration.Seconds(), reportsOf(t)}, err
}

// asked returns the parameters to draw: those of the request, or those of the study.
func (s *opened) asked(r *http.Request, given json.RawMessage) (searchspace.Space, error) {
	if len(given) == 0 {
		known, err := s.space(r.Context())
		if err == nil && len(known.Params) == 0 {
			err = missing("search_space", "distributions by parameter, as the study has neither a search space nor trials")
		}
		return known, err
	}
	dims, err := searchspace.ParseJSON(string(given))
	switch {
	case err != nil:
		return searchspace.Space{}, invalid("search_space", err)
	case len(dims) == 0:
		return searchspace.Space{}, wrong("search_space", given, "at least one parameter")
	}
	return searchspace.Of(dims), nil
}

// draw starts a trial. Queued ones that violate a constraint end as infeasible, and the next one starts.
func (s *opened) draw(r *http.Request, space searchspace.Space, lease storage.Lease) (*trial.Trial, error) {
	for {
		t, err := s.AskDetached(r.Context(), study.Detached{Params: space.Dimensions(), Lease: lease, Budget: s.plan.Trials,
			Suggest: func(t *study.Trial) error {
				if _, err := space.Suggest(t); err != nil {
					return drawError{fmt.Errorf("trial %d: %w", t.Number(), err)}
				}
				return nil
			}})
		if errors.As(err, new(drawError)) && errors.Is(err, study.ErrInfeasible) {
			continue // each time the queue is shorter
		}
		return t, err
	}
}

// paramsJSON returns the parameters of a trial in external form, in their order.
func paramsJSON(t *trial.Trial) (json.RawMessage, error) {
	var o pyjson.Object
	for _, p := range t.Params {
		o = append(o, pyjson.Member{Name: p.Name, Value: p.External()})
	}
	text, err := pyjson.Marshal(o)
	return pyjson.Standard(text), err
}

// An enqueueBody is the body of POST enqueue.
type enqueueBody struct {
	Params       map[string]json.RawMessage `json:"params"`
	SkipIfExists bool                       `json:"skip_if_exists"`
}

// enqueue answers POST /v1/studies/{name}/enqueue.
func (a *API) enqueue(_ http.ResponseWriter, r *http.Request) (any, error) {
	in, err := decode[enqueueBody](r)
	if err != nil {
		return nil, err
	}
	if len(in.Params) == 0 {
		return nil, missing("params", "a value for at least one parameter")
	}
	s, err := a.open(r)
	if err != nil {
		return nil, err
	}
	known, err := s.space(r.Context())
	if err != nil {
		return nil, err
	}
	values := map[string]any{}
	for name, text := range in.Params {
		if err := storage.CheckName("parameter name", name); err != nil {
			return nil, invalid("params", err)
		}
		v, err := pyjson.Unmarshal(text)
		if err != nil {
			return nil, invalid("params."+name, err)
		}
		switch v.(type) {
		case []any, map[string]any:
			return nil, wrong("params."+name, text, "null, true, false, a number or a string")
		}
		values[name] = v
	}
	if len(s.plan.Space.Params) > 0 {
		err = known.Check(values)
	} else {
		err = known.CheckSome(values) // trials may have had others
	}
	if err != nil {
		return nil, invalid("params", err)
	}
	added := true
	n := 0
	if in.SkipIfExists {
		n, added, err = s.EnqueueOnce(r.Context(), values)
	} else {
		n, err = s.Enqueue(r.Context(), values)
	}
	if err != nil {
		return nil, err
	}
	answer := map[string]any{"number": n, "added": added}
	if added {
		return created{answer}, nil
	}
	return answer, nil
}

package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// trial returns the study and the number of a trial in the path.
func (a *API) trial(r *http.Request) (*opened, int, error) {
	n, err := number(r)
	if err != nil {
		return nil, 0, err
	}
	s, err := a.open(r)
	return s, n, err
}

// why returns the problem of a trial that was not written. It says so if the trial does not run.
func (s *opened) why(r *http.Request, n int, err error) error {
	t, readErr := s.Trial(r.Context(), n)
	switch {
	case readErr != nil:
	case t.Paused():
		return &Problem{Code: "waiting", Status: http.StatusConflict, State: stateWord(t.State),
			Detail: fmt.Sprintf("trial %d is paused, want a running one: ask may resume it", n)}
	case t.State == trial.Waiting:
		return &Problem{Code: "waiting", Status: http.StatusConflict, State: stateWord(t.State),
			Detail: fmt.Sprintf("trial %d is in the queue, want a running one: ask starts it", n)}
	case t.State.Finished():
		return &Problem{Code: "finished", Status: http.StatusConflict, State: stateWord(t.State),
			Detail: fmt.Sprintf("trial %d has finished as %s and cannot change any more", n, stateWord(t.State))}
	}
	return err
}

// objectives is the problem of something that does not fit the number of objectives.
func objectives(s *opened, what string) *Problem {
	return &Problem{Code: "objectives", Status: http.StatusConflict,
		Detail: fmt.Sprintf("study %q has %d objectives, and the request has %s", s.Name(), len(s.record.Directions), what)}
}

// A reportBody is the body of POST report.
type reportBody struct {
	Step  *whole         `json:"step"`
	Value *pyjson.Number `json:"value"`
	Owner string         `json:"owner"`
}

// A pruneAnswer says whether to stop, for good or for now.
type pruneAnswer struct {
	Prune bool `json:"prune"`
	Pause bool `json:"pause,omitempty"`
}

// report answers POST /v1/studies/{name}/trials/{n}/report.
func (a *API) report(_ http.ResponseWriter, r *http.Request) (any, error) {
	in, err := decode[reportBody](r)
	switch {
	case err != nil:
		return nil, err
	case in.Step == nil:
		return nil, missing("step", "the number of the step, from 0")
	case *in.Step < 0:
		return nil, wrong("step", *in.Step, "the number of the step, from 0")
	case in.Value == nil:
		return nil, missing("value", `a number, "NaN", "Infinity" or "-Infinity"`)
	}
	s, n, err := a.trial(r)
	if err != nil {
		return nil, err
	}
	if len(s.record.Directions) > 1 {
		return nil, objectives(s, "an intermediate value")
	}
	err = s.ReportNumber(r.Context(), n, trial.Point{Step: int(*in.Step), Values: []float64{float64(*in.Value)}}, in.Owner)
	switch {
	case errors.Is(err, study.ErrPruned):
		return pruneAnswer{Prune: true}, nil
	case errors.Is(err, study.ErrPaused):
		return pruneAnswer{Pause: true}, nil
	case err != nil:
		return nil, s.why(r, n, err)
	}
	return pruneAnswer{}, nil
}

// renew answers POST /v1/studies/{name}/trials/{n}/renew.
func (a *API) renew(_ http.ResponseWriter, r *http.Request) (any, error) {
	in, err := decode[struct {
		Owner string `json:"owner"`
	}](r)
	if err != nil {
		return nil, err
	}
	s, n, err := a.trial(r)
	if err != nil {
		return nil, err
	}
	prune, err := s.ShouldPrune(r.Context(), n, in.Owner)
	if err != nil {
		return nil, s.why(r, n, err)
	}
	return pruneAnswer{Prune: prune}, nil
}

// A tellBody is the body of POST tell.
type tellBody struct {
	Value       *pyjson.Number             `json:"value"`
	Values      []pyjson.Number            `json:"values"`
	State       string                     `json:"state"`
	Reason      string                     `json:"reason"`
	Constraints map[string]pyjson.Number   `json:"constraints"`
	UserAttrs   map[string]json.RawMessage `json:"user_attrs"`
	Owner       string                     `json:"owner"`
}

// update returns what the body says.
func (in tellBody) update() (u storage.Update, err error) {
	u = storage.Update{Owner: in.Owner, UserAttrs: in.UserAttrs, Constraints: map[string]float64{}}
	if in.Value != nil && in.Values != nil {
		return u, &Problem{Code: "invalid", Status: http.StatusBadRequest, Field: "value", Allowed: "value or values",
			Detail: "value and values are both given, want one of them"}
	}
	for _, v := range in.Values {
		u.Values = append(u.Values, float64(v))
	}
	if in.Value != nil {
		u.Values = []float64{float64(*in.Value)}
	}
	for name, x := range in.Constraints {
		if err := storage.CheckName("constraint name", name); err != nil {
			return u, invalid("constraints", err)
		}
		u.Constraints[name] = float64(x)
	}
	for _, key := range slices.Sorted(maps.Keys(in.UserAttrs)) {
		if err := storage.CheckName("attribute key", key); err != nil {
			return u, invalid("user_attrs", err)
		}
	}
	reason := in.Reason
	switch state := in.State; {
	case state == "" && u.Values != nil && slices.ContainsFunc(u.Values, math.IsNaN):
		u.State, u.Values = trial.Failed, nil // a training that diverged
		reason = "the value is NaN, want a number"
	case state == "complete" && u.Values == nil:
		return u, missing("value", "a number with the state complete")
	case state == "complete", state == "" && u.Values != nil:
		u.State = trial.Complete
	case (state == "pruned" || state == "fail" || state == "paused") && u.Values != nil:
		return u, wrong("value", in.Values, "no value with the state "+state+": report it before")
	case state == "pruned":
		u.State = trial.Pruned
	case state == "paused":
		u.State = trial.Waiting
	case state == "fail", state == "" && in.Reason != "":
		u.State = trial.Failed
	case state == "":
		return u, missing("value", "a number, or a state: complete, pruned, fail or paused")
	default:
		return u, wrong("state", state, "complete, pruned, fail or paused")
	}
	if u.State == trial.Complete && slices.ContainsFunc(u.Values, math.IsNaN) {
		return u, wrong("value", "NaN", "a number with the state complete, or the state fail")
	}
	if reason != "" {
		if u.State != trial.Failed {
			return u, wrong("reason", reason, "no reason but with the state fail")
		}
		text, _ := json.Marshal(reason) // a string always marshals
		u.SystemAttrs = map[string]json.RawMessage{sysattr.Failure: text}
	}
	return u, nil
}

// tell answers POST /v1/studies/{name}/trials/{n}/tell.
func (a *API) tell(_ http.ResponseWriter, r *http.Request) (any, error) {
	in, err := decode[tellBody](r)
	if err != nil {
		return nil, err
	}
	u, err := in.update()
	if err != nil {
		return nil, err
	}
	s, n, err := a.trial(r)
	if err != nil {
		return nil, err
	}
	if u.State == trial.Complete && len(u.Values) != len(s.record.Directions) {
		return nil, objectives(s, fmt.Sprintf("%d values", len(u.Values)))
	}
	if u.State == trial.Waiting {
		if t, err := s.Trial(r.Context(), n); err == nil && t.State == trial.Running && len(t.Reports) == 0 {
			return nil, &Problem{Code: "unreported", Status: http.StatusConflict, State: stateWord(t.State),
				Detail: fmt.Sprintf("trial %d has no report, want paused after one only", n)}
		}
	}
	t, err := s.TellNumber(r.Context(), n, u)
	if err != nil {
		return nil, s.why(r, n, err)
	}
	return trialOf(t)
}

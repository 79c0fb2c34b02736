package api

import (
	"encoding/json"
	"math"
	"net/http"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A trialAnswer is a trial.
type trialAnswer struct {
	Number      int                        `json:"number"`
	State       string                     `json:"state"`
	Paused      bool                       `json:"paused,omitempty"`
	Values      []pyjson.Number            `json:"values"`
	Params      json.RawMessage            `json:"params"`
	Reports     []reportAnswer             `json:"reports"`
	Constraints map[string]pyjson.Number   `json:"constraints"`
	UserAttrs   map[string]json.RawMessage `json:"user_attrs"`
	Reason      string                     `json:"reason,omitempty"` // why it failed
	Start       *time.Time                 `json:"start"`
	End         *time.Time                 `json:"end"`
}

// A reportAnswer is an intermediate value.
type reportAnswer struct {
	Step  int           `json:"step"`
	Value pyjson.Number `json:"value"`
}

func reportsOf(t *trial.Trial) []reportAnswer {
	all := []reportAnswer{}
	for _, r := range t.Reports {
		all = append(all, reportAnswer{r.Step, pyjson.Number(r.Value)})
	}
	return all
}

func trialOf(t *trial.Trial) (trialAnswer, error) {
	params, err := paramsJSON(t)
	a := trialAnswer{Number: t.Number, State: stateWord(t.State), Paused: t.Paused(), Params: params, Reports: reportsOf(t),
		Values: []pyjson.Number{}, Constraints: map[string]pyjson.Number{}, UserAttrs: standard(t.UserAttrs),
		Reason: t.Failure(), Start: moment(t.Start), End: moment(t.End)}
	for _, v := range t.Values {
		a.Values = append(a.Values, pyjson.Number(v))
	}
	for name, x := range t.Constraints {
		a.Constraints[name] = pyjson.Number(x)
	}
	return a, err
}

func moment(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	at = at.UTC()
	return &at
}

func trialsOf(all []*trial.Trial) ([]trialAnswer, error) {
	list := []trialAnswer{}
	for _, t := range all {
		a, err := trialOf(t)
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return list, nil
}

// listTrials answers GET /v1/studies/{name}/trials: those that changed after a revision, a part at a time.
func (a *API) listTrials(_ http.ResponseWriter, r *http.Request) (any, error) {
	since, err := query(r, "since", 0, 0, math.MaxInt64, "the revision of an earlier answer, or 0")
	if err != nil {
		return nil, err
	}
	limit, err := query(r, "limit", 100, 1, 1000, "1 to 1000")
	if err != nil {
		return nil, err
	}
	record, err := a.load(r)
	if err != nil {
		return nil, err
	}
	changes, err := a.cfg.Storage.Some(r.Context(), record.ID, since, int(limit), true)
	if err != nil {
		return nil, err
	}
	list, err := trialsOf(changes.Trials)
	return map[string]any{"revision": changes.Revision, "trials": list, "more": len(list) >= int(limit)}, err
}

// showTrial answers GET /v1/studies/{name}/trials/{n}.
func (a *API) showTrial(_ http.ResponseWriter, r *http.Request) (any, error) {
	n, err := number(r)
	if err != nil {
		return nil, err
	}
	record, err := a.load(r)
	if err != nil {
		return nil, err
	}
	t, err := a.cfg.Storage.Trial(r.Context(), record.ID, n)
	if err != nil {
		return nil, err
	}
	return trialOf(t)
}

// best answers GET /v1/studies/{name}/best: the best trial, or the Pareto front.
func (a *API) best(_ http.ResponseWriter, r *http.Request) (any, error) {
	s, err := a.open(r)
	if err != nil {
		return nil, err
	}
	h, err := s.History(r.Context())
	if err != nil {
		return nil, err
	}
	found := h.ParetoFront()
	if one, ok := h.Best(); ok && len(h.Directions()) == 1 {
		found = []*trial.Trial{one}
	}
	list, err := trialsOf(found)
	return map[string]any{"trials": list}, err
}

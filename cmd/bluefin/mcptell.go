package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

type mcpReportArgs struct {
	Study string         `json:"study"`
	Trial *int           `json:"trial"`
	Step  *int           `json:"step"`
	Value *pyjson.Number `json:"value"`
}

// report saves an intermediate value.
func (a *mcpAgent) report(ctx context.Context, in mcpReportArgs) (mcpAnswer, error) {
	switch {
	case in.Trial == nil:
		return mcpAnswer{}, errors.New("trial is missing")
	case in.Step == nil:
		return mcpAnswer{}, errors.New("step is missing")
	case in.Value == nil:
		return mcpAnswer{}, errors.New("value is missing")
	}
	s, err := a.open(ctx, in.Study)
	if err != nil {
		return mcpAnswer{}, err
	}
	err = s.ReportNumber(ctx, *in.Trial, trial.Point{Step: *in.Step, Values: []float64{float64(*in.Value)}}, a.owner(s, *in.Trial))
	prune := errors.Is(err, study.ErrPruned)
	if err != nil && !prune {
		return mcpAnswer{}, err
	}
	text := fmt.Sprintf("Saved %v at step %d of trial %d. Continue.", float64(*in.Value), *in.Step, *in.Trial)
	if prune {
		text = fmt.Sprintf("Saved %v at step %d of trial %d. It is worse than the others were: stop it, and call tell with "+
			"state pruned.", float64(*in.Value), *in.Step, *in.Trial)
	}
	return mcpAnswer{text, record{{Name: "study", Value: s.Name()}, {Name: "trial", Value: *in.Trial},
		{Name: "prune", Value: prune}}}, nil
}

type mcpTellArgs struct {
	Study       string                     `json:"study"`
	Trial       *int                       `json:"trial"`
	Value       *pyjson.Number             `json:"value"`
	Values      []pyjson.Number            `json:"values"`
	State       string                     `json:"state"`
	Constraints map[string]float64         `json:"constraints"`
	UserAttrs   map[string]json.RawMessage `json:"user_attrs"`
}

// update returns what the arguments say.
func (in mcpTellArgs) update() (u storage.Update, err error) {
	if in.Trial == nil {
		return u, errors.New("trial is missing")
	}
	if in.Value != nil && in.Values != nil {
		return u, errors.New("value and values are both given, want one of them")
	}
	for _, v := range in.Values {
		u.Values = append(u.Values, float64(v))
	}
	if in.Value != nil {
		u.Values = []float64{float64(*in.Value)}
	}
	u.Constraints, u.UserAttrs = in.Constraints, in.UserAttrs
	switch state := in.State; {
	case state == "" && u.Values != nil && slices.ContainsFunc(u.Values, math.IsNaN):
		u.State, u.Values = trial.Failed, nil // a training that diverged
	case state == "complete" && u.Values == nil:
		return u, errors.New("state is complete and value is missing")
	case state == "complete", state == "" && u.Values != nil:
		u.State = trial.Complete
	case (state == "pruned" || state == "fail") && u.Values != nil:
		return u, fmt.Errorf("state is %s and a value is given, want no value: report it before", state)
	case state == "pruned":
		u.State = trial.Pruned
	case state == "fail", state == "":
		u.State = trial.Failed
	default:
		return u, fmt.Errorf("state is %q, want complete, pruned or fail", state)
	}
	if u.State == trial.Complete && slices.ContainsFunc(u.Values, math.IsNaN) {
		return u, errors.New("value is NaN, want a number with state complete, or state fail")
	}
	return u, nil
}

// tell ends a trial.
func (a *mcpAgent) tell(ctx context.Context, in mcpTellArgs) (mcpAnswer, error) {
	u, err := in.update()
	if err != nil {
		return mcpAnswer{}, err
	}
	s, err := a.open(ctx, in.Study)
	if err != nil {
		return mcpAnswer{}, err
	}
	u.Owner = a.owner(s, *in.Trial)
	t, err := s.TellNumber(ctx, *in.Trial, u)
	if err != nil {
		return mcpAnswer{}, err
	}
	a.mu.Lock()
	delete(a.owners, mcpTrialKey{s.id, t.Number})
	a.mu.Unlock()
	a.showSpace(ctx)
	text, isBest := fmt.Sprintf("Trial %d: %v", t.Number, t.State), false
	if len(t.Values) > 0 {
		text += fmt.Sprintf(" %s", mcpValues(t.Values))
	}
	h, err := s.History(ctx)
	if err != nil {
		a.con.logf("%v", err) // it has been told
	}
	for _, b := range mcpBest(h) {
		isBest = isBest || b.Number == t.Number
	}
	if isBest {
		text += ", the best so far"
	}
	return mcpAnswer{text + ".\n" + mcpProgressText(h), record{{Name: "study", Value: s.Name()},
		{Name: "trial", Value: t.Number}, {Name: "state", Value: t.State.String()}, {Name: "is_best", Value: isBest},
		{Name: "progress", Value: mcpProgress(h)}}}, nil
}

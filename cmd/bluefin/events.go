package main

import (
	"math"
	"strings"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/trial"
)

// The events of --log-format json: "trial started", "report", "trial ended" and "summary", beside the
// messages and warnings, which have no other members than time, level and msg.

// trialAttrs returns the members of an event about a trial.
func trialAttrs(t *trial.Trial) []any {
	params := map[string]any{}
	for _, p := range t.Params {
		params[p.Name] = jsonNumber(p.External())
	}
	attrs := []any{"trial", t.Number}
	if len(params) > 0 || t.State.Finished() { // a new trial has none yet
		attrs = append(attrs, "params", params)
	}
	if t.State.Finished() {
		values := make([]any, len(t.Values))
		for i, x := range t.Values {
			values[i] = jsonNumber(x)
		}
		attrs = append(attrs, "state", strings.ToLower(t.State.String()), "values", values, "seconds", t.Duration().Seconds())
	}
	if last, ok := t.LastReport(); ok && t.Paused() {
		attrs = append(attrs, "step", last.Step, "value", jsonNumber(last.Value), "seconds", t.Worked().Seconds())
	}
	if reason := t.Failure(); reason != "" {
		attrs = append(attrs, "failure", reason)
	}
	return attrs
}

// jsonNumber replaces floats that JSON cannot have by their names, which are those of strict-json.
func jsonNumber(v any) any {
	if x, ok := v.(float64); ok && (math.IsNaN(x) || math.IsInf(x, 0)) {
		return pyjson.Float(x)
	}
	return v
}

// summary is the last event of a search.
func (p *progress) summary(trials []*trial.Trial) {
	if p.con.json == nil {
		return
	}
	count := map[trial.State]int{}
	for _, t := range trials {
		count[t.State]++
	}
	best := []int{} // numbers of trials; several, if no one dominates the others
	for _, t := range p.front {
		best = append(best, t.Number)
	}
	p.con.json.Info("summary", "study", p.study.Name(), "trials", len(trials), "complete", count[trial.Complete],
		"pruned", count[trial.Pruned], "failed", count[trial.Failed], "paused", countPaused(trials), "best", best)
}

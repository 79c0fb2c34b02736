package api

import (
	"encoding/json"
	"fmt"

	"github.com/bluefin-hpo/bluefin/cmd/internal/choose"
	"github.com/bluefin-hpo/bluefin/cmd/internal/outline"
	"github.com/bluefin-hpo/bluefin/cmd/internal/studyfile"
	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// planKey is the system attribute of a study that remembers its plan.
const planKey = "bluefin:plan"

// A plan is what a study remembers about its search. The zero plan says nothing.
type plan struct{ studyfile.File }

// planOf returns the plan of a study.
func planOf(record storage.Study) (p plan, err error) {
	attr, ok := record.SystemAttrs[planKey]
	if !ok {
		return p, nil
	}
	var text string
	if err := json.Unmarshal(attr, &text); err != nil {
		return p, fmt.Errorf("attribute %s of study %q is %.200q, want the text of a study.yaml", planKey, record.Name, attr)
	}
	f, err := studyfile.Parse("the plan of study "+record.Name, []byte(text))
	if err != nil {
		return p, err
	}
	return plan{*f}, nil
}

// pruner returns the pruner of the plan, or else that of all studies.
func (p plan) pruner(record storage.Study) (pruner.Pruner, error) {
	if p.Pruner.Name == "" {
		return choose.StudyPruner(record)
	}
	return choose.Pruner(p.Pruner.Name, p.Pruner.Settings, record.Name)
}

// planText writes the plan that a request to create a study describes, as a study.yaml in the form of JSON. It is
// empty if the request says nothing about the search.
func planText(in createBody, directions []trial.Direction, dims []space.Dimension) (string, error) {
	doc := map[string]any{}
	if len(dims) > 0 {
		params := json.RawMessage("{")
		for i, d := range dims {
			name, _ := json.Marshal(d.Name) // strings always marshal
			text, err := json.Marshal(parameter(d.Dist))
			if err != nil {
				return "", err
			}
			if i > 0 {
				params = append(params, ',')
			}
			params = append(append(append(params, name...), ':'), text...)
		}
		doc["parameters"] = append(params, '}')
	}
	if in.Sampler != nil {
		doc["sampler"] = in.Sampler
	}
	if in.Pruner != nil {
		doc["pruner"] = in.Pruner
	}
	if in.Seed != 0 {
		doc["seed"] = in.Seed
	}
	if in.Trials != 0 {
		doc["budget"] = map[string]any{"trials": in.Trials}
	}
	if len(doc) == 0 {
		return "", nil
	}
	var metrics []any
	for i, name := range outline.ValueNames(len(directions)) {
		metrics = append(metrics, map[string]any{"name": name, "direction": directions[i].String()})
	}
	doc["name"], doc["metrics"] = in.Name, metrics
	text, err := json.Marshal(doc)
	return string(text), err
}

// parameter is a distribution as a study.yaml has it.
func parameter(d space.Dist) map[string]any {
	switch d := d.(type) {
	case space.Float:
		p := map[string]any{"type": "float", "low": d.Low, "high": d.High, "log": d.Log}
		if d.Step != 0 {
			p["step"] = d.Step
		}
		return p
	case space.Int:
		p := map[string]any{"type": "int", "low": d.Low, "high": d.High, "log": d.Log}
		if d.Step > 1 {
			p["step"] = d.Step
		}
		return p
	case space.Categorical:
		return map[string]any{"choices": d.Choices}
	}
	return nil
}

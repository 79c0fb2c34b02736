package study

import (
	"encoding/json"

	"github.com/bluefin-hpo/bluefin/trial"
)

// jointKey is the system attribute that tells other processes which jointly drawn values a running
// trial has not suggested yet: a JSON object in internal form. It is saved along with another
// write.
const jointKey = "bluefin:joint"

// rest returns the joint draws of t that are not among its parameters yet.
func rest(t *trial.Trial) map[string]float64 {
	var values map[string]float64
	for name, x := range t.Joint {
		if _, ok := t.Param(name); ok {
			continue
		}
		if values == nil {
			values = make(map[string]float64, len(t.Joint))
		}
		values[name] = x
	}
	return values
}

// publish returns the attribute with the rest of t, or nil.
func publish(t *trial.Trial) map[string]json.RawMessage {
	values := rest(t)
	if values == nil {
		return nil
	}
	text, err := json.Marshal(values)
	if err != nil { // a sampler drew NaN or an infinity
		return nil
	}
	return map[string]json.RawMessage{jointKey: text}
}

// withJoint returns t, if it is running, with the joint draws that its worker published.
func withJoint(t *trial.Trial) *trial.Trial {
	text, ok := t.SystemAttrs[jointKey]
	if !ok || t.State != trial.Running {
		return t // without the allocation below
	}
	var values map[string]float64
	if json.Unmarshal(text, &values) != nil {
		return t
	}
	c := *t
	c.Joint = values
	return &c
}

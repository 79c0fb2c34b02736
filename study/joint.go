package study

import (
	"encoding/json"

	"github.com/bluefin-hpo/bluefin/trial"
)

// jointKey is the system attribute in which a trial that is saved before its
// objective has asked for all of its parameters tells other processes what the
// rest will be: a JSON object of values in internal form. It goes with a write
// that is made anyway.
const jointKey = "bluefin:joint"

// rest returns what t has drawn and is not among its parameters yet.
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

// publish returns the attribute that tells the rest of t, nil if there is none.
func publish(t *trial.Trial) map[string]json.RawMessage {
	values := rest(t)
	if values == nil {
		return nil
	}
	text, err := json.Marshal(values)
	if err != nil { // a sampler drew what is no number
		return nil
	}
	return map[string]json.RawMessage{jointKey: text}
}

// withJoint returns t with what its worker has published, if it is running.
func withJoint(t *trial.Trial) *trial.Trial {
	text, ok := t.SystemAttrs[jointKey]
	var values map[string]float64
	if !ok || t.State != trial.Running || json.Unmarshal(text, &values) != nil {
		return t
	}
	c := *t
	c.Joint = values
	return &c
}

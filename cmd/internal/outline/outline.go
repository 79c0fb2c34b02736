// Package outline is what the process that runs a study saves about it, for others to show.
package outline

import (
	"encoding/json"
	"fmt"

	"github.com/bluefin-hpo/bluefin/storage"
)

// An Outline says what a search looks for, and how.
type Outline struct {
	Trials  int      `json:"trials"` // in total; 0: unknown
	Workers int      `json:"workers"`
	Metrics []string `json:"metrics"` // of each objective
	Step    string   `json:"step"`    // the name of a step

	// How trials are drawn and stopped, as flags have it.
	Sampler string `json:"sampler,omitempty"`
	Pruner  string `json:"pruner,omitempty"`
}

// Key is the user attribute of a study that holds its outline.
const Key = "bluefin:search"

// optunaNamesKey is the system attribute in which Optuna's set_metric_names saves names.
const optunaNamesKey = "study:metric_names"

// Of returns the outline of a study. One that Optuna, or ask and tell, runs has none but names.
func Of(s storage.Study) (o Outline) {
	objectives := len(s.Directions)
	if json.Unmarshal(s.UserAttrs[Key], &o) == nil && len(o.Metrics) == objectives {
		return o
	}
	var names []string
	if json.Unmarshal(s.SystemAttrs[optunaNamesKey], &names) != nil || len(names) != objectives {
		names = ValueNames(objectives)
	}
	return Outline{Step: "step", Metrics: names}
}

// ValueNames names n objectives as Optuna does.
func ValueNames(n int) (names []string) {
	if n == 1 {
		return []string{"value"}
	}
	for i := range n {
		names = append(names, fmt.Sprintf("values_%d", i))
	}
	return names
}

package outline

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

func TestNamesOfObjectivesAreThoseOfTheOutlineOrOfOptuna(t *testing.T) {
	s := storage.Study{Directions: make([]trial.Direction, 2)}
	for _, c := range []struct{ outline, optuna, want string }{
		{"", "", "[values_0 values_1]"},
		{"", `["loss", "speed"]`, "[loss speed]"},
		{"", `["loss"]`, "[values_0 values_1]"},
		{"", `"[`, "[values_0 values_1]"},
		{`{"metrics": ["a", "b"], "step": "epoch"}`, `["loss", "speed"]`, "[a b]"},
		{`{"metrics": ["a"]}`, `["loss", "speed"]`, "[loss speed]"},
	} {
		s.UserAttrs = map[string]json.RawMessage{Key: json.RawMessage(c.outline)}
		s.SystemAttrs = map[string]json.RawMessage{optunaNamesKey: json.RawMessage(c.optuna)}
		if got := fmt.Sprint(Of(s).Metrics); got != c.want {
			t.Errorf("with the outline %s and Optuna's %s the names are %s, want %s", c.outline, c.optuna, got, c.want)
		}
	}
}

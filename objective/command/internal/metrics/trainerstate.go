package metrics

import "github.com/bluefin-hpo/bluefin/internal/pyjson"

// A trainerState is trainer_state.json, which the Hugging Face trainer writes into each checkpoint
// and at the end: every one holds the whole history.
type trainerState struct{}

func (trainerState) matches(path string) bool { return base(path) == "trainer_state.json" }

func (trainerState) open(path, _ string) fileReader {
	return &wholeFile{path: path, parse: parseTrainerState}
}

func parseTrainerState(text []byte, add func(Point)) {
	v, _ := pyjson.Unmarshal(text)
	state, _ := v.(map[string]any)
	history, _ := state["log_history"].([]any)
	for _, entry := range history {
		values, _ := entry.(map[string]any)
		if p, ok := newPoint(values); ok {
			add(p)
		}
	}
}

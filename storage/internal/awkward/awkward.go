// Package awkward has test data for everything that copies studies.
package awkward

import (
	"encoding/json"
	"math"
	"slices"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Study returns a new snapshot of a study that is hard to copy: with trials in
// all states that finished in another order than they were numbered, and with
// times, infinities, NaN, attributes of other programs and values out of range.
func Study() storage.Snapshot {
	at := func(second, microsecond int) time.Time {
		return time.Date(2026, 1, 2, 3, 4, second, microsecond*1000, time.UTC)
	}
	s := storage.Study{
		Name: "größe 日本 'x'; --", Directions: []trial.Direction{trial.Maximize, trial.Minimize},
		UserAttrs: Attrs("task", `{"nan": NaN, "list": [1, 2.0]}`, "", `"an empty key"`),
		SystemAttrs: Attrs("study:metric_names", `["a", "\u65e5"]`,
			"dashboard:note_ver", "3", "dashboard:note_str:0", `"# note"`),
	}
	x := trial.Param{Name: "x", Value: 0.30000000000000004, Dist: space.Float{High: 1}}
	c := trial.Param{Name: "größe", Value: 2, Dist: space.Categorical{Choices: []any{nil, true, 1, 2.5, math.NaN(), "日本 \"x\""}}}
	far := trial.Param{Name: "i", Value: 99, Dist: space.Int{Low: 1, High: 9, Step: 2}} // out of range, as Optuna allows
	return storage.Snapshot{Study: s, Trials: []*trial.Trial{
		{Number: 4, State: trial.Failed, Seen: 0, Start: at(4, 1), End: at(5, 999999), SystemAttrs: Attrs(sysattr.Failure, `"why"`)},
		{Number: 1, State: trial.Complete, Seen: 0, Params: []trial.Param{x, c, far},
			Values: []float64{math.Inf(1), math.Inf(-1)}, Start: at(1, 0), End: at(7, 0),
			Reports:     []trial.Report{{Step: 0, Value: math.NaN()}, {Step: 7, Value: math.Inf(-1)}, {Step: 8, Value: -5e-324}},
			Constraints: map[string]float64{"c": -1, "größe": math.Inf(1)},
			UserAttrs:   Attrs("u", "\"\\ud83d\\ude00\"\n"), SystemAttrs: Attrs("cma:generation", "4")},
		{Number: 0, State: trial.Pruned, Seen: 1, Params: []trial.Param{c}, Values: []float64{3},
			Start: at(6, 0), End: at(8, 0), SystemAttrs: Attrs(sysattr.RungPrefix+"0", "3.0")},
		{Number: 5, State: trial.Complete, Seen: 3, Values: []float64{-5e-324, math.MaxFloat64},
			End: at(9, 0)}, // no start: the dashboard ends queued trials so
		{Number: 2, State: trial.Waiting, Seen: 2, Params: []trial.Param{x},
			Reports: []trial.Report{{Step: 1, Value: 1}}, SystemAttrs: Attrs("fixed_params", `{"x": 0.5}`)},
		{Number: 3, State: trial.Running, Seen: 3, Params: []trial.Param{x},
			Reports: []trial.Report{{Step: 1, Value: 1}}, Start: at(10, 0),
			Constraints: map[string]float64{"c": 1}, UserAttrs: Attrs("u", "1"), SystemAttrs: Attrs(sysattr.RungPrefix+"0", "3.0", "s", "1")},
	}}
}

// Attrs makes attributes of alternating keys and values.
func Attrs(pairs ...string) map[string]json.RawMessage {
	m := map[string]json.RawMessage{}
	for pair := range slices.Chunk(pairs, 2) {
		m[pair[0]] = json.RawMessage(pair[1])
	}
	return m
}

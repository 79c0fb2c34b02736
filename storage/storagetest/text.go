package storagetest

import (
	"fmt"
	"reflect"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// sameTrial compares everything but the times, which need only both be zero or not.
func (m *model) sameTrial(got, want *trial.Trial) {
	m.Helper()
	a, b := comparable(got), comparable(want)
	if !reflect.DeepEqual(a, b) {
		m.Errorf("got trial\n%+v, want\n%+v", a, b)
	}
}

// comparable converts a trial to values for which DeepEqual follows the rules: NaN
// equals NaN, nil equals empty.
func comparable(t *trial.Trial) map[string]any {
	text := func(v any) string {
		if r := reflect.ValueOf(v); r.Len() == 0 {
			return ""
		}
		return fmt.Sprint(v)
	}
	params := ""
	for _, p := range t.Params {
		dist, err := space.Marshal(p.Dist)
		params += fmt.Sprint(p.Name, p.Value, dist, err)
	}
	return map[string]any{"number": t.Number, "state": t.State, "params": params,
		"values": text(t.Values), "reports": text(t.Reports),
		"constraints": text(t.Constraints), "user": text(t.UserAttrs), "system": text(t.SystemAttrs), "seen": t.Seen,
		"started": t.Start.IsZero(), "ended": t.End.IsZero()}
}

// Text formats all of a trial, so that equal trials have equal texts, also if
// they have NaNs.
func Text(t *trial.Trial) string {
	whole := comparable(t)
	whole["start"], whole["end"] = t.Start.String(), t.End.String()
	return fmt.Sprint(whole)
}

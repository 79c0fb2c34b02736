package trial_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/bluefin-hpo/bluefin/trial"
)

func TestCurve(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	u := &trial.Trial{SystemAttrs: map[string]json.RawMessage{
		"bluefin:report_": json.RawMessage(`[1]`), "bluefin:report_x": json.RawMessage(`[1]`), "bluefin:report_7": json.RawMessage(`{}`),
		"bluefin:verdict": json.RawMessage(`[1]`), "bluefin:report_-1": json.RawMessage(`[1]`),
	}}
	want := []trial.Point{{Step: 0, Values: []float64{0.1, nan}}, {Step: 2, Values: []float64{inf, -inf}}, {Step: 10, Values: []float64{-1e-300, 0}}}
	for _, p := range want {
		key, value := p.Attr()
		if !json.Valid(value) {
			t.Errorf("%s is not JSON", value)
		}
		u.SystemAttrs[key] = value
	}
	if got := u.Curve(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got the curve %v, want %v", got, want)
	}
	for _, p := range want {
		if got, ok := u.PointAt(p.Step); !ok || fmt.Sprint(got) != fmt.Sprint(p) {
			t.Errorf("got %v, %v, want %v", got, ok, p)
		}
	}
	for _, step := range []int{1, 7} {
		if got, ok := u.PointAt(step); ok {
			t.Errorf("got %v, want nothing at step %d", got, step)
		}
	}
	one := &trial.Trial{Reports: []trial.Report{{Step: 3, Value: 5}}}
	if got, ok := one.PointAt(3); !ok || fmt.Sprint(got, one.Curve()) != "{3 [5]} [{3 [5]}]" {
		t.Errorf("of one objective: got %v, %v, %v", got, ok, one.Curve())
	}
}

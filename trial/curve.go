package trial

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/bluefin-hpo/bluefin/internal/sysattr"
)

// A Point of a learning curve is what a trial reports at a step.
type Point struct {
	Step   int       // ≥ 0
	Values []float64 // one per objective, NaN where unknown
}

// Curve returns what the trial has reported, by increasing step. With several objectives reports are
// system attributes and not among Reports.
func (t *Trial) Curve() []Point {
	var curve []Point
	for _, r := range t.Reports {
		curve = append(curve, Point{r.Step, []float64{r.Value}})
	}
	reports := len(curve)
	for key, text := range t.SystemAttrs {
		if p, ok := pointOf(key, text); ok {
			curve = append(curve, p)
		}
	}
	if len(curve) > reports {
		slices.SortStableFunc(curve, func(a, b Point) int { return a.Step - b.Step })
	}
	return curve
}

// PointAt returns what the trial has reported at a step, and whether it has.
func (t *Trial) PointAt(step int) (Point, bool) {
	i, ok := slices.BinarySearchFunc(t.Reports, step, func(r Report, step int) int { return r.Step - step })
	if ok {
		return Point{step, []float64{t.Reports[i].Value}}, true
	}
	key := sysattr.ReportPrefix + strconv.Itoa(step)
	return pointOf(key, t.SystemAttrs[key])
}

// Attr returns the name and the value of the system attribute that holds a point of several objectives.
func (p Point) Attr() (key string, value json.RawMessage) {
	list := make([]*jsonValue, len(p.Values))
	for i, v := range p.Values {
		if !math.IsNaN(v) {
			list[i] = (*jsonValue)(&p.Values[i])
		}
	}
	text, _ := json.Marshal(list) // numbers always marshal
	return sysattr.ReportPrefix + strconv.Itoa(p.Step), text
}

// pointOf is the inverse of Attr. It returns false for other attributes, and for values that are none
// of ours.
func pointOf(key string, value json.RawMessage) (Point, bool) {
	digits, ok := strings.CutPrefix(key, sysattr.ReportPrefix)
	step, err := strconv.Atoi(digits)
	if !ok || err != nil || step < 0 {
		return Point{}, false
	}
	var list []*jsonValue
	if err := json.Unmarshal(value, &list); err != nil {
		return Point{}, false
	}
	p := Point{Step: step}
	for _, v := range list {
		if v == nil {
			p.Values = append(p.Values, math.NaN())
		} else {
			p.Values = append(p.Values, float64(*v))
		}
	}
	return p, true
}

// A jsonValue is a number in JSON, an infinite one as a text.
type jsonValue float64

// MarshalJSON implements json.Marshaler.
func (v *jsonValue) MarshalJSON() ([]byte, error) {
	if x := float64(*v); !math.IsInf(x, 0) {
		return json.Marshal(x)
	}
	return json.Marshal(strconv.FormatFloat(float64(*v), 'g', -1, 64))
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *jsonValue) UnmarshalJSON(text []byte) error {
	x, err := strconv.ParseFloat(strings.Trim(string(text), `"`), 64)
	*v = jsonValue(x)
	return err
}

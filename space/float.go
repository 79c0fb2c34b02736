package space

import (
	"math"
	"strconv"
)

// Float is the set of floats from Low to High, both included. With a Step the values are Low,
// Low+Step, … up to the last one ≤ High, computed in decimal: 0.1+2·0.1 is 0.3. With Log they are
// uniform in ln x, and Low must be above 0. Log and Step exclude each other.
type Float struct {
	Low, High float64
	Step      float64 // 0: continuous
	Log       bool
}

func (d Float) sealed() {}

// Dist returns d: a Float is a Domain[float64].
func (d Float) Dist() Dist { return d }

// Decode returns x.
func (d Float) Decode(x float64) float64 { return x }

// Check implements Dist.
func (d Float) Check() error {
	switch {
	case !finite(d.Low):
		return invalid("low is %v, want a finite number", d.Low)
	case !finite(d.High):
		return invalid("high is %v, want a finite number", d.High)
	case d.Low > d.High:
		return invalid("low is %v, want at most high, which is %v", d.Low, d.High)
	case !finite(d.Step) || d.Step < 0:
		return invalid("step is %v, want a finite number above 0, or 0 for a continuous range", d.Step)
	case d.Log && d.Step != 0:
		return invalid("step is %v, want 0 in a logarithmic range", d.Step)
	case d.Log && d.Low <= 0:
		return invalid("low is %v, want above 0 in a logarithmic range", d.Low)
	case d.Step != 0 && (d.High-d.Low)/d.Step >= maxExact:
		return invalid("step is %v, want at least %v: a grid has at most 2^53 values", d.Step, (d.High-d.Low)/maxExact)
	}
	return nil
}

// Contains implements Dist. A value within 1e-8 steps of the grid counts as on it, as in Optuna,
// whose grid values have binary rounding errors.
func (d Float) Contains(x float64) bool {
	if !(d.Low <= x && x <= d.High) {
		return false
	}
	if d.Step == 0 {
		return true
	}
	g := d.grid()
	k := g.index(x)
	return k < g.n && (x == g.at(k) || math.Abs((x-d.Low)/d.Step-float64(k)) < 1e-8)
}

// Unit implements Dist.
func (d Float) Unit(x float64) float64 {
	switch {
	case d.Len() == 1:
		return 0.5
	case d.Step != 0:
		g := d.grid()
		return (float64(g.index(x)) + 0.5) / float64(g.n)
	case d.Log:
		return scale(math.Log(x), math.Log(d.Low), math.Log(d.High))
	}
	return scale(x, d.Low, d.High)
}

// Value implements Dist.
func (d Float) Value(u float64) float64 {
	switch {
	case d.Low == d.High:
		return d.Low
	case d.Step != 0:
		g := d.grid()
		return g.at(cellIndex(u, g.n))
	case !(u > 0): // NaN too
		return d.Low
	case u >= 1:
		return d.High
	case d.Log:
		return clamp(math.Exp(lerp(math.Log(d.Low), math.Log(d.High), u)), d.Low, d.High)
	}
	return clamp(lerp(d.Low, d.High, u), d.Low, d.High)
}

// Cell implements Dist.
func (d Float) Cell(x float64) (lo, hi float64) {
	if d.Step == 0 {
		u := d.Unit(x)
		return u, u
	}
	g := d.grid()
	k := float64(g.index(x))
	return k / float64(g.n), (k + 1) / float64(g.n)
}

// Len implements Dist.
func (d Float) Len() int {
	switch {
	case d.Low == d.High:
		return 1
	case d.Step == 0:
		return 0
	}
	return int(d.grid().n)
}

// External returns x.
func (d Float) External(x float64) any { return x }

// Internal accepts any number that d contains.
func (d Float) Internal(v any) (float64, error) {
	x, ok := number(v)
	if !ok || !d.Contains(x) {
		return 0, invalid("value is %s, want %s", show(v), d)
	}
	return x, nil
}

// String describes d for messages: "a float in [0, 1]".
func (d Float) String() string {
	s := "a float in [" + show(d.Low) + ", " + show(d.High) + "]"
	if d.Step != 0 {
		s += " in steps of " + show(d.Step)
	}
	if d.Log {
		s += " on a log scale"
	}
	return s
}

func (d Float) grid() grid { return newGrid(d.Low, d.High, d.Step) }

// cut lowers High to the last grid value.
func (d Float) cut() Float {
	if d.Step != 0 && d.Check() == nil {
		g := d.grid()
		d.High = g.at(g.n - 1)
	}
	return d
}

// maxExact is 2^53. A float64 represents every integer up to it.
const maxExact = 1 << 53

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

func clamp(x, low, high float64) float64 { return math.Min(math.Max(x, low), high) }

// lerp interpolates from low at u = 0 to high at u = 1, even if high-low overflows.
func lerp(low, high, u float64) float64 {
	if w := high - low; !math.IsInf(w, 0) {
		return low + u*w
	}
	return low*(1-u) + high*u
}

// scale is the inverse of lerp, clamped to [0, 1].
func scale(x, low, high float64) float64 {
	w := high - low
	if math.IsInf(w, 0) {
		x, low, w = x/2, low/2, high/2-low/2
	}
	if w == 0 { // the ends differ, but their logarithms are equal
		return 0.5
	}
	return clamp((x-low)/w, 0, 1)
}

// cellIndex returns which of n equal cells of the unit interval contains u.
func cellIndex(u float64, n int64) int64 {
	if !(u > 0) { // NaN too
		return 0
	}
	return min(int64(min(u, 1)*float64(n)), n-1)
}

func number(v any) (float64, bool) {
	switch v := plain(v).(type) {
	case float64:
		return v, true
	case int:
		return float64(v), true
	}
	return 0, false
}

func show(v any) string {
	switch v := plain(v).(type) {
	case nil:
		return "null"
	case string:
		return strconv.Quote(v)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case int:
		return strconv.Itoa(v)
	case bool:
		return strconv.FormatBool(v)
	}
	return "of an unknown type"
}

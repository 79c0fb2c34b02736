package space

import (
	"fmt"
	"math"
)

// Int is the set of ints Low, Low+Step, … up to the last one ≤ High, all within ±2^53. With Log
// they are uniform in ln x; that needs Low ≥ 1 and a Step of 1.
type Int struct {
	Low, High int
	Step      int // ≥ 1; 0: 1
	Log       bool
}

func (d Int) sealed() {}

// Dist returns d: an Int is a Domain[int].
func (d Int) Dist() Dist { return d }

// Decode returns x as an int.
func (d Int) Decode(x float64) int { return int(x) }

// Check implements Dist.
func (d Int) Check() error {
	switch {
	case int64(d.Low) < -maxExact || int64(d.Low) > maxExact:
		return invalid("low is %d, want within ±2^53", d.Low)
	case int64(d.High) < -maxExact || int64(d.High) > maxExact:
		return invalid("high is %d, want within ±2^53", d.High)
	case d.Low > d.High:
		return invalid("low is %d, want at most high, which is %d", d.Low, d.High)
	case d.Step < 0:
		return invalid("step is %d, want at least 1", d.Step)
	case d.Log && d.step() != 1:
		return invalid("step is %d, want 1 in a logarithmic range", d.Step)
	case d.Log && d.Low < 1:
		return invalid("low is %d, want at least 1 in a logarithmic range", d.Low)
	}
	return nil
}

// Contains implements Dist.
func (d Int) Contains(x float64) bool {
	return float64(d.Low) <= x && x <= float64(d.High) && x < math.MaxInt &&
		x == math.Trunc(x) && (int(x)-d.Low)%d.step() == 0
}

// Unit implements Dist.
func (d Int) Unit(x float64) float64 {
	k := float64((int(x) - d.Low) / d.step())
	if d.Log {
		return d.logUnit(k + 0.5)
	}
	return (k + 0.5) / float64(d.Len())
}

// Value implements Dist.
func (d Int) Value(u float64) float64 {
	if d.Log {
		if !(u > 0) { // NaN too
			return float64(d.Low)
		}
		start, width := d.logScale()
		k := math.Floor(start * math.Expm1(u*width))
		return float64(d.Low) + clamp(k, 0, float64(d.High-d.Low))
	}
	return float64(d.Low + int(cellIndex(u, int64(d.Len())))*d.step())
}

// Cell implements Dist.
func (d Int) Cell(x float64) (lo, hi float64) {
	k, n := float64((int(x)-d.Low)/d.step()), float64(d.Len())
	if d.Log {
		return d.logUnit(k), d.logUnit(k + 1)
	}
	return k / n, (k + 1) / n
}

// Len implements Dist.
func (d Int) Len() int {
	// Optuna's files may contain wider ranges than Check allows.
	if n := (uint64(d.High) - uint64(d.Low)) / uint64(d.step()); n < math.MaxInt {
		return int(n) + 1
	}
	return math.MaxInt
}

// External returns x as an int.
func (d Int) External(x float64) any { return int(x) }

// Internal accepts any int that d contains, also as a float64.
func (d Int) Internal(v any) (float64, error) {
	x, ok := number(v)
	if !ok || !d.Contains(x) {
		return 0, invalid("value is %s, want %s", show(v), d)
	}
	return x, nil
}

// String describes d for messages: "an int in [1, 9]".
func (d Int) String() string {
	s := fmt.Sprintf("an int in [%d, %d]", d.Low, d.High)
	if d.step() != 1 {
		s += fmt.Sprintf(" in steps of %d", d.step())
	}
	if d.Log {
		s += " on a log scale"
	}
	return s
}

func (d Int) step() int { return max(d.Step, 1) }

// logScale returns the start of the range, half a step below Low, and its width in ln x up to half
// a step above High, so the first and the last int get their full share.
func (d Int) logScale() (start, width float64) {
	start = float64(d.Low) - 0.5
	return start, math.Log1p(float64(d.Len()) / start)
}

// logUnit returns the unit form of the point that is above the start of the range by the given
// distance. Computing it from the start, not from zero, keeps neighbours apart even in a narrow
// range of large numbers.
func (d Int) logUnit(above float64) float64 {
	start, width := d.logScale()
	return clamp(math.Log1p(above/start)/width, 0, 1)
}

// cut lowers High to the last grid value and sets Step to its effective value.
func (d Int) cut() Int {
	d.Step = d.step()
	if d.Low <= d.High {
		d.High = d.Low + (d.Len()-1)*d.Step
	}
	return d
}

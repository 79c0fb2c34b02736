package space

import (
	"fmt"
	"math"
)

// Int is the set of ints Low, Low+Step, … up to the last one that is not
// above High. A Step of 0 means 1. With Log the values are uniform in ln x;
// that needs Low ≥ 1 and a Step of 1.
type Int struct {
	Low, High int
	Step      int // 0: 1
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
	return float64(d.Low) <= x && x <= float64(d.High) && x < math.MaxInt && x == math.Trunc(x) && (int(x)-d.Low)%d.step() == 0
}

// Unit implements Dist.
func (d Int) Unit(x float64) float64 {
	if d.Log {
		lo, hi := d.logEnds()
		return scale(math.Log(x), lo, hi)
	}
	return (float64((int(x)-d.Low)/d.step()) + 0.5) / float64(d.Len())
}

// Value implements Dist.
func (d Int) Value(u float64) float64 {
	if d.Log {
		lo, hi := d.logEnds()
		x := math.Floor(math.Exp(lerp(lo, hi, u)) + 0.5)
		return clamp(x, float64(d.Low), float64(d.High))
	}
	return float64(d.Low + int(cellIndex(u, int64(d.Len())))*d.step())
}

// Cell implements Dist.
func (d Int) Cell(x float64) (lo, hi float64) {
	if d.Log {
		low, high := d.logEnds()
		return scale(math.Log(x-0.5), low, high), scale(math.Log(x+0.5), low, high)
	}
	k, n := float64((int(x)-d.Low)/d.step()), float64(d.Len())
	return k / n, (k + 1) / n
}

// Len implements Dist.
func (d Int) Len() int {
	// Optuna's files may hold wider ranges than Check allows.
	if n := (uint64(d.High) - uint64(d.Low)) / uint64(d.step()); n < math.MaxInt {
		return int(n) + 1
	}
	return math.MaxInt
}

// External returns x as an int.
func (d Int) External(x float64) any { return int(x) }

// Internal accepts any contained int, and a float64 that is one.
func (d Int) Internal(v any) (float64, error) {
	x, ok := number(v)
	if !ok || !d.Contains(x) {
		return 0, invalid("value is %s, want %s", show(v), d)
	}
	return x, nil
}

// String says which values d holds, for messages.
func (d Int) String() string {
	s := fmt.Sprintf("an int in [%d, %d]", d.Low, d.High)
	if d.step() != 1 {
		s += fmt.Sprintf(" in steps of %d", d.step())
	}
	return s
}

func (d Int) step() int { return max(d.Step, 1) }

// logEnds are the ends of the range on the scale ln x, widened by half a
// step, so that the first and the last int get their whole share.
func (d Int) logEnds() (lo, hi float64) {
	return math.Log(float64(d.Low) - 0.5), math.Log(float64(d.High) + 0.5)
}

// cut lowers High to the last grid value and writes out the step.
func (d Int) cut() Int {
	d.Step = d.step()
	if d.Low <= d.High {
		d.High = d.Low + (d.Len()-1)*d.Step
	}
	return d
}

package space

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// Categorical is a set of choices without order. A choice is nil, a bool, an int, a float64 or a
// string, and keeps its type: 1, 1.0 and true are three choices. Dist and Internal also accept
// other types of these kinds: int64(1) is the choice 1.
type Categorical struct {
	Choices []any
}

func (d Categorical) sealed() {}

// Dist returns d with choices of the plain types: a Categorical is a Domain[any].
func (d Categorical) Dist() Dist {
	for i, c := range d.Choices {
		if p := plain(c); reflect.TypeOf(p) != reflect.TypeOf(c) {
			choices := slices.Clone(d.Choices)
			for j := i; j < len(choices); j++ {
				choices[j] = plain(choices[j])
			}
			return Categorical{choices}
		}
	}
	return d
}

// Decode returns the choice with index x, in its type in d.
func (d Categorical) Decode(x float64) any { return d.Choices[int(x)] }

// Check implements Dist.
func (d Categorical) Check() error {
	if len(d.Choices) == 0 {
		return invalid("choices are empty, want at least one")
	}
	for i, c := range d.Choices {
		switch c := c.(type) {
		case nil, bool, int, float64:
		case string:
			if !utf8.ValidString(c) {
				return invalid("choice %d is %q, want UTF-8", i, c)
			}
		default:
			return invalid("choice %d is a %T, want nil, a bool, a number within an int or float64, or a string", i, c)
		}
	}
	if i := repeated(d.Choices); i >= 0 {
		return invalid("choice %d is %s again, want different choices", i, show(d.Choices[i]))
	}
	return nil
}

// repeated returns the index of the first choice that occurred before, or -1. It compares a few
// choices pairwise, which needs no memory.
func repeated(choices []any) int {
	if len(choices) <= 16 {
		for i, c := range choices {
			for j := range i {
				if sameChoice(c, choices[j]) {
					return i
				}
			}
		}
		return -1
	}
	type nan struct{} // NaN equals itself here, as in sameChoice
	seen := make(map[any]bool, len(choices))
	for i, c := range choices {
		if x, ok := c.(float64); ok && math.IsNaN(x) {
			c = nan{}
		}
		if seen[c] {
			return i
		}
		seen[c] = true
	}
	return -1
}

// Contains implements Dist.
func (d Categorical) Contains(x float64) bool {
	return x >= 0 && x < float64(len(d.Choices)) && x == math.Trunc(x)
}

// Unit implements Dist. The order of the choices means nothing.
func (d Categorical) Unit(x float64) float64 { return (x + 0.5) / float64(len(d.Choices)) }

// Value implements Dist.
func (d Categorical) Value(u float64) float64 {
	return float64(cellIndex(u, int64(len(d.Choices))))
}

// Cell implements Dist.
func (d Categorical) Cell(x float64) (lo, hi float64) {
	n := float64(len(d.Choices))
	return x / n, (x + 1) / n
}

// Len implements Dist.
func (d Categorical) Len() int { return len(d.Choices) }

// External returns the choice with index x.
func (d Categorical) External(x float64) any { return d.Choices[int(x)] }

// Internal returns the index of v. If no choice has v's type and value, it accepts a number equal
// to v, so values that passed through JSON are found.
func (d Categorical) Internal(v any) (float64, error) {
	v = plain(v)
	for i, c := range d.Choices {
		if sameChoice(c, v) {
			return float64(i), nil
		}
	}
	if x, ok := number(v); ok {
		for i, c := range d.Choices {
			if y, ok := number(c); ok && x == y {
				return float64(i), nil
			}
		}
	}
	return 0, invalid("value is %s, want %s", show(v), d)
}

// String describes d for messages: "one of …".
func (d Categorical) String() string {
	var b strings.Builder
	b.WriteString("one of ")
	for i, c := range d.Choices {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(show(c))
	}
	return b.String()
}

// sameChoice reports whether a and b are equal in type and value. NaN equals itself.
func sameChoice(a, b any) bool {
	x, ok := a.(float64)
	y, ok2 := b.(float64)
	if ok && ok2 && math.IsNaN(x) && math.IsNaN(y) {
		return true
	}
	switch a.(type) {
	case nil, bool, int, float64, string:
		return a == b
	}
	return false
}

// Scalar is the set of types that Choose takes.
type Scalar interface {
	~bool | ~string | ~float32 | ~float64 |
		~int | ~int8 | ~int16 | ~int32 | ~int64 |
		~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// Choose is a Categorical whose choices have one Go type, which the objective gets.
func Choose[T Scalar](choices ...T) Choices[T] { return choices }

// Choices are the choices of Choose: a Domain[T].
type Choices[T Scalar] []T

// Dist returns the Categorical with the same choices.
func (c Choices[T]) Dist() Dist {
	choices := make([]any, len(c))
	for i, v := range c {
		choices[i] = plain(v)
	}
	return Categorical{choices}
}

// Decode returns the choice with index x.
func (c Choices[T]) Decode(x float64) T { return c[int(x)] }

// plain converts a bool, number or string of any type to bool, int, float64 or string, and returns
// anything else as it is.
func plain(v any) any {
	switch v.(type) {
	case nil, bool, int, float64, string:
		return v
	}
	switch r := reflect.ValueOf(v); {
	case r.CanInt() && int64(int(r.Int())) == r.Int():
		return int(r.Int())
	case r.CanUint() && r.Uint() <= math.MaxInt:
		return int(r.Uint())
	case r.CanFloat():
		return r.Float()
	case r.Kind() == reflect.Bool:
		return r.Bool()
	case r.Kind() == reflect.String:
		return r.String()
	}
	return v
}

// Package space describes what may be tried: the values of one parameter (Dist) and of several
// (Space). A value has three forms:
//
//   - external, which the objective sees: a float64, an int, or one of the choices;
//   - internal, which studies store, as Optuna does: a float is itself (also with Log), an int is
//     float64(int), a choice is its index;
//   - unit, in [0, 1], which samplers work in: each value of a grid owns a cell of the unit
//     interval; see Dist.Cell.
package space

import (
	"errors"
	"fmt"
	"slices"
)

// ErrInvalid is matched by errors about distributions without values and about values outside of a
// distribution.
var ErrInvalid = errors.New("invalid")

// A Dist is the set of values that one parameter may take: a Float, an Int or a Categorical. All
// methods but Check require that Check returns nil.
type Dist interface {
	// Check returns an error that matches ErrInvalid, and names the field, its value and the bound,
	// if the distribution is empty or makes no sense.
	Check() error

	// Contains reports whether x, in internal form, is one of the values.
	Contains(x float64) bool

	// Unit maps a contained x to [0, 1]. It is linear in the scale on which the distribution is
	// uniform: ln x with Log.
	Unit(x float64) float64

	// Value is the inverse of Unit. It maps every u in [0, 1] to a contained value; every value of
	// a grid gets the same mass (the same mass in ln x with Log), and both ends of the range are
	// reached. Below 0 it returns the value at 0, as for NaN, and above 1 the value at 1.
	Value(u float64) float64

	// Cell is the part [lo, hi] of the unit interval that Value maps to x: a point (lo == hi ==
	// Unit(x)) if the distribution is continuous.
	Cell(x float64) (lo, hi float64)

	// Len is the number of values, 0 if the distribution is continuous.
	Len() int

	// External maps a contained x to its external form: a float64, an int, or one of the choices.
	External(x float64) any

	// Internal is the inverse of External. Its error matches ErrInvalid and says what is allowed.
	Internal(v any) (float64, error)

	sealed()
}

// A Domain is a distribution whose external values have the Go type T: a Float, an Int, a
// Categorical, or the result of Choose.
type Domain[T any] interface {
	Dist() Dist
	Decode(x float64) T // x in internal form, contained
}

// Equal reports whether a and b contain the same values on the same scale. A range that ends off
// its grid equals the one that ends at the last grid value.
func Equal(a, b Dist) bool {
	switch a := a.(type) {
	case Float:
		b, ok := b.(Float)
		return ok && (a == b || a.cut() == b.cut())
	case Int:
		b, ok := b.(Int)
		return ok && (a == b || a.cut() == b.cut())
	case Categorical:
		b, ok := b.(Categorical)
		if !ok || len(a.Choices) != len(b.Choices) {
			return false
		}
		for i := range a.Choices {
			if !sameChoice(a.Choices[i], b.Choices[i]) {
				return false
			}
		}
		return true
	}
	return false
}

// Compatible reports whether a parameter may change from a to b within a study. Kind and scale must
// stay the same. A numeric range may change. Choices may only be appended, because trials store an
// index.
func Compatible(a, b Dist) bool {
	switch a := a.(type) {
	case Float:
		b, ok := b.(Float)
		return ok && a.Log == b.Log
	case Int:
		b, ok := b.(Int)
		return ok && a.Log == b.Log
	case Categorical:
		b, ok := b.(Categorical)
		n := len(a.Choices)
		return ok && n <= len(b.Choices) && slices.EqualFunc(a.Choices, b.Choices[:n], sameChoice)
	}
	return false
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

package trial

import (
	"fmt"
	"math"
	"reflect"
)

// Value returns a parameter as a T: a float64 for a float, an int for an int, the type of the
// choice for a categorical. T may also be another type of the same kind, such as a string type of
// your own, or a float type for an int. It is an error if t has no such parameter or T cannot
// represent its value.
func Value[T any](t *Trial, name string) (T, error) {
	var to T
	p, ok := t.Param(name)
	if !ok {
		return to, fmt.Errorf("trial %d has no parameter %q", t.Number, name)
	}
	v := p.External()
	if x, ok := v.(T); ok {
		return x, nil
	}
	if !assign(reflect.ValueOf(&to).Elem(), reflect.ValueOf(v)) {
		return to, fmt.Errorf("parameter %q of trial %d is %v, type %T, want %T", name, t.Number, v, v, to)
	}
	return to, nil
}

// assign sets to to v, or returns false if it cannot represent v.
func assign(to, v reflect.Value) bool {
	switch {
	case to.CanInt() && v.CanInt() && !to.OverflowInt(v.Int()):
		to.SetInt(v.Int())
	case to.CanUint() && v.CanInt() && v.Int() >= 0 && !to.OverflowUint(uint64(v.Int())):
		to.SetUint(uint64(v.Int()))
	case to.CanFloat() && v.CanFloat() && !to.OverflowFloat(v.Float()):
		to.SetFloat(v.Float())
	case to.CanFloat() && v.CanInt() && math.Abs(float64(v.Int())) <= 1<<53:
		to.SetFloat(float64(v.Int()))
	case to.Kind() == v.Kind() && (v.Kind() == reflect.String || v.Kind() == reflect.Bool):
		to.Set(v.Convert(to.Type()))
	default:
		return false
	}
	return true
}

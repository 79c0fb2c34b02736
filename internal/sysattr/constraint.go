package sysattr

import (
	"strconv"
	"strings"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
)

// Optuna 5 keeps a constraint that the objective sets in an attribute of its own. What a sampler's
// constraints_func returns, and all constraints of Optuna 4, are one list.
const (
	ConstraintPrefix = "constraints:"
	ConstraintList   = "constraints"
)

// IsConstraint reports whether Optuna keeps constraints in an attribute.
func IsConstraint(key string) bool {
	return key == ConstraintList || strings.HasPrefix(key, ConstraintPrefix)
}

// Constraints returns the constraints in an attribute for which IsConstraint is true. Members of a
// list are named by their index. Anything but a number is no constraint: Optuna stores null if
// computing them failed.
func Constraints(key string, value []byte) (map[string]float64, error) {
	v, err := pyjson.Unmarshal(value)
	if err != nil {
		return nil, err
	}
	constraints := map[string]float64{}
	set := func(name string, v any) {
		switch v := v.(type) {
		case float64:
			constraints[name] = v
		case int:
			constraints[name] = float64(v)
		}
	}
	if name, ok := strings.CutPrefix(key, ConstraintPrefix); ok {
		set(name, v)
		return constraints, nil
	}
	list, _ := v.([]any)
	for i, v := range list {
		set(strconv.Itoa(i), v)
	}
	return constraints, nil
}

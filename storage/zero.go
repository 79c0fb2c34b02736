package storage

import (
	"maps"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/trial"
)

// unsigned returns u with 0 for each -0: SQLite has no other zero, and a trial
// must not depend on the storage that keeps it. u itself stays as it is.
func unsigned(u Update) Update {
	if i := slices.IndexFunc(u.Params, func(p trial.Param) bool { return negativeZero(p.Value) }); i >= 0 {
		u.Params = slices.Clone(u.Params)
		for ; i < len(u.Params); i++ {
			u.Params[i].Value += 0
		}
	}
	if i := slices.IndexFunc(u.Reports, func(r trial.Report) bool { return negativeZero(r.Value) }); i >= 0 {
		u.Reports = slices.Clone(u.Reports)
		for ; i < len(u.Reports); i++ {
			u.Reports[i].Value += 0
		}
	}
	if i := slices.IndexFunc(u.Values, negativeZero); i >= 0 {
		u.Values = slices.Clone(u.Values)
		for ; i < len(u.Values); i++ {
			u.Values[i] += 0
		}
	}
	u.Constraints = maps.Clone(u.Constraints)
	for name, x := range u.Constraints {
		u.Constraints[name] = x + 0
	}
	return u
}

func negativeZero(x float64) bool { return x == 0 && math.Signbit(x) }

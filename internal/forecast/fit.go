package forecast

import (
	"cmp"
	"slices"
	"sync"

	"github.com/bluefin-hpo/bluefin/internal/curve"
)

const (
	learned    = 32 // curves that hyperparameters are fitted to
	iterations = 10
	growth     = 1.4 // observations since the last fit that are worth another
)

// Fit returns the hyperparameters that suit curves best, from at most 32 of them: the 16 longest,
// and 16 spread over the others, because a fit takes many inversions.
func Fit(curves []curve.Curve) curve.Kernel {
	chosen := slices.Clone(curves)
	slices.SortStableFunc(chosen, func(a, b curve.Curve) int {
		return cmp.Or(len(b.Values)-len(a.Values), cmp.Compare(a.Values[len(a.Values)-1], b.Values[len(b.Values)-1]))
	})
	if half := learned / 2; len(chosen) > learned {
		rest := chosen[half:]
		chosen = slices.Clone(chosen[:half])
		for i := range half {
			chosen = append(chosen, rest[i*len(rest)/half])
		}
	}
	return curve.Fit(chosen, iterations)
}

// A Fitter fits hyperparameters again when there are 40 % more values than at the last fit, or
// other axes. The zero value is ready; it is safe for concurrent use.
type Fitter struct {
	mu     sync.Mutex
	kernel curve.Kernel
	seen   int
}

// Fit returns the hyperparameters for curves.
func (f *Fitter) Fit(curves []curve.Curve) curve.Kernel {
	n := 0
	for _, c := range curves {
		n += len(c.Values)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.kernel.Weights) != len(curves[0].X) || n < f.seen || float64(n) >= growth*float64(f.seen) {
		f.kernel, f.seen = Fit(curves), n
	}
	return f.kernel
}

package functions

import (
	"math"
	"strconv"

	"github.com/bluefin-hpo/bluefin/space"
)

// mixint is BBOB function id in ten dimensions: six ints, two floats, and two categories with
// levels in scrambled order. It follows Tušar, Brockhoff and Hansen, "Mixed-Integer Benchmark
// Problems for Single- and Bi-Objective Optimization" (GECCO 2019), with levels placed so that the
// optimum is on the grid.
func mixint(id, instance int) (Problem, error) {
	const dim = 10
	f, err := bbobFunction(id, dim, instance)
	if err != nil {
		return Problem{}, err
	}
	dims := [dim]space.Dimension{}
	levels := [dim]int{4, 4, 8, 8, 16, 16, 0, 0, 5, 5} // 0: continuous
	at := [dim][]float64{}                             // the coordinate at each level
	for i, k := range levels {
		number := strconv.Itoa(i)
		if k == 0 {
			dims[i] = space.Dimension{Name: "x" + number, Dist: space.Float{Low: -5, High: 5}}
			continue
		}
		dims[i] = space.Dimension{Name: "k" + number, Dist: space.Int{Low: 0, High: k - 1}}
		level := make([]int, k) // of each value
		for j := range level {
			level[j] = j
		}
		if i >= 8 {
			dims[i] = space.Dimension{Name: "c" + number, Dist: categories("a", "b", "c", "d", "e")}
			// Categories have no order, so their levels are shuffled.
			level = order(uniform(k, 31337+1000*i+7*id+instance))
		}
		best := math.Floor((f.Minimizer[i] + 5) / 10 * float64(k)) // so that all levels lie within the box
		for _, l := range level {
			at[i] = append(at[i], f.Minimizer[i]+(float64(l)-best)*(10/float64(k)))
		}
	}
	return Problem{Name: mixintName(id), Group: "mixed", Value: func(ask Ask) float64 {
		var x [dim]float64
		for i, d := range dims {
			x[i] = ask(d.Name, d.Dist)
			if levels[i] > 0 {
				// The optimum is one of the levels, so the minimum of the problem stays that of
				// the function.
				x[i] = at[i][int(x[i])]
			}
		}
		return f.Value(x[:])
	}}, nil
}

// categories is a Categorical with the given choices.
func categories(names ...string) space.Dist { return space.Choose(names...).Dist() }

package functions

import (
	"math"
	"strconv"
)

// catchain is a chain of eight categories with six choices each. Every choice and every pair of
// neighbours has a cost. The minimum is exact, by dynamic programming.
func catchain(instance int) Problem {
	const n, k = 8, 6
	alone := uniform(n*k, 5000+instance)       // n×k
	pairs := uniform((n-1)*k*k, 6000+instance) // (n-1)×k×k
	single := func(i, a int) float64 { return alone[i*k+a] }
	pair := func(i, a, b int) float64 { return pairs[(i*k+a)*k+b] }

	var least [k]float64 // of the chain up to i, by the choice at i
	for i := range n {
		var next [k]float64
		for b := range k {
			before := math.Inf(1)
			for a := range k {
				if i > 0 {
					before = math.Min(before, least[a]+pair(i-1, a, b))
				} else {
					before = 0
				}
			}
			next[b] = before + single(i, b)
		}
		// Only the last choice matters for what follows, which makes the minimum cheap.
		least = next
	}
	minimum := math.Inf(1)
	for _, v := range least {
		minimum = math.Min(minimum, v)
	}

	choices := categories("a", "b", "c", "d", "e", "f")
	return Problem{Name: "catchain", Group: "mixed", Minimum: minimum, Value: func(ask Ask) float64 {
		v, before := 0.0, 0
		for i := range n {
			c := int(ask("c"+strconv.Itoa(i), choices))
			v += single(i, c)
			if i > 0 {
				v += pair(i-1, before, c)
			}
			before = c
		}
		return v
	}}
}

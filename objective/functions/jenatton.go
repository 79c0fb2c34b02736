package functions

import "github.com/bluefin-hpo/bluefin/space"

// jenatton is the tree of Jenatton, Archambeau, González and Seeger, "Bayesian
// Optimization with Tree-structured Dependencies" (ICML 2017), §5.1: two binary
// decisions lead to one of four parabolas, and a float is shared by two of them.
func jenatton() Problem {
	binary := space.Categorical{Choices: []any{0, 1}}
	sides, share := space.Float{Low: -1, High: 1}, space.Float{Low: 0, High: 1}
	return Problem{Name: "jenatton", Group: "mixed", Minimum: 0.1, Value: func(ask Ask) float64 {
		first, shared, leaves, least := "x2", "r8", [2]string{"x4", "x5"}, 0.1
		if ask("x1", binary) == 1 {
			first, shared, leaves, least = "x3", "r9", [2]string{"x6", "x7"}, 0.3
		}
		leaf := int(ask(first, binary))
		x := ask(leaves[leaf], sides)
		return x*x + least + 0.1*float64(leaf) + ask(shared, share)
	}}
}

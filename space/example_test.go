package space_test

import (
	"fmt"

	"github.com/bluefin-hpo/bluefin/space"
)

// New sorts the parameters by name and checks them.
func ExampleNew() {
	sp, err := space.New(
		space.Dimension{Name: "learning_rate", Dist: space.Float{Low: 1e-5, High: 0.1, Log: true}},
		space.Dimension{Name: "batch_size", Dist: space.Int{Low: 16, High: 128, Step: 16}},
	)
	for _, d := range sp {
		fmt.Printf("%s: %v\n", d.Name, d.Dist)
	}
	fmt.Println(err)

	_, err = space.New(space.Dimension{Name: "learning_rate", Dist: space.Float{Low: 0, High: 0.1, Log: true}})
	fmt.Println(err)
	// Output:
	// batch_size: an int in [16, 128] in steps of 16
	// learning_rate: a float in [1e-05, 0.1] on a log scale
	// <nil>
	// parameter "learning_rate": invalid: low is 0, want above 0 in a logarithmic range
}

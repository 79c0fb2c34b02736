package trial_test

import (
	"fmt"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// The trial is usually that of Study.Best. The type is that of the suggestion, or one of its kind.
func ExampleValue() {
	best := &trial.Trial{Number: 7, Params: []trial.Param{
		{Name: "learning_rate", Value: 0.01, Dist: space.Float{Low: 1e-5, High: 1, Log: true}},
		{Name: "optimizer", Value: 1, Dist: space.Choose("sgd", "adam").Dist()},
	}}
	rate, err := trial.Value[float64](best, "learning_rate")
	fmt.Println(rate, err)
	optimizer, err := trial.Value[string](best, "optimizer")
	fmt.Println(optimizer, err)
	_, err = trial.Value[int](best, "layers")
	fmt.Println(err)
	// Output:
	// 0.01 <nil>
	// adam <nil>
	// trial 7 has no parameter "layers"
}

// Quickstart is a whole study in one file, kept in memory: an objective with
// one parameter of each kind, fifty trials, and the best of them.
//
// The objective is a formula in place of a model's loss. It is 0 at the learning
// rate 0.01, momentum 0.9, 3 layers and relu, and the best trial comes near
// these. Nothing is written to disk.
package main

import (
	"context"
	"fmt"
	"log"
	"math"

	"github.com/bluefin-hpo/bluefin/study"
)

// loss runs one trial: it asks for its parameters and returns its value.
func loss(t *study.Trial) (float64, error) {
	momentum := t.Float("momentum", 0, 1)
	rate := t.LogFloat("learning_rate", 1e-5, 1) // from 0.001 to 0.01 is as far as from 0.01 to 0.1
	layers := t.Int("layers", 1, 8)
	activation := t.Categorical("activation", "relu", "tanh", "sigmoid")

	v := math.Pow(math.Log10(rate/0.01), 2) + 5*math.Pow(momentum-0.9, 2) + 0.1*math.Pow(float64(layers-3), 2)
	if activation != "relu" {
		v += 0.5
	}
	return v, nil
}

func main() {
	best, err := study.Minimize(context.Background(), loss, 50) // by TPE, in memory
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("Best of 50 trials: trial %d with loss %.4f\n", best.Number, best.Values[0])
	for _, p := range best.Params {
		fmt.Printf("  %-13s %v\n", p.Name, p.External())
	}
}

// Asktell drives a study by hand, for programs that cannot be an objective: a
// job queue, a laboratory, a loop that evaluates in batches. Here each round
// asks for four trials, evaluates them together, and tells the four results.
//
// The objective is a bowl with the minimum 0 at (1, -2). It prints the best
// value so far after each round. Nothing is written to disk.
package main

import (
	"context"
	"fmt"
	"log"
	"math"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study"
)

const rounds, batch = 10, 4

// A point is a trial with the parameters that it drew.
type point struct {
	trial *study.Trial
	x, y  float64
}

// evaluate represents a job that evaluates a whole batch.
func evaluate(points []point) []float64 {
	var values []float64
	for _, p := range points {
		values = append(values, math.Pow(p.x-1, 2)+math.Pow(p.y+2, 2))
	}
	return values
}

func run(ctx context.Context) error {
	s, err := study.Open(ctx, study.Config{})
	if err != nil {
		return err
	}
	side := space.Float{Low: -5, High: 5}
	for round := range rounds {
		var points []point
		for range batch {
			t, err := s.Ask(ctx)
			if err != nil {
				return err
			}
			points = append(points, point{t, study.Suggest(t, "x", side), study.Suggest(t, "y", side)})
		}
		for i, v := range evaluate(points) {
			if _, err := s.Tell(ctx, points[i].trial, v); err != nil {
				return err
			}
			if err := points[i].trial.Err(); err != nil { // of Suggest: the trial has failed
				return err
			}
		}
		best, err := s.Best(ctx)
		if err != nil {
			return err
		}
		fmt.Printf("round %2d: %2d trials, best %.4f\n", round+1, (round+1)*batch, best.Values[0])
	}
	return nil
}

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

package main

import (
	"math"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/functions"
	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
)

// A pruningLine is what pruning writes as JSON.
type pruningLine struct {
	Problem, Pruner string
	Seed, Epochs    int
	Best            *float64
}

func TestPruningWritesEpochsAndTheBestGap(t *testing.T) {
	args := []string{"pruning", "--problem", "mlp_digits", "--sampler", "random", "--pruner", "none,median,halving,hyperband,percentile25", "--trials", "30", "--seeds", "2"}
	rows := benchJSON[pruningLine](t, args...)
	if len(rows) != 10 {
		t.Fatalf("%d rows, want 10", len(rows))
	}
	for i, r := range rows {
		whole := rows[i%2] // of the same seed, without pruning
		switch {
		case r.Seed != i%2 || r.Problem != "mlp_digits" || r.Best == nil || *r.Best < 0:
			t.Errorf("row %d is %+v", i, r)
		case r.Pruner == "none" && r.Epochs != 30*25:
			t.Errorf("30 whole trainings took %d epochs, want 750", r.Epochs)
		case r.Pruner != "none" && r.Epochs >= whole.Epochs:
			t.Errorf("%s took %d epochs, want fewer than %d", r.Pruner, r.Epochs, whole.Epochs)
		case *r.Best < *whole.Best:
			t.Errorf("%s found %v in the same random trials of which the best is %v", r.Pruner, *r.Best, *whole.Best)
		}
	}
	file := benchJSON[pruningLine](t, "pruning", "--table", tableRows, "--meta", tableMeta, "--pruner", "halving", "--trials", "30", "--seeds", "2")
	if !slices.EqualFunc(file, rows[4:6], func(a, b pruningLine) bool {
		return a.Problem == b.Problem && a.Epochs == b.Epochs && *a.Best == *b.Best
	}) {
		t.Errorf("the table in a file gives %+v, want %+v", file, rows[4:6])
	}
}

func TestEpochsEndASearch(t *testing.T) {
	rows := benchJSON[pruningLine](t, "pruning", "--pruner", "none,halving", "--factor", "3", "--epochs", "110", "--seeds", "1")
	for _, r := range rows {
		if r.Epochs != 110 {
			t.Errorf("%s took %d epochs, want 110", r.Pruner, r.Epochs)
		}
	}
	none := benchJSON[pruningLine](t, "pruning", "--pruner", "none", "--trials", "4", "--seeds", "1")
	if *none[0].Best != *rows[0].Best {
		t.Errorf("110 epochs are 4 whole trainings and find %v, want %v", *rows[0].Best, *none[0].Best)
	}
	if few := benchJSON[pruningLine](t, "pruning", "--pruner", "none", "--epochs", "24", "--seeds", "1"); few[0].Best != nil {
		t.Errorf("a search of no whole training has found %v", *few[0].Best)
	}
}

// The pruner sees epoch 1 first, and its verdict ends the training there.
func TestPrunedTrialsStopWhereTheyAreTold(t *testing.T) {
	curves := [][]float64{{3, 2, 1}, {9, 9, 0.5}, {3, 1.5, 0.8}}
	n := 0
	p := functions.Problem{Name: "three", Minimum: 0.5, Curve: func(ask functions.Ask) []float64 {
		ask("x", space.Float{High: 1})
		n++
		return curves[n-1]
	}}
	got, err := prune(t.Context(), p, sampler.Random{}, pruner.Threshold{Upper: new(5.0)}, 0, 3, 0)
	if err != nil || got.epochs != 3+1+3 || math.Abs(got.gap-0.3) > 1e-12 {
		t.Errorf("%+v, %v; want 7 epochs and a gap of 0.3", got, err)
	}
}

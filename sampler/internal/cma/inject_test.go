package cma

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

func TestLongStepsAreShortenedInTheirDirection(t *testing.T) {
	s := New(NewConstants(2, 6), []float64{1, 2}, 0.5, mat.NewSymDense(2, []float64{4, 1, 1, 2}))
	for _, c := range []struct {
		name   string
		x      []float64
		within bool
	}{
		{"the mean", []float64{1, 2}, true},
		{"near", []float64{1.2, 2.1}, true},
		{"far", []float64{100, -30}, false},
		{"far along an axis", []float64{1, 1e6}, false},
	} {
		got := s.Shorten(c.x, 3)
		step := floats.SubTo(make([]float64, 2), got, s.Mean)
		norm := floats.Norm(s.whiten(step), 2) / s.Sigma
		switch {
		case c.within && &got[0] != &c.x[0]:
			t.Errorf("%s: %v became %v", c.name, c.x, got)
		case !c.within && math.Abs(norm-3) > 1e-12:
			t.Errorf("%s: the step is %v long, want 3", c.name, norm)
		case !c.within && math.Abs(step[0]*(c.x[1]-2)-step[1]*(c.x[0]-1)) > 1e-6:
			t.Errorf("%s: the step %v has another direction", c.name, step)
		}
	}
}

func TestMaxStepIsThatOfThePaper(t *testing.T) {
	for dim, want := range map[int]float64{1: 1 + 2.0/3, 2: math.Sqrt2 + 1, 10: 4.828944326835046} {
		if got := MaxStep(dim); math.Abs(got-want) > 1e-14 {
			t.Errorf("d=%d: %v, want √d + 2d/(d+2) = %v", dim, got, want)
		}
	}
	r := newRand(1)
	for dim, share := range map[int]float64{2: 0.054, 10: 0.0097} { // of a χ² distribution
		s := New(NewConstants(dim, 8), fill(dim, 0), 1, nil)
		longer := 0
		for range 100_000 {
			if floats.Norm(s.Draw(r), 2) > MaxStep(dim) {
				longer++
			}
		}
		if got := float64(longer) / 100_000; math.Abs(got-share) > 0.003 {
			t.Errorf("d=%d: %v of the draws are longer, want %v", dim, got, share)
		}
	}
}

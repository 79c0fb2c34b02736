package cma

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

func smooth(d int) Bounds { return Bounds{make([]bool, d)} }

func sharp(d int) Bounds { return Bounds{slices.Repeat([]bool{true}, d)} }

func TestFoldMapsItsIntervalToTheUnitInterval(t *testing.T) {
	low, high := smooth(1).interval(0)
	last := -1.0
	for k := range 100_001 {
		y := low + (high-low)*float64(k)/100_000
		x := fold(y)
		if x < 0 || x > 1 {
			t.Fatalf("fold(%v) = %v", y, x)
		}
		if y >= edge && y <= 1-edge && x != y {
			t.Fatalf("fold(%v) = %v, want the same in the middle", y, x)
		}
		if y > -edge && y < 1+edge && last >= 0 && x <= last {
			t.Fatalf("fold(%v) = %v, after %v: want it to increase", y, x, last)
		}
		if slope := (fold(y+1e-7) - fold(y-1e-7)) / 2e-7; math.Abs(slope-min(max(0, (y+edge)/(2*edge)), max(0, (1+edge-y)/(2*edge)), 1)) > 1e-6 && y > -edge && y < 1+edge {
			t.Fatalf("the slope at %v is %v", y, slope)
		}
		if y > -edge {
			last = x
		}
	}
	for _, c := range [][2]float64{{-edge, 0}, {edge, edge}, {1 - edge, 1 - edge}, {1 + edge, 1}} {
		if got := fold(c[0]); math.Abs(got-c[1]) > 1e-16 {
			t.Errorf("fold(%v) = %v, want %v", c[0], got, c[1])
		}
	}
}

func TestUnfoldIsTheInverseOfFold(t *testing.T) {
	b := Bounds{[]bool{false, true}}
	for _, x := range []float64{0, 5e-324, 1e-300, 1e-20, 1e-9, 0.0125, 0.02, edge, 0.3, 0.5, 0.9, 1 - edge, 0.98, 1 - 1e-9, 1 - 0x1p-53, 1} {
		y := b.Unfold([]float64{x, x})
		got := b.Fold(y)
		if y[0] < -edge || y[0] > 1+edge || math.Abs(got[0]-x) > 1e-15 || y[1] != x || got[1] != x {
			t.Errorf("%v unfolds to %v, which folds to %v", x, y, got)
		}
	}
}

func TestDrawsAreInBoundsAndClippedIfNoneIs(t *testing.T) {
	b := Bounds{[]bool{false, true, false}}
	wide := New(NewConstants(3, 7), []float64{0.5, 0.5, 0.5}, 0.5, nil)
	r := newRand(1)
	beyond := 0
	for range 2000 {
		y := b.Draw(r, wide.Draw)
		if !b.contain(y) {
			t.Fatalf("drew %v", y)
		}
		if slices.Min(y) < 0 || slices.Max(y) > 1 {
			beyond++
		}
	}
	if beyond < 100 {
		t.Errorf("of 2000 draws %d are beyond 0 or 1, want hundreds", beyond)
	}
	far := New(NewConstants(3, 7), []float64{-5, 5, 0.5}, 0.01, nil)
	y := b.Draw(r, far.Draw)
	if y[0] != -2*edge || y[1] != 1 || y[2] == 0.5 {
		t.Errorf("far from the cube it draws %v, want it clipped to %v and 1", y, -2*edge)
	}
}

// Folded points that are drawn again must have the distribution of the points before
// folding.
func TestRedrawnPointsAreDistributedAsTheDrawnOnes(t *testing.T) {
	const n = 40_000
	for _, c := range []struct {
		name string
		mean []float64
		cov  *mat.SymDense
		sep  bool
		off  float64 // that covariances may be
	}{
		{"in a corner", []float64{-edge, 1 + edge}, mat.NewSymDense(2, []float64{1, 0, 0, 2}), false, 8e-6},
		{"in a corner, correlated", []float64{-edge, 1 + edge}, mat.NewSymDense(2, []float64{1, 0.8, 0.8, 1}), false, 8e-6},
		// The first choice does not see the second.
		{"beside the bend, correlated", []float64{-edge + 0.008, 1.01 + edge}, mat.NewSymDense(2, []float64{1, -0.8, -0.8, 2}), false, 3e-5},
		{"at one edge", []float64{-edge + 0.004, 0.5}, mat.NewSymDense(2, []float64{1, 0.9, 0.9, 1}), false, 8e-6},
		{"separable", []float64{-edge - 0.004, 1 + edge}, mat.NewSymDense(2, []float64{1, 0, 0, 2}), true, 8e-6},
	} {
		constants := NewConstants(2, 6)
		if c.sep {
			constants = NewSeparable(2, 6)
		}
		s := New(constants, c.mean, 0.01, c.cov)
		b := smooth(2)
		r := newRand(5)
		drawn, points := mat.NewDense(n, 2, nil), make([][]float64, n)
		for k := range n {
			y := b.Draw(r, s.Draw)
			drawn.SetRow(k, y)
			points[k] = b.Unfold(b.Fold(y))
		}
		b.Redraw(s, points, func(int) []float64 { return []float64{r.Float64(), r.Float64()} })
		redrawn, changed := mat.NewDense(n, 2, nil), 0
		for k, y := range points {
			redrawn.SetRow(k, y)
			if math.Abs(y[0]-drawn.At(k, 0)) > 1e-9 {
				changed++
			}
		}
		var want, got mat.SymDense
		stat.CovarianceMatrix(&want, drawn, nil)
		stat.CovarianceMatrix(&got, redrawn, nil)
		for i := range 2 {
			a, b := stat.Mean(mat.Col(nil, i, drawn), nil), stat.Mean(mat.Col(nil, i, redrawn), nil)
			if math.Abs(a-b) > 3e-4 {
				t.Errorf("%s: coordinate %d has mean %v, want %v", c.name, i, b, a)
			}
			for j := range i + 1 {
				if math.Abs(got.At(i, j)-want.At(i, j)) > c.off {
					t.Errorf("%s: covariance %d, %d is %.3g, want %.3g", c.name, i, j, got.At(i, j), want.At(i, j))
				}
			}
		}
		if changed < n/20 {
			t.Errorf("%s: %d of %d points were drawn elsewhere, want many", c.name, changed, n)
		}
	}
}

func TestFarFromTheEdgesNothingIsRedrawn(t *testing.T) {
	s := New(NewConstants(3, 7), []float64{0.5, 0.3, 0.8}, 0.01, nil)
	points := generation(s, newRand(1))
	want := slices.Clone(points[0])
	smooth(3).Redraw(s, points, func(int) []float64 { t.Error("quantiles were asked for"); return nil })
	if !slices.Equal(points[0], want) {
		t.Errorf("%v became %v", want, points[0])
	}
	// A point at an edge far from the distribution was on the distribution's side.
	points[0] = []float64{-edge + 1e-3, 0.3, 0.8}
	want = slices.Clone(points[0])
	smooth(3).Redraw(s, points[:1], func(int) []float64 { return []float64{0.9999, 0.5, 0.5} })
	if !slices.Equal(points[0], want) {
		t.Errorf("%v became %v", want, points[0])
	}
}

func TestAnIndefiniteMatrixIsTakenForItsDiagonal(t *testing.T) {
	s := New(NewConstants(2, 6), []float64{0, 0}, 1, nil)
	s.C = mat.NewSymDense(2, []float64{4, 6.1, 6.1, 9})
	if l := s.lower([]int{1, 0}); l.At(0, 0) != 3 || l.At(1, 1) != 2 || l.At(1, 0) != 0 {
		t.Errorf("the factor is %v", mat.Formatted(l))
	}
}

// linear is a slope into a corner of the cube, like BBOB's f5.
func linear(x []float64) float64 {
	sum := 0.0
	for i, v := range x {
		if i%2 == 0 {
			sum += v
		} else {
			sum += 1 - v
		}
	}
	return sum
}

func TestSearchConvergesToACornerThatSharpBoundsKeepItFrom(t *testing.T) {
	run := func(b Bounds, seed uint64) float64 {
		r := newRand(seed)
		s := New(NewConstants(5, 8), fill(5, 0.5), 1.0/6, nil)
		best := math.Inf(1)
		for range 50 {
			points, values := make([][]float64, 8), make([]float64, 8)
			for k := range points {
				x := b.Fold(b.Draw(r, s.Draw))
				points[k], values[k] = b.Unfold(x), linear(x)
				best = min(best, values[k])
			}
			b.Redraw(s, points, func(int) []float64 {
				return []float64{r.Float64(), r.Float64(), r.Float64(), r.Float64(), r.Float64()}
			})
			s = s.Tell(points, values)
		}
		return best
	}
	var folded, cut []float64
	for seed := range uint64(11) {
		folded, cut = append(folded, run(smooth(5), seed)), append(cut, run(sharp(5), seed))
	}
	slices.Sort(folded)
	slices.Sort(cut)
	t.Logf("median gap after 400 evaluations: %.3g, with sharp bounds %.3g", folded[5], cut[5])
	if folded[5] > 1e-3 || cut[5] < 10*folded[5] {
		t.Errorf("median gap is %v, with sharp bounds %v: want at most 1e-3 and ten times that", folded[5], cut[5])
	}
}

package cma

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/oracle"
)

func TestMarginedStateFollowsTheLibrary(t *testing.T) {
	var file struct {
		Runs []struct {
			Low, High, Steps []float64
			Popsize          int
			Margin           float64
			Mean0            []float64
			Sigma0           float64
			Generations      []struct {
				X, Encoded [][]float64
				F          []float64
				Before     []float64 `json:"A_before"`
				After      struct {
					Mean, PC, A []float64
					Sigma       float64
					C           [][]float64
					PSigma      []float64 `json:"p_sigma"`
				}
			}
		} `json:"cmawm"`
	}
	oracle.Load(t, "cmaes_cyberagent.json", &file)
	corrected := 0
	for i, run := range file.Runs {
		d := len(run.Mean0)
		m := &Margin{Values: make([][]float64, d), Least: run.Margin}
		for k, step := range run.Steps {
			for j := 0; step > 0 && run.Low[k]+float64(j)*step <= run.High[k]; j++ {
				m.Values[k] = append(m.Values[k], run.Low[k]+float64(j)*step)
			}
		}
		s := m.Wrap(New(NewConstants(d, run.Popsize), run.Mean0, run.Sigma0, nil))
		for g, gen := range run.Generations {
			name := fmt.Sprintf("run %d generation %d: ", i, g)
			near(t, name+"A before", s.Scale, gen.Before)
			for k, x := range gen.X {
				near(t, name+"encoded", s.Encode(x), gen.Encoded[k])
			}
			s = s.Tell(gen.X, gen.F)
			near(t, name+"mean", s.Mean, gen.After.Mean)
			near(t, name+"sigma", []float64{s.Sigma}, []float64{gen.After.Sigma})
			near(t, name+"C", flat(rows(s.C)), flat(gen.After.C))
			near(t, name+"p_sigma", s.PSigma, gen.After.PSigma)
			near(t, name+"pc", s.PC, gen.After.PC)
			near(t, name+"A", s.Scale, gen.After.A)
			if !slices.Equal(s.Scale, ones(d)) {
				corrected++
			}
		}
	}
	t.Logf("%d runs, %d generations with scales", len(file.Runs), corrected)
	if len(file.Runs) < 4 || corrected < 10 {
		t.Errorf("%d runs, %d generations with scales: fewer than the file once had", len(file.Runs), corrected)
	}
}

// However small the steps, the neighbours of the value at the mean keep a probability of
// at least about half of Least.
func TestNeighboursStayProbable(t *testing.T) {
	const least = 0.05
	m := &Margin{Values: [][]float64{{0, 1, 2, 3, 4}, {0, 1}, nil}, Least: least}
	r := rand.New(rand.NewPCG(1, 2))
	s := m.Wrap(New(NewConstants(3, 7), []float64{2, 0.2, 0.5}, 0.5, nil))
	for range 150 {
		points, values := make([][]float64, 7), make([]float64, 7)
		for k := range points {
			points[k] = s.Draw(r)
			v := s.Encode(points[k])
			values[k] = math.Abs(v[0]-3) + v[1] + (v[2]-0.4)*(v[2]-0.4)
		}
		s = s.Tell(points, values)
	}
	if s.Sigma > 1e-3 {
		t.Errorf("σ is %v: the test shows nothing", s.Sigma)
	}
	const n = 20_000
	counts := [2]map[float64]int{{}, {}}
	for range n {
		v := s.Encode(s.Draw(r))
		counts[0][v[0]]++
		counts[1][v[1]]++
	}
	for _, c := range []struct {
		of    int
		value float64
	}{{0, 2}, {0, 4}, {1, 1}} {
		if p := float64(counts[c.of][c.value]) / n; p < least/2-0.005 {
			t.Errorf("coordinate %d has value %v with probability %v, want about %v at least: %v",
				c.of, c.value, p, least/2, counts)
		}
	}
	if counts[0][3] < n/2 || counts[1][0] < n/2 {
		t.Errorf("the best values are not the most frequent ones: %v", counts)
	}
}

func TestDecodedPointsAreDistributedAsWhatIsEncodedSo(t *testing.T) {
	m := &Margin{Values: [][]float64{{0, 1, 2.5, 3}, {0, 1}, nil}, Least: 0.1}
	s := m.Wrap(New(NewConstants(3, 6), []float64{1.2, 0.4, 0.5}, 0.9, nil))
	s.Scale[0] = 1.7
	r := rand.New(rand.NewPCG(1, 2))
	const n = 200_000
	sums, squares := [2][2]float64{}, [2][2]float64{} // of drawn ones, of decoded ones
	for range n {
		x := s.Draw(r)
		v := s.Encode(x)
		y := s.Decode(v, []float64{r.Float64(), r.Float64(), r.Float64()})
		if !slices.Equal(s.Encode(y), v) || y[2] != x[2] {
			t.Fatalf("%v decodes to %v, which encodes to %v", v, y, s.Encode(y))
		}
		for k, point := range [][]float64{x, y} {
			for i := range 2 {
				sums[k][i] += point[i] / n
				squares[k][i] += point[i] * point[i] / n
			}
		}
	}
	for i := range 2 {
		if d := sums[0][i] - sums[1][i]; math.Abs(d) > 0.02 {
			t.Errorf("coordinate %d: the means differ by %v", i, d)
		}
		if d := squares[0][i] - squares[1][i]; math.Abs(d) > 0.05 {
			t.Errorf("coordinate %d: the mean squares differ by %v", i, d)
		}
	}
	// A value so far in the tail that its mass underflows.
	far := m.Wrap(New(NewConstants(3, 6), []float64{-1e6, 0.5, 0}, 1e-3, nil))
	if x := far.Decode([]float64{3, 0, 0}, []float64{0.5, 0.5, 0.5}); !(math.Abs(x[0]-2.75) < 1e-3) {
		t.Errorf("a far value decodes to %v, want its border, 2.75", x[0])
	}
}

func TestASingleValueIsItself(t *testing.T) {
	m := &Margin{Values: [][]float64{{7}}, Least: 0.1}
	s := m.Wrap(New(NewConstants(1, 4), []float64{0}, 1, nil))
	s = s.Tell([][]float64{{1}, {2}, {3}, {4}}, []float64{1, 2, 3, 4})
	if v := s.Encode([]float64{-3}); v[0] != 7 || s.Scale[0] != 1 {
		t.Errorf("encoded is %v with scale %v", v, s.Scale)
	}
}

// Finally the steps are so short that the mean equals the border of the last cell.
func TestAMarginOnABorderStaysANumber(t *testing.T) {
	values := []float64{0.125, 0.375, 0.625, 0.875}
	for _, border := range []float64{0.25, 0.75} {
		m := &Margin{Values: [][]float64{values}, Least: 0.1}
		s := m.Wrap(New(NewConstants(1, 4), []float64{border}, 1e-20, nil))
		for range 100 {
			s = s.Tell([][]float64{{border}, {border}, {border}, {border}}, []float64{0, 1, 2, 3})
		}
		if !finite(s.Mean[0], s.Scale[0]) || s.Scale[0] <= 0 || math.Abs(s.Mean[0]-border) > 1e-6 {
			t.Errorf("at %v: the mean is %v and the scale %v", border, s.Mean[0], s.Scale[0])
		}
	}
}

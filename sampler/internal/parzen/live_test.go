package parzen

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// reference returns the estimator of the same observations, built from scratch.
func reference(axes []Axis, obs map[int][]float64) *Estimator {
	var numbers []int
	for n := range obs {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	columns := make([]Column, len(axes))
	for i, a := range axes {
		for _, n := range numbers {
			columns[i].X = append(columns[i].X, obs[n][i])
		}
		if a.Choices == 0 {
			columns[i].Sigma = Bandwidths(columns[i].X)
		}
	}
	return New(axes, columns, RecencyWeights(len(numbers)))
}

// A stream draws observations and points of a space.
type stream struct {
	axes  []Axis
	cells []int // of each axis with cells
	r     *rand.Rand
	near  []float64 // where observations cluster
	gaps  bool
}

func (s *stream) observation() []float64 {
	x := make([]float64, len(s.axes))
	spread := []float64{1, 0.1, 0.02}[s.r.IntN(3)]
	for i, a := range s.axes {
		u := min(max(s.near[i]+spread*s.r.NormFloat64(), 0), 1)
		switch {
		case a.Choices > 0:
			x[i] = min(math.Floor(u*float64(a.Choices)), float64(a.Choices-1))
		case a.Cells != 0:
			x[i] = (min(math.Floor(u*float64(s.cells[i])), float64(s.cells[i]-1)) + 0.5) / float64(s.cells[i])
		default:
			x[i] = u
		}
	}
	return x
}

// partial is observation, but if gaps is set some axes are missing in every other.
func (s *stream) partial() []float64 {
	x := s.observation()
	if !s.gaps || s.r.IntN(2) == 0 {
		return x
	}
	keep := s.r.IntN(len(x))
	for i := range x {
		if i != keep && s.r.IntN(3) == 0 {
			x[i] = Missing
		}
	}
	return x
}

func (s *stream) points(m int) (lo, hi [][]float64) {
	lo, hi = make([][]float64, len(s.axes)), make([][]float64, len(s.axes))
	for range m {
		for i, v := range s.observation() {
			w := v
			if s.axes[i].Cells != 0 {
				half := 0.5 / float64(s.cells[i])
				v, w = max(v-half, 0), min(v+half, 1)
				if s.axes[i].Cells < 0 && s.r.IntN(8) == 0 {
					w = v // so narrow that both ends are the same number
				}
			}
			lo[i], hi[i] = append(lo[i], v), append(hi[i], w)
		}
	}
	return lo, hi
}

func newStream(seed uint64, axes ...Axis) *stream {
	s := &stream{axes: slices.Clone(axes), r: rand.New(rand.NewPCG(seed, 3)), gaps: seed%2 == 1 && len(axes) > 1}
	for range axes {
		s.cells = append(s.cells, []int{2, 5, 40, 400, 5000, 20_000}[s.r.IntN(6)])
		s.near = append(s.near, s.r.Float64())
	}
	for i, a := range axes {
		if a.Cells != 0 && s.r.IntN(2) == 0 {
			s.axes[i].Cells = s.cells[i]
		}
	}
	return s
}

var continuous, cellular, abc = Axis{}, Axis{Cells: -1}, Axis{Choices: 3}

var spaces = map[string][]Axis{
	"one continuous axis": {continuous},
	"one axis of cells":   {cellular},
	"choices":             {abc},
	"two axes of choices": {abc, {Choices: 2}},
	"two axes":            {continuous, continuous},
	"five axes":           {continuous, continuous, continuous, continuous, continuous},
	"all kinds of axes":   {abc, continuous, cellular, {Choices: 40}, cellular, continuous},
	"cells only":          {cellular, cellular},
	"many axes":           slices.Repeat([]Axis{continuous}, 30),
}

// churn makes random changes of all kinds until there are about n observations, and calls check now
// and then.
func churn(s *stream, n int, check func(l *Live, obs map[int][]float64)) {
	l, obs := NewLive(s.axes), map[int][]float64{}
	for next := 0; next < n; {
		changes := map[int][]float64{}
		if s.r.IntN(60) == 0 { // at once
			for range s.r.IntN(60) {
				next += 1 + s.r.IntN(2)
				changes[next] = s.partial()
			}
		}
		for range 1 + s.r.IntN(3) {
			next += 1 + s.r.IntN(10)/9
			changes[next] = s.partial()
			switch k := s.r.IntN(next); s.r.IntN(8) {
			case 0: // remove an old one, or one that does not exist
				changes[k] = nil
			case 1: // add an old one late, or move it
				changes[k] = s.partial()
			case 2: // remove the newest ones
				for back := range s.r.IntN(5) {
					changes[max(next-back, 0)] = nil
				}
			case 3: // add an equal one
				if x := obs[k]; x != nil {
					changes[next] = slices.Clone(x)
				}
			}
		}
		var list []Change
		for number, x := range changes {
			list = append(list, Change{number, x})
			if x == nil {
				delete(obs, number)
			} else {
				obs[number] = x
			}
		}
		l.Update(list)
		if next < 200 || s.r.IntN(20+next/100) == 0 {
			check(l, obs)
		}
	}
}

func TestALiveMixtureIsTheOneMadeFromScratch(t *testing.T) {
	for name, axes := range spaces {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(4) {
				s := newStream(seed, axes...)
				checks := 0
				churn(s, 1500, func(l *Live, obs map[int][]float64) {
					lo, hi := s.points(6)
					want, got := make([]float64, 6), make([]float64, 6)
					reference(s.axes, obs).LogPDF(want, lo, hi)
					l.LogPDF(got, lo, hi)
					if l.Len() != len(obs) {
						t.Fatalf("seed %d: %d observations, want %d", seed, l.Len(), len(obs))
					}
					if err := sameLogs(got, want); err != nil {
						t.Fatalf("seed %d, %d observations: %v", seed, len(obs), err)
					}
					checks++
				})
				if checks < 30 {
					t.Fatalf("seed %d: only %d checks", seed, checks)
				}
			}
		})
	}
}

func sameLogs(got, want []float64) error {
	for j := range want {
		if !(math.Abs(got[j]-want[j]) <= 1e-11*max(1, math.Abs(want[j]))) {
			return fmt.Errorf("log density %d is %v, want %v", j, got[j], want[j])
		}
	}
	return nil
}

func TestBestIsTheLargestGainOfTheMixtureMadeFromScratch(t *testing.T) {
	for name, axes := range spaces {
		t.Run(name, func(t *testing.T) {
			s := newStream(9, axes...)
			churn(s, 1500, func(l *Live, obs map[int][]float64) {
				const m = 24
				lo, hi := s.points(m)
				logL, logG := make([]float64, m), make([]float64, m)
				reference(s.axes, obs).LogPDF(logG, lo, hi)
				for j := range logL {
					logL[j] = s.r.NormFloat64()
					logL[j] += logG[j] * float64(s.r.IntN(2))
				}
				want := 0
				for j := range logL {
					if logL[j]-logG[j] > logL[want]-logG[want] {
						want = j
					}
				}
				if got := l.Best(logL, lo, hi); logL[got]-logG[got] < logL[want]-logG[want]-2*tie {
					t.Fatalf("%d observations: point %d has gain %v, want %d with %v", len(obs), got, logL[got]-logG[got], want, logL[want]-logG[want])
				}
			})
		})
	}
}

func TestOfAboutEqualPointsTheFirstIsBest(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name string
		gain []float64
		want int
	}{
		{"the largest", []float64{1, 3, 2}, 1},
		{"a little less counts as equal", []float64{1, 3 - 1e-11, 3, 2}, 1},
		{"more does not", []float64{1, 3 - 1e-9, 3, 2}, 2},
		{"none is a number", []float64{nan, nan}, 0},
	} {
		if got := first(c.gain); got != c.want {
			t.Errorf("%s: point %d, want %d", c.name, got, c.want)
		}
	}
}

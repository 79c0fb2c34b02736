package functions

import (
	"math"
	"slices"
	"strconv"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/pareto"
	"github.com/bluefin-hpo/bluefin/space"
)

// at returns an Ask that answers with the coordinates of x, and checks the ranges.
func at(t *testing.T, x []float64) Ask {
	return func(name string, d space.Dist) float64 {
		i, err := strconv.Atoi(name[1:])
		if err != nil || i >= len(x) || !d.Contains(x[i]) {
			t.Fatalf("%s in %v was asked for, want one of %d numbers in range", name, d, len(x))
		}
		return x[i]
	}
}

// The values are those of pymoo 0.6 at x_i = low + (high - low)·((7i mod 11) + 1/2)/12, with the first
// coordinate 0.0875.
func TestSeveralObjectivesArePymoos(t *testing.T) {
	for name, want := range map[string][]float64{
		"zdt1":  {0.0875, 4.624654986999188},
		"zdt2":  {0.0875, 5.3045915501834795},
		"zdt3":  {0.0875, 4.5911701866672425},
		"zdt4":  {0.0875, 143.14603925010266},
		"zdt6":  {0.30824578342777353, 8.60906244271609},
		"dtlz1": {9.936313981039973, 5.961788388623984, 165.79449614078126},
		"dtlz2": {0.9726333236103707, 1.455648637075768, 0.2421502844309782},
		"dtlz7": {0.0875, 0.625, 18.17492392565256},
	} {
		p, err := New(name, 1)
		if err != nil {
			t.Fatal(err)
		}
		var got []float64
		for _, s := range several {
			if s.name == name {
				x := make([]float64, s.dim)
				for i := range x {
					x[i] = s.low + (s.high-s.low)*(float64(7*i%11)+0.5)/12
				}
				x[0] = 0.0875
				got = p.Several.Values(at(t, x))
			}
		}
		if !slices.EqualFunc(got, want, func(a, b float64) bool { return math.Abs(a-b) <= 1e-12*math.Abs(b) }) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

// A fine grid of optimal points has nearly the volume of the true front, and never more.
func TestVolumesOfTrueFronts(t *testing.T) {
	for _, name := range append(Names("zdt"), Names("dtlz")...) {
		p, err := New(name, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range several {
			if s.name != name {
				continue
			}
			free, n := len(s.reference)-1, 2000 // coordinates that move along the front
			if free == 2 {
				n = 25
			}
			var points [][]float64
			for i := range int(math.Pow(float64(n+1), float64(free))) {
				x := slices.Repeat([]float64{distance(name)}, s.dim)
				for k, rest := 0, i; k < free; k, rest = k+1, rest/(n+1) {
					x[k] = float64(rest%(n+1)) / float64(n)
				}
				points = append(points, p.Several.Values(at(t, x)))
			}
			front := points[:0]
			for i, r := range pareto.Ranks(points) {
				if r == 0 {
					front = append(front, points[i])
				}
			}
			got := pareto.Hypervolume(front, s.reference)
			if lacks := 1 - got/s.volume; !(lacks >= 0 && lacks < 0.01) {
				t.Errorf("%s: %d optimal points have the volume %v, want a little less than %v", name, len(front), got, s.volume)
			}
		}
	}
}

// distance returns the value of the coordinates that decide the distance from the front.
func distance(name string) float64 {
	if name == "dtlz1" || name == "dtlz2" {
		return 0.5
	}
	return 0
}

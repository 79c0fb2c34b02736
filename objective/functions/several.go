package functions

import (
	"math"
	"slices"
	"strconv"

	"github.com/bluefin-hpo/bluefin/space"
)

// Several is what a Problem with several objectives has in place of a minimum.
type Several struct {
	// Values asks for the parameters and returns the objectives there, all to be minimized.
	Values func(ask Ask) []float64

	Reference []float64 // the point that bounds hypervolumes; most random points are better than it
	Volume    float64   // the hypervolume of the true front
}

// several are the problems with several objectives: those of Zitzler, Deb and Thiele, "Comparison of
// Multiobjective Evolutionary Algorithms: Empirical Results" (Evolutionary Computation 8, 2000), and of
// Deb, Thiele, Laumanns and Zitzler, "Scalable Test Problems for Evolutionary Multiobjective
// Optimization" (2005), with three objectives.
var several = []struct {
	name      string
	dim       int
	low, high float64   // of all parameters but the first, which is in [0, 1]
	reference []float64 // see Several
	volume    float64
	values    func(x []float64) []float64
}{
	// The integral of the front below the reference, such as ∫ (6 - (1 - √f)) df + 0.1·6.
	{"zdt1", 30, 0, 1, []float64{1.1, 6}, 5 + 2./3 + 0.6, func(x []float64) []float64 {
		g := 1 + 9*mean(x[1:])
		return []float64{x[0], g * (1 - math.Sqrt(x[0]/g))}
	}},
	{"zdt2", 30, 0, 1, []float64{1.1, 6}, 5 + 1./3 + 0.6, func(x []float64) []float64 {
		g := 1 + 9*mean(x[1:])
		return []float64{x[0], g * (1 - x[0]*x[0]/(g*g))}
	}},
	{"zdt3", 30, 0, 1, []float64{1.1, 6}, 6.721762908654662, func(x []float64) []float64 {
		g := 1 + 9*mean(x[1:])
		return []float64{x[0], g * (1 - math.Sqrt(x[0]/g) - x[0]/g*math.Sin(10*math.Pi*x[0]))}
	}},
	{"zdt4", 10, -5, 5, []float64{1.1, 150}, 149 + 2./3 + 15, func(x []float64) []float64 {
		g := 1 + 10*float64(len(x)-1)
		for _, v := range x[1:] {
			g += v*v - 10*math.Cos(4*math.Pi*v)
		}
		return []float64{x[0], g * (1 - math.Sqrt(x[0]/g))}
	}},
	{"zdt6", 10, 0, 1, []float64{1.1, 10}, 7.798977177182485, func(x []float64) []float64 {
		f := 1 - math.Exp(-4*x[0])*math.Pow(math.Sin(6*math.Pi*x[0]), 6)
		g := 1 + 9*math.Pow(mean(x[1:]), 0.25)
		return []float64{f, g * (1 - f*f/(g*g))}
	}},
	// The box below the reference without the part below the front.
	{"dtlz1", 7, 0, 1, []float64{400, 400, 400}, 400*400*400 - 0.125/6, func(x []float64) []float64 {
		g := 0.0
		for _, v := range x[2:] {
			g += (v-0.5)*(v-0.5) - math.Cos(20*math.Pi*(v-0.5)) + 1
		}
		g *= 100
		return []float64{0.5 * x[0] * x[1] * (1 + g), 0.5 * x[0] * (1 - x[1]) * (1 + g), 0.5 * (1 - x[0]) * (1 + g)}
	}},
	{"dtlz2", 12, 0, 1, []float64{2.5, 2.5, 2.5}, 2.5*2.5*2.5 - math.Pi/6, func(x []float64) []float64 {
		g := 0.0
		for _, v := range x[2:] {
			g += (v - 0.5) * (v - 0.5)
		}
		s0, c0 := math.Sincos(x[0] * math.Pi / 2)
		s1, c1 := math.Sincos(x[1] * math.Pi / 2)
		return []float64{(1 + g) * c0 * c1, (1 + g) * c0 * s1, (1 + g) * s0}
	}},
	{"dtlz7", 22, 0, 1, []float64{1.1, 1.1, 20}, 18.915895143154373, func(x []float64) []float64 {
		g := 1 + 9*mean(x[2:])
		h := 3.0
		for _, f := range x[:2] {
			h -= f / (1 + g) * (1 + math.Sin(3*math.Pi*f))
		}
		return []float64{x[0], x[1], (1 + g) * h}
	}},
}

func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

// severalNames are those whose names begin with prefix.
func severalNames(prefix string) []string {
	var names []string
	for _, s := range several {
		if s.name[:len(prefix)] == prefix {
			names = append(names, s.name)
		}
	}
	return names
}

// newSeveral returns the problem called name, and whether there is one.
func newSeveral(name string) (Problem, bool) {
	for _, s := range several {
		if s.name != name {
			continue
		}
		dims := make([]space.Dimension, s.dim)
		for i := range dims {
			d := space.Float{Low: s.low, High: s.high}
			if i == 0 {
				d = space.Float{Low: 0, High: 1}
			}
			dims[i] = space.Dimension{Name: "x" + strconv.Itoa(i), Dist: d}
		}
		group := map[int]string{2: "zdt", 3: "dtlz"}[len(s.reference)]
		return Problem{Name: name, Group: group, Several: &Several{
			Reference: slices.Clone(s.reference), Volume: s.volume,
			Values: func(ask Ask) []float64 {
				x := make([]float64, len(dims))
				for i, d := range dims {
					x[i] = ask(d.Name, d.Dist)
				}
				return s.values(x)
			}}}, true
	}
	return Problem{}, false
}

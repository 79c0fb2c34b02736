package functions

import (
	"fmt"
	"math"
)

// A classic is a textbook function on a box whose centre is not the optimum.
type classic struct {
	name      string
	dim       int
	low, high []float64 // length dim, or 1 if all are the same
	minimum   float64
	minimizer []float64 // length dim, or 1 if all are the same
	value     func(x []float64) float64
}

// classics are the functions of classicFunction. Unless a source is named, definitions, constants
// and minima are from Surjanovic and Bingham, "Virtual Library of Simulation Experiments: Test
// Functions and Datasets" (Simon Fraser University, 2013).
var classics = []classic{
	{"branin", 2, []float64{-5, 0}, []float64{10, 15}, 0.39788735772973816, []float64{math.Pi, 2.275}, branin},
	{"sixhump", 2, []float64{-3, -2}, []float64{3, 2}, -1.0316284534898772,
		[]float64{0.08984201310031806, -0.7126564030207396}, sixHump},
	{"goldstein_log", 2, []float64{-2}, []float64{2}, 1.0986122886681098, []float64{0, -1}, goldsteinLog},
	{"hartmann3", 3, []float64{0}, []float64{1}, -3.862779787332663, []float64{0.114589, 0.555649, 0.852547}, hartmann3},
	{"shekel10", 4, []float64{0}, []float64{10}, -10.536443153483534, []float64{4.000747, 3.999510, 4.000747, 3.999510},
		shekel10},
	{"michalewicz5", 5, []float64{0}, []float64{math.Pi}, -4.687658179088148,
		[]float64{2.202906, 1.570796, 1.284992, 1.923058, 1.720470}, michalewicz},
	{"hartmann6", 6, []float64{0}, []float64{1}, -3.322368011415515,
		[]float64{0.201690, 0.150011, 0.476874, 0.275332, 0.311652, 0.657301}, hartmann6},
	{"styblinski6", 6, []float64{-5}, []float64{5}, -39.16616570377142, []float64{-2.903534}, styblinski},
	{"alpine6", 6, []float64{-6}, []float64{14}, 0, []float64{0}, alpine},
	{"levy8", 8, []float64{-10}, []float64{10}, 0, []float64{1}, levy},
	{"griewank8", 8, []float64{-400}, []float64{800}, 0, []float64{0}, griewank},
	{"ackley10", 10, []float64{-20}, []float64{45}, 0, []float64{0}, ackley},
}

// classicFunction returns one of twelve textbook functions: branin, sixhump, goldstein_log,
// hartmann3, shekel10, michalewicz5, hartmann6, styblinski6, alpine6, levy8, griewank8 or ackley10.
// Without a closed form, Minimizer has six digits.
func classicFunction(name string) (function, error) {
	for _, c := range classics {
		if c.name == name {
			f := function{Minimum: c.minimum, Value: c.value}
			f.Low, f.High, f.Minimizer = spread(c.low, c.dim), spread(c.high, c.dim), spread(c.minimizer, c.dim)
			return f, nil
		}
	}
	return function{}, fmt.Errorf("no classic function is called %q", name)
}

// spread repeats a single value d times.
func spread(x []float64, d int) []float64 {
	out := make([]float64, d)
	for i := range out {
		out[i] = x[min(i, len(x)-1)]
	}
	return out
}

// branin has three equal minima.
func branin(x []float64) float64 {
	a, b := x[0], x[1]
	s := b - 5.1/(4*math.Pi*math.Pi)*a*a + 5/math.Pi*a - 6
	return s*s + 10*(1-1/(8*math.Pi))*math.Cos(a) + 10
}

// sixHump is the six-hump camel, with two equal minima.
func sixHump(x []float64) float64 {
	a, b := x[0]*x[0], x[1]*x[1]
	return (4-2.1*a+a*a/3)*a + x[0]*x[1] + (4*b-4)*b
}

// goldsteinLog is the logarithm of the function of Goldstein and Price.
func goldsteinLog(x []float64) float64 {
	a, b := x[0], x[1]
	s, t := a+b+1, 2*a-3*b
	u := 1 + s*s*(19-14*a+3*a*a-14*b+6*a*b+3*b*b)
	v := 30 + t*t*(18-32*a+12*a*a+48*b-36*a*b+27*b*b)
	return math.Log(u * v)
}

// hartmann is -Σ height·exp(-Σ weight·(x - centre)²) over four wells.
func hartmann(x []float64, weight, centre *[4][]float64) float64 {
	v := 0.0
	for i, height := range [4]float64{1, 1.2, 3, 3.2} {
		s := 0.0
		for j, xj := range x {
			s += weight[i][j] * (xj - centre[i][j]) * (xj - centre[i][j])
		}
		v -= height * math.Exp(-s)
	}
	return v
}

// hartmann3 has four wells in three dimensions.
func hartmann3(x []float64) float64 {
	return hartmann(x,
		&[4][]float64{{3, 10, 30}, {0.1, 10, 35}, {3, 10, 30}, {0.1, 10, 35}},
		&[4][]float64{{0.3689, 0.1170, 0.2673}, {0.4699, 0.4387, 0.7470}, {0.1091, 0.8732, 0.5547}, {0.0381, 0.5743, 0.8828}})
}

// hartmann6 has four wells in six dimensions.
func hartmann6(x []float64) float64 {
	return hartmann(x,
		&[4][]float64{{10, 3, 17, 3.5, 1.7, 8}, {0.05, 10, 17, 0.1, 8, 14}, {3, 3.5, 1.7, 10, 17, 8},
			{17, 8, 0.05, 10, 0.1, 14}},
		&[4][]float64{
			{0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886}, {0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991},
			{0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650}, {0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381},
		})
}

// shekel10 has ten wells in four dimensions.
func shekel10(x []float64) float64 {
	widths := [10]float64{1, 2, 2, 4, 4, 6, 3, 7, 5, 5}
	centres := [2][10]float64{ // of the even and the odd dimensions
		{4, 1, 8, 6, 3, 2, 5, 8, 6, 7},
		{4, 1, 8, 6, 7, 9, 3, 1, 2, 3.6},
	}
	v := 0.0
	for i, w := range widths {
		s := 0.1 * w
		for j, xj := range x {
			c := centres[j%2][i]
			s += (xj - c) * (xj - c)
		}
		v -= 1 / s
	}
	return v
}

// michalewicz has steep valleys: with exponent 20 most of the box is flat.
func michalewicz(x []float64) float64 {
	v := 0.0
	for i, xi := range x {
		v -= math.Sin(xi) * math.Pow(math.Sin(float64(i+1)*xi*xi/math.Pi), 20)
	}
	return v
}

// styblinski is the function of Styblinski and Tang per dimension.
func styblinski(x []float64) float64 {
	v := 0.0
	for _, a := range x {
		v += a*a*a*a - 16*a*a + 5*a
	}
	return v / 2 / float64(len(x))
}

// alpine is Alpine N. 1.
func alpine(x []float64) float64 {
	v := 0.0
	for _, a := range x {
		v += math.Abs(a*math.Sin(a) + 0.1*a)
	}
	return v
}

// levy has its minimum at 1 in each dimension, among ripples.
func levy(x []float64) float64 {
	w := make([]float64, len(x))
	for i, a := range x {
		w[i] = 1 + (a-1)/4
	}
	last := w[len(w)-1]
	v := square(math.Sin(math.Pi*w[0])) + square(last-1)*(1+square(math.Sin(2*math.Pi*last)))
	for _, a := range w[:len(w)-1] {
		v += square(a-1) * (1 + 10*square(math.Sin(math.Pi*a+1)))
	}
	return v
}

// griewank has many small wells on a wide bowl.
func griewank(x []float64) float64 {
	product := 1.0
	for i, a := range x {
		product *= math.Cos(a / math.Sqrt(float64(i+1)))
	}
	return 1 + dot(x, x)/4000 - product
}

// ackley is flat far from its one deep well.
func ackley(x []float64) float64 {
	d := float64(len(x))
	cosines := 0.0
	for _, a := range x {
		cosines += math.Cos(2 * math.Pi * a)
	}
	return -20*math.Exp(-0.2*math.Sqrt(dot(x, x)/d)) - math.Exp(cosines/d) + 20 + math.E
}

package gp

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// random returns data on three axes; the last one is unordered.
func random(seed uint64, n int) (*rand.Rand, Data) {
	r := rand.New(rand.NewPCG(seed, 1))
	d := Data{Unordered: []bool{false, false, true}, MinNoise: 1e-8}
	for range n {
		x := []float64{r.Float64(), r.Float64(), float64(r.IntN(3))}
		d.Points = append(d.Points, x)
		d.Values = append(d.Values, math.Sin(5*x[0])+x[1]*x[1]-0.5*x[2]+0.1*r.NormFloat64())
	}
	return r, d
}

// checkGradient compares grad with central differences of f at x, along the
// given axes.
func checkGradient(t *testing.T, what string, f func(x []float64) float64, x, grad []float64, axes []int) {
	t.Helper()
	const h = 1e-5
	for _, i := range axes {
		up, down := slices.Clone(x), slices.Clone(x)
		up[i] += h
		down[i] -= h
		want := (f(up) - f(down)) / (2 * h)
		if math.Abs(grad[i]-want) > 1e-4*math.Max(1, math.Abs(want)) {
			t.Errorf("%s: derivative by %d at %v is %v, by differences %v", what, i, x, grad[i], want)
		}
	}
}

func TestGradientOfTheFitIsThatOfDifferences(t *testing.T) {
	for seed := range uint64(20) {
		r, data := random(seed, 12)
		for _, size := range []int{4, 5} { // without and with noise
			theta := make([]float64, size)
			for i := range theta {
				theta[i] = 2 * r.NormFloat64()
			}
			grad := make([]float64, size)
			data.objective(theta, grad, newWorkspace(len(data.Points)))
			checkGradient(t, "objective", func(x []float64) float64 {
				return data.objective(x, make([]float64, size), newWorkspace(len(data.Points)))
			}, theta, grad, []int{0, 1, 2, 3, 4}[:size])
		}
	}
}

// terms returns one of each kind, with pending points.
func terms(t *testing.T, seed uint64, pending int) map[string]Term {
	r, data := random(seed, 15)
	k, noise := Kernel{Weights: []float64{2, 0.5, 1}, Scale: 1.3, Unordered: data.Unordered}, 0.01
	var points, normals [][]float64
	for range pending {
		points = append(points, []float64{r.Float64(), r.Float64(), 1})
	}
	for range 16 {
		var z []float64
		for range pending {
			z = append(z, r.NormFloat64())
		}
		normals = append(normals, z)
	}
	p, ok := Condition(k, noise, data.Points, data.Values, points)
	if !ok {
		t.Fatal("singular")
	}
	q, ok := Condition(k, noise, data.Points[:9], data.Values[:9], nil)
	if !ok {
		t.Fatal("singular")
	}
	return map[string]Term{
		"mean": q.Mean(), "improvement over a mean": NewLogEI(p.Over(q.Mean()), 0.8, normals),
		"improvement": NewLogEI(p, 0.8, normals), "far improvement": NewLogEI(p, 40, normals),
		"feasibility": LogFeasibility{p, 0.2}, "little feasibility": LogFeasibility{p, -30},
		"upper bound": UpperBound{p, 1.7}, "lower bound": UpperBound{p, -0.4},
	}
}

func TestGradientsOfTermsAreThoseOfDifferences(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 2))
		for _, pending := range []int{0, 1, 4} {
			for name, term := range terms(t, seed, pending) {
				x := []float64{r.Float64(), r.Float64(), float64(r.IntN(3))}
				grad := []float64{7, 0, 0} // it adds
				value := term.Gradient(x, grad)
				grad[0] -= 7
				if v := term.Value(x); math.Abs(v-value) > 1e-12*math.Abs(v) {
					t.Errorf("%s: value is %v, with the gradient %v", name, v, value)
				}
				checkGradient(t, name, term.Value, x, grad, []int{0, 1})
				if grad[2] != 0 {
					t.Errorf("%s: derivative by a category is %v, want 0", name, grad[2])
				}
			}
		}
	}
}

func TestDerivativeOfTheLogImprovement(t *testing.T) {
	for _, z := range []float64{-1e4, -100, -30, -25.01, -24.99, -10, -1, 0, 1, 5, 30} {
		h := 1e-6 * math.Max(1, math.Abs(z))
		up, _ := logImprovement(z + h)
		down, _ := logImprovement(z - h)
		_, got := logImprovement(z)
		if want := (up - down) / (2 * h); math.Abs(got-want) > 1e-5*want+1e-15 {
			t.Errorf("z = %v: slope is %v, by differences %v", z, got, want)
		}
	}
}

func TestTheImprovementIsTheMeanOverDraws(t *testing.T) {
	_, data := random(3, 10)
	p, _ := Condition(Kernel{Weights: []float64{2, 2, 2}, Scale: 1, Unordered: data.Unordered}, 0.05, data.Points, data.Values, nil)
	r := rand.New(rand.NewPCG(1, 1))
	x, best := []float64{0.3, 0.9, 0}, 0.9
	mean, variance := p.At(x)
	sum := 0.0
	const n = 400_000
	for range n {
		sum += math.Max(0, mean+math.Sqrt(variance)*r.NormFloat64()-best)
	}
	if got, want := math.Exp(NewLogEI(p, best, nil).Value(x)), sum/n; math.Abs(got-want) > 0.01*want {
		t.Errorf("improvement is %v, over draws %v", got, want)
	}
}

// By definition, the improvement with pending points is the mean, over their possible
// values, of the improvement over the best value known then.
func TestFantasiesAreWhatAnObservationWouldBring(t *testing.T) {
	_, data := random(4, 10)
	k, noise := Kernel{Weights: []float64{2, 2, 2}, Scale: 1, Unordered: data.Unordered}, 0.02
	pending := [][]float64{{0.9, 0.9, 0}, {0.1, 0.8, 0}}
	normals := [][]float64{{0.3, -1}, {1.2, 0.4}, {-2, 0.1}}
	p, _ := Condition(k, noise, data.Points, data.Values, pending)
	x, best := []float64{0.8, 0.95, 0}, 1.0
	sum := 0.0
	for _, z := range normals {
		points, values := slices.Clone(data.Points), slices.Clone(data.Values)
		limit := best
		for j, q := range pending {
			before, _ := Condition(k, noise, points, values, nil)
			mean, variance := before.At(q)
			value := mean + math.Sqrt(variance+noise)*z[j] // the next column of L
			points, values = append(points, q), append(values, value)
			limit = math.Max(limit, value)
		}
		after, _ := Condition(k, noise, points, values, nil)
		sum += math.Exp(NewLogEI(after, limit, nil).Value(x)) / float64(len(normals))
	}
	if got := math.Exp(NewLogEI(p, best, normals).Value(x)); math.Abs(got-sum) > 1e-9*sum {
		t.Errorf("improvement is %v, the mean over fantasies %v", got, sum)
	}
	// A pending point is not worth trying again.
	alone, _ := Condition(k, noise, data.Points, data.Values, nil)
	for _, q := range pending {
		if with, without := NewLogEI(p, best, normals).Value(q), NewLogEI(alone, best, nil).Value(q); with > without-0.5 {
			t.Errorf("improvement at a pending point is exp(%v), exp(%v) if it were not: want far less", with, without)
		}
	}
}

func TestFitFindsAxesThatDoNotMatter(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 1))
	data := Data{MinNoise: 1e-8}
	for range 40 {
		x := []float64{r.Float64(), r.Float64()}
		data.Points = append(data.Points, x)
		data.Values = append(data.Values, math.Sqrt2*math.Sin(9*x[0]))
	}
	k, noise, _ := data.Fit(false, nil)
	if k.Weights[0] < 10*k.Weights[1] {
		t.Errorf("weights are %v, want the first far larger: the values do not depend on the second axis", k.Weights)
	}
	if noise > 1e-3 {
		t.Errorf("noise is %v of values without noise", noise)
	}
	for i := range data.Values {
		data.Values[i] += 0.5 * r.NormFloat64()
	}
	if _, noise, _ = data.Fit(false, nil); noise < 0.05 || noise > 0.6 {
		t.Errorf("noise is %v, want about 0.25", noise)
	}
}

func TestDataThatAreHardOnArithmetic(t *testing.T) {
	same, constant := Data{MinNoise: 1e-8}, Data{MinNoise: 1e-8}
	for i := range 50 {
		same.Points, same.Values = append(same.Points, []float64{0.5, 0.5}), append(same.Values, float64(i%2))
		constant.Points, constant.Values = append(constant.Points, []float64{float64(i) / 50, 0}), append(constant.Values, 0)
	}
	for name, data := range map[string]Data{
		"one point again and again": same, "equal values": constant,
		"one observation": {Points: [][]float64{{0.2}}, Values: []float64{0}, MinNoise: 1e-8},
		"far values":      {Points: [][]float64{{0.2}, {0.3}}, Values: []float64{-1e6, 1e6}, MinNoise: 1e-8},
	} {
		for _, exact := range []bool{false, true} {
			k, noise, _ := data.Fit(exact, nil)
			p, ok := Condition(k, noise, data.Points, data.Values, data.Points[:1])
			if !ok {
				t.Errorf("%s: singular", name)
				continue
			}
			x := make([]float64, len(data.Points[0]))
			if v := NewLogEI(p, 1, [][]float64{{0.5}}).Value(x); math.IsNaN(v) || math.IsInf(v, 1) {
				t.Errorf("%s: improvement is exp(%v)", name, v)
			}
		}
	}
}

// A hill is a term with its maximum at the top, for tests of the search.
type hill struct{ top []float64 }

func (h hill) Value(x []float64) float64 { return h.Gradient(x, make([]float64, len(x))) }

func (h hill) Gradient(x, grad []float64) float64 {
	f := 0.0
	for i, u := range x {
		f -= (u - h.top[i]) * (u - h.top[i])
		grad[i] -= 2 * (u - h.top[i])
	}
	return f
}

func steps(n int) (values []float64) {
	for k := range n {
		values = append(values, (float64(k)+0.5)/float64(n))
	}
	return values
}

func TestSearchFindsTheTop(t *testing.T) {
	for _, c := range []struct {
		name string
		axes []Axis
		want []float64 // the point nearest to 0.3, 0.7, 0.55
	}{
		{"continuous", []Axis{{}, {}, {}}, []float64{0.3, 0.7, 0.55}},
		{"few points", []Axis{{Values: steps(5)}, {Values: steps(4)}, {Values: steps(10)}}, []float64{0.3, 0.625, 0.55}},
		{"many points", []Axis{{Values: steps(500)}, {Values: steps(300)}, {Values: steps(10)}}, []float64{0.301, 0.7016666666666667, 0.55}},
		{"mixed", []Axis{{}, {Values: steps(100)}, {Values: steps(10)}}, []float64{0.3, 0.705, 0.55}},
		{"with choices", []Axis{{Values: []float64{0, 1, 2}, Unordered: true}, {}, {Values: steps(10)}}, []float64{0, 0.7, 0.55}},
	} {
		x := Search{Axes: c.axes, Terms: []Term{hill{[]float64{0.3, 0.7, 0.55}}}}.Best(rand.New(rand.NewPCG(1, 2)))
		for i := range x {
			if math.Abs(x[i]-c.want[i]) > 1e-4 {
				if got, want := (hill{[]float64{0.3, 0.7, 0.55}}).Value(x), (hill{[]float64{0.3, 0.7, 0.55}}).Value(c.want); got < want-1e-6 {
					t.Errorf("%s: found %v, want %v", c.name, x, c.want)
				}
			}
		}
	}
}

func TestSearchReturnsNoTakenPointWhileThereAreOthers(t *testing.T) {
	for name, s := range map[string]Search{
		"few":       {Axes: []Axis{{Values: steps(4)}, {Values: steps(3)}}},
		"many":      {Axes: []Axis{{Values: steps(100)}, {Values: steps(100)}}},
		"continuum": {Axes: []Axis{{}, {}}},
	} {
		s.Terms = []Term{hill{[]float64{0.3, 0.7}}}
		seen := map[string]bool{}
		s.Taken = func(y []float64) bool { return seen[fmt.Sprint(y)] }
		for i := range 12 {
			x := s.Best(rand.New(rand.NewPCG(uint64(i), 2)))
			if seen[fmt.Sprint(x)] {
				t.Errorf("%s: point %d is %v again", name, i, x)
			}
			seen[fmt.Sprint(x)] = true
		}
		if x := s.Best(rand.New(rand.NewPCG(99, 2))); name == "few" && !seen[fmt.Sprint(x)] {
			t.Errorf("%s: found %v, which is not a point", name, x)
		}
	}
}

func TestSearchWithoutTermsOrWithNaNStillFindsAPoint(t *testing.T) {
	for _, axes := range [][]Axis{{{}, {}}, {{Values: steps(3)}}, {{Values: []float64{0, 1}, Unordered: true}, {}}} {
		for _, terms := range [][]Term{nil, {hill{[]float64{math.NaN(), math.NaN()}}}} {
			x := Search{Axes: axes, Terms: terms}.Best(rand.New(rand.NewPCG(1, 2)))
			if len(x) != len(axes) || slices.ContainsFunc(x, func(u float64) bool { return !(u >= 0 && u <= 1) }) {
				t.Errorf("found %v", x)
			}
		}
	}
}

func TestNearestValue(t *testing.T) {
	a := Axis{Values: []float64{0.1, 0.5, 0.6}}
	for u, want := range map[float64]float64{0: 0.1, 0.1: 0.1, 0.29: 0.1, 0.31: 0.5, 0.54: 0.5, 0.56: 0.6, 1: 0.6} {
		if got := a.nearest(u); got != want {
			t.Errorf("nearest to %v is %v, want %v", u, got, want)
		}
	}
}

func BenchmarkFit(b *testing.B) {
	for _, n := range []int{50, 100, 200, 300} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			_, data := random(1, n)
			for b.Loop() {
				data.Fit(false, nil)
			}
		})
	}
}

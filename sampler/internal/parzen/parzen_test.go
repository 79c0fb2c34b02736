package parzen

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/oracle"
	"github.com/bluefin-hpo/bluefin/sampler/internal/parzen/parzentest"
	"github.com/bluefin-hpo/bluefin/sampler/internal/truncnorm"
	"github.com/bluefin-hpo/bluefin/space"
)

// component is what one axis contributes to the oracle's mixture, in Optuna's
// coordinates: ln x if logarithmic, low and high widened by half a step.
type component struct {
	Kind      string
	Mu, Sigma []float64
	Low, High float64
	Weights   [][]float64 // (n+1)×choices
}

// dist reads a distribution; a categorical has only the number of choices.
func dist(t *testing.T, text json.RawMessage) space.Dist {
	t.Helper()
	var head struct {
		Type     string
		NChoices int `json:"n_choices"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		t.Fatal(err)
	}
	if head.Type == "categorical" {
		choices := make([]int, head.NChoices)
		for i := range choices {
			choices[i] = i
		}
		return space.Choose(choices...).Dist()
	}
	d, err := space.Unmarshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// cells returns the cells of xs.
func cells(d space.Dist, xs []float64) (lo, hi []float64) {
	if _, ok := d.(space.Categorical); ok {
		return xs, xs
	}
	lo, hi = make([]float64, len(xs)), make([]float64, len(xs))
	for i, x := range xs {
		lo[i], hi[i] = d.Cell(x)
	}
	return lo, hi
}

// columnOf returns the column of observations xs with Optuna's deviations. They are those of
// Bandwidths, but NumPy's unstable sort decides which of several equal observations is outermost.
func columnOf(d space.Dist, xs []float64) (Axis, Column) {
	if c, ok := d.(space.Categorical); ok {
		return Axis{Choices: c.Len()}, Column{X: xs}
	}
	var a Axis
	if d.Len() > 0 {
		a.Cells = -1
	}
	us := make([]float64, len(xs))
	for i, x := range xs {
		us[i] = d.Unit(x)
	}
	return a, Column{X: us, Sigma: parzentest.Bandwidths(us, xs)}
}

// checkMixture compares a mixture on the unit cube with Optuna's, which is the
// same up to the affine map of each axis: masses are equal, a density on the
// unit interval is wider by the factor high - low.
func checkMixture(t *testing.T, dists []json.RawMessage, obs, points [][]float64, weights []float64, wantWeights []float64, comps []component, logPDF []oracle.Float) {
	t.Helper()
	var axes []Axis
	var columns []Column
	var lo, hi [][]float64
	shift := 0.0
	for i, text := range dists {
		d := dist(t, text)
		l, h := cells(d, points[i])
		a, c := columnOf(d, obs[i])
		axes, columns = append(axes, a), append(columns, c)
		lo, hi = append(lo, l), append(hi, h)
		if d.Len() == 0 {
			shift += math.Log(comps[i].High - comps[i].Low)
		}
	}
	if weights == nil {
		weights = RecencyWeights(len(obs[0]))
	}
	e := New(axes, columns, weights)
	near := func(what string, got, want, tol float64) {
		t.Helper()
		if err := oracle.Near(got, want, tol); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	n := len(wantWeights) - 1 // without the prior
	if len(e.weights) != n {
		t.Fatalf("%d kernels, want %d and the prior", len(e.weights), n)
	}
	for k, w := range append(weights, 1) {
		near(fmt.Sprintf("weight of kernel %d", k), w/math.Exp(e.logTotal), wantWeights[k], 1e-10)
	}
	for i, c := range comps {
		f, x := &e.axes[i], e.draws[i].X
		for k := range c.Mu {
			mu, sigma := 0.5, 1.0
			if k < n {
				mu, sigma = x[k], e.draws[i].Sigma[k]
			}
			near(fmt.Sprintf("axis %d, mu %d", i, k), c.Low+mu*(c.High-c.Low), c.Mu[k], 1e-10)
			near(fmt.Sprintf("axis %d, sigma %d", i, k), sigma*(c.High-c.Low), c.Sigma[k], 1e-10)
		}
		for k, row := range c.Weights {
			for choice, w := range row {
				got := 1 / float64(f.Choices)
				switch {
				case k < n && x[k] == float64(choice):
					got = math.Exp(f.hit)
				case k < n:
					got = math.Exp(f.hit - f.miss)
				}
				near(fmt.Sprintf("axis %d, kernel %d, choice %d", i, k, choice), got, w, 1e-10)
			}
		}
	}
	got := make([]float64, len(logPDF))
	e.LogPDF(got, lo, hi)
	for j := range got {
		near(fmt.Sprintf("log density at point %d", j), got[j], float64(logPDF[j])+shift, 1e-9)
	}
}

func TestMixtureOfOneAxisIsTheReferences(t *testing.T) {
	var v struct {
		Univariate []struct {
			Dist        json.RawMessage
			Obs, Points []float64
			LogPDF      []oracle.Float `json:"log_pdf"`
			Weights     []float64
			Comps       []component
		}
	}
	oracle.Load(t, "tpe_parzen.json", &v)
	for i, c := range v.Univariate {
		t.Run(fmt.Sprintf("%d %s, %d observations", i, c.Comps[0].Kind, len(c.Obs)), func(t *testing.T) {
			checkMixture(t, []json.RawMessage{c.Dist}, [][]float64{c.Obs}, [][]float64{c.Points}, nil, c.Weights, c.Comps, c.LogPDF)
		})
	}
}

func TestMixtureOfProductKernelsIsTheReferences(t *testing.T) {
	var v struct {
		Multivariate []struct {
			Space         []json.RawMessage
			Obs, Points   [][]float64
			Predetermined []float64      `json:"predetermined_weights"`
			LogPDF        []oracle.Float `json:"log_pdf"`
			Weights       []float64
			Comps         []component
		}
	}
	oracle.Load(t, "tpe_parzen.json", &v)
	for i, c := range v.Multivariate {
		t.Run(fmt.Sprintf("%d, %d axes, %d observations", i, len(c.Space), len(c.Obs[0])), func(t *testing.T) {
			checkMixture(t, c.Space, c.Obs, c.Points, c.Predetermined, c.Weights, c.Comps, c.LogPDF)
		})
	}
}

func TestRecencyWeightsAreTheReferences(t *testing.T) {
	var v struct {
		Weights []struct {
			N int
			W []float64
		} `json:"weights_default"`
	}
	oracle.Load(t, "tpe_gamma_weights.json", &v)
	for _, c := range v.Weights {
		got := RecencyWeights(c.N)
		if len(got) != len(c.W) {
			t.Fatalf("n=%d: %d weights, want %d", c.N, len(got), len(c.W))
		}
		for i := range got {
			if err := oracle.Near(got[i], c.W[i], 1e-12); err != nil {
				t.Errorf("n=%d, weight %d: %v", c.N, i, err)
			}
		}
	}
}

// random returns an estimator with a numeric axis on a grid of cells, a
// continuous one and a categorical one.
func random(r *rand.Rand, n int) *Estimator {
	columns := make([]Column, 3)
	var weights []float64
	for range n {
		columns[0].X = append(columns[0].X, (math.Floor(r.Float64()*4)+0.5)/4)
		columns[1].X = append(columns[1].X, r.Float64()*r.Float64())
		columns[2].X = append(columns[2].X, float64(r.IntN(3)))
		weights = append(weights, r.Float64())
	}
	for i := range 2 {
		columns[i].Sigma = Bandwidths(columns[i].X)
	}
	return New([]Axis{{Cells: 4}, {}, {Choices: 3}}, columns, weights)
}

// mass returns the mass of the mixture in the box of cells, by quadrature on
// the continuous axis.
func mass(e *Estimator, cell, choice int, from, to float64) float64 {
	const steps = 2000
	lo, hi := make([][]float64, 3), make([][]float64, 3)
	h := (to - from) / steps
	for s := range steps {
		u := from + (float64(s)+0.5)*h
		lo[0], hi[0] = append(lo[0], float64(cell)/4), append(hi[0], float64(cell+1)/4)
		lo[1], hi[1] = append(lo[1], u), append(hi[1], u)
		lo[2], hi[2] = append(lo[2], float64(choice)), append(hi[2], float64(choice))
	}
	logs := make([]float64, steps)
	e.LogPDF(logs, lo, hi)
	sum := 0.0
	for _, l := range logs {
		sum += math.Exp(l) * h
	}
	return sum
}

func TestTheMixtureHasMassOneAndIsDrawnFrom(t *testing.T) {
	for _, n := range []int{0, 1, 2, 30} {
		r := rand.New(rand.NewPCG(uint64(n), 5))
		e := random(r, n)
		const draws = 40_000
		var counts [4][3][2]float64
		x := make([]float64, 3)
		for range draws {
			e.Draw(r, x)
			if !(x[0] >= 0 && x[0] <= 1 && x[1] >= 0 && x[1] <= 1) {
				t.Fatalf("n=%d: drew %v, want within the unit cube", n, x)
			}
			half := 0
			if x[1] > 0.5 {
				half = 1
			}
			counts[min(int(x[0]*4), 3)][int(x[2])][half]++
		}
		total := 0.0
		for cell := range counts {
			for choice := range counts[cell] {
				for half, got := range counts[cell][choice] {
					p := mass(e, cell, choice, float64(half)/2, float64(half+1)/2)
					total += p
					if sd := math.Sqrt(draws * p * (1 - p)); math.Abs(got-draws*p) > 5*sd {
						t.Errorf("n=%d: drew cell %d, choice %d, half %d %v times, want %v ± %v", n, cell, choice, half, got, draws*p, sd)
					}
				}
			}
		}
		if math.Abs(total-1) > 1e-5 {
			t.Errorf("n=%d: the mass of the cube is %v, want 1", n, total)
		}
	}
}

func TestBandwidths(t *testing.T) {
	for _, c := range []struct {
		name    string
		x, want []float64
	}{
		{"no observation", nil, nil},
		{"a single one reaches to the farther end", []float64{0.3}, []float64{0.7}},
		{"the outermost have the inner gap only", []float64{0.9, 0.1, 0.4}, []float64{0.5, 0.3, 0.5}},
		{"equal ones are clipped to 1/(n+2)", []float64{0.5, 0.5}, []float64{0.25, 0.25}},
		{"both ends are a gap of 1", []float64{0, 1}, []float64{1, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Bandwidths(c.x)
			if len(got) != len(c.want) {
				t.Fatalf("got %v, want %v", got, c.want)
			}
			for i := range got {
				if math.Abs(got[i]-c.want[i]) > 1e-15 {
					t.Errorf("got %v, want %v", got, c.want)
				}
			}
		})
	}
	many := Bandwidths(make([]float64, 5000))
	if many[17] != 0.01 {
		t.Errorf("the clip of 5000 observations is %v, want 1/100", many[17])
	}
}

// Any of several equal numbers may get the gap, but exactly one must.
func TestBandwidthsAreTheReferencesUpToTheOrderOfEqualNumbers(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	type kernel struct{ x, sigma float64 }
	sorted := func(x, sigma []float64) []kernel {
		var ks []kernel
		for i := range x {
			ks = append(ks, kernel{x[i], sigma[i]})
		}
		slices.SortFunc(ks, func(a, b kernel) int {
			return cmp.Or(cmp.Compare(a.x, b.x), cmp.Compare(a.sigma, b.sigma))
		})
		return ks
	}
	for n := range 200 {
		x := make([]float64, n)
		for i := range x {
			x[i] = float64(r.IntN(1+n/3)) / float64(1+n/3)
		}
		got, want := sorted(x, Bandwidths(x)), sorted(x, parzentest.Bandwidths(x, x))
		if !slices.Equal(got, want) {
			t.Fatalf("x is %v: kernels are %v, want %v", x, got, want)
		}
	}
}

func TestLogPDFDoesNotUnderflowFarFromAllKernels(t *testing.T) {
	x := make([]float64, 2000) // all at 0, deviation 1/100
	weights := make([]float64, 2000)
	for i := range weights {
		weights[i] = 1
	}
	e := New(make([]Axis, 1), []Column{{X: x, Sigma: Bandwidths(x)}}, weights)
	got := make([]float64, 1)
	e.LogPDF(got, [][]float64{{1}}, [][]float64{{1}})
	prior := -math.Log(2001) - 0.125 - math.Log(math.Erf(0.5/math.Sqrt2)*math.Sqrt(2*math.Pi))
	if math.Abs(got[0]-prior) > 1e-9 {
		t.Errorf("log density at 1 is %v, want the prior's, %v", got[0], prior)
	}
}

func BenchmarkLogPDF(b *testing.B) {
	for _, n := range []int{100, 1000, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 2))
			const d, m = 5, 24
			columns, points := make([]Column, d), make([][]float64, d)
			weights := make([]float64, n)
			for i := range d {
				for k := range n {
					columns[i].X = append(columns[i].X, r.Float64())
					weights[k] = 1
				}
				columns[i].Sigma = Bandwidths(columns[i].X)
				for range m {
					points[i] = append(points[i], r.Float64())
				}
			}
			e := New(make([]Axis, d), columns, weights)
			dst := make([]float64, m)
			b.ResetTimer()
			for b.Loop() {
				e.LogPDF(dst, points, points)
			}
		})
	}
}

// On an axis that an observation lacks, its kernel is the prior.
func TestAMissingCoordinateIsThatOfThePrior(t *testing.T) {
	x := []float64{0.25, Missing, 0.75}
	sigma := Bandwidths(x)
	if want := []float64{0.5, 1, 0.5}; !slices.Equal(sigma, want) {
		t.Errorf("deviations are %v, want %v", sigma, want)
	}
	e := New([]Axis{{}, {Choices: 4}}, []Column{{X: x, Sigma: sigma}, {X: []float64{Missing, 2, 2}}}, []float64{1, 1, 1})
	for _, at := range [][]float64{{0.1, 0}, {0.8, 2}} {
		got := make([]float64, 1)
		e.LogPDF(got, [][]float64{{at[0]}, {at[1]}}, [][]float64{{at[0]}, {at[1]}})
		hit, miss := math.Log((1+0.25)/2), math.Log(0.25/2)
		choice := miss
		if at[1] == 2 {
			choice = hit
		}
		log := func(mu, sigma float64) float64 {
			return truncnorm.LogPDF((at[0]-mu)/sigma, -mu/sigma, (1-mu)/sigma) - math.Log(sigma)
		}
		prior := log(0.5, 1)
		sum := 0.0
		for _, l := range []float64{log(0.25, 0.5) - math.Log(4), prior + choice, log(0.75, 0.5) + choice, prior - math.Log(4)} {
			sum += math.Exp(l) / 4
		}
		want := math.Log(sum)
		if math.Abs(got[0]-want) > 1e-13 {
			t.Errorf("log density at %v is %v, want %v", at, got[0], want)
		}
	}
}

// Column.Other is the least mass on the choices that were not observed.
func TestOtherChoicesKeepTheirMass(t *testing.T) {
	for _, c := range []struct {
		choices, n  int
		other, want float64
	}{
		{2, 1, 0.2, 0.25}, // 1/(n+1) is more: 1/2 of 2
		{2, 99, 0.2, 0.2}, {6, 99, 0.2, 0.2}, {6, 99, 0.5, 0.5}, {3, 99, 0, 2.0 / 103}, {1, 5, 0.2, 0},
	} {
		k := factors{Axis: Axis{Choices: c.choices}}
		if got := 1 - k.setChoices(c.n, c.other); math.Abs(got-c.want) > 1e-15 {
			t.Errorf("%d choices, %d observations, at least %v: %v is on the others, want %v", c.choices, c.n, c.other, got, c.want)
		}
		if all := math.Exp(k.hit) + float64(c.choices-1)*math.Exp(k.hit-k.miss); math.Abs(all-1) > 1e-14 {
			t.Errorf("%d choices: the mass of a kernel is %v, want 1", c.choices, all)
		}
	}
}

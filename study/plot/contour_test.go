package plot_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study/plot"
	"github.com/bluefin-hpo/bluefin/trial"
)

// over returns a complete trial with parameters a and b.
func over(number int, a, b space.Dist, x, y, value float64) *trial.Trial {
	t := complete(number, value)
	t.Params = []trial.Param{{Name: "a", Value: x, Dist: a}, {Name: "b", Value: y, Dist: b}}
	return t
}

// scattered returns n trials at random places of two ranges.
func scattered(seed uint64, n int, a, b space.Dist, f func(x, y float64) float64) []*trial.Trial {
	r := rand.New(rand.NewPCG(seed, 9))
	var trials []*trial.Trial
	for i := range n {
		x, y := a.Value(r.Float64()), b.Value(r.Float64())
		trials = append(trials, over(i, a, b, x, y, f(x, y)))
	}
	return trials
}

func contour(t *testing.T, trials ...*trial.Trial) plot.ContourPlot {
	t.Helper()
	p, err := plot.Contour(historyOf(minimize, trials...), plot.Config{Params: []string{"a", "b"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Surface) != len(p.GridY) || !slices.IsSorted(p.GridX) || !slices.IsSorted(p.GridY) {
		t.Fatalf("%d rows for %d nodes, or unsorted ones", len(p.Surface), len(p.GridY))
	}
	for _, row := range p.Surface {
		if len(row) != len(p.GridX) {
			t.Fatalf("%d columns for %d nodes", len(row), len(p.GridX))
		}
	}
	return p
}

// worst returns the largest difference of the surface from a function, over the nodes that have a
// value, and how many have one.
func worst(p plot.ContourPlot, f func(x, y float64) float64) (worst float64, known int) {
	for j, y := range p.GridY {
		for i, x := range p.GridX {
			if z := float64(p.Surface[j][i]); !math.IsNaN(z) {
				known++
				worst = max(worst, math.Abs(z-f(float64(x), float64(y))))
			}
		}
	}
	return worst, known
}

var square, rate = space.Float{Low: -1, High: 1}, space.Float{Low: 1e-5, High: 1, Log: true}

func TestSurfaceFollowsWhatIsSmooth(t *testing.T) {
	for name, c := range map[string]struct {
		n      int
		b      space.Dist
		f      func(x, y float64) float64
		within float64
	}{
		"a plane":                 {300, square, func(x, y float64) float64 { return 3 + 2*x - y }, 0.25},
		"a constant":              {30, square, func(x, y float64) float64 { return 7 }, 1e-9},
		"a bowl":                  {1000, square, func(x, y float64) float64 { return x*x + 2*y*y }, 0.35},
		"linear in the logarithm": {300, rate, func(x, y float64) float64 { return x + math.Log(y) }, 1},
	} {
		d, known := worst(contour(t, scattered(1, c.n, square, c.b, c.f)...), c.f)
		if d > c.within || known < 1500 {
			t.Errorf("%s: off by up to %.3g at %d nodes, want at most %v", name, d, known, c.within)
		}
	}
}

func TestSurfaceIgnoresDivergedTrials(t *testing.T) {
	f := func(x, y float64) float64 { return x + y }
	trials := scattered(2, 400, square, square, f)
	for i := 0; i < len(trials); i += 40 {
		trials[i].Values[0] = 1e300
	}
	if d, _ := worst(contour(t, trials...), f); d > 0.5 {
		t.Errorf("off by up to %.3g", d)
	}
}

func TestSurfaceHasNoValueFarFromEveryTrial(t *testing.T) {
	f := func(x, y float64) float64 { return x }
	trials := slices.DeleteFunc(scattered(3, 800, square, square, f), func(u *trial.Trial) bool { return u.Params[0].Value > 0 })
	p := contour(t, trials...)
	for j, y := range p.GridY {
		for i, x := range p.GridX {
			nearest := math.Inf(1)
			for _, q := range p.Points {
				nearest = min(nearest, math.Hypot(float64(q.X-x)/2, float64(q.Y-y)/2)) // in the unit square
			}
			if known := !math.IsNaN(float64(p.Surface[j][i])); known != (nearest <= 0.12) {
				t.Errorf("at %v, %v, %.3f from a trial, there is a value: %t", x, y, nearest, known)
			}
		}
	}
}

func TestSurfaceKeepsChoicesApart(t *testing.T) {
	kind := space.Categorical{Choices: []any{"low", "high", "empty"}}
	n := space.Int{Low: 1, High: 5}
	var trials []*trial.Trial
	for i := range 60 {
		trials = append(trials, over(i, kind, n, float64(i%2), float64(1+i%5), float64(100*(i%2))))
	}
	p := contour(t, trials...)
	if !slices.Equal(p.GridX, []plot.Float{0, 1, 2}) || !slices.Equal(p.GridY, []plot.Float{1, 2, 3, 4, 5}) {
		t.Fatalf("the grid is %v, %v", p.GridX, p.GridY)
	}
	for j := range p.GridY {
		if row := p.Surface[j]; row[0] != 0 || row[1] != 100 || !math.IsNaN(float64(row[2])) {
			t.Errorf("at %v: %v, want 0, 100 and nothing", p.GridY[j], row)
		}
	}
	// Of two categorical parameters each cell has the median of its trials.
	trials = nil
	for i := range 9 {
		trials = append(trials, over(i, kind, kind, 0, float64(i%2), []float64{5, 1, 7, 2, 1e9, 3, 6, 4, 6}[i]))
	}
	if p = contour(t, trials...); p.Surface[0][0] != 6 || p.Surface[1][0] != 2.5 || !math.IsNaN(float64(p.Surface[2][2])) {
		t.Errorf("cells are %v", p.Surface)
	}
}

func TestSurfaceOfFewOrExtremeTrials(t *testing.T) {
	wide := space.Float{Low: -math.MaxFloat64, High: math.MaxFloat64}
	tiny := space.Float{Low: 5e-324, High: 1e-300, Log: true}
	point := space.Float{Low: 2, High: 2}
	huge := space.Int{Low: -1 << 53, High: 1 << 53}
	wideLog := space.Int{Low: 1, High: 1 << 53, Log: true}
	for name, trials := range map[string][]*trial.Trial{
		"none":         nil,
		"one":          {over(0, square, square, 0, 0, 3)},
		"twice":        {over(0, square, square, 0, 0, 3), over(1, square, square, 0, 0, 5)},
		"a line":       scattered(1, 50, square, point, func(x, y float64) float64 { return x }),
		"the diagonal": {over(0, square, square, -1, -1, 0), over(1, square, square, 0, 0, 1), over(2, square, square, 1, 1, 2)},
		"wide":         scattered(2, 50, wide, wide, func(x, y float64) float64 { return x }),
		"tiny":         scattered(3, 50, tiny, tiny, func(x, y float64) float64 { return x }),
		"huge values":  scattered(4, 50, square, square, func(x, y float64) float64 { return math.Copysign(math.MaxFloat64, x) }),
		"tiny values":  scattered(5, 50, square, square, func(x, y float64) float64 { return 1e-290 * x }),
		"huge ints":    scattered(6, 50, huge, wideLog, func(x, y float64) float64 { return x }),
		"one value":    scattered(7, 50, point, point, func(x, y float64) float64 { return x }),
		"a ring":       scattered(8, 200, square, square, func(x, y float64) float64 { return 0 }),
	} {
		p := contour(t, trials...)
		low, high, known := math.Inf(1), math.Inf(-1), 0
		for _, u := range trials {
			low, high = min(low, u.Values[0]), max(high, u.Values[0])
		}
		for _, row := range p.Surface {
			for _, z := range row {
				if !math.IsNaN(float64(z)) {
					known++
					if float64(z) < low || float64(z) > high {
						t.Errorf("%s: %v is on the surface, want %v to %v", name, z, low, high)
					}
				}
			}
		}
		if known == 0 && len(trials) > 0 {
			t.Errorf("%s: the surface has no value", name)
		}
	}
}

func TestSurfaceDoesNotDependOnTheOrderOfTrials(t *testing.T) {
	f := func(x, y float64) float64 { return math.Sin(5 * x * y) }
	trials := scattered(9, 300, square, rate, f)
	a := contour(t, trials...)
	backwards := slices.Clone(trials)
	slices.Reverse(backwards)
	for i, u := range backwards {
		v := *u
		v.Number = i
		backwards[i] = &v
	}
	b := contour(t, backwards...)
	for j := range a.Surface {
		for i, z := range a.Surface[j] {
			if w := b.Surface[j][i]; math.Abs(float64(z-w)) > 1e-9 || math.IsNaN(float64(z)) != math.IsNaN(float64(w)) {
				t.Fatalf("%v and %v", z, w)
			}
		}
	}
}

func TestWhichPairIsShown(t *testing.T) {
	var trials []*trial.Trial
	for i, u := range scattered(1, 200, square, square, func(x, y float64) float64 { return y * y }) {
		u.Params = append(u.Params, trial.Param{Name: "c", Value: float64(i % 7), Dist: space.Int{High: 6}})
		trials = append(trials, u)
	}
	h := historyOf(minimize, trials...)
	p, err := plot.Contour(h, plot.Config{})
	if err != nil || p.X.Name != "b" {
		t.Errorf("%s and %s are the most important (%v), want b first", p.X.Name, p.Y.Name, err)
	}
	if q, err := plot.Rank(h, plot.Config{}); err != nil || q.X.Name != p.X.Name || q.Y.Name != p.Y.Name {
		t.Errorf("the ranks are over %s and %s (%v), want the same", q.X.Name, q.Y.Name, err)
	}
	if p, err := plot.Contour(historyOf(minimize, trials[0]), plot.Config{}); err != nil || p.X.Name != "a" || p.Y.Name != "b" {
		t.Errorf("one trial is over %s and %s (%v), want a and b", p.X.Name, p.Y.Name, err)
	}
	lonely := complete(0, 1)
	lonely.Params = trials[0].Params[:1]
	for want, c := range map[string]struct {
		h trial.History
		c plot.Config
	}{
		`the parameters are ["a"], want 2`:                   {h, plot.Config{Params: []string{"a"}}},
		`the parameters are ["a" "b" "c"], want 2`:           {h, plot.Config{Params: []string{"a", "b", "c"}}},
		`parameter "a" is there twice`:                       {h, plot.Config{Params: []string{"a", "a"}}},
		`no trial has a parameter "z", want one of a, b, c`:  {h, plot.Config{Params: []string{"a", "z"}}},
		`the trials have one parameter, "a", want 2`:         {historyOf(minimize, lonely), plot.Config{}},
		"the trials have no parameters, want 2":              {historyOf(minimize, complete(0, 1)), plot.Config{}},
		`no trial has a parameter "a": the trials have none`: {historyOf(minimize, complete(0, 1)), plot.Config{Params: []string{"a", "b"}}},
	} {
		if _, err := plot.Contour(c.h, c.c); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

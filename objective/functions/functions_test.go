package functions

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
)

func TestNamesAreProblemsOfTheirGroup(t *testing.T) {
	counts := map[string]int{"bbob_d02": 24, "bbob_d05": 24, "bbob_d07": 24, "classic": 12, "mixed": 8, "table": 1}
	for group, want := range counts {
		names := Names(group)
		if len(names) != want {
			t.Errorf("group %s has %d problems, want %d", group, len(names), want)
		}
		for _, name := range names {
			p, err := New(name, 3)
			if err != nil || p.Name != name || p.Group != group {
				t.Errorf("New(%q) = %q in %q, %v; want it in %q", name, p.Name, p.Group, err, group)
			}
		}
	}
	if n := len(Names("all")); n != 4*24+12+8+1 {
		t.Errorf("there are %d problems, want 117", n)
	}
	for _, group := range []string{"", "bbob", "bbob_d5", "bbob_d01", "bbob_d05x", "bbob_f01_d05"} {
		if names := Names(group); names != nil {
			t.Errorf("Names(%q) = %v, want none", group, names)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		name     string
		instance int
		want     string
	}{
		{"bbob_f25_d05", 1, "function is 25, want 1 to 24"},
		{"bbob_f00_d05", 1, "function is 0, want 1 to 24"},
		{"bbob_f01_d01", 1, "dimension is 1, want at least 2"},
		{"bbob_f1_d5", 1, "want bbob_fFF_dDD"},
		{"bbob_f01_d05x", 1, "want bbob_fFF_dDD"},
		{"bbob_f01_d05", 0, "instance is 0, want at least 1"},
		{"classic_brain", 1, `"brain"`},
		{"mixint_f99", 1, "function is 99"},
		{"mixint_f8", 1, "want mixint_fFF"},
		{"ft", 1, `"ft"`},
	} {
		if _, err := New(c.name, c.instance); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("New(%q, %d): %v, want an error with %q", c.name, c.instance, err, c.want)
		}
	}
}

// The value at the minimizer is the minimum, and no other point has less.
func TestMinima(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	check := func(name string, f function, tolerance float64) {
		t.Helper()
		if y := f.Value(f.Minimizer); math.Abs(y-f.Minimum) > tolerance {
			t.Errorf("%s is %v at its minimizer, want %v", name, y, f.Minimum)
		}
		for i := range 400 {
			x := make([]float64, len(f.Low))
			for j := range x {
				x[j] = f.Low[j] + random.Float64()*(f.High[j]-f.Low[j])
				if i%2 == 0 { // close by
					x[j] = min(max(f.Minimizer[j]+1e-3*random.NormFloat64(), f.Low[j]), f.High[j])
				}
			}
			if y := f.Value(x); y < f.Minimum-tolerance {
				t.Errorf("%s is %v at %v, below its minimum %v", name, y, x, f.Minimum)
			}
		}
	}
	for id := 1; id <= 24; id++ {
		for _, d := range []int{2, 5, 17} {
			for _, instance := range []int{1, 11, 104} {
				f, err := bbobFunction(id, d, instance)
				if err != nil {
					t.Fatal(err)
				}
				for i, x := range f.Minimizer {
					if x < f.Low[i] || x > f.High[i] {
						t.Errorf("f%d d%d instance %d: minimizer %d is %v, outside the box", id, d, instance, i, x)
					}
				}
				tolerance := 1e-9
				switch id {
				case 20: // the constant of its definition has rounding
					tolerance = 2e-6
				case 13, 14, 23, 24, 6: // steep where they are least
					tolerance = 1e-5
				}
				check(bbobName(id, d), f, tolerance)
			}
		}
	}
	for _, c := range classics {
		f, err := classicFunction(c.name)
		if err != nil {
			t.Fatal(err)
		}
		check(c.name, f, 1e-5) // their minimizers have six digits
	}
}

func TestInstancesDiffer(t *testing.T) {
	for id := 1; id <= 24; id++ {
		a, _ := bbobFunction(id, 5, 1)
		b, _ := bbobFunction(id, 5, 2)
		again, _ := bbobFunction(id, 5, 1)
		x := []float64{1.3, -2.1, 0.7, 3.3, -4.2}
		if a.Value(x) == b.Value(x) {
			t.Errorf("f%d has the same value in instances 1 and 2", id)
		}
		if a.Value(x) != again.Value(x) {
			t.Errorf("f%d differs from itself", id)
		}
	}
	for _, name := range []string{"mixint_f08", "catchain"} {
		a, _ := New(name, 1)
		b, _ := New(name, 2)
		middle := func(_ string, d space.Dist) float64 { return d.Value(0.5) }
		if a.Value(middle) == b.Value(middle) {
			t.Errorf("%s has the same value in instances 1 and 2", name)
		}
	}
}

// Mixed-integer problems have their optimum on the grid: a search over each
// int and category alone, with the rest at its best, finds 0.
func TestMixintReachesItsMinimum(t *testing.T) {
	for _, instance := range []int{1, 2, 7} {
		p, err := New("mixint_f01", instance) // separable
		if err != nil {
			t.Fatal(err)
		}
		f, _ := bbobFunction(1, 10, instance)
		best := map[string]float64{"x6": f.Minimizer[6], "x7": f.Minimizer[7]}
		value := func() float64 {
			return p.Value(func(name string, _ space.Dist) float64 { return best[name] })
		}
		for _, name := range []string{"k0", "k1", "k2", "k3", "k4", "k5", "c8", "c9"} {
			var dist space.Dist
			p.Value(func(n string, d space.Dist) float64 {
				if n == name {
					dist = d
				}
				return d.Value(0)
			})
			least, at := math.Inf(1), 0.0
			for v := range dist.Len() {
				best[name] = float64(v)
				if y := value(); y < least {
					least, at = y, float64(v)
				}
			}
			best[name] = at
		}
		if y := value(); y > 1e-20 {
			t.Errorf("instance %d: the best is %v, want 0", instance, y)
		}
	}
}

// The minimum of a chain is what trying all of a shorter one would find: no
// random walk is below it, and coordinate descent reaches it.
func TestCatchainMinimumIsReached(t *testing.T) {
	p := catchain(3)
	random := rand.New(rand.NewPCG(3, 4))
	best := math.Inf(1)
	for range 300 {
		var c [8]int
		value := func() float64 {
			return p.Value(func(name string, _ space.Dist) float64 { return float64(c[name[1]-'0']) })
		}
		for i := range c {
			c[i] = random.IntN(6)
		}
		now := value()
		for better := true; better; {
			better = false
			for i := range 7 { // pairs of neighbours
				kept := [2]int{c[i], c[i+1]}
				for v := range 36 {
					c[i], c[i+1] = v/6, v%6
					if y := value(); y < now-1e-12 {
						now, better = y, true
						kept = [2]int{c[i], c[i+1]}
					}
				}
				c[i], c[i+1] = kept[0], kept[1]
			}
		}
		best = math.Min(best, now)
	}
	if math.Abs(best-p.Minimum) > 1e-12 {
		t.Errorf("the best chain costs %v, want %v", best, p.Minimum)
	}
}

func TestConditionalParametersAreAskedForWhereTheyMeanSomething(t *testing.T) {
	asked := func(p Problem, fixed map[string]float64) []string {
		var names []string
		p.Value(func(name string, d space.Dist) float64 {
			names = append(names, name)
			if x, ok := fixed[name]; ok {
				return x
			}
			return d.Value(0.5)
		})
		slices.Sort(names)
		return names
	}
	tree := jenatton()
	for _, c := range []struct {
		x1, x23 float64
		want    []string
	}{
		{0, 0, []string{"r8", "x1", "x2", "x4"}},
		{0, 1, []string{"r8", "x1", "x2", "x5"}},
		{1, 0, []string{"r9", "x1", "x3", "x6"}},
		{1, 1, []string{"r9", "x1", "x3", "x7"}},
	} {
		got := asked(tree, map[string]float64{"x1": c.x1, "x2": c.x23, "x3": c.x23})
		if !slices.Equal(got, c.want) {
			t.Errorf("jenatton asks for %v, want %v", got, c.want)
		}
	}
	tuned := synthFinetune()
	for method, want := range map[float64]int{full: 10, lora: 11, prompt: 9} {
		if got := asked(tuned, map[string]float64{"method": method}); len(got) != want {
			t.Errorf("method %v asks for %v, want %d", method, got, want)
		}
	}
}

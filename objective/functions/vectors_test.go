package functions

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
)

// vectors are values of a reference implementation of the same definitions.
type vectors struct {
	RNG []struct {
		Seed        int
		Unif, Gauss []float64
		Rotation3   [][]float64
		Xopt4       []float64
	}
	BBOB []struct {
		F, D, Inst int
		Xopt       []float64
		Points     []struct {
			X []float64
			Y float64
		}
	}
	Classic []struct {
		Name   string
		Bounds [][2]float64
		Fmin   float64
		Points []struct {
			X []float64
			Y float64
		}
	}
	Params []struct {
		Name   string
		Inst   int
		Space  []tableParam
		Fmin   float64
		Points []struct {
			Params map[string]any
			Y      float64
			Curve  []float64
		}
	}
}

func loadVectors(t *testing.T) vectors {
	t.Helper()
	f, err := os.Open("testdata/testvectors.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	plain, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.NewDecoder(plain).Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func near(got, want, tolerance float64) bool { return math.Abs(got-want) <= tolerance }

func TestRandomNumbersAreThoseOfTheReference(t *testing.T) {
	const tolerance = 1e-12
	n := 0
	compare := func(what string, seed int, got, want []float64) {
		t.Helper()
		n += len(want)
		for i := range want {
			if !near(got[i], want[i], tolerance) {
				t.Errorf("%s %d of seed %d is %v, want %v", what, i, seed, got[i], want[i])
			}
		}
	}
	for _, c := range loadVectors(t).RNG {
		compare("uniform number", c.Seed, uniform(len(c.Unif), c.Seed), c.Unif)
		compare("normal number", c.Seed, normal(len(c.Gauss), c.Seed), c.Gauss)
		compare("coordinate of the optimum", c.Seed, optimum(4, c.Seed), c.Xopt4)
		for i, row := range rotation(3, c.Seed) {
			compare(fmt.Sprintf("row %d of the rotation, element", i), c.Seed, row, c.Rotation3[i])
		}
	}
	t.Logf("%d numbers", n)
}

func TestBBOBIsTheReferenceAtEveryPoint(t *testing.T) {
	functions, points := 0, 0
	for _, c := range loadVectors(t).BBOB {
		f, err := bbobFunction(c.F, c.D, c.Inst)
		if err != nil {
			t.Fatal(err)
		}
		functions++
		for i, x := range c.Xopt {
			if !near(f.Minimizer[i], x, 1e-12) {
				t.Errorf("f%d d%d instance %d: minimizer %d is %v, want %v", c.F, c.D, c.Inst, i, f.Minimizer[i], x)
			}
		}
		for _, p := range c.Points {
			points++
			// Relative to the value, as 1e-9 is below the precision of a float64 at 1e7.
			tolerance := 1e-9 * math.Abs(p.Y)
			if slices.Contains([]int{16, 19, 23}, c.F) { // these amplify rounding
				tolerance = 1e-9 * math.Max(1, math.Abs(p.Y))
			}
			if y := f.Value(p.X); !near(y, p.Y, tolerance) {
				t.Errorf("f%d d%d instance %d at %v is %v, want %v", c.F, c.D, c.Inst, p.X, y, p.Y)
			}
		}
	}
	t.Logf("%d points of %d functions", points, functions)
}

func TestClassicIsTheReferenceAtEveryPoint(t *testing.T) {
	points := 0
	for _, c := range loadVectors(t).Classic {
		f, err := classicFunction(c.Name)
		if err != nil {
			t.Fatal(err)
		}
		if f.Minimum != c.Fmin {
			t.Errorf("%s: the minimum is %v, want %v", c.Name, f.Minimum, c.Fmin)
		}
		for i, b := range c.Bounds {
			if f.Low[i] != b[0] || f.High[i] != b[1] || len(f.Low) != len(c.Bounds) {
				t.Errorf("%s: the box is %v to %v, want %v", c.Name, f.Low, f.High, c.Bounds)
			}
		}
		for _, p := range c.Points {
			points++
			if y := f.Value(p.X); !near(y, p.Y, 1e-9*math.Max(1, math.Abs(p.Y))) {
				t.Errorf("%s at %v is %v, want %v", c.Name, p.X, y, p.Y)
			}
		}
	}
	t.Logf("%d points", points)
}

func TestParameterProblemsAreTheReferenceAtEveryPoint(t *testing.T) {
	points, left := 0, map[string]int{}
	for _, c := range loadVectors(t).Params {
		p, err := New(c.Name, c.Inst)
		if err != nil {
			p, err = tableOfOthers(c.Name)
		}
		if err != nil {
			left[c.Name] += len(c.Points) // tables that are not the project's to carry
			continue
		}
		if !near(p.Minimum, c.Fmin, 1e-12) {
			t.Errorf("%s instance %d: the minimum is %v, want %v", c.Name, c.Inst, p.Minimum, c.Fmin)
		}
		dists := map[string]space.Dist{}
		for _, param := range c.Space {
			if err := param.readSpec(); err != nil {
				t.Fatal(err)
			}
			dists[param.Name] = param.dist
		}
		for _, point := range c.Points {
			points++
			asked := map[string]bool{}
			ask := func(name string, d space.Dist) float64 {
				asked[name] = true
				if !space.Equal(d, dists[name]) {
					t.Errorf("%s asks for %s as %v, want %v", c.Name, name, d, dists[name])
				}
				v := point.Params[name]
				x, err := d.Internal(v)
				if err != nil {
					t.Errorf("%s: %s: %v", c.Name, name, err)
				}
				return x
			}
			if y := p.Value(ask); !near(y, point.Y, 1e-9*math.Max(1, math.Abs(point.Y))) {
				t.Errorf("%s instance %d at %v is %v, want %v", c.Name, c.Inst, point.Params, y, point.Y)
			}
			if got, want := slices.Sorted(maps.Keys(asked)), slices.Sorted(maps.Keys(point.Params)); !slices.Equal(got, want) {
				t.Errorf("%s asks for %v, want %v", c.Name, got, want)
			}
			if point.Curve != nil {
				if curve := p.Curve(ask); !slices.Equal(curve, point.Curve) {
					t.Errorf("%s at %v has the curve %v, want %v", c.Name, point.Params, curve, point.Curve)
				}
			}
		}
	}
	t.Logf("%d points; left out: %v", points, left)
	if points < 60 {
		t.Errorf("%d points of parameter problems were checked, want most of them", points)
	}
}

// tableOfOthers reads NAME.json, and the rows that it names, in the folder that
// BLUEFIN_TABLES names: tables that are not the project's to carry.
func tableOfOthers(name string) (Problem, error) {
	folder := os.Getenv("BLUEFIN_TABLES")
	meta, err := os.ReadFile(filepath.Join(folder, name+".json"))
	if err != nil {
		return Problem{}, err
	}
	var file struct{ File string }
	if err := json.Unmarshal(meta, &file); err != nil {
		return Problem{}, err
	}
	rows, err := os.Open(filepath.Join(folder, file.File))
	if err != nil {
		return Problem{}, err
	}
	defer rows.Close()
	return Table(name, rows, bytes.NewReader(meta))
}

// readSpec is read for a parameter of any kind, without its conditions.
func (p *tableParam) readSpec() error {
	if p.Type == "float" {
		p.dist = space.Float{Low: p.Low, High: p.High, Step: p.Step, Log: p.Log}
		return nil
	}
	p.If = nil
	return p.read(nil)
}

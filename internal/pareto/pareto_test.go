package pareto

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/oracle"
)

// cases are the lists of the oracle file that this package computes.
type cases struct {
	Hypervolume []struct {
		Points [][]float64
		Ref    []float64
		HV     oracle.Float
	}
	Ranks []struct {
		Values  [][]float64
		Penalty []oracle.Float
		Rank    []int
	} `json:"nondomination_rank"`
	Subset []struct {
		Points   [][]float64
		Ref      []float64
		Size     int `json:"subset_size"`
		Selected []int
	} `json:"hssp"`
	Reference []struct {
		Values [][]float64
		Ref    []float64
	} `json:"tpe_reference_point"`
	Boxes []struct {
		Points       [][]float64
		Ref          []float64
		Lower, Upper [][]oracle.Float
	} `json:"box_bounds"`
}

func load(t *testing.T) (c cases) {
	oracle.Load(t, "multiobjective.json", &c)
	return c
}

func TestHypervolumeIsTheReferences(t *testing.T) {
	for i, c := range load(t).Hypervolume {
		if err := oracle.Near(Hypervolume(c.Points, c.Ref), float64(c.HV), 1e-10); err != nil {
			t.Errorf("case %d: %v", i, err)
		}
	}
}

func TestRanksAreTheReferences(t *testing.T) {
	for i, c := range load(t).Ranks {
		violations := make([]float64, len(c.Values))
		for j, v := range c.Penalty {
			violations[j] = float64(v)
		}
		if got := ConstrainedRanks(c.Values, violations); !slices.Equal(got, c.Rank) {
			t.Errorf("case %d: ranks are %v, want %v", i, got, c.Rank)
		}
	}
}

func TestSubsetIsTheReferencesInTheSameOrder(t *testing.T) {
	for i, c := range load(t).Subset {
		if got := Subset(c.Points, c.Ref, c.Size); !slices.Equal(got, c.Selected) {
			t.Errorf("case %d: selected %v, want %v", i, got, c.Selected)
		}
	}
}

func TestReferencePointIsTheReferences(t *testing.T) {
	for i, c := range load(t).Reference {
		for k, got := range ReferencePoint(c.Values) {
			if err := oracle.Near(got, c.Ref[k], 1e-14); err != nil {
				t.Errorf("case %d, objective %d: %v", i, k, err)
			}
		}
	}
}

func TestBoxesAreTheReferences(t *testing.T) {
	for i, c := range load(t).Boxes {
		lower, upper := Boxes(c.Points, c.Ref)
		type box struct{ ends []float64 }
		var got, want []box
		for k := range lower {
			got = append(got, box{slices.Concat(lower[k], upper[k])})
		}
		for k := range c.Lower {
			var b box
			for _, x := range slices.Concat(c.Lower[k], c.Upper[k]) {
				b.ends = append(b.ends, float64(x))
			}
			want = append(want, b)
		}
		sort := func(list []box) {
			slices.SortFunc(list, func(a, b box) int { return slices.Compare(a.ends, b.ends) })
		}
		sort(got)
		sort(want)
		if !slices.EqualFunc(got, want, func(a, b box) bool { return slices.Equal(a.ends, b.ends) }) {
			t.Errorf("case %d: boxes are %v, want %v", i, got, want)
		}
	}
}

// The volume of the boxes above a low corner is what the points leave of it.
func TestBoxesLeaveTheHypervolume(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	for range 300 {
		points := random(r, r.IntN(20), 2+r.IntN(2), 2+r.IntN(20))
		ref := slices.Repeat([]float64{1}, 3)
		if len(points) > 0 {
			ref = ref[:len(points[0])]
		}
		lower, upper := Boxes(points, ref)
		got, want := 0.0, math.Pow(2, float64(len(ref)))-Hypervolume(points, ref) // from -1 to 1
		for i := range lower {
			v := 1.0
			for k := range ref {
				v *= upper[i][k] - max(lower[i][k], -1)
			}
			got += v
		}
		if math.Abs(got-want) > 1e-9 {
			t.Fatalf("points %v: the boxes have the volume %v, want %v", points, got, want)
		}
	}
}

// random returns n points on a coarse grid, so that losses and points repeat.
func random(r *rand.Rand, n, d, levels int) [][]float64 {
	points := make([][]float64, n)
	for i := range points {
		for range d {
			points[i] = append(points[i], float64(r.IntN(levels))/float64(levels))
		}
	}
	return points
}

func TestRanksAreOneMoreThanThoseOfTheDominating(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		points := random(r, 1+r.IntN(40), 1+r.IntN(4), 2+r.IntN(10))
		ranks := Ranks(points)
		for i, p := range points {
			want := 0
			for j, q := range points {
				if Dominates(q, p) {
					want = max(want, ranks[j]+1)
				}
			}
			if ranks[i] != want {
				t.Fatalf("points %v: rank of %v is %d, want %d", points, p, ranks[i], want)
			}
		}
	}
}

func TestFrontsKeepTheRanks(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 100 {
		points := random(r, 1+r.IntN(60), 1+r.IntN(4), 2+r.IntN(10))
		var f Fronts
		for n, p := range points {
			f.Add(p)
			count := 0
			for i, want := range Ranks(points[:n+1]) {
				if !slices.Contains(f.Front(want), i) {
					t.Fatalf("after %v: point %d is not in front %d, want it there", points[:n+1], i, want)
				}
			}
			for k := 0; f.Front(k) != nil; k++ {
				count += len(f.Front(k))
			}
			if count != n+1 || f.Len() != n+1 {
				t.Fatalf("the fronts have %d points of %d, want %d", count, f.Len(), n+1)
			}
		}
	}
}

func TestFrontHasTheFirstRank(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for range 500 {
		points := random(r, r.IntN(60), 1+r.IntN(4), 2+r.IntN(10))
		var want []int
		for i, rank := range Ranks(points) {
			if rank == 0 {
				want = append(want, i)
			}
		}
		got := Front(points)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("points %v: the front is %v, want %v", points, got, want)
		}
	}
}

// No point dominates another one.
func BenchmarkFront(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		r := rand.New(rand.NewPCG(13, 14))
		points := make([][]float64, n)
		for i := range points {
			x, y := r.Float64(), r.Float64()
			points[i] = []float64{x, y, 2 - x - y}
		}
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			for b.Loop() {
				Front(points)
			}
		})
	}
}

// On a grid of unit cells the hypervolume is a number of cells.
func TestHypervolumeCountsCells(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		const levels = 4
		d := 1 + r.IntN(4)
		points := random(r, r.IntN(8), d, levels)
		ref := make([]float64, d)
		for k := range ref {
			ref[k] = 1
		}
		cells := 0
		total := int(math.Pow(levels, float64(d)))
		for c := range total {
			cell := make([]float64, d)
			for k, rest := 0, c; k < d; k, rest = k+1, rest/levels {
				cell[k] = float64(rest%levels) / levels
			}
			if slices.ContainsFunc(points, func(p []float64) bool { return slices.Equal(p, cell) || Dominates(p, cell) }) {
				cells++
			}
		}
		want := float64(cells) / float64(total)
		if got := Hypervolume(points, ref); math.Abs(got-want) > 1e-12 {
			t.Fatalf("points %v: %v, want %v", points, got, want)
		}
	}
}

func TestSubsetAddsThePointThatAddsMost(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 100 {
		points := random(r, 2+r.IntN(10), 2+r.IntN(3), 1000)
		ref := ReferencePoint(points)
		var chosen [][]float64
		for step, i := range Subset(points, ref, len(points)/2) {
			with := func(p []float64) float64 { return Hypervolume(append(slices.Clip(chosen), p), ref) }
			got := with(points[i])
			for _, p := range points {
				if with(p) > got+1e-12 {
					t.Fatalf("step %d of %v: chose %v, but %v adds more", step, points, points[i], p)
				}
			}
			chosen = append(chosen, points[i])
		}
	}
}

func TestSubsetAtItsEnds(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		name   string
		points [][]float64
		n      int
		want   []int
	}{
		{"none is wanted", [][]float64{{1, 2}}, 0, []int{}},
		{"more are wanted than there are", [][]float64{{1, 2}, {2, 1}}, 5, []int{0, 1}},
		{"equal points come last", [][]float64{{1, 1}, {1, 1}, {0.5, 1.05}, {1, 1}}, 3, []int{2, 0, 1}},
		{"infinite losses: the first", [][]float64{{-inf, 3}, {2, 1}, {0, inf}}, 2, []int{0, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Subset(c.points, ReferencePoint(c.points), c.n); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// corner agrees with the general way, and where it reports false another point is above
// and to the right.
func TestCornerIsWhatAPointDominatesAlone(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	rectangles := 0
	for range 2000 {
		points := random(r, 1+r.IntN(6), 2, 5)
		p, others, ref := points[0], points[1:], []float64{0.9, 0.7}
		got, ok := corner(p, others, ref)
		if !ok {
			if !slices.ContainsFunc(others, func(q []float64) bool { return q[0] > p[0] && q[1] > p[1] }) {
				t.Fatalf("%v among %v has no corner, but dominates none", p, others)
			}
			continue
		}
		rectangles++
		if want := Hypervolume(points, ref) - Hypervolume(others, ref); math.Abs(got-want) > 1e-12 {
			t.Fatalf("%v among %v: the corner has %v, want %v", p, others, got, want)
		}
	}
	if rectangles < 500 {
		t.Errorf("%d corners were seen, want at least 500 of 2000", rectangles)
	}
}

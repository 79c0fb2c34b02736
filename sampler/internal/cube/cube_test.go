package cube

import (
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
)

func TestGridHoldsEveryValue(t *testing.T) {
	for _, d := range []space.Dist{
		space.Int{Low: -3, High: 9},
		space.Int{Low: 1, High: 1000, Log: true},
		space.Int{Low: 0, High: 100, Step: 25},
		space.Float{Low: 0.1, High: 0.75, Step: 0.2},
		space.Choose("a", "b", "c").Dist(),
	} {
		grid := Grid(d)
		if len(grid) != d.Len() || !slices.IsSorted(grid) {
			t.Errorf("%v: the grid is %v, want %d values in order", d, grid, d.Len())
		}
		for k, u := range grid {
			x := Value(d, u)
			if !d.Contains(x) || k > 0 && x == Value(d, grid[k-1]) {
				t.Errorf("%v: %v represents %v, want another contained value each time", d, u, x)
			}
			if back := Value(d, Unit(d, x)); back != x {
				t.Errorf("%v: %v becomes %v, want it back", d, x, back)
			}
		}
	}
	for _, d := range []space.Dist{space.Float{Low: 0, High: 1}, space.Int{Low: 0, High: GridLimit}} {
		if grid := Grid(d); grid != nil {
			t.Errorf("%v has a grid of %d values, want none", d, len(grid))
		}
	}
}

func TestSpacesAreComparedByNameAndDistribution(t *testing.T) {
	x := space.Dimension{Name: "x", Dist: space.Float{Low: 0, High: 1}}
	wide := space.Dimension{Name: "x", Dist: space.Float{Low: 0, High: 2}}
	c := space.Dimension{Name: "c", Dist: space.Choose("a", "b").Dist()}
	again := space.Dimension{Name: "c", Dist: space.Choose("a", "b").Dist()}
	one := space.Dimension{Name: "one", Dist: space.Int{Low: 1, High: 1}}
	if !Same(space.Must(space.New(x, c)), space.Must(space.New(x, again))) {
		t.Error("equal spaces are not the same")
	}
	for _, other := range []space.Space{space.Must(space.New(wide, c)), space.Must(space.New(x)), space.Must(space.New(x, one))} {
		if Same(space.Must(space.New(x, c)), other) {
			t.Errorf("%v is the same as x and c", other)
		}
	}
	if got := Free(space.Must(space.New(x, c, one))); !Same(got, space.Must(space.New(x, c))) {
		t.Errorf("free are %v, want x and c", got)
	}
	if IsFinite(space.Must(space.New(x, c))) || !IsFinite(space.Must(space.New(c, one))) {
		t.Error("a space is finite if and only if no parameter is continuous")
	}
}

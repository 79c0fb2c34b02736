package cube

import (
	"math"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/oracle"
	"github.com/bluefin-hpo/bluefin/space"
)

// The reference's GP places values in the unit interval too, those of a grid at the
// middle of their cells.
func TestCoordinatesAreThoseOfTheReference(t *testing.T) {
	var file struct {
		Cases []struct {
			Kind        string
			Low, High   float64
			Step        *float64
			Log         bool
			Normalize   [][2]oracle.Float // value, place
			Unnormalize [][2]oracle.Float // place, value, which may be off the grid
			Round       [][2]oracle.Float // place, place of a value
		} `json:"normalize"`
	}
	oracle.Load(t, "gp.json", &file)
	compared := 0
	near := func(i int, what string, at, got, want float64) {
		t.Helper()
		compared++
		if err := oracle.Near(got, want, 1e-10); err != nil {
			t.Errorf("case %d, %s at %v: %v", i, what, at, err)
		}
	}
	for i, c := range file.Cases {
		step := 0.0
		if c.Step != nil {
			step = *c.Step
		}
		var d space.Dist = space.Float{Low: c.Low, High: c.High, Step: step, Log: c.Log}
		if c.Kind == "IntDistribution" {
			d = space.Int{Low: int(c.Low), High: int(c.High), Step: int(step), Log: c.Log}
		}
		for _, p := range c.Normalize {
			if x := float64(p[0]); d.Contains(x) {
				near(i, "place", x, Unit(d, x), float64(p[1]))
			}
		}
		for _, p := range c.Unnormalize {
			if u := float64(p[0]); d.Len() == 0 {
				near(i, "value", u, Value(d, u), float64(p[1]))
			}
		}
		for _, p := range c.Round {
			u, x := float64(p[0]), Value(d, float64(p[0]))
			if d.Len() == 0 {
				continue
			}
			// On the border of two cells the reference rounds to even.
			if low, high := d.Cell(x); math.Min(u-low, high-u) > 1e-9 || u == 0 || u == 1 {
				near(i, "rounded", u, Unit(d, x), float64(p[1]))
			}
		}
	}
	t.Logf("%d cases, %d numbers", len(file.Cases), compared)
	if len(file.Cases) < 6 || compared < 40 {
		t.Errorf("%d cases and %d numbers compared: fewer than the file once had", len(file.Cases), compared)
	}
}

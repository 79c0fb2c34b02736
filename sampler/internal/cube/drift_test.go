package cube

import (
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
)

// A parameter with another range in every trial is not modelled: its model would have to
// be made again each time.
func TestDriftSettles(t *testing.T) {
	for _, c := range []struct {
		name string
		high []int // of the ranges, one after the other
		want bool
	}{
		{"never changed", []int{1, 1, 1}, true},
		{"new", []int{1}, true},
		{"changed now", []int{1, 1, 1, 2}, false},
		{"changed before", []int{1, 1, 1, 2, 2}, true},
		{"changes always", []int{1, 2, 3, 4, 5, 6, 7, 8}, false},
		{"forth and back", []int{1, 2, 1, 2, 1, 2, 1, 1}, false},
		{"changed a lot and then lasted", []int{1, 2, 3, 3, 3}, true},
	} {
		var d Drift
		for _, high := range c.high {
			d = d.With(space.Int{Low: 0, High: high})
		}
		if got := d.Settled(); got != c.want || d.Dist != space.Dist(space.Int{Low: 0, High: c.high[len(c.high)-1]}) {
			t.Errorf("%s: settled is %v with %v, want %v with the last range", c.name, got, d.Dist, c.want)
		}
	}
}

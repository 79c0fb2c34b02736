package gp

import (
	"math"
	"testing"
)

func TestLeaveOneOutIsThatOfRefits(t *testing.T) {
	_, data := random(5, 20)
	y := ScaleOf(data.Values).Apply(data.Values)
	k, noise := Kernel{Weights: []float64{3, 1, 0.5}, Scale: 1.2, Unordered: data.Unordered}, 0.05
	p, ok := Condition(k, noise, data.Points, y, [][]float64{{0.5, 0.5, 1}})
	if !ok {
		t.Fatal("singular")
	}
	want := 0.0
	for i, v := range y {
		var points [][]float64
		var values []float64
		for j := range y {
			if j != i {
				points, values = append(points, data.Points[j]), append(values, y[j])
			}
		}
		rest, ok := Condition(k, noise, points, values, nil)
		if !ok {
			t.Fatal("singular")
		}
		mean, variance := rest.At(data.Points[i])
		variance += noise
		want += (v*v - math.Log(variance) - (v-mean)*(v-mean)/variance) / 2 / float64(len(y))
	}
	if got := p.LeaveOneOut(); math.Abs(got-want) > 1e-9 {
		t.Errorf("the gain is %v, want %v", got, want)
	}
}

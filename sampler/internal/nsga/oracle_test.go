package nsga

import (
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/oracle"
)

// cases are the lists of the oracle file that this package computes.
type cases struct {
	Crowding []struct {
		Values   [][]oracle.Float
		Distance []oracle.Float
	} `json:"crowding_distance"`
	References []struct {
		Objectives int `json:"n_objectives"`
		Dividing   int
		Points     [][]float64
	} `json:"nsga3_reference_points"`
	Normalize []struct {
		Values     [][]oracle.Float
		Normalized [][]oracle.Float
		Closest    []int
		Distance   []oracle.Float
	} `json:"nsga3_normalize"`
}

func load(t *testing.T) (c cases) {
	oracle.Load(t, "multiobjective.json", &c)
	return c
}

func floatsOf(rows [][]oracle.Float) [][]float64 {
	points := make([][]float64, len(rows))
	for i, row := range rows {
		for _, x := range row {
			points[i] = append(points[i], float64(x))
		}
	}
	return points
}

func TestCrowdingIsTheReferences(t *testing.T) {
	for i, c := range load(t).Crowding {
		for j, got := range Crowding(floatsOf(c.Values)) {
			if err := oracle.Near(got, float64(c.Distance[j]), 1e-10); err != nil {
				t.Errorf("case %d, point %d: %v", i, j, err)
			}
		}
	}
}

func TestReferencePointsAreTheReferences(t *testing.T) {
	for i, c := range load(t).References {
		got := References(c.Objectives, c.Dividing)
		if !slices.EqualFunc(got, c.Points, slices.Equal) {
			t.Errorf("case %d: got %v, want %v", i, got, c.Points)
		}
		if n := countReferences(c.Objectives, c.Dividing, 1e6); n != len(got) {
			t.Errorf("case %d: counted %d, want %d", i, n, len(got))
		}
	}
}

func TestNormalizedPointsAreTheReferences(t *testing.T) {
	const divisions = 3
	for i, c := range load(t).Normalize {
		points := Normalize(floatsOf(c.Values))
		for j, want := range floatsOf(c.Normalized) {
			for k, x := range want {
				if err := oracle.Near(points[j][k], x, 1e-9); err != nil {
					t.Errorf("case %d, point %d, objective %d: %v", i, j, k, err)
				}
			}
		}
		line, distance := Closest(points, References(len(points[0]), divisions))
		if !slices.Equal(line, c.Closest) {
			t.Errorf("case %d: the closest lines are %v, want %v", i, line, c.Closest)
		}
		for j, want := range c.Distance {
			if err := oracle.Near(distance[j], float64(want), 1e-9); err != nil {
				t.Errorf("case %d, distance of point %d: %v", i, j, err)
			}
		}
	}
}

package forecast

import (
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Settings places the parameters of trials on axes: a number on one, a choice on one each, unless
// there are two.
type Settings struct {
	dims   space.Space
	starts []int // by parameter: its first axis
	axes   int
}

// newSettings returns the axes of all parameters that trials have, with the distributions of the
// last trial that has them.
func newSettings(trials []*trial.Trial) Settings {
	dists := map[string]space.Dist{}
	for _, t := range trials {
		for _, p := range t.Params {
			dists[p.Name] = p.Dist
		}
	}
	var s Settings
	for name, d := range dists {
		if d.Len() != 1 {
			s.dims = append(s.dims, space.Dimension{Name: name, Dist: d})
		}
	}
	slices.SortFunc(s.dims, func(a, b space.Dimension) int { return strings.Compare(a.Name, b.Name) })
	for _, d := range s.dims {
		s.starts = append(s.starts, s.axes)
		s.axes++
		if c, ok := d.Dist.(space.Categorical); ok && len(c.Choices) > 2 {
			s.axes += len(c.Choices) - 1
		}
	}
	return s
}

// nowhere is the coordinate of a parameter that a trial lacks.
const nowhere = 0.5

// point returns where parameters are; value returns one and whether it exists.
func (s Settings) point(value func(name string) (float64, bool)) []float64 {
	x := make([]float64, s.axes)
	for i, d := range s.dims {
		at := s.starts[i]
		v, ok := value(d.Name)
		c, unordered := d.Dist.(space.Categorical)
		switch {
		case !ok || !d.Dist.Contains(v):
			if !unordered || len(c.Choices) == 2 {
				x[at] = nowhere
			}
		case !unordered:
			x[at] = d.Dist.Unit(v)
		case len(c.Choices) == 2:
			x[at] = v
		default:
			x[at+int(v)] = 1
		}
	}
	return x
}

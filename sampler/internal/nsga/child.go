package nsga

import (
	"math/rand/v2"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/space"
)

// eta returns the distribution index of SBX for a number of objectives: the larger, the closer
// children are to their parents.
func eta(objectives int) float64 {
	if objectives == 1 {
		return 2
	}
	return 20
}

// child returns the parameters of a child of some parents, in internal form. It has the parameters
// of each parent: in a conditional space the objective asks for those that it needs.
func (s *Strategy) child(elite []individual, r *rand.Rand) map[string]float64 {
	parents := s.choose(elite, r)
	genes := genesOf(parents)
	if len(parents) > 1 && r.Float64() < s.CrossoverRate {
		s.cross(genes, eta(len(parents[0].losses)), r)
	}
	rate := s.MutationRate
	if rate == 0 {
		rate = 1 / float64(max(1, len(genes)))
	}
	child := make(map[string]float64, len(genes))
	for _, g := range genes {
		x := g.value(g.u)
		if r.Float64() < rate {
			if x = g.dist.Value(r.Float64()); !s.Resample && !cube.IsCategorical(g.dist) {
				x = g.value(polynomial(g.u, s.MutationEta, r))
			}
		}
		child[g.name] = x
	}
	return child
}

// choose returns the parents of a child, different ones while there are enough: each the winner of
// two at random.
func (s *Strategy) choose(elite []individual, r *rand.Rand) []individual {
	open := make([]int, len(elite))
	for i := range open {
		open[i] = i
	}
	var parents []individual
	for len(parents) < s.Crossover.parents() && len(open) > 0 {
		i, j := r.IntN(len(open)), r.IntN(len(open))
		if elite[open[j]].beats(elite[open[i]]) {
			i = j
		}
		parents = append(parents, elite[open[i]])
		open = append(open[:i], open[i+1:]...)
	}
	return parents
}

// beats reports whether a is better than b: of a lower rank, or less crowded.
func (a individual) beats(b individual) bool {
	return a.rank < b.rank || a.rank == b.rank && a.crowding > b.crowding
}

// A gene is a parameter of a child.
type gene struct {
	name   string
	dist   space.Dist
	u      float64   // the coordinate, at first that of the first parent that has it
	others []float64 // the coordinates of all parents; nil if one lacks the parameter
}

// value returns the value at a coordinate.
func (g gene) value(u float64) float64 { return cube.Value(g.dist, u) }

// genesOf returns the parameters of the parents that have more than one value, those of the first
// parent first. Their ranges are those of the youngest parent.
func genesOf(parents []individual) []gene {
	var genes []gene
	known := map[string]bool{}
	for _, first := range parents {
		for _, p := range first.trial.Params {
			if known[p.Name] {
				continue
			}
			known[p.Name] = true
			g := gene{name: p.Name, dist: p.Dist}
			youngest := -1
			var values []float64
			for _, parent := range parents {
				if q, ok := parent.trial.Param(p.Name); ok {
					values = append(values, q.Value)
					if parent.trial.Number > youngest {
						youngest, g.dist = parent.trial.Number, q.Dist
					}
				}
			}
			if g.dist.Len() == 1 {
				continue
			}
			for _, x := range values {
				g.others = append(g.others, g.coordinate(x))
			}
			if g.u = g.others[0]; len(values) < len(parents) {
				g.others = nil
			}
			genes = append(genes, g)
		}
	}
	return genes
}

// coordinate returns where a value is, the nearest end if it is out of the range.
func (g gene) coordinate(x float64) float64 {
	if n := g.dist.Len(); cube.IsCategorical(g.dist) {
		return min(max(x, 0), float64(n-1))
	}
	return min(max(g.dist.Unit(x), 0), 1)
}

// cross crosses what all parents have: numbers by the crossover, categories by swapping.
func (s *Strategy) cross(genes []gene, eta float64, r *rand.Rand) {
	var numeric []int
	for i, g := range genes {
		switch {
		case g.others == nil:
		case cube.IsCategorical(g.dist):
			if r.Float64() < s.SwapRate {
				genes[i].u = g.others[1+r.IntN(len(g.others)-1)]
			}
		default:
			numeric = append(numeric, i)
		}
	}
	if len(numeric) == 0 {
		return
	}
	parents := make([][]float64, s.Crossover.parents())
	if len(genes[numeric[0]].others) < len(parents) {
		return // fewer parents than the crossover takes
	}
	for k := range parents {
		for _, i := range numeric {
			parents[k] = append(parents[k], genes[i].others[k])
		}
	}
	for k, u := range s.Crossover.cross(parents, s.SwapRate, eta, r) {
		genes[numeric[k]].u = u
	}
}

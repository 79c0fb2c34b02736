// Package nsga runs the genetic algorithms NSGA-II and NSGA-III on the trials of a study: it keeps
// the elite of what has finished, and makes the next trial a child of some of them.
package nsga

import (
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/bluefin-hpo/bluefin/internal/pareto"
	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/sampler/internal/rank"
	"github.com/bluefin-hpo/bluefin/sampler/internal/recent"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A Strategy has the settings of sampler.NSGA2 and NSGA3, all set. It is safe for concurrent use.
type Strategy struct {
	Population    int
	Crossover     Crossover
	CrossoverRate float64
	SwapRate      float64 // of Uniform, and of categories
	MutationRate  float64 // of each parameter; 0: 1/d
	MutationEta   float64 // of polynomial mutation: the larger, the smaller are its steps
	Resample      bool    // mutation draws anew

	// Generation is how many trials must complete before they compete with their parents.
	Generation int

	// Niches fills the last front by reference lines, as NSGA-III does, and not by crowding.
	// Divisions is the number of the grid's divisions; 0: as many as the population has room for.
	Niches    bool
	Divisions int

	mu    sync.Mutex
	lines recent.List[*line] // a cache
}

// A line is how far the fold over one history has come.
type line struct {
	first       *trial.Trial // identifies the history
	newest      search       // after the last call
	generations []search     // the starts of the last few, for workers whose history is a little older
}

// An individual is a complete trial that may be a parent.
type individual struct {
	trial    *trial.Trial
	losses   []float64
	rank     int
	crowding float64 // among those of the same rank; 0 with niches
}

// A search is the state of a Strategy after the first seen trials of a history. It is a value.
type search struct {
	seen    int
	last    *trial.Trial // Finished()[seen-1]
	parents []individual // the elite of the generations so far; nil before the first has completed
	members []individual // of the current generation, as they finished
}

// within reports whether all begins with the trials that e has seen. Histories only grow, so
// comparing the last of them is enough.
func (e search) within(all []*trial.Trial) bool {
	return e.seen == 0 || e.seen <= len(all) && all[e.seen-1] == e.last
}

// Draw returns the parameters of a child, in internal form, after the finished trials of h. It
// returns none before the first generation.
func (s *Strategy) Draw(h trial.History, r *rand.Rand) map[string]float64 {
	e := s.fold(h)
	if len(e.parents) == 0 {
		return nil
	}
	const again = 20 // often enough unless most of a finite space has been tried
	var child map[string]float64
	for range again {
		if child = s.child(e.parents, r); !e.has(child) {
			break
		}
	}
	return child
}

// has reports whether a parent or a member is at the child's point. One that lacks a parameter of
// the child is not, as it may be in another branch of a conditional space.
func (e search) has(child map[string]float64) bool {
	at := func(i individual) bool {
		for _, p := range i.trial.Params {
			if x, ok := child[p.Name]; !ok || x != p.Value {
				return false
			}
		}
		return len(i.trial.Params) > 0
	}
	return slices.ContainsFunc(e.parents, at) || slices.ContainsFunc(e.members, at)
}

// kept is how many starts of generations a line keeps.
const kept = 64

// fold returns the search after the finished trials of h. It resumes from what an earlier call with
// this history has cached.
func (s *Strategy) fold(h trial.History) search {
	all := h.Finished()
	if len(all) == 0 {
		return search{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	line := s.lines.Get(
		func(l *line) bool { return l.first == all[0] },
		func() *line { return &line{first: all[0]} })
	e := line.newest
	if !e.within(all) {
		e = search{}
		for _, g := range line.generations {
			if g.within(all) && g.seen >= e.seen {
				e = g
			}
		}
	}
	for _, t := range all[e.seen:] {
		e.seen, e.last = e.seen+1, t
		if t.State != trial.Complete {
			continue
		}
		e.members = append(slices.Clip(e.members), individualOf(t, h.Directions()))
		if len(e.members) < s.size(e) {
			continue
		}
		e.parents, e.members = s.elite(append(slices.Clip(e.parents), e.members...), e.seen), nil
		if n := len(line.generations); n == 0 || e.seen > line.generations[n-1].seen {
			line.generations = append(line.generations[max(0, n+1-kept):], e)
		}
	}
	if e.seen >= line.newest.seen { // not for a worker whose history is older
		line.newest = e
	}
	return e
}

// size returns how many trials the generation after e has: the first is a whole population.
func (s *Strategy) size(e search) int {
	if e.parents == nil {
		return s.Population
	}
	return s.Generation
}

func individualOf(t *trial.Trial, directions []trial.Direction) individual {
	i := individual{trial: t, losses: make([]float64, len(directions))}
	for k, d := range directions {
		i.losses[k] = rank.Loss(t.Values[k], d)
	}
	return i
}

// elite returns the best of the pool, a population of them: whole fronts while they fit, and of the
// next one those that are far from others. Infeasible ones come last, by violation. seen seeds what
// is random about it.
func (s *Strategy) elite(pool []individual, seen int) []individual {
	points, violations := make([][]float64, len(pool)), make([]float64, len(pool))
	for i, p := range pool {
		points[i], violations[i] = p.losses, p.trial.Violation()
	}
	fronts := [][]individual{}
	for i, rank := range pareto.ConstrainedRanks(points, violations) {
		for len(fronts) <= rank {
			fronts = append(fronts, nil)
		}
		pool[i].rank = rank
		fronts[rank] = append(fronts[rank], pool[i])
	}
	var chosen []individual
	for _, front := range fronts {
		if !s.Niches {
			crowd(front)
		}
		if room := s.Population - len(chosen); len(front) > room {
			front = s.some(chosen, front, room, seen)
		}
		if chosen = append(chosen, front...); len(chosen) == s.Population {
			break
		}
	}
	return chosen
}

// crowd sets the crowding distances of a front.
func crowd(front []individual) {
	points := make([][]float64, len(front))
	for i, f := range front {
		points[i] = f.losses
	}
	for i, d := range Crowding(points) {
		front[i].crowding = d
	}
}

// some returns n of a front that is too large.
func (s *Strategy) some(chosen, front []individual, n, seen int) []individual {
	if !s.Niches {
		spread := slices.Clone(front)
		slices.SortStableFunc(spread, func(a, b individual) int {
			switch {
			case a.crowding > b.crowding:
				return -1
			case a.crowding < b.crowding:
				return 1
			}
			return 0
		})
		return spread[:n]
	}
	var points [][]float64
	for _, i := range chosen {
		points = append(points, i.losses)
	}
	for _, i := range front {
		points = append(points, i.losses)
	}
	r := rand.New(rand.NewPCG(scramble(front[0].trial, seen), 0))
	var some []individual
	for _, i := range fill(points, len(chosen), n, References(len(front[0].losses), s.divisions(len(front[0].losses))), r) {
		some = append(some, front[i])
	}
	return some
}

// scramble returns a number that differs between generations, by how many trials had finished, and
// between studies, by one of them.
func scramble(t *trial.Trial, finished int) uint64 {
	values := make([]float64, len(t.Params))
	for i, p := range t.Params {
		values[i] = p.Value
	}
	return cube.Hash(uint64(finished), values...)
}

// divisions returns those of the grid of reference lines for m objectives.
func (s *Strategy) divisions(m int) int {
	if s.Divisions > 0 {
		return s.Divisions
	}
	divisions := 1
	for m > 1 && countReferences(m, divisions+1, s.Population+1) <= s.Population {
		divisions++
	}
	return divisions
}

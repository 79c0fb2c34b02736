package sampler

import (
	"cmp"
	"fmt"
	"sync"

	"github.com/bluefin-hpo/bluefin/sampler/internal/nsga"
	"github.com/bluefin-hpo/bluefin/space"
)

// Breeding has the settings that NSGA2 and NSGA3 share.
type Breeding struct {
	Population int // how many trials are kept as parents, ≥ 2; the first so many are random; 0: 20, with Optuna 50

	// Crossover makes a child's numbers of those of its parents. Categories are always swapped.
	Crossover Crossover

	CrossoverRate float64 // the share of children with several parents, at most 1; 0: 0.9
	SwapRate      float64 // how often UniformCrossover and categories take from the second parent; 0: 0.5
	MutationRate  float64 // how often each parameter mutates, at most 1; 0: 1/d for d parameters

	// Mutation changes a number a little, or draws it anew. Categories are always drawn anew.
	Mutation Mutation

	// Optuna follows Optuna's rules: trials compete with their parents only after a whole population
	// has completed, and Population, Mutation and Divisions have Optuna's defaults.
	Optuna bool

	// Independent draws the first trials and what parents lack. It must be safe for concurrent use;
	// nil: Random.
	Independent Sampler
}

// A Crossover makes a child of two parents, of three for SPX and UNDX. Numbers are crossed in the
// unit cube.
type Crossover uint8

// The crossovers of Optuna, with its settings.
const (
	UniformCrossover Crossover = iota // each parameter is that of one parent
	SBX                               // simulated binary crossover, with η = 20, and 2 for one objective
	VSBX                              // SBX that ignores bounds
	BLXAlpha                          // uniform in the box of the parents, widened by half on each side
	SPX                               // uniform in a simplex of three parents
	UNDX                              // normal around two parents, as wide as the third is away
)

// A Mutation changes a number of a child.
type Mutation uint8

// The mutations.
const (
	DefaultMutation    Mutation = iota // PolynomialMutation; with Optuna: UniformMutation
	PolynomialMutation                 // a small step mostly, with η = 4; with Optuna 20
	UniformMutation                    // a new random value
)

// NSGA2 breeds trials: children of the best so far, which a genetic algorithm chooses by
// domination and crowding. It takes any number of objectives, also one, suits hundreds of trials and
// more, costs little per trial and needs no common search space.
//
// A trial has the parameters of its parents, whatever they are. Infeasible trials rank behind
// feasible ones, by violation; pruned and failed ones are ignored. Any number of workers may draw.
//
// See Deb, Pratap, Agarwal and Meyarivan, "A Fast and Elitist Multiobjective Genetic Algorithm:
// NSGA-II" (IEEE TEC 6, 2002), and docs/samplers.md.
//
// Do not copy an NSGA2 or change its fields after first use.
type NSGA2 struct {
	Breeding
	breeder
}

// NSGA3 is NSGA2 with a grid of directions in the space of objectives in place of crowding: each
// direction keeps trials near it. It is meant for four objectives and more.
//
// See Deb and Jain, "An Evolutionary Many-Objective Optimization Algorithm Using
// Reference-Point-Based Nondominated Sorting Approach, Part I" (IEEE TEC 18, 2014).
//
// Do not copy an NSGA3 or change its fields after first use.
type NSGA3 struct {
	Breeding

	// Divisions is how often the grid of directions divides each axis; 0: as often as the population
	// has trials for its directions, with Optuna 3.
	Divisions int

	breeder
}

// SampleJoint draws the parameters of a child. It returns what Independent draws jointly until a
// population has completed. It fails if a setting is out of range.
func (s *NSGA2) SampleJoint(r Request) (map[string]float64, error) {
	return s.sampleJoint(s.Breeding, "NSGA2", r, false, 0)
}

// Sample draws a parameter that the parents lack. It fails where SampleJoint or Independent does.
func (s *NSGA2) Sample(r Request, name string, d space.Dist) (float64, error) {
	return s.Breeding.sample("NSGA2", r, name, d)
}

// SampleJoint draws the parameters of a child. It returns what Independent draws jointly until a
// population has completed. It fails if a setting is out of range.
func (s *NSGA3) SampleJoint(r Request) (map[string]float64, error) {
	if s.Divisions < 0 || s.Divisions > 100 {
		return nil, fmt.Errorf("NSGA3.Divisions is %d, want 1 to 100, or 0 for the default", s.Divisions)
	}
	divisions := s.Divisions
	if divisions == 0 && s.Optuna {
		divisions = 3
	}
	return s.sampleJoint(s.Breeding, "NSGA3", r, true, divisions)
}

// Sample draws a parameter that the parents lack. It fails where SampleJoint or Independent does.
func (s *NSGA3) Sample(r Request, name string, d space.Dist) (float64, error) {
	return s.Breeding.sample("NSGA3", r, name, d)
}

// A breeder makes its strategy once.
type breeder struct {
	once     sync.Once
	strategy *nsga.Strategy
}

func (b *breeder) sampleJoint(
	p Breeding, name string, r Request, niches bool, divisions int,
) (map[string]float64, error) {
	if err := p.check(name); err != nil {
		return nil, err
	}
	b.once.Do(func() {
		b.strategy = p.strategy()
		b.strategy.Niches, b.strategy.Divisions = niches, divisions
	})
	if child := b.strategy.Draw(r.History, r.Rand); child != nil {
		return child, nil
	}
	if joint, ok := p.Independent.(JointSampler); ok {
		return joint.SampleJoint(r)
	}
	return nil, nil
}

func (p Breeding) sample(owner string, r Request, name string, d space.Dist) (float64, error) {
	if err := p.check(owner); err != nil {
		return 0, err
	}
	return orRandom(p.Independent).Sample(r, name, d)
}

func (p Breeding) strategy() *nsga.Strategy {
	s := &nsga.Strategy{
		Population: cmp.Or(p.Population, 20), Generation: 1, Crossover: nsga.Crossover(p.Crossover),
		CrossoverRate: cmp.Or(p.CrossoverRate, 0.9), SwapRate: cmp.Or(p.SwapRate, 0.5),
		MutationRate: p.MutationRate, MutationEta: 4, Resample: p.Mutation == UniformMutation,
	}
	if p.Optuna {
		s.Population = cmp.Or(p.Population, 50)
		s.Generation, s.MutationEta, s.Resample = s.Population, 20, p.Mutation != PolynomialMutation
	}
	return s
}

func (p Breeding) check(name string) error {
	rate := func(field string, x float64) error {
		if x >= 0 && x <= 1 {
			return nil
		}
		return fmt.Errorf("%s.%s is %v, want 0 to 1", name, field, x)
	}
	switch {
	case p.Population < 0 || p.Population == 1:
		return fmt.Errorf("%s.Population is %d, want at least 2, or 0 for the default", name, p.Population)
	case p.Crossover > UNDX:
		return fmt.Errorf("%s.Crossover is %d, want 0 to %d", name, p.Crossover, UNDX)
	case p.Mutation > UniformMutation:
		return fmt.Errorf("%s.Mutation is %d, want 0 to %d", name, p.Mutation, UniformMutation)
	}
	return cmp.Or(rate("CrossoverRate", p.CrossoverRate), rate("SwapRate", p.SwapRate),
		rate("MutationRate", p.MutationRate))
}

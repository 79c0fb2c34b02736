package space

import (
	"fmt"
	"slices"
	"strings"
)

// A Dimension is one parameter of a Space.
type Dimension struct {
	Name   string
	Dist   Dist
	Belief *Belief // where a good value probably is; nil: nothing is known
}

// Dim returns a dimension with the belief of its domain, if it has one.
func Dim[T any](name string, d Domain[T]) Dimension {
	return Dimension{Name: name, Dist: d.Dist(), Belief: BeliefOf(d)}
}

// A Space is a set of parameters, sorted by name, each name once. It must not be modified.
type Space []Dimension

// New returns the space of the given dimensions, in any order. It is an error that matches
// ErrInvalid if a name is empty or occurs twice, a distribution is nil or invalid, or a belief is.
func New(dims ...Dimension) (Space, error) {
	s := Space(slices.Clone(dims))
	slices.SortStableFunc(s, func(a, b Dimension) int { return strings.Compare(a.Name, b.Name) })
	for i, d := range s {
		switch {
		case d.Name == "":
			return nil, invalid("a parameter has no name")
		case i > 0 && s[i-1].Name == d.Name:
			return nil, invalid("parameter %q occurs twice", d.Name)
		case d.Dist == nil:
			return nil, invalid("parameter %q has no distribution", d.Name)
		}
		if err := d.Dist.Check(); err != nil {
			return nil, fmt.Errorf("parameter %q: %w", d.Name, err)
		}
		if d.Belief != nil {
			if err := d.Belief.Check(d.Dist); err != nil {
				return nil, fmt.Errorf("parameter %q: belief: %w", d.Name, err)
			}
		}
	}
	return s, nil
}

// Must returns s, and panics if err is not nil. It is for spaces written in the source code: var sp
// = space.Must(space.New(…)).
func Must(s Space, err error) Space {
	if err != nil {
		panic(err)
	}
	return s
}

// Get returns the distribution of a parameter, and whether s has it.
func (s Space) Get(name string) (Dist, bool) {
	i, ok := slices.BinarySearchFunc(s, name, func(d Dimension, name string) int {
		return strings.Compare(d.Name, name)
	})
	if !ok {
		return nil, false
	}
	return s[i].Dist, true
}

// Belief returns what is believed about a parameter with the given distribution, nil if s has no
// belief about it, or one about another range.
func (s Space) Belief(name string, d Dist) *Belief {
	for _, e := range s {
		if e.Name == name && e.Belief != nil && Equal(e.Dist, d) {
			return e.Belief
		}
	}
	return nil
}

// Intersect returns the parameters of s that t has with an equal distribution. If that is all of
// them, it returns s itself.
func (s Space) Intersect(t Space) Space {
	kept := func(d Dimension) bool {
		e, ok := t.Get(d.Name)
		return ok && Equal(d.Dist, e)
	}
	if !slices.ContainsFunc(s, func(d Dimension) bool { return !kept(d) }) {
		return s
	}
	both := Space{}
	for _, d := range s {
		if kept(d) {
			both = append(both, d)
		}
	}
	return both
}

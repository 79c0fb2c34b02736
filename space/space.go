package space

import (
	"slices"
	"strings"
)

// A Dimension is one parameter of a Space.
type Dimension struct {
	Name string
	Dist Dist
}

// A Space is a set of parameters, sorted by name, each name once. Spaces are
// values: nobody changes one once it is made.
type Space []Dimension

// New returns the space of the given dimensions, sorted. It takes over dims.
func New(dims ...Dimension) Space {
	slices.SortFunc(dims, func(a, b Dimension) int { return strings.Compare(a.Name, b.Name) })
	return dims
}

// Get returns the distribution of the parameter called name.
func (s Space) Get(name string) (Dist, bool) {
	i, ok := slices.BinarySearchFunc(s, name, func(d Dimension, name string) int {
		return strings.Compare(d.Name, name)
	})
	if !ok {
		return nil, false
	}
	return s[i].Dist, true
}

// Intersect returns the parameters that are equal in both spaces. It returns
// s itself if nothing is lost, so that a caller can tell by the length.
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

// Package recent is a small cache.
package recent

import "slices"

// kept is enough for a sampler that serves several studies, and the brackets of
// each.
const kept = 16

// A List holds the 16 values used last, the most recent first. The zero value is
// empty.
type List[T any] []T

// Get returns the first value that match accepts. If there is none it adds the
// result of create.
func (l *List[T]) Get(match func(T) bool, create func() T) T {
	i := slices.IndexFunc(*l, match)
	if i < 0 {
		i = min(len(*l), kept-1)
		*l = append((*l)[:i], create())
	}
	list := *l
	found := list[i]
	copy(list[1:i+1], list[:i])
	list[0] = found
	return found
}

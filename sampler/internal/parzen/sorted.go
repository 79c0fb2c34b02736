package parzen

import (
	"slices"
	"sort"
)

// An item is one observation on one axis.
type item struct {
	x      float64
	number int
}

func (a item) before(b item) bool {
	return a.x < b.x || a.x == b.x && a.number < b.number
}

// sorted is the column of one axis in order, equal numbers by observation. It
// lies in chunks, so that an insertion moves few items however many there are.
type sorted struct {
	chunks [][]item // none empty
	n      int
}

const chunkCap = 512

// place is where an item lies in a column.
type place struct{ chunk, i int }

// newSorted takes over items, in any order.
func newSorted(items []item) sorted {
	slices.SortFunc(items, func(a, b item) int {
		switch { // cmp.Compare would look for NaN
		case a.x < b.x:
			return -1
		case a.x > b.x:
			return 1
		}
		return a.number - b.number
	})
	s := sorted{n: len(items)}
	for chunk := range slices.Chunk(items, chunkCap/2) {
		s.chunks = append(s.chunks, slices.Clone(chunk))
	}
	return s
}

// find returns the place of the first item that is not before v; in the chunk
// of the item before it, if it would be the first of the next chunk.
func (s *sorted) find(v item) place {
	c := sort.Search(len(s.chunks), func(c int) bool { return !s.chunks[c][0].before(v) })
	if c < len(s.chunks) && s.chunks[c][0] == v || c == 0 {
		return place{c, 0}
	}
	chunk := s.chunks[c-1]
	return place{c - 1, sort.Search(len(chunk), func(i int) bool { return !chunk[i].before(v) })}
}

// insert puts v in its place and returns that.
func (s *sorted) insert(v item) place {
	s.n++
	p := s.find(v)
	if len(s.chunks) == 0 {
		s.chunks = [][]item{{v}}
		return place{}
	}
	chunk := slices.Insert(s.chunks[p.chunk], p.i, v)
	s.chunks[p.chunk] = chunk
	if len(chunk) > chunkCap {
		half := len(chunk) / 2
		s.chunks = slices.Insert(s.chunks, p.chunk+1, slices.Clone(chunk[half:]))
		s.chunks[p.chunk] = chunk[:half:half]
		if p.i >= half {
			p = place{p.chunk + 1, p.i - half}
		}
	}
	return p
}

// remove takes v out and returns the place of the one after it, which may be
// past the end.
func (s *sorted) remove(v item) place {
	s.n--
	p := s.find(v)
	s.chunks[p.chunk] = slices.Delete(s.chunks[p.chunk], p.i, p.i+1)
	switch {
	case len(s.chunks[p.chunk]) == 0:
		s.chunks = slices.Delete(s.chunks, p.chunk, p.chunk+1)
		return place{p.chunk, 0}
	case p.i == len(s.chunks[p.chunk]):
		return place{p.chunk + 1, 0}
	}
	return p
}

// at returns the item at p, if there is one.
func (s *sorted) at(p place) (item, bool) {
	if p.chunk < 0 || p.chunk >= len(s.chunks) {
		return item{}, false
	}
	return s.chunks[p.chunk][p.i], true
}

func (s *sorted) next(p place) place {
	if p.i++; p.i == len(s.chunks[p.chunk]) {
		return place{p.chunk + 1, 0}
	}
	return p
}

// prev returns the place before p, which may be past the end; of the first
// place one without an item.
func (s *sorted) prev(p place) place {
	if p.i > 0 {
		return place{p.chunk, p.i - 1}
	}
	if p.chunk == 0 {
		return place{-1, 0}
	}
	return place{p.chunk - 1, len(s.chunks[p.chunk-1]) - 1}
}

// gap returns the larger gap between the item at p and its neighbours; a
// single one has the gaps to 0 and 1.
func (s *sorted) gap(p place) float64 {
	v, _ := s.at(p)
	if s.n == 1 {
		return max(v.x, 1-v.x)
	}
	gap := 0.0
	if u, ok := s.at(s.prev(p)); ok {
		gap = v.x - u.x
	}
	if w, ok := s.at(s.next(p)); ok {
		gap = max(gap, w.x-v.x)
	}
	return gap
}

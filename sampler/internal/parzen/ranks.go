package parzen

import (
	"math/bits"
	"slices"
)

// ranks is a set of numbers that knows how many of its members are below a
// given one. A frozen copy stays as it is.
type ranks struct {
	pages []*page // of pageSize numbers each
	below []int   // members on earlier pages; of a frozen set only
	n     int
}

const (
	pageWords = 64
	pageSize  = 64 * pageWords
)

type page struct {
	epoch  uint64
	n      int
	words  [pageWords]uint64
	before [pageWords]uint16 // members in earlier words
}

// set makes number a member or none. It must be the other before. Pages of
// another epoch may be in use elsewhere and are copied.
func (r *ranks) set(number int, member bool, epoch uint64) {
	for number/pageSize >= len(r.pages) {
		r.pages = append(r.pages, &page{epoch: epoch})
	}
	p := r.pages[number/pageSize]
	if p.epoch != epoch {
		c := *p
		c.epoch = epoch
		p = &c
		r.pages[number/pageSize] = p
	}
	word, one := number%pageSize/64, 1
	p.words[word] ^= 1 << (number % 64)
	if !member {
		one = -1
	}
	for w := word + 1; w < pageWords; w++ {
		p.before[w] = uint16(int(p.before[w]) + one)
	}
	p.n += one
	r.n += one
}

// freeze returns a copy that later calls of set, with another epoch, do not
// change.
func (r *ranks) freeze() ranks {
	f := ranks{pages: slices.Clone(r.pages), below: make([]int, len(r.pages)), n: r.n}
	sum := 0
	for i, p := range r.pages {
		f.below[i] = sum
		sum += p.n
	}
	return f
}

// rank returns how many members of a frozen set are below number.
func (r *ranks) rank(number int) int {
	p, word := r.pages[number/pageSize], number%pageSize/64
	return r.below[number/pageSize] + int(p.before[word]) + bits.OnesCount64(p.words[word]&(1<<(number%64)-1))
}

// rankNow is rank for a set that is not frozen.
func (r *ranks) rankNow(number int) int {
	rank := 0
	for _, p := range r.pages[:number/pageSize] {
		rank += p.n
	}
	p, word := r.pages[number/pageSize], number%pageSize/64
	return rank + int(p.before[word]) + bits.OnesCount64(p.words[word]&(1<<(number%64)-1))
}

// last returns the largest members, at most m, the largest first.
func (r *ranks) last(m int) []int {
	largest := make([]int, 0, m)
	for i := len(r.pages) - 1; i >= 0; i-- {
		for w := pageWords - 1; w >= 0; w-- {
			for word := r.pages[i].words[w]; word != 0; {
				b := 63 - bits.LeadingZeros64(word)
				word &^= 1 << b
				if len(largest) == m {
					return largest
				}
				largest = append(largest, i*pageSize+w*64+b)
			}
		}
	}
	return largest
}

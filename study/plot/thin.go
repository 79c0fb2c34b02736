package plot

import (
	"cmp"
	"slices"

	"github.com/bluefin-hpo/bluefin/trial"
)

// Where returns the history of the trials, finished and running, for which keep returns true.
func Where(h trial.History, keep func(*trial.Trial) bool) trial.History {
	log := trial.NewLog(h.Directions())
	for _, trials := range [][]*trial.Trial{h.Finished(), h.Running()} {
		for _, t := range trials {
			if keep(t) {
				log.Put(t)
			}
		}
	}
	return log.History()
}

// Thin returns a sample of a history: at most n finished trials, and every running one. The sample
// keeps the first and the last finished trial by number, every trial that was the best so far by
// any objective, h.Best and the Pareto front. If these alone are more than n, the best, the first
// and the last are kept, and a sample of the others.
//
// The rest is spread evenly over the numbers, but not periodically, so it does not fall into step
// with workers that take turns. The sample depends on nothing but the trials and n. A smaller n gives a part of it, and as a
// study grows, old trials leave the sample, but few come back.
func Thin(h trial.History, n int) trial.History {
	if n = max(n, 0); len(h.Finished()) <= n {
		return h
	}
	type candidate struct {
		number, class int
		key           uint32
	}
	class, order := classes(h), make([]candidate, len(h.Finished()))
	for i, t := range h.Finished() {
		order[i] = candidate{t.Number, class(t), spread(t.Number)}
	}
	slices.SortFunc(order, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.class, b.class), cmp.Compare(a.key, b.key))
	})
	kept := make(map[int]bool, n)
	for _, c := range order[:n] {
		kept[c.number] = true
	}
	return Where(h, func(t *trial.Trial) bool { return !t.State.Finished() || kept[t.Number] })
}

// classes returns how important it is to keep a trial: 0 for the best ones, 1 for the first and the
// last, 2 for those that were the best so far and the Pareto front, 3 for the rest.
func classes(h trial.History) func(*trial.Trial) int {
	class := map[int]int{}
	put := func(c int, t *trial.Trial) {
		if old, ok := class[t.Number]; !ok || c < old {
			class[t.Number] = c
		}
	}
	all := byNumber(slices.Clone(h.Finished()))
	put(1, all[0])
	put(1, all[len(all)-1])
	for k, d := range h.Directions() {
		var best *trial.Trial
		for _, t := range all {
			if t.State == trial.Complete && feasible(t) && (best == nil || d.Better(t.Values[k], best.Values[k])) {
				best = t
				put(2, t)
			}
		}
		if best != nil {
			put(0, best)
		}
	}
	if t, ok := h.Best(); ok { // of equal ones the first to finish
		put(0, t)
	}
	if len(h.Directions()) > 1 {
		for _, t := range h.ParetoFront() {
			put(2, t)
		}
	}
	return func(t *trial.Trial) int {
		if c, ok := class[t.Number]; ok {
			return c
		}
		return 3
	}
}

// spread returns a key of a number, a permutation of 32 bits. Of every two numbers 2m and 2m+1
// exactly one has a key in the lower half, of every four exactly one has it in the lowest quarter,
// and so on; which one is random. So the trials with the lowest keys are evenly spread, without a
// period. This is the radical inverse in base 2 with the nested scrambling of A. B. Owen,
// "Randomly permuted (t,m,s)-nets and (t,s)-sequences", Monte Carlo and Quasi-Monte Carlo Methods,
// 1995, applied to the number instead of to the key.
func spread(number int) uint32 {
	key := uint32(0)
	for level := range 32 {
		above := uint64(number) >> (level + 1) // which pair of blocks it is in
		flip := mix(above<<5|uint64(level)) & 1
		key = key<<1 | uint32(uint64(number)>>level&1^flip)
	}
	return key
}

// mix is the finalizer of SplitMix64, a hash: G. L. Steele, D. Lea, C. H. Flood, "Fast splittable
// pseudorandom number generators", OOPSLA 2014.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

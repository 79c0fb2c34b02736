package main

import (
	"cmp"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/internal/signedrank"
)

// A comparison is how a sampler does against another one on a group of problems
// after n trials, with the seeds that both have.
type comparison struct {
	group, sampler, against string
	n                       int
	problems                int
	seeds                   int     // the least of any problem
	wins, losses            int     // problems on which the sampler's median gap is smaller, and larger
	ratio                   float64 // the median over problems of log10 of its median gap over that of the other
	p                       float64 // of the signed-rank test of those logarithms
}

// allGroups is the name of the problems of all groups together.
const allGroups = "all"

// leastGap is what smaller gaps count as in ranks and where logarithms are taken:
// they differ by rounding.
const leastGap = 1e-10

// compare compares all samplers with one of them, by group and over all groups.
func compare(results []result, against string) []comparison {
	groupOf := groupsOf(results)
	// By seed, because only common seeds compare.
	seeds := map[spot]map[int]float64{}
	var keys []spot
	for _, r := range results {
		k := spot{r.problem, r.sampler, r.n}
		if seeds[k] == nil {
			seeds[k] = map[int]float64{}
			keys = append(keys, k)
		}
		seeds[k][r.seed] = r.best
	}
	type place struct {
		group, sampler string
		n              int
	}
	var places []place
	found := map[place]*comparison{}
	logs := map[place][]float64{}
	for _, k := range keys {
		// Paired by problem: problems differ far more than samplers do.
		ours, theirs := seeds[k], seeds[spot{k.problem, against, k.n}]
		if k.sampler == against || theirs == nil {
			continue
		}
		var a, b []float64
		for seed, gap := range ours {
			if other, ok := theirs[seed]; ok {
				a, b = append(a, gap), append(b, other)
			}
		}
		if len(a) == 0 {
			continue
		}
		slices.Sort(a)
		slices.Sort(b)
		// The ratio of medians: problems have no common unit.
		log := math.Log10(math.Max(quantile(a, 0.5), leastGap) / math.Max(quantile(b, 0.5), leastGap))
		// Each problem counts in its group and in all.
		for _, g := range []string{groupOf[k.problem], allGroups} {
			p := place{g, k.sampler, k.n}
			c := found[p]
			if c == nil {
				c = &comparison{group: g, sampler: k.sampler, against: against, n: k.n, seeds: math.MaxInt}
				found[p] = c
				places = append(places, p)
			}
			c.problems++
			// The least tells how far to trust the whole line.
			c.seeds = min(c.seeds, len(a))
			if log < 0 {
				c.wins++
			} else if log > 0 {
				c.losses++
			}
			logs[p] = append(logs[p], log)
		}
	}
	slices.SortStableFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.n, b.n), cmp.Compare(a.sampler, b.sampler), inOrder(a.group, b.group))
	})
	var all []comparison
	for i, p := range places {
		c := *found[p]
		if p.group == allGroups && i > 0 && all[len(all)-1].problems == c.problems {
			continue // those of one group
		}
		// Over problems, not over seeds: what is claimed is that it is better on other problems
		// too.
		c.p = signedrank.TwoSided(logs[p])
		slices.Sort(logs[p])
		c.ratio = quantile(logs[p], 0.5)
		all = append(all, c)
	}
	return all
}

// inOrder sorts groups by name, all of them last.
func inOrder(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == allGroups:
		return 1
	case b == allGroups:
		return -1
	}
	return cmp.Compare(a, b)
}

// compareRows writes comparisons.
func compareRows(list []comparison) []row {
	var rows []row
	for _, c := range list {
		rows = append(rows, row{
			cell("n", c.n), cell("sampler", c.sampler), cell("against", c.against), cell("group", c.group),
			cell("problems", c.problems), cell("seeds", c.seeds), cell("wins", c.wins), cell("losses", c.losses),
			cell("median_log10_ratio", c.ratio), cell("p", c.p),
		})
	}
	return rows
}

// A standing is the mean rank of a sampler over all groups, after n trials.
type standing struct {
	sampler  string
	n        int
	groups   int
	problems int     // in all groups
	rank     float64 // the mean over the groups of its mean rank there
}

// standings ranks the samplers that have results for every group. Every group
// counts the same, however many problems it has.
func standings(results []result) []standing {
	type at struct {
		sampler string
		n       int
	}
	groupOf := groupsOf(results)
	groups := map[int][]string{}
	// A sampler without results for a group would be ranked by easier or harder ones.
	has := map[at][]string{}
	for _, r := range results {
		g := groupOf[r.problem]
		groups[r.n] = include(groups[r.n], g)
		has[at{r.sampler, r.n}] = include(has[at{r.sampler, r.n}], g)
	}
	results = slices.DeleteFunc(slices.Clone(results), func(r result) bool {
		return len(has[at{r.sampler, r.n}]) < len(groups[r.n])
	})
	var list []standing
	for _, s := range scores(results, nil) {
		i := slices.IndexFunc(list, func(t standing) bool { return t.sampler == s.sampler && t.n == s.n })
		if i < 0 {
			i = len(list)
			list = append(list, standing{sampler: s.sampler, n: s.n})
		}
		list[i].groups++
		list[i].problems += len(s.problems)
		list[i].rank += s.rank
	}
	for i := range list {
		list[i].rank /= float64(list[i].groups)
	}
	slices.SortStableFunc(list, func(a, b standing) int {
		return cmp.Or(cmp.Compare(a.n, b.n), cmp.Compare(a.rank, b.rank))
	})
	return list
}

// standingRows writes standings.
func standingRows(list []standing) []row {
	var rows []row
	for _, s := range list {
		rows = append(rows, row{cell("n", s.n), cell("sampler", s.sampler), cell("groups", s.groups),
			cell("problems", s.problems), cell("mean_rank", s.rank)})
	}
	return rows
}

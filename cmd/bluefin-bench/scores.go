package main

import (
	"cmp"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/objective/functions"
)

// quantile interpolates linearly between the order statistics of at least
// one sorted value.
func quantile(sorted []float64, q float64) float64 {
	x := q * float64(len(sorted)-1)
	i := int(x)
	// At the end there is no next value to interpolate with.
	if x == float64(i) {
		return sorted[i]
	}
	return sorted[i] + (x-float64(i))*(sorted[i+1]-sorted[i])
}

// A spot is where the results of several seeds meet.
type spot struct {
	problem, sampler string
	n                int
}

// spots gathers the best gaps, sorted, by spot. Keys are the spots in the order
// of the results, by n within a problem and a sampler.
func spots(results []result) (keys []spot, gaps map[spot][]float64) {
	gaps = map[spot][]float64{}
	for _, r := range results {
		k := spot{r.problem, r.sampler, r.n}
		if gaps[k] == nil {
			keys = append(keys, k)
		}
		// Seeds are only gathered: their order means nothing.
		gaps[k] = append(gaps[k], r.best)
	}
	for _, g := range gaps {
		slices.Sort(g)
	}
	return keys, gaps
}

// summarizeProblems writes median and quartiles over the seeds.
func summarizeProblems(results []result) []row {
	keys, gaps := spots(results)
	var rows []row
	for _, k := range keys {
		g := gaps[k]
		rows = append(rows, row{
			cell("problem", k.problem), cell("sampler", k.sampler), cell("n", k.n), cell("seeds", len(g)),
			cell("median", quantile(g, 0.5)), cell("q25", quantile(g, 0.25)), cell("q75", quantile(g, 0.75)),
		})
	}
	return rows
}

// A score rates a sampler on a group of problems after n trials. Only
// problems with results of every sampler count, so scores compare.
type score struct {
	group, sampler string
	n              int
	problems       []string
	seeds          int // the least of any problem
	rank           float64
	targets        float64 // NaN but for BBOB
	gmean, mean    float64 // of the gaps relative to random search; NaN without it
}

// summarizeGroups writes the scores; unit comes from units.
func summarizeGroups(results []result, unit map[string]float64) []row {
	var rows []row
	for _, s := range scores(results, unit) {
		rows = append(rows, row{
			cell("group", s.group), cell("sampler", s.sampler), cell("n", s.n),
			cell("problems", len(s.problems)), cell("seeds", s.seeds),
			cell("mean_rank", s.rank), cell("targets_hit_percent", orNone(100*s.targets)),
			cell("gap_gmean", orNone(s.gmean)), cell("gap_mean_percent", orNone(100*s.mean)),
		})
	}
	return rows
}

// orNone is nil for NaN.
func orNone(x float64) any {
	if math.IsNaN(x) {
		return nil
	}
	return x
}

// scores returns one score for each group, n and sampler.
func scores(results []result, unit map[string]float64) []score {
	keys, gaps := spots(results)
	groupOf := groupsOf(results)
	// Scores compare within a group and a number of trials.
	type place struct {
		group string
		n     int
	}
	var places []place
	samplers := map[place][]string{}
	problems := map[place][]string{}
	for _, k := range keys {
		p := place{groupOf[k.problem], k.n}
		if samplers[p] == nil {
			places = append(places, p)
		}
		samplers[p] = include(samplers[p], k.sampler)
		problems[p] = include(problems[p], k.problem)
	}
	slices.SortStableFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.n, b.n))
	})
	var all []score
	for _, p := range places {
		// A problem that one sampler lacks would change the mean ranks of all.
		common := slices.DeleteFunc(slices.Clone(problems[p]), func(problem string) bool {
			return slices.ContainsFunc(samplers[p], func(s string) bool { return gaps[spot{problem, s, p.n}] == nil })
		})
		if len(common) == 0 {
			continue
		}
		for _, sampler := range samplers[p] {
			s := score{group: p.group, sampler: sampler, n: p.n, problems: common}
			s.fill(gaps, samplers[p], unit)
			all = append(all, s)
		}
	}
	return all
}

// fill computes the fields of a score.
func (s *score) fill(gaps map[spot][]float64, samplers []string, units map[string]float64) {
	s.seeds = math.MaxInt
	logs := 0.0
	for _, problem := range s.problems {
		g := gaps[spot{problem, s.sampler, s.n}]
		// The median: one failed search in ten should not decide.
		median := quantile(g, 0.5)
		s.seeds = min(s.seeds, len(g))
		s.targets += targetsHit(g)
		unit, ok := units[problem]
		if !ok {
			unit = math.NaN()
		}
		// A geometric mean, since gaps differ by orders of magnitude; the floor keeps log finite.
		logs += math.Log(math.Max(median/unit, leastGap))
		for _, v := range g {
			s.mean += v / unit / float64(len(g))
		}
		rank := 1.0 // equal ones share the mean of their ranks
		for _, other := range samplers {
			// Gaps below the floor are equal: they differ by rounding.
			m, own := math.Max(quantile(gaps[spot{problem, other, s.n}], 0.5), leastGap), math.Max(median, leastGap)
			if m < own {
				rank++
			} else if m == own && other != s.sampler {
				rank += 0.5
			}
		}
		s.rank += rank
	}
	n := float64(len(s.problems))
	s.rank /= n
	s.targets /= n
	s.mean /= n
	s.gmean = math.Exp(logs / n)
	// Targets are defined for BBOB only, whose values have one scale.
	if len(s.group) < 4 || s.group[:4] != "bbob" {
		s.targets = math.NaN()
	}
}

// targetsHit is the share of the 51 targets 10², 10^1.8, … 10^-8 that a search
// reaches, in the mean over the searches.
func targetsHit(gaps []float64) float64 {
	hit := 0
	for _, g := range gaps {
		// As in COCO's runtime profiles.
		for k := range 51 {
			if g <= math.Pow(10, 2-0.2*float64(k)) {
				hit++
			}
		}
	}
	return float64(hit) / 51 / float64(len(gaps))
}

// units returns the unit of gaps, by problem: from the stored runs of
// random search, or else from ours.
func units(results []result, random map[string][]float64) map[string]float64 {
	unit := map[string]float64{}
	keys, gaps := spots(results)
	for _, k := range keys {
		if k.sampler == ourRandom && k.n == unitTrials {
			unit[k.problem] = quantile(gaps[k], 0.5)
		}
	}
	// Stored runs have more seeds than ours, so they take precedence.
	for problem, g := range random {
		unit[problem] = quantile(slices.Sorted(slices.Values(g)), 0.5)
	}
	return unit
}

// groupsOf returns the group of each problem; a table that is not of package
// functions is a table.
func groupsOf(results []result) map[string]string {
	groups := map[string]string{}
	for _, r := range results {
		if groups[r.problem] != "" {
			continue
		}
		groups[r.problem] = "table"
		// Instances share a group, so any will do.
		if p, err := functions.New(r.problem, 1); err == nil {
			groups[r.problem] = p.Group
		}
	}
	return groups
}

// include appends s unless it is in the list. Lists are short.
func include(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

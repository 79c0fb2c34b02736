package main

import (
	"math"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/signedrank"
)

// runs are results of a sampler with the seeds 0, 1, ….
func runs(problem, sampler string, n int, bests ...float64) (list []result) {
	for seed, b := range bests {
		list = append(list, result{problem: problem, sampler: sampler, seed: seed, n: n, best: b})
	}
	return list
}

func TestCompareMatchesSeedsAndCountsProblems(t *testing.T) {
	results := slices.Concat(
		runs("classic_branin", "a", 100, 1, 2, 3), runs("classic_branin", "b", 100, 10, 20, 30, 0, 0, 0), // the last three have no match
		runs("classic_levy8", "a", 100, 5), runs("classic_levy8", "b", 100, 5),
		runs("catchain", "a", 100, 4), runs("catchain", "b", 100, 2),
		runs("jenatton", "a", 100, 4), // b has it not
		runs("catchain", "a", 50, 4),  // nor so early
		runs("catchain", "c", 100, 0), runs("jenatton", "c", 100, 4),
	)
	byKey := map[string]comparison{}
	for _, c := range compare(results, "b") {
		byKey[c.group+" "+c.sampler] = c
		if c.n != 100 || c.against != "b" {
			t.Errorf("a comparison with %s after %d trials", c.against, c.n)
		}
	}
	a, classic := byKey["all a"], byKey["classic a"]
	if len(byKey) != 4 {
		t.Errorf("%d comparisons, want a on classic, mixed and all, and c on mixed: %+v", len(byKey), byKey)
	}
	if a.problems != 3 || a.wins != 1 || a.losses != 1 || a.seeds != 1 || a.ratio != 0 {
		t.Errorf("on all problems: %+v, want one of three won and one lost", a)
	}
	if want := signedrank.TwoSided([]float64{-1, math.Log10(2)}); a.p != want {
		t.Errorf("p is %v, want %v", a.p, want)
	}
	if classic.problems != 2 || !near(classic.ratio, -0.5) {
		t.Errorf("on the classic problems: %+v, want a ratio between those of 0.1 and 1", classic)
	}
	if c := byKey["mixed c"]; c.wins != 1 || !near(c.ratio, math.Log10(leastGap/2)) {
		t.Errorf("a gap of 0 gives %+v", c)
	}
}

func TestStandingsCountEveryGroupTheSame(t *testing.T) {
	results := slices.Concat(
		runs("classic_branin", "a", 100, 1), runs("classic_branin", "b", 100, 2), runs("classic_branin", "c", 100, 0),
		runs("classic_levy8", "a", 100, 1), runs("classic_levy8", "b", 100, 2),
		runs("classic_alpine6", "a", 100, 1), runs("classic_alpine6", "b", 100, 2),
		runs("catchain", "a", 100, 2), runs("catchain", "b", 100, 1),
	)
	got := standings(results) // c, which has only one group, is left out
	want := []standing{{"a", 100, 2, 4, 1.5}, {"b", 100, 2, 4, 1.5}}
	if !slices.Equal(got, want) {
		t.Errorf("the standings are %+v, want %+v", got, want)
	}
}

func TestTestsAndRanksAreWritten(t *testing.T) {
	common := []string{"quality", "--problem", "classic_branin,classic_levy8,jenatton", "--sampler", "random,tpe", "--trials", "20", "--seeds", "2"}
	type test struct {
		N                      int
		Sampler, Against       string
		Group                  string
		Problems, Wins, Losses int
		Ratio                  *float64 `json:"median_log10_ratio"`
		P                      *float64
	}
	rows := benchJSON[test](t, append(common, "--summary", "test")...)
	if len(rows) != 3*3 {
		t.Fatalf("%d tests, want those of two groups and of all at three numbers of trials", len(rows))
	}
	for _, r := range rows {
		if r.Sampler != "tpe" || r.Against != "random" || r.Wins+r.Losses > r.Problems || r.Ratio == nil || r.P == nil || !(*r.P > 0 && *r.P <= 1) {
			t.Errorf("a test is %+v", r)
		}
	}
	type standing struct {
		N, Groups, Problems int
		Sampler             string
		Rank                float64 `json:"mean_rank"`
	}
	ranks := benchJSON[standing](t, append(common, "--summary", "rank")...)
	if len(ranks) != 2*3 || ranks[0].Groups != 2 || ranks[0].Problems != 3 || ranks[0].Rank+ranks[1].Rank != 3 {
		t.Errorf("the ranks are %+v", ranks)
	}
}

package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/functions"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study"
)

// A line is what quality writes as JSON.
type line struct {
	Problem, Sampler  string
	Instance, Seed, N int
	Best              float64
}

func TestQualityWritesTheBestGapAtTheCheckpoints(t *testing.T) {
	args := []string{"quality", "--problem", "bbob_f08_d05,jenatton", "--sampler", "tpe,random", "--trials", "33", "--seeds", "3", "--first-seed", "104"}
	rows := benchJSON[line](t, args...)
	if want := 2 * 2 * 3 * 5; len(rows) != want {
		t.Fatalf("%d rows, want %d", len(rows), want)
	}
	for i, r := range rows {
		if want := []int{5, 10, 20, 30, 33}[i%5]; r.N != want {
			t.Errorf("row %d is after %d trials, want %d", i, r.N, want)
		}
		if want := 104 + i/5%3; r.Seed != want || r.Instance != 1+want%5 {
			t.Errorf("row %d has seed %d and instance %d, want %d and %d", i, r.Seed, r.Instance, want, 1+want%5)
		}
		if i%5 > 0 && r.Best > rows[i-1].Best || r.Best < 0 {
			t.Errorf("row %d is %v after %v, want it no worse and not below 0", i, r.Best, rows[i-1].Best)
		}
	}
	if again := benchJSON[line](t, args...); !slices.Equal(again, rows) {
		t.Error("the same command line gives other results")
	}
	one := benchJSON[line](t, "quality", "--problem", "bbob_f08_d05", "--instance", "11,12", "--trials", "5", "--seeds", "2")
	if len(one) != 2 || one[0].Instance != 11 || one[1].Instance != 12 || one[0].Best == one[1].Best {
		t.Errorf("with --instance 11,12 the rows are %+v", one)
	}
}

// searchWith is a search of this engine with a sampler that has no name.
func searchWith(t *testing.T, s sampler.Sampler, seed int) engine {
	t.Helper()
	st, err := study.Open(t.Context(), study.Config{Sampler: s, Seed: samplerSeed(seed)})
	if err != nil {
		t.Fatal(err)
	}
	return bluefin{st}
}

// With one worker a search is what Optimize does.
func TestOneWorkerIsOptimize(t *testing.T) {
	p, err := functions.New("synth_finetune", 1)
	if err != nil {
		t.Fatal(err)
	}
	got, err := gaps(t.Context(), p, searchWith(t, &sampler.TPE{}, 7), 40, 1)
	if err != nil {
		t.Fatal(err)
	}
	st, err := study.Open(t.Context(), study.Config{Seed: 1007})
	if err != nil {
		t.Fatal(err)
	}
	var want []float64
	err = st.Optimize(t.Context(), func(t *study.Trial) (float64, error) {
		v := p.Value(suggest(t))
		want = append(want, v-p.Minimum)
		return v, nil
	}, study.Budget{Trials: 40})
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("gaps are %v, want %v (%v)", got, want, err)
	}
}

// A witness notes what is known when a trial is drawn.
type witness struct {
	mu       sync.Mutex
	finished map[int]int // by number
	running  map[int]int // of other trials
}

func (w *witness) Sample(r sampler.Request, name string, d space.Dist) (float64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	others := 0
	for _, t := range r.Running() {
		if t.Number != r.Trial.Number {
			others++
		}
	}
	w.finished[r.Trial.Number], w.running[r.Trial.Number] = len(r.History.Finished()), others
	return sampler.Random{}.Sample(r, name, d)
}

func TestWorkersKnowAllButTheTrialsInFlight(t *testing.T) {
	p, err := functions.New("classic_branin", 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, workers := range []int{1, 3, 8, 50} {
		w := &witness{finished: map[int]int{}, running: map[int]int{}}
		values, err := gaps(t.Context(), p, searchWith(t, w, 1), 20, workers)
		if err != nil || len(values) != 20 || len(w.finished) != 20 {
			t.Fatalf("%d workers: %d values of %d trials, %v", workers, len(values), len(w.finished), err)
		}
		for n := range 20 {
			if want := max(0, n-workers+1); w.finished[n] != want || w.running[n] != min(n, workers-1) {
				t.Errorf("%d workers: trial %d knew %d finished and %d running, want %d and %d", workers, n, w.finished[n], w.running[n], want, min(n, workers-1))
			}
		}
	}
}

// A bad sampler draws what no distribution holds.
type bad struct{}

func (bad) Sample(sampler.Request, string, space.Dist) (float64, error) { return math.NaN(), nil }

func TestASamplerThatFailsIsAnError(t *testing.T) {
	p, _ := functions.New("classic_branin", 1)
	if _, err := gaps(t.Context(), p, searchWith(t, bad{}, 1), 3, 1); err == nil || !strings.Contains(err.Error(), "NaN") {
		t.Errorf("%v, want an error about NaN", err)
	}
}

func TestEachKeepsOrderAndStopsAtAnError(t *testing.T) {
	got, err := each(t.Context(), 50, func(_ context.Context, i int) (int, error) { return i * i, nil })
	for i, v := range got {
		if v != i*i {
			t.Errorf("result %d is %d, want %d", i, v, i*i)
		}
	}
	if err != nil || len(got) != 50 {
		t.Errorf("%d results, %v", len(got), err)
	}
	want := fmt.Errorf("seven")
	if _, err := each(t.Context(), 50, func(_ context.Context, i int) (int, error) {
		if i == 7 {
			return 0, want
		}
		return 0, nil
	}); err != want {
		t.Errorf("the error is %v, want %v", err, want)
	}
}

func TestQuantileInterpolates(t *testing.T) {
	for _, c := range []struct {
		values []float64
		q      float64
		want   float64
	}{
		{[]float64{3}, 0.25, 3}, {[]float64{1, 2, 3, 4}, 0.5, 2.5}, {[]float64{1, 2, 3, 4}, 0.25, 1.75},
		{[]float64{1, 2, 10}, 0.5, 2}, {[]float64{1, 2, 10}, 0, 1}, {[]float64{1, 2, 10}, 1, 10},
	} {
		if got := quantile(c.values, c.q); got != c.want {
			t.Errorf("quantile %v of %v is %v, want %v", c.q, c.values, got, c.want)
		}
	}
}

func TestTargetsHit(t *testing.T) {
	for _, c := range []struct {
		gaps []float64
		want float64 // of 51
	}{
		{[]float64{101}, 0}, {[]float64{100}, 1}, {[]float64{1}, 11}, {[]float64{0.99}, 11}, {[]float64{0}, 51},
		{[]float64{101, 0}, 25.5}, {[]float64{0.9e-8}, 51}, {[]float64{1.1e-8}, 50},
	} {
		if got := 51 * targetsHit(c.gaps); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("gaps %v hit %v targets, want %v", c.gaps, got, c.want)
		}
	}
}

func TestScoresOfAGroup(t *testing.T) {
	at := func(problem, sampler string, bests ...float64) []result {
		var list []result
		for seed, b := range bests {
			list = append(list, result{problem: problem, sampler: sampler, seed: seed, n: 100, best: b})
		}
		return list
	}
	results := slices.Concat(
		at("classic_branin", "a", 1, 2, 6), at("classic_branin", "b", 2, 2, 2),
		at("classic_levy8", "a", 10), at("classic_levy8", "b", 40),
		at("classic_alpine6", "a", 7),                          // which b has not: it does not count
		at("catchain", "a", 1e-12), at("catchain", "b", 1e-15), // both have found the minimum
		at("bbob_f01_d05", "a", 1), at("bbob_f02_d05", "b", 1), // none in common
		at("mine", "a", 0.25),
	)
	got := scores(results, map[string]float64{"classic_branin": 4, "classic_levy8": 20})
	if len(got) != 5 {
		t.Fatalf("%d scores, want 5: %+v", len(got), got)
	}
	a, b, mine := got[0], got[1], got[4]
	if got[2].rank != 1.5 || got[3].rank != 1.5 {
		t.Errorf("ranks of what differs by rounding are %v and %v, want 1.5", got[2].rank, got[3].rank)
	}
	if a.group != "classic" || a.sampler != "a" || b.sampler != "b" || len(a.problems) != 2 || a.seeds != 1 || a.n != 100 {
		t.Errorf("the scores are of %+v and %+v", a, b)
	}
	if a.rank != (1.5+1)/2 || b.rank != (1.5+2)/2 {
		t.Errorf("mean ranks are %v and %v, want 1.25 and 1.75", a.rank, b.rank)
	}
	if want := math.Sqrt(0.5 * 0.5); math.Abs(a.gmean-want) > 1e-12 {
		t.Errorf("the geometric mean is %v, want %v", a.gmean, want)
	}
	if want := (0.75 + 0.5) / 2; math.Abs(a.mean-want) > 1e-12 {
		t.Errorf("the mean is %v, want %v", a.mean, want)
	}
	if !math.IsNaN(a.targets) {
		t.Errorf("a classic problem has hit %v of the targets of BBOB", a.targets)
	}
	if mine.group != "table" || !math.IsNaN(mine.gmean) || mine.rank != 1 {
		t.Errorf("a custom table has the score %+v", mine)
	}
}

func TestResultsOfOthersAreThoseOfTheSameRuns(t *testing.T) {
	const text = "problem,sampler,seed,n,best,secs\n" +
		"jenatton,tpe5,0,5,0.5,1\n" +
		"jenatton,tpe5,0,6,0.4,1\n" + // another number of trials
		"jenatton,tpe5,9,5,0.3,1\n" + // another seed
		"levy,tpe5,0,5,0.3,1\n" + // another problem
		"jenatton,cma,0,5,0.2,1\n" +
		"jenatton,cma,1,5,,crash@3:Error\n" +
		"jenatton,np_random,3,10,8,1\n" +
		"jenatton,np_random,4,10,10,1\n"
	ours := []result{{problem: "jenatton", instance: 1, n: 5}, {problem: "jenatton", instance: 2, seed: 1, n: 5}}
	folder := t.TempDir()
	plain, packed := filepath.Join(folder, "runs.csv"), filepath.Join(folder, "runs.csv.gz")
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(text))
	w.Close()
	if os.WriteFile(plain, []byte(text), 0o644) != nil || os.WriteFile(packed, b.Bytes(), 0o644) != nil {
		t.Fatal("cannot write")
	}
	tpe := result{problem: "jenatton", instance: 1, sampler: "tpe5", n: 5, best: 0.5}
	cma := result{problem: "jenatton", instance: 1, sampler: "cma", n: 5, best: 0.2}
	for _, path := range []string{plain, packed} {
		all, err := readResults(path, ours, nil)
		if err != nil || !slices.Equal(all.results, []result{tpe, cma}) {
			t.Errorf("the results are %+v, %v; want %+v", all, err, []result{tpe, cma})
		}
		some, err := readResults(path, ours, []string{"cma"})
		if err != nil || !slices.Equal(some.results, []result{cma}) {
			t.Errorf("those of cma are %+v, %v", some, err)
		}
		if got := units(ours, all.random)["jenatton"]; got != 9 {
			t.Errorf("gaps are measured in %v, want 9", got)
		}
	}
	others := "problem,instance,sampler,seed,n,best\njenatton,1,a,0,5,1\njenatton,21,b,0,5,1\njenatton,,c,0,5,1\n"
	if one, err := parseResults(strings.NewReader(others), ours, nil); err != nil || len(one.results) != 1 ||
		one.results[0].sampler != "a" {
		t.Errorf("of the same instance are %+v, %v; want those of a", one.results, err)
	}
	own := []result{{problem: "levy", sampler: "random", seed: 0, n: 10, best: 3}, {problem: "levy", sampler: "tpe", n: 10, best: 1}}
	if got := units(own, nil)["levy"]; got != 3 {
		t.Errorf("without stored results gaps are measured in %v, want our random search's 3", got)
	}
	bad := filepath.Join(folder, "bad.csv")
	os.WriteFile(bad, []byte("problem,sampler,n,best\n"), 0o644)
	if _, err := readResults(bad, ours, nil); err == nil || !strings.Contains(err.Error(), `"seed"`) {
		t.Errorf("without a column the error is %v", err)
	}
}

func TestSummaries(t *testing.T) {
	common := []string{"quality", "--problem", "classic_branin,classic_levy8", "--sampler", "random,tpe", "--trials", "20", "--seeds", "3"}
	type byProblem struct {
		Problem, Sampler string
		N, Seeds         int
		Median, Q25, Q75 float64
	}
	rows := benchJSON[byProblem](t, append(common, "--summary", "problem")...)
	if len(rows) != 2*2*3 {
		t.Errorf("%d rows by problem, want 12", len(rows))
	}
	all := benchJSON[line](t, common...)
	for _, r := range rows {
		var bests []float64
		for _, l := range all {
			if l.Problem == r.Problem && l.Sampler == r.Sampler && l.N == r.N {
				bests = append(bests, l.Best)
			}
		}
		slices.Sort(bests)
		if r.Seeds != 3 || r.Median != bests[1] || !near(r.Q25, (bests[0]+bests[1])/2) || !near(r.Q75, (bests[1]+bests[2])/2) {
			t.Errorf("row %+v, want the quartiles of %v", r, bests)
		}
	}
	type byGroup struct {
		Group, Sampler     string
		N, Problems, Seeds int
		Targets            *float64 `json:"targets_hit_percent"`
		Gmean              *float64 `json:"gap_gmean"`
	}
	groups := benchJSON[byGroup](t, append(common, "--summary", "group")...)
	if len(groups) != 2*3 || groups[0].Problems != 2 || groups[0].Targets != nil || groups[0].Gmean == nil {
		t.Errorf("the groups are %+v", groups)
	}
}

func TestTablesAreSearchedBesideProblems(t *testing.T) {
	var problems []string
	for _, args := range [][]string{nil, {"--problem", "jenatton"}} {
		args = append(args, "--table", tableRows, "--meta", tableMeta, "--sampler", "random", "--trials", "5", "--seeds", "1")
		for _, r := range benchJSON[line](t, append([]string{"quality"}, args...)...) {
			problems = append(problems, r.Problem)
		}
	}
	if want := []string{"mlp_digits", "jenatton", "mlp_digits"}; !slices.Equal(problems, want) {
		t.Errorf("the problems are %v, want %v", problems, want)
	}
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-12*math.Abs(b) }

func TestTheNamesWithOptunaAreTheSamplersWithItsRules(t *testing.T) {
	p, err := functions.New("bbob_f01_d05", 1)
	if err != nil {
		t.Fatal(err)
	}
	search := func(e engine) []float64 {
		t.Helper()
		values, err := gaps(t.Context(), p, e, 60, 1)
		if err != nil {
			t.Fatal(err)
		}
		return values
	}
	for _, c := range []struct {
		name         string
		named, usual sampler.Sampler
	}{
		{"tpe-optuna", &sampler.TPE{Optuna: true}, &sampler.TPE{}},
		{"cmaes-optuna", &sampler.CMAES{Optuna: true}, &sampler.CMAES{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			const seed = 3
			e, err := openStudy(t.Context(), c.name, plan{seed: samplerSeed(seed), trials: 60, workers: 1})
			if err != nil {
				t.Fatal(err)
			}
			got := search(e)
			if want := search(searchWith(t, c.named, seed)); !slices.Equal(got, want) {
				t.Errorf("the gaps are %v, want %v", got, want)
			}
			if other := search(searchWith(t, c.usual, seed)); slices.Equal(got, other) {
				t.Error("the gaps are those of the default rules")
			}
		})
	}
}

package main

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
)

// storedResults are results of a file, to compare with ours.
type storedResults struct {
	results []result // of the problems, seeds and numbers of trials of ours

	// random is what random search had after unitTrials trials, with whatever
	// seed, by problem.
	random map[string][]float64
}

// Gaps are multiples of the median gap of random search after unitTrials trials.
const (
	unitTrials   = 10
	storedRandom = "np_random"
	ourRandom    = "random"
)

// readResults reads a file of results: those of the named samplers, or of all
// of them. A run that did not end well is left out.
func readResults(path string, ours []result, samplers []string) (storedResults, error) {
	f, err := os.Open(path)
	if err != nil {
		return storedResults{}, err
	}
	defer f.Close()
	plain := bufio.NewReader(f)
	// By its first bytes, as files are renamed.
	if magic, err := plain.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(plain)
		if err != nil {
			return storedResults{}, fmt.Errorf("%s: %w", path, err)
		}
		plain = bufio.NewReader(z)
	}
	stored, err := parseResults(plain, ours, samplers)
	if err != nil {
		return storedResults{}, fmt.Errorf("%s: %w", path, err)
	}
	return stored, nil
}

// A match is the key by which results are matched.
type match struct {
	problem           string
	instance, seed, n int
}

// parseResults reads line by line, since such files can be large.
func parseResults(r io.Reader, ours []result, samplers []string) (storedResults, error) {
	stored := storedResults{random: map[string][]float64{}}
	wanted := map[match]bool{}
	for _, o := range ours {
		wanted[match{o.problem, o.instance, o.seed, o.n}] = true
	}
	table := csv.NewReader(r)
	table.ReuseRecord = true
	head, err := table.Read()
	if err != nil {
		return stored, fmt.Errorf("the names of the columns: %w", err)
	}
	var at [5]int
	// By name, since columns may come in any order.
	for i, name := range []string{"problem", "sampler", "seed", "n", "best"} {
		if at[i] = slices.Index(head, name); at[i] < 0 {
			return stored, fmt.Errorf("no column is called %q", name)
		}
	}
	instanceAt := slices.Index(head, "instance")
	for {
		record, err := table.Read()
		if errors.Is(err, io.EOF) {
			return stored, nil
		}
		if err != nil {
			return stored, err
		}
		seed, err1 := strconv.Atoi(record[at[2]])
		n, err2 := strconv.Atoi(record[at[3]])
		best, err3 := strconv.ParseFloat(record[at[4]], 64)
		instance, err4 := 1+seed%5, error(nil)
		if instanceAt >= 0 {
			instance, err4 = strconv.Atoi(record[instanceAt])
		}
		if cmp.Or(err1, err2, err3, err4) != nil {
			continue
		}
		o := result{problem: record[at[0]], instance: instance, sampler: record[at[1]], seed: seed, n: n, best: best}
		if o.sampler == storedRandom && n == unitTrials {
			stored.random[o.problem] = append(stored.random[o.problem], best)
		}
		// Only what compares: the same problem, seed and number of trials.
		if wanted[match{o.problem, instance, seed, n}] && (len(samplers) == 0 || slices.Contains(samplers, o.sampler)) {
			stored.results = append(stored.results, o)
		}
	}
}

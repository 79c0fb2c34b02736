package main

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
)

// readResults returns the results in a file that were found on the problems,
// with the seeds and after the numbers of trials of ours: of the named
// samplers, or of all of them. A run that did not end well is left out.
func readResults(path string, ours []result, samplers []string) ([]result, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	plain := bufio.NewReader(f)
	if magic, err := plain.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(plain)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		plain = bufio.NewReader(z)
	}
	stored, err := parseResults(plain, ours, samplers)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return stored, nil
}

// A match is what results are matched by.
type match struct {
	problem string
	seed, n int
}

func parseResults(r io.Reader, ours []result, samplers []string) ([]result, error) {
	wanted := map[match]bool{}
	for _, o := range ours {
		wanted[match{o.problem, o.seed, o.n}] = true
	}
	table := csv.NewReader(r)
	table.ReuseRecord = true
	head, err := table.Read()
	if err != nil {
		return nil, fmt.Errorf("the names of the columns: %w", err)
	}
	var at [5]int
	for i, name := range []string{"problem", "sampler", "seed", "n", "best"} {
		if at[i] = slices.Index(head, name); at[i] < 0 {
			return nil, fmt.Errorf("no column is called %q", name)
		}
	}
	var stored []result
	for {
		record, err := table.Read()
		if errors.Is(err, io.EOF) {
			return stored, nil
		}
		if err != nil {
			return nil, err
		}
		seed, err1 := strconv.Atoi(record[at[2]])
		n, err2 := strconv.Atoi(record[at[3]])
		best, err3 := strconv.ParseFloat(record[at[4]], 64)
		if err1 != nil || err2 != nil || err3 != nil {
			continue
		}
		o := result{problem: record[at[0]], sampler: record[at[1]], seed: seed, n: n, best: best}
		if wanted[match{o.problem, seed, n}] && (len(samplers) == 0 || slices.Contains(samplers, o.sampler)) {
			stored = append(stored, o)
		}
	}
}

package main

import (
	"strings"
	"testing"
)

// fidelityLine is a line of fidelity's output.
type fidelityLine struct {
	Task, Search          string
	Seed, Trainings, Full int
	Best, Regret          *float64
	Unit                  float64 `json:"unit_seconds"`
}

func TestFidelitySearchesForTheTimeOfTrainings(t *testing.T) {
	rows := benchJSON[fidelityLine](t, "fidelity", "--task", "iris", "--sampler", "random", "--trainings", "2,12", "--seeds", "1")
	if len(rows) != 2*len(fidelitySearches) {
		t.Fatalf("there are %d rows, want %d: %+v", len(rows), 2*len(fidelitySearches), rows)
	}
	trained := map[string]int{}
	for _, r := range rows {
		if !(r.Unit > 0) || r.Trainings == 12 && (r.Best == nil || !(*r.Best > 0) || !(*r.Regret >= 0)) {
			t.Errorf("%+v: want a loss and a regret", r)
		}
		trained[r.Search] = r.Full // the larger budget comes last
	}
	// The time that goes into stages and rungs is not there for full trainings.
	for search, n := range trained {
		if n < 1 || n > 60 || strings.HasPrefix(search, "data+") && n >= trained["full"] {
			t.Errorf("%s made %d full trainings, and full %d", search, n, trained["full"])
		}
	}
	for arguments, want := range map[string]string{
		"--search best":     `--search has "best", want some of full, epochs+halving, `,
		"--task cifar":      `--task is "cifar", want some of digits, `,
		"--seeds 0":         "--seeds is 0, want at least 1",
		"--trainings 0":     `--trainings is "0", want numbers of at least 1`,
		"--summary all":     `--summary is "all", want task, rank or test`,
		"--sampler no-such": `sampler is "no-such", want one of`,
	} {
		code, out, messages := bench(t, append([]string{"fidelity"}, strings.Fields(arguments)...)...)
		if code != 2 || out != "" || !strings.Contains(messages, want) {
			t.Errorf("%s: exit code %d, %s, want 2 and %q", arguments, code, messages, want)
		}
	}
}

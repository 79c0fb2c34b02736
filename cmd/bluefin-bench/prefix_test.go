package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A saving is a row of bluefin-bench prefix.
type saving struct {
	Task    string  `json:"task"`
	Low     int     `json:"min_frozen"`
	High    int     `json:"max_frozen"`
	Trials  int     `json:"trials"`
	Epochs  int     `json:"epochs"`
	Once    string  `json:"frozen_once_per"`
	Seconds float64 `json:"cpu_s"`
	Factor  float64 `json:"factor"`
	Equal   int     `json:"equal_trials"`
	MiB     float64 `json:"cache_mib"`
}

// texts writes a file of texts of two classes that the tiny encoder knows, with
// other names of its columns than they usually have.
func texts(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("mail,kind\n")
	for i := range 40 {
		fmt.Fprintf(&b, "%s number %d,%d\n", []string{"the dog", "a cat"}[i%2], i, i%2)
	}
	path := filepath.Join(t.TempDir(), "texts.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPrefixSavesWhatFrozenBlocksCost(t *testing.T) {
	for task, c := range map[string]struct {
		blocks int
		args   []string
	}{
		"text":    {3, []string{"--model", tinyEncoder, "--train", texts(t), "--text-column", "mail", "--label-column", "kind", "--max-length", "5"}},
		"fashion": {4, []string{"--examples", "60"}},
		"digits":  {3, []string{"--examples", "0", "--turns", "2", "--seed", "7"}},
	} {
		args := append([]string{"prefix", "--task", task, "--trials", "4", "--epochs", "2", "--min-frozen", "0, half"}, c.args...)
		rows := benchJSON[saving](t, args...)
		if len(rows) != 6 {
			t.Fatalf("%s: there are %d rows, want 6", task, len(rows))
		}
		for i, r := range rows {
			want := r
			want.Task, want.Low, want.High, want.Trials, want.Equal = task, []int{0, (c.blocks + 1) / 2}[i/3], c.blocks, 4, 4
			want.Once, want.Epochs = []string{"epoch", "training", "study"}[i%3], rows[i-i%3].Epochs
			if r != want {
				t.Errorf("%s: row %d is %+v, want %+v", task, i, r, want)
			}
			if f := rows[i-i%3].Seconds / r.Seconds; r.Seconds <= 0 || r.Factor < f*0.99 || r.Factor > f*1.01 {
				t.Errorf("%s: row %d has the factor %v, want %v", task, i, r.Factor, f)
			}
			if r.Epochs < 4 || r.Epochs > 8 {
				t.Errorf("%s: row %d has %d epochs, want 1 to 2 in each of 4 trials", task, i, r.Epochs)
			}
			if (r.MiB > 0) != (r.Once == "study") {
				t.Errorf("%s: row %d has a cache of %v MiB", task, i, r.MiB)
			}
		}
	}
}

// The factor of convolutions is so large that it shows on any machine.
func TestPrefixComputesFrozenBlocksOnce(t *testing.T) {
	rows := benchJSON[saving](t, "prefix", "--task", "fashion", "--trials", "3", "--epochs", "8", "--min-frozen", "4", "--examples", "100")
	for _, r := range rows[1:] {
		if r.Factor < 2 {
			t.Errorf("once per %s: the factor is %v, want at least 2", r.Once, r.Factor)
		}
	}
}

func TestTrialsAreEqualIfAllIs(t *testing.T) {
	base := func() outcome { return outcome{seconds: 1, value: 0.1, attrs: map[string]string{"loss": "0.1"}} }
	if later := base(); !later.same(base()) {
		t.Error("an outcome is not the same as itself")
	}
	slow := base()
	slow.seconds = 2
	if !slow.same(base()) {
		t.Error("the time makes a difference")
	}
	for name, change := range map[string]func(*outcome){
		"the value":      func(o *outcome) { o.value = math.Nextafter(0.1, 1) },
		"an attribute":   func(o *outcome) { o.attrs["loss"] = "0.2" },
		"the weights":    func(o *outcome) { o.weights = append(o.weights, [32]byte{1}) },
		"its attributes": func(o *outcome) { o.attrs["more"] = "0.1" },
	} {
		o := base()
		if change(&o); o.same(base()) {
			t.Errorf("%s makes no difference", name)
		}
	}
	if n := (economy{trials: []outcome{base(), base()}}).equal(economy{trials: []outcome{base(), {}}}); n != 1 {
		t.Errorf("%d trials are equal, want 1", n)
	}
}

func TestPrefixExplainsAMistake(t *testing.T) {
	for args, want := range map[string]string{
		"":                                   "--model is empty, which --task text needs",
		"--model " + tinyEncoder:             "--train is empty, which --task text needs",
		"--task words":                       `--task is "words", want text, fashion or digits`,
		"--trials 0":                         "--trials is 0, want at least 1",
		"--turns 0":                          "--turns is 0, want at least 1",
		"--examples -1":                      "--examples is -1, want at least 0",
		"--epochs -1":                        "--epochs is -1, want at least 0",
		"--model x --train y --max-length 2": "--max-length is 2, want at least 3",
		"--task digits --min-frozen 4":       `--min-frozen is "4", want numbers from 0 to 3, or half`,
		"--task digits --min-frozen -1":      `--min-frozen is "-1"`,
		"--task digits --min-frozen ,":       "--min-frozen is empty",
	} {
		code, out, messages := bench(t, append([]string{"prefix"}, strings.Fields(args)...)...)
		if code != exitUsage || !strings.Contains(messages, want) || strings.Count(messages, "\n") != 1 || out != "" {
			t.Errorf("%s: exit code %d, %q, %q; want %d and %q", args, code, out, messages, exitUsage, want)
		}
	}
	code, _, messages := bench(t, "prefix", "--model", tinyEncoder, "--train", "nowhere.csv")
	if code != exitError || !strings.Contains(messages, "nowhere.csv") || strings.Count(messages, "\n") != 1 {
		t.Errorf("exit code %d, %q", code, messages)
	}
}

func TestPrefixEndsWithASignal(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, messages bytes.Buffer
	if code := run(ctx, []string{"bluefin-bench", "prefix", "--task", "digits"}, &out, &messages); code != exitInterrupted || out.Len() != 0 {
		t.Errorf("exit code %d, %q, %q; want %d and no data", code, out.String(), messages.String(), exitInterrupted)
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
)

func predict(t *testing.T, stdin io.Reader, flags ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	app := newApp(&dataWriter{w: &out}, &err)
	app.Reader = stdin
	if e := app.RunContext(t.Context(), append([]string{"bluefin", "predict"}, flags...)); e != nil {
		return 1, out.String(), e.Error()
	}
	return 0, out.String(), err.String()
}

// bestTestAccuracy is what the study says of its best trial.
func bestTestAccuracy(t *testing.T, db, name string) float64 {
	t.Helper()
	storage, err := sqlite.Open(t.Context(), db, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer storage.Close()
	s, err := study.Load(t.Context(), study.Config{Name: name, Storage: storage})
	if err != nil {
		t.Fatal(err)
	}
	best, err := s.Best(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return testAccuracy(t, best)
}

// The predictions on the test file are those that the study judged by.
func TestPredictRepeatsWhatTheStudySaid(t *testing.T) {
	dir := t.TempDir()
	test := put(t, filepath.Join(dir, "test.csv"), strings.ReplaceAll(rowsOf(700), "1000,", "1,"))
	texts := put(t, filepath.Join(dir, "texts.csv"), messages(90))
	for name, flags := range map[string][]string{
		"table": {"--train", put(t, filepath.Join(dir, "train.csv"), rowsOf(60)), "--test", test, "--ignore-columns", "id"},
		"cls":   {"--model", "../../objective/finetune/internal/bert/testdata/tiny", "--train", texts, "--test", texts, "--pooling", "cls", "--max-length", "9"},
		"mean":  {"--model", "../../objective/finetune/internal/bert/testdata/tiny", "--train", texts, "--test", texts, "--pooling", "mean"},
	} {
		db, folder := filepath.Join(dir, name+".db"), filepath.Join(dir, name)
		if code, stderr := search(t, append(flags, "--storage", db, "--study-name", name, "--output", folder, "--durability", "normal")...); code != 0 {
			t.Fatal(code, stderr)
		}
		input := texts
		if name == "table" {
			input = test
		}
		file := filepath.Join(dir, name+"-predictions.csv")
		code, _, stderr := predict(t, nil, "--model", folder, "--input", input, "-o", file)
		want := bestTestAccuracy(t, db, name)
		if code != 0 || !strings.Contains(stderr, fmt.Sprintf("accuracy %.1f %%", 100*want)) {
			t.Errorf("%s: exit code %d and %q, want an accuracy of %v", name, code, stderr, want)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		right := 0
		got, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(input)
		if err != nil {
			t.Fatal(err)
		}
		truth, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
		if err != nil || len(truth) != len(got) {
			t.Fatalf("%s: there are %d lines, want %d (%v)", name, len(got), len(truth), err)
		}
		at := len(truth[0]) - 1
		if name != "table" {
			at = 1
		}
		for i, record := range got[1:] {
			if record[0] == truth[i+1][at] {
				right++
			}
			sum := 0.0
			for _, p := range record[1:] {
				x, err := strconv.ParseFloat(p, 64)
				if err != nil {
					t.Fatal(err)
				}
				sum += x
			}
			if sum < 0.99999 || sum > 1.00001 {
				t.Errorf("%s: the probabilities of row %d add up to %v", name, i, sum)
			}
		}
		if accuracy := float64(right) / float64(len(got)-1); accuracy != want {
			t.Errorf("%s: the accuracy is %v, want %v", name, accuracy, want)
		}
		// The same from standard input, to standard output, and once more.
		code, stdout, _ := predict(t, bytes.NewReader(b), "--model", folder, "--input", "-")
		if code != 0 || stdout != string(text) {
			t.Errorf("%s: from standard input the predictions are others", name)
		}
		if code, _, stderr := predict(t, nil, "--model", folder, "--input", input, "-o", file); code != 0 {
			t.Errorf("%s: once more: %s", name, stderr)
		}
	}
}

func TestPredictSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "table")
	train := put(t, filepath.Join(dir, "train.csv"), rowsOf(60))
	if code, stderr := search(t, "--train", train, "--storage", filepath.Join(dir, "s.db"), "--output", folder, "--ignore-columns", "id"); code != 0 {
		t.Fatal(code, stderr)
	}
	// Columns in another order, without labels, with a new category and a gap.
	if code, stdout, stderr := predict(t, strings.NewReader("colour\tx\npink\t1\n\t\n"), "--model", folder, "--input", "-"); code != 0 || strings.Count(stdout, "\n") != 3 || stderr != "" {
		t.Errorf("exit code %d, %q and %q, want two predictions and no word", code, stdout, stderr)
	}
	long := "x,colour\n" + strings.Repeat("1,red\n", 1000)
	mine := put(t, filepath.Join(dir, "mine.csv"), "my,own\n1,2\n")
	digits := filepath.Join(dir, "digits")
	if code, stderr := search(t, "--storage", filepath.Join(dir, "d.db"), "--output", digits, "--trials", "1"); code != 0 {
		t.Fatal(code, stderr)
	}
	for name, c := range map[string]struct {
		input string
		flags []string
		want  string
	}{
		"no column":          {"colour\nred\n", nil, `the input has no column "x", want all that the network was trained on; there are ["colour"]`},
		"a word":             {long + "one,red\n", nil, `standard input:1002: column "x": the value is "one"`},
		"a decimal comma":    {"x;colour\n1,5;red\n", nil, "is it a decimal comma?"},
		"ragged":             {long + "1\n", nil, "standard input:1002: the row has 1 fields, want 2"},
		"not UTF-8":          {latin1("x,colour\n1,grün\n"), nil, "(--encoding latin-1, cp1252 or utf-16 says what it is)"},
		"no rows":            {"x,colour\n", nil, "standard input: there are no rows"},
		"nothing":            {"", nil, "standard input: the file is empty"},
		"no file":            {"", []string{"--input", filepath.Join(dir, "none.csv")}, "--input: open"},
		"no folder":          {"", []string{"--model", filepath.Join(dir, "none")}, "--model: open"},
		"no network":         {"", []string{"--model", dir}, "which has neither features.json nor config.json"},
		"digits":             {"", []string{"--model", digits}, "want a folder that finetune --output wrote for texts or a table"},
		"no head":            {"", []string{"--model", "../../objective/finetune/internal/bert/testdata/tiny"}, "has no head for a task"},
		"an output of mine":  {"x,colour\n1,red\n", []string{"-o", mine}, "it exists and is not an earlier output of this command"},
		"a column for texts": {"", []string{"--text-column", "x"}, "--text-column is for networks of texts"},
	} {
		out := filepath.Join(dir, "out.csv")
		code, _, stderr := predict(t, strings.NewReader(c.input), append([]string{"--model", folder, "--input", "-", "-o", out}, c.flags...)...)
		if code == 0 || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: exit code %d and %q, want %q", name, code, stderr, c.want)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: there is a part of the output", name)
		}
	}
	if b, _ := os.ReadFile(mine); string(b) != "my,own\n1,2\n" {
		t.Error("a file of mine was written over")
	}
	if all, _ := filepath.Glob(filepath.Join(dir, ".bluefin-*")); len(all) > 0 {
		t.Errorf("%q are left", all)
	}
}

// Waiting for standard input can be interrupted.
func TestPredictIsInterrupted(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "table")
	train := put(t, filepath.Join(dir, "train.csv"), rowsOf(60))
	if code, stderr := search(t, "--train", train, "--storage", filepath.Join(dir, "s.db"), "--output", folder, "--trials", "1"); code != 0 {
		t.Fatal(code, stderr)
	}
	ctx, cancel := context.WithCancel(t.Context())
	in, out := io.Pipe()
	defer out.Close()
	var stdout bytes.Buffer
	time.AfterFunc(20*time.Millisecond, cancel)
	p := predictCommand{model: folder, input: "-", encoding: "utf-8"}
	if err := p.run(ctx, console{in: in, out: &dataWriter{w: &stdout}, err: io.Discard}); err != errInterrupted {
		t.Errorf("error is %v, want the interruption", err)
	}
}

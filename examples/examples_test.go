// Package examples has no code of its own: its tests run the programs in its
// folders, and the programs and commands that README.md shows.
package examples

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// bin is the folder of all examples and of the command bluefin, built.
var bin string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "bluefin-examples")
		if err == nil {
			defer os.RemoveAll(dir)
			bin = dir
			var out []byte
			if out, err = exec.Command("go", "build", "-o", dir+"/", "./...", "../cmd/bluefin").CombinedOutput(); err != nil {
				err = fmt.Errorf("build: %w\n%s", err, out)
			}
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// watch walks through the module, because the cache of go test knows the files that a test reads,
// not the sources of the programs that it runs.
var watch = sync.OnceValue(func() error {
	return filepath.WalkDir("..", func(_ string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // gone in the meantime
			return nil
		case err == nil && d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		}
		return err
	})
})

// command is an example or bluefin, to be run in dir.
func command(t *testing.T, dir, name string, args ...string) *exec.Cmd {
	t.Helper()
	if err := watch(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(bin, name), args...)
	cmd.Dir = dir
	cmd.Env = slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, "BLUEFIN_STORAGE=") })
	return cmd
}

// output runs a program to its end and returns the lines that it prints.
func output(t *testing.T, dir, name string, args ...string) []string {
	t.Helper()
	out, err := command(t, dir, name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

// match returns the groups of pattern in each of the lines, all of which must
// match it.
func match(t *testing.T, pattern string, lines ...string) [][]string {
	t.Helper()
	var all [][]string
	for _, line := range lines {
		groups := regexp.MustCompile("^" + pattern + "$").FindStringSubmatch(line)
		if groups == nil {
			t.Fatalf("line %q does not match %s", line, pattern)
		}
		all = append(all, groups[1:])
	}
	return all
}

func float(t *testing.T, s string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// files fails the test unless dir holds the given files and nothing else.
func files(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, want) {
		t.Errorf("the folder has %v, want %v", got, want)
	}
}

func TestQuickstartFindsTheMinimum(t *testing.T) {
	dir := t.TempDir()
	lines := output(t, dir, "quickstart")
	if len(lines) != 5 {
		t.Fatalf("%d lines, want 5:\n%s", len(lines), strings.Join(lines, "\n"))
	}
	if loss := float(t, match(t, `Best of 50 trials: trial \d+ with loss (\S+)`, lines[0])[0][0]); loss > 0.2 {
		t.Errorf("the best loss is %v, want at most 0.2 (the minimum is 0)", loss)
	}
	momentum := float(t, match(t, `  momentum +(\S+)`, lines[1])[0][0])
	rate := float(t, match(t, `  learning_rate +(\S+)`, lines[2])[0][0])
	if momentum < 0.6 || momentum > 1 || rate < 0.003 || rate > 0.03 {
		t.Errorf("momentum is %v and learning_rate is %v, want near 0.9 and 0.01", momentum, rate)
	}
	match(t, `  layers +[234]`, lines[3])
	match(t, `  activation +relu`, lines[4])
	files(t, dir)
}

func TestFinetunePrunesAndFindsTheBest(t *testing.T) {
	dir := t.TempDir()
	lines := output(t, dir, "finetune")
	if len(lines) != 21 {
		t.Fatalf("%d lines, want 21:\n%s", len(lines), strings.Join(lines, "\n"))
	}
	best, pruned := "", 0
	trials := match(t, `trial ([ \d]\d)  (COMPLETE|PRUNED)\s+after [ \d]\d epochs with loss \[(\S+)\]   learning_rate=\S+  batch_size=\d+  frozen_layers=[0-3]`, lines[:20]...)
	for i, groups := range trials {
		if n := strings.TrimSpace(groups[0]); n != strconv.Itoa(i) {
			t.Errorf("line %d is of trial %s", i, n)
		}
		if groups[1] == "PRUNED" {
			pruned++
		} else if best == "" || float(t, groups[2]) < float(t, best) {
			best = groups[2]
		}
	}
	if pruned == 0 || pruned > 15 { // the first five complete trials are never pruned
		t.Errorf("%d of 20 trials were pruned, want 1 to 15", pruned)
	}
	last := match(t, `Best: trial \d+ with validation loss (\S+), test accuracy (\S+)`, lines[20])[0]
	if last[0] != best {
		t.Errorf("the best loss is %s, but a trial shows %s", last[0], best)
	}
	if accuracy := float(t, last[1]); accuracy < 0.9 || accuracy > 1 {
		t.Errorf("the test accuracy is %v, want 0.9 to 1", accuracy)
	}
	files(t, dir)
}

// trialLines returns the lines that begin with "trial".
func trialLines(lines []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(s string) bool { return !strings.HasPrefix(s, "trial") })
}

func TestResumeContinuesAsIfNeverStopped(t *testing.T) {
	dir := t.TempDir()
	whole := output(t, dir, "resume", "-storage", "whole.db", "-limit", "0")
	var parts []string
	for run, want := range []int{8, 8, 4, 0} {
		lines := output(t, dir, "resume")
		if n := len(trialLines(lines)); n != want {
			t.Errorf("run %d had %d trials, want %d", run, n, want)
		}
		end := "All 20 trials are done. .*"
		if run < 2 {
			end = "Stopped: .* Run it again to resume."
		}
		match(t, end, lines[len(lines)-1])
		parts = append(parts, trialLines(lines)...)
	}
	if want := trialLines(whole); len(want) != 20 || !slices.Equal(parts, want) {
		t.Errorf("the runs printed\n%s\nwant as in one run\n%s", strings.Join(parts, "\n"), strings.Join(want, "\n"))
	}
	files(t, dir, "resume.db", "resume.db.lock", "whole.db", "whole.db.lock")
}

func TestResumeContinuesAfterASignal(t *testing.T) {
	for name, signal := range map[string]os.Signal{"interrupt": os.Interrupt, "kill -9": os.Kill} {
		t.Run(name, func(t *testing.T) {
			if signal == os.Interrupt && runtime.GOOS == "windows" {
				t.Skip("Windows cannot send an interrupt")
			}
			dir := t.TempDir()
			cmd := command(t, dir, "resume", "-limit", "0")
			pipe, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			before := 0
			for lines := bufio.NewScanner(pipe); lines.Scan(); {
				if !strings.HasPrefix(lines.Text(), "trial") {
					continue
				}
				if before++; before == 3 {
					if err := cmd.Process.Signal(signal); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := cmd.Wait(); (err == nil) != (signal == os.Interrupt) {
				t.Errorf("the first run ended with %v", err)
			}
			if before < 3 || before == 20 {
				t.Fatalf("the first run had %d trials, want to stop it in between", before)
			}

			after := trialLines(output(t, dir, "resume", "-limit", "0"))
			// A trial may be saved by a program that is killed before it prints.
			if n := before + len(after); n != 20 && (signal != os.Kill || n != 19) {
				t.Errorf("the runs printed %d and %d trials, want 20 in total", before, len(after))
			}
			for i, s := range states(t, filepath.Join(dir, "resume.db")) {
				if s != trial.Complete {
					t.Errorf("trial %d is %v, want %v", i, s, trial.Complete)
				}
			}
		})
	}
}

// states returns the states of the 20 trials in a file of the example resume.
func states(t *testing.T, path string) (all []trial.State) {
	t.Helper()
	ctx := context.Background()
	db, err := sqlite.Open(ctx, path, sqlite.Options{MustExist: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s, err := study.Load(ctx, study.Config{Name: "resume", Storage: db})
	if err != nil {
		t.Fatal(err)
	}
	trials, err := s.Trials(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(trials) != 20 {
		t.Fatalf("the file has %d trials, want 20", len(trials))
	}
	for _, tr := range trials {
		all = append(all, tr.State)
	}
	return all
}

func TestAskTellImprovesByRounds(t *testing.T) {
	dir := t.TempDir()
	rounds := match(t, `round +(\d+): +(\d+) trials, best (\S+)`, output(t, dir, "asktell")...)
	if len(rounds) != 10 {
		t.Fatalf("%d rounds, want 10", len(rounds))
	}
	for i, groups := range rounds {
		if groups[0] != strconv.Itoa(i+1) || groups[1] != strconv.Itoa(4*(i+1)) {
			t.Errorf("round %d is %v", i+1, groups)
		}
		if i > 0 && float(t, groups[2]) > float(t, rounds[i-1][2]) {
			t.Errorf("the best of round %d is worse than before", i+1)
		}
	}
	if best := float(t, rounds[9][2]); best > 0.5 {
		t.Errorf("the best is %v, want at most 0.5 (the minimum is 0)", best)
	}
	files(t, dir)
}

func TestCustomSamplerBeatsRandom(t *testing.T) {
	dir := t.TempDir()
	lines := output(t, dir, "customsampler")
	best := match(t, `best of 200 trials: local (\S+), random (\S+)`, lines...)[0]
	if local, random := float(t, best[0]), float(t, best[1]); local > random/4 {
		t.Errorf("local search found %v and random search %v, want less than a fourth", local, random)
	}
	files(t, dir)
}

func TestExportIsReadBack(t *testing.T) {
	dir := t.TempDir()
	lines := output(t, dir, "export", "-output", "chosen.json")
	files(t, dir, "chosen.json")
	text, err := os.ReadFile(filepath.Join(dir, "chosen.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		LearningRate float64 `json:"learning_rate"`
		Layers       int
		Optimizer    string
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if file.LearningRate < 1e-5 || file.Layers != 4 || file.Optimizer != "adam" {
		t.Errorf("the file has %+v, want a learning rate, 4 layers and adam", file)
	}
	if got, want := lines[len(lines)-1], fmt.Sprintf("%+v", file); got != want {
		t.Errorf("the struct is %s, but the file has %s", got, want)
	}

	dir = t.TempDir()
	output(t, dir, "export")
	files(t, dir, "best.json")
}

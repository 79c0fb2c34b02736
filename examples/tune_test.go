package examples

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// tuned runs bluefin tune on a script of an example and returns what it prints.
func tuned(t *testing.T, script string, args ...string) string {
	t.Helper()
	path, err := filepath.Abs(script)
	if err != nil {
		t.Fatal(err)
	}
	for i, arg := range args {
		if arg == "SCRIPT" {
			args[i] = path
		}
	}
	return strings.Join(output(t, t.TempDir(), "bluefin", append([]string{"tune"}, args...)...), "\n")
}

func TestTuneShellFindsABlockSize(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the script is for a Unix shell")
	}
	got := tuned(t, "tune-shell/benchmark.sh", "--metric", "seconds", "--trials", "4", "block=512..1048576:log", "--", "sh", "SCRIPT", "{block}", "{trial_dir}")
	if !strings.Contains(got, "Best of 4 trials: trial ") || !strings.Contains(got, "seconds 0.") {
		t.Errorf("got\n%s", got)
	}
}

func TestTuneSklearnImprovesTheAccuracy(t *testing.T) {
	python := torchPython(t)
	got := tuned(t, "tune-sklearn/train.py", "--metric", "accuracy", "--trials", "6", "--workers", "2", "--seed", "1",
		"learning_rate=1e-4..1:log", "hidden=8..64", "alpha=1e-6..1:log", "--", python, "SCRIPT")
	if !strings.Contains(got, "Maximizing accuracy") || !strings.Contains(got, "Best of 6 trials: trial ") || !strings.Contains(got, "accuracy 0.9") {
		t.Errorf("got\n%s", got)
	}
}

// The guide's files are written and its commands run, one after the other, with fewer trials. The script
// that is changed gets at most three new lines.
func TestTuneGuideRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("it trains for half a minute")
	}
	python, dir := torchPython(t), t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run := func(line string) string {
		cmd := command(t, dir, "bluefin")
		cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-ec", line}
		cmd.Env = append(cmd.Env, "PATH="+bin+":"+filepath.Dir(python)+":"+os.Getenv("PATH"), "OMP_NUM_THREADS=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
		return string(out)
	}
	text, err := os.ReadFile("../docs/tune.md")
	if err != nil {
		t.Fatal(err)
	}
	_, guide, _ := strings.Cut(string(text), "\n## From a script")
	guide, _, _ = strings.Cut(guide, "\n## ")
	write("guide.md", guide)
	ran, fewer := 0, strings.NewReplacer("--trials 20", "--trials 2", "--trials 30", "--trials 3", "trials: 40", "trials: 4")
	for _, b := range blocks(t, filepath.Join(dir, "guide.md")) {
		first, rest, _ := strings.Cut(b.text, "\n")
		switch b.language {
		case "python", "yaml":
			write(strings.TrimPrefix(first, "# "), fewer.Replace(b.text))
		case "diff":
			_, rest, _ = strings.Cut(rest, "\n")
			var before, after strings.Builder
			added := 0
			for line := range strings.Lines(rest) {
				if line[0] != '+' {
					before.WriteString(line[1:])
				}
				if line[0] != '-' {
					after.WriteString(line[1:])
				}
				if line[0] == '+' {
					added++
				}
			}
			name := strings.TrimPrefix(first, "--- ")
			write(name, before.String())
			if out := run("python " + name); added > 3 || !strings.HasPrefix(out, "accuracy: 0.9") {
				t.Errorf("the script before its %d new lines printed %q, want an accuracy and at most 3", added, out)
			}
			write(name, after.String())
		case "sh":
			t.Log(run(fewer.Replace(b.text)))
			ran++
		}
	}
	if ran < 4 {
		t.Errorf("the guide has %d blocks of commands", ran)
	}
}

// torchPython is a Python with PyTorch, transformers, Lightning, W&B and scikit-learn.
func torchPython(t *testing.T) string {
	t.Helper()
	python := os.Getenv("BLUEFIN_TORCH_PYTHON")
	if python == "" && os.Getenv("CI") == "true" {
		t.Fatal("BLUEFIN_TORCH_PYTHON names no Python with PyTorch")
	}
	if python == "" {
		t.Skip("BLUEFIN_TORCH_PYTHON names no Python with PyTorch")
	}
	return python
}

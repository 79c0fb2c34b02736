package examples

import (
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

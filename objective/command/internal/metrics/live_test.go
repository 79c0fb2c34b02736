package metrics

import (
	"bytes"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// While a real library writes, all that is read is the beginning of what it logs.
func TestLibrariesThatWrite(t *testing.T) {
	if testing.Short() {
		t.Skip("imports large libraries")
	}
	for _, c := range []struct{ library, source, python string }{
		{"tensorboard", "tfevents", "BLUEFIN_TORCH_PYTHON"},
		{"lightning", "csv", "BLUEFIN_TORCH_PYTHON"},
		{"wandb", "wandb", "BLUEFIN_TORCH_PYTHON"},
		{"mlflow-sqlite", "mlflow", "BLUEFIN_TRACKING_PYTHON"},
		{"mlflow-files", "mlflow", "BLUEFIN_TRACKING_PYTHON"},
		{"dvclive", "dvclive", "BLUEFIN_TRACKING_PYTHON"},
	} {
		t.Run(c.library, func(t *testing.T) {
			python := os.Getenv(c.python)
			switch {
			case python == "" && os.Getenv("CI") == "true":
				t.Fatalf("%s names no Python", c.python)
			case python == "":
				t.Skipf("%s names no Python with this library", c.python)
			}
			folder := t.TempDir()
			var output, problems bytes.Buffer
			cmd := exec.Command(python, "testdata/live.py", c.library, folder)
			cmd.Stdout, cmd.Stderr = &output, &problems
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			f := follow(folder, "loss")
			key, growing := c.source+" loss", 0
			for running := true; running; {
				select {
				case err := <-ended:
					if running = false; err != nil {
						t.Fatalf("%v: %s", err, &problems)
					}
				case <-time.After(5 * time.Millisecond):
				}
				before := len(f.points[key])
				f.look()
				if before > 0 && len(f.points[key]) > before {
					growing++
				}
			}
			want := strings.Split(strings.TrimSpace(output.String()), "\n")
			if got := f.points[key]; !slices.Equal(got, want) || growing < 2 {
				t.Errorf("got %s in %d looks, want %s", got, growing, want)
			}
			t.Logf("%d looks with news", growing)
		})
	}
}

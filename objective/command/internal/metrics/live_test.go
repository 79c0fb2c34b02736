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
	python := os.Getenv("BLUEFIN_TORCH_PYTHON")
	switch {
	case testing.Short():
		t.Skip("imports large libraries")
	case python == "" && os.Getenv("CI") == "true":
		t.Fatal("BLUEFIN_TORCH_PYTHON names no Python")
	case python == "":
		t.Skip("BLUEFIN_TORCH_PYTHON names no Python, which may have some of these libraries")
	}
	for library, source := range map[string]string{
		"tensorboard": "tfevents", "lightning": "csv", "wandb": "wandb", "mlflow-sqlite": "mlflow", "mlflow-files": "mlflow",
		"dvclive": "dvclive",
	} {
		t.Run(library, func(t *testing.T) {
			folder := t.TempDir()
			var output, problems bytes.Buffer
			cmd := exec.Command(python, "testdata/live.py", library, folder)
			cmd.Stdout, cmd.Stderr = &output, &problems
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			f := follow(folder, "loss")
			key, growing := source+" loss", 0
			for running := true; running; {
				select {
				case err := <-ended:
					if running = false; cmd.ProcessState.ExitCode() == 42 {
						t.Skip("it is not installed")
					} else if err != nil {
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

package examples

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// The loops of docs/scripts.md are whole scripts. Each runs twice at the same moment, and then there
// are twenty trials of it.
func TestTheLoopsOfThePageRun(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of processes")
	}
	python := os.Getenv("BLUEFIN_PYTHON") // without Optuna would do, too
	if python == "" {
		python, _ = exec.LookPath("python3")
	}
	ran := 0
	for _, b := range blocks(t, "../docs/scripts.md") {
		if !strings.HasPrefix(b.text, "#!") {
			continue
		}
		ran++
		t.Run(b.language, func(t *testing.T) {
			interpreter := map[string]string{"sh": "sh", "python": python}[b.language]
			switch {
			case runtime.GOOS == "windows" && interpreter == "sh":
				t.Skip("the script is for a Unix shell")
			case interpreter == "" && os.Getenv("CI") != "true":
				t.Skip("there is no Python")
			}
			dir := t.TempDir()
			script := filepath.Join(dir, "loop")
			if err := os.WriteFile(script, []byte(b.text), 0o666); err != nil {
				t.Fatal(err)
			}
			bluefin := command(t, dir, "bluefin") // to know where it is
			var runs [2]*exec.Cmd
			var got [2]bytes.Buffer
			for i := range runs {
				runs[i] = exec.Command(interpreter, script)
				runs[i].Dir, runs[i].Stdout, runs[i].Stderr = dir, &got[i], &got[i]
				runs[i].Env = append(bluefin.Env, "PATH="+filepath.Dir(bluefin.Path)+string(os.PathListSeparator)+os.Getenv("PATH"))
				if err := runs[i].Start(); err != nil {
					t.Fatal(err)
				}
			}
			for i := range runs {
				if err := runs[i].Wait(); err != nil || !strings.Contains(got[i].String(), "COMPLETE") {
					t.Errorf("run %d: %v, no best trial in\n%s", i, err, &got[i])
				}
			}
			trials := strings.Join(output(t, dir, "bluefin", "trials", "--storage", "descent.db", "-f", "value"), "\n")
			complete := len(regexp.MustCompile(`COMPLETE`).FindAllString(trials, -1))
			pruned := len(regexp.MustCompile(`PRUNED`).FindAllString(trials, -1))
			if complete+pruned != 20 || complete == 0 || pruned == 0 {
				t.Errorf("%d trials are complete and %d pruned, want 20, and some of each:\n%s", complete, pruned, trials)
			}
		})
	}
	if ran != 2 {
		t.Errorf("the page has %d loops, want 2", ran)
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/cmd/internal/pythonhook"
)

// tunedWithHook tunes a script of testdata/hook in a folder that has the hook, and returns the folder
// of trial 0 and the messages.
func tunedWithHook(t *testing.T, python, script string, flags, args []string) (trialDir, messages string) {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("testdata", "hook", script))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Chdir(dir)
	for name, text := range map[string][]byte{script: source, "bluefin_hook.py": []byte(pythonhook.Source)} {
		if err := os.WriteFile(name, text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	var stderr bytes.Buffer
	command := slices.Concat([]string{"bluefin", "tune", "--study-name", "s"}, flags, []string{"--", python, script}, args)
	if code := run(context.Background(), command, &stderr, &stderr); code != 0 {
		t.Fatalf("exit code %d: %s", code, &stderr)
	}
	return filepath.Join(dir, "bluefin-trials", "s", "0"), stderr.String()
}

// A point is a line of a file of reports.
type point map[string]float64

func reportsOf(t *testing.T, trialDir string) (points []point) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(trialDir, "reports.bluefin"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var p point
		if err := json.Unmarshal(line, &p); err != nil {
			t.Fatal(err)
		}
		points = append(points, p)
	}
	return points
}

// endedByItself fails unless the script ended after a stop in good order, and early.
func endedByItself(t *testing.T, trialDir string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(trialDir, "output.log"))
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^ended after \d{1,3} `).Match(text) {
		t.Errorf("the script did not stop by itself: %s", text)
	}
}

func TestTheHookIsSmallAndPlain(t *testing.T) {
	if n := strings.Count(pythonhook.Source, "\n"); n > 80 {
		t.Errorf("it has %d lines, want at most 80", n)
	}
	var out bytes.Buffer
	if code := run(context.Background(), []string{"bluefin", "python-hook"}, &out, &out); code != 0 || out.String() != pythonhook.Source {
		t.Errorf("exit code %d, printed %s", code, &out)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "bluefin_hook.py"), []byte(pythonhook.Source), 0o666); err != nil {
		t.Fatal(err)
	}
	// -S leaves out all packages that are installed.
	use := `import sys; sys.path.insert(0, "."); import bluefin_hook as b; b.report(1, object()); print(b.should_stop())`
	cmd := exec.Command(python(t), "-S", "-B", "-W", "error", "-c", use)
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); err != nil || strings.TrimSpace(string(text)) != "False" {
		t.Errorf("outside of tune: %v, %s", err, text)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("outside of tune it left files: %v, %v", files, err)
	}
}

func TestALoopReportsThroughTheHook(t *testing.T) {
	folder, messages := tunedWithHook(t, python(t), "loop.py", []string{"--metric", "loss", "--pruner", "threshold:3",
		"--trials", "1", "--grace", "1m", "--args", "none", "x=1..1"}, []string{"60"})
	endedByItself(t, folder)
	if !strings.Contains(messages, "source reports") || !strings.Contains(messages, "pruned") {
		t.Errorf("the messages are %s", messages)
	}
	for i, p := range reportsOf(t, folder) {
		if p["step"] != float64(i) || p["loss"] != float64(i)/3 || p["accuracy"] != 0.30000000000000004 {
			t.Errorf("report %d is %v", i, p)
		}
	}
	// Of several ranks only the first reports, and none stops alone.
	t.Setenv("RANK", "1")
	t.Setenv("WORLD_SIZE", "2")
	t.Setenv("BLUEFIN_REPORTS", "reports")
	t.Setenv("BLUEFIN_STOP", "stop")
	if text, err := exec.Command(python(t), "loop.py", "0.2").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	for _, name := range []string{"reports", "stop"} {
		if _, err := os.Stat(name); err == nil {
			t.Errorf("rank 1 made the file %s", name)
		}
	}
}

func TestTheHuggingFaceTrainerReportsThroughTheHook(t *testing.T) {
	if testing.Short() {
		t.Skip("a training with PyTorch")
	}
	folder, _ := tunedWithHook(t, torchPython(t), "train_transformers.py", []string{"--metric", "eval_loss",
		"--pruner", "threshold:0.1", "--trials", "1", "--grace", "5m", "learning_rate=1e-3..1e-3"},
		[]string{"--output_dir", "{trial_dir}", "--eval_strategy", "steps", "--eval_steps", "3", "--logging_steps", "3",
			"--num_train_epochs", "5000", "--learning_rate", "{learning_rate}", "--report_to", "none", "--use_cpu", "true",
			"--save_strategy", "no", "--disable_tqdm", "true"})
	endedByItself(t, folder)
	text, err := os.ReadFile(filepath.Join(folder, "trainer_state.json"))
	if err != nil {
		t.Fatal(err)
	}
	var state struct {
		History []point `json:"log_history"`
	}
	if err := json.Unmarshal(text, &state); err != nil {
		t.Fatal(err)
	}
	got := reportsOf(t, folder)
	if len(got) < 4 || len(got) != len(state.History) {
		t.Fatalf("%d reports, want the %d of the trainer, at least 4", len(got), len(state.History))
	}
	for i, want := range state.History {
		for name, x := range want {
			if got[i][name] != x {
				t.Errorf("report %d: %s is %v, want %v", i, name, got[i][name], x)
			}
		}
	}
}

func TestLightningReportsThroughTheHook(t *testing.T) {
	if testing.Short() {
		t.Skip("a training with PyTorch")
	}
	folder, _ := tunedWithHook(t, torchPython(t), "train_lightning.py", []string{"--metric", "val_loss",
		"--pruner", "threshold:0.0001", "--trials", "1", "--grace", "5m", "lr=1e-3..1e-3"},
		[]string{"{lr}", "5000", "1"}) // a process of the data loader too, which must not get SIGTERM
	endedByItself(t, folder)
	text, err := os.ReadFile(filepath.Join(folder, "seen.json"))
	if err != nil {
		t.Fatal(err)
	}
	var seen [][3]any
	if err := json.Unmarshal(text, &seen); err != nil {
		t.Fatal(err)
	}
	got := reportsOf(t, folder)
	if len(got) < 3 || len(got) != len(seen) {
		t.Fatalf("%d reports, want the %d that the trainer saw, at least 3", len(got), len(seen))
	}
	for i, want := range seen {
		if p := got[i]; len(p) != 2 || p["step"] != want[0] || p[want[1].(string)] != want[2] {
			t.Errorf("report %d is %v, want %v", i, p, want)
		}
	}
}

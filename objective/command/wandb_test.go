package command

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
)

// python returns the Python that a variable names, or skips the test.
func python(t *testing.T, variable string) string {
	t.Helper()
	name := os.Getenv(variable)
	if name == "" && os.Getenv("CI") == "true" {
		t.Fatalf("%s names no Python", variable)
	}
	if name == "" {
		t.Skipf("%s names no Python", variable)
	}
	return name
}

var awkward = map[string]any{
	"small": 1e-05, "large": 1e+22, "one": 1.0, "n": 3, "yes": true, "no": "no", "number": "1e-5", "time": "12:30",
	"text": "a \"b\"\n'c' ü", "empty": "", "null": "null",
}

// Python's YAML parser follows YAML 1.1, where 1e-05 is text, and no is false.
func TestPythonReadsTheParameters(t *testing.T) {
	py := python(t, "BLUEFIN_PYTHON")
	config, err := yaml.Marshal(wandbConfig(awkward))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"rendered": "", "wandb": string(config)} {
		if name == "rendered" {
			if text, _, err = rendered(t, "c.yaml", "a: 1 # one\n", awkward); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command(py, "-c", "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))")
		cmd.Stdin = strings.NewReader(text)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %s\n%s", name, out, text)
		}
		v, err := pyjson.Unmarshal(out)
		if err != nil {
			t.Fatal(err)
		}
		got := v.(map[string]any)
		for key, want := range awkward {
			if wrapped, ok := got[key].(map[string]any); ok {
				got[key] = wrapped["value"]
			}
			if !reflect.DeepEqual(got[key], want) {
				t.Errorf("%s: Python reads %#v for %s, want %#v", name, got[key], key, want)
			}
		}
	}
}

func TestScriptsThatUseWandBAreFound(t *testing.T) {
	folder := t.TempDir()
	for name, text := range map[string]string{"a/train.py": "import wandb\n", "b/main.py": "import util\n",
		"b/util.py": "import wandb\n", "c/main.py": "import sys\n"} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for args, want := range map[string]bool{
		"python a/train.py":                             true,
		"python b/main.py":                              true,
		"python -m a.train":                             true,
		"python c/main.py":                              false,
		"python c/main.py --report_to wandb":            true,
		"python " + filepath.Join(folder, "a/train.py"): true,
		"python no/such.py":                             false,
		"true":                                          false,
	} {
		if got := (Config{Args: strings.Fields(args), Dir: folder}).mentionsWandB(); got != want {
			t.Errorf("%s: %v, want %v", args, got, want)
		}
	}
	if !(Config{Args: []string{"true"}, Env: []string{"WANDB_PROJECT=x"}}).mentionsWandB() {
		t.Error("a variable of W&B is not seen")
	}
}

func TestWhatTheUserSetForWandBStays(t *testing.T) {
	c := Command{usesWandB: true}
	env, err := c.wandb(map[string]any{"lr": 0.5}, t.TempDir(), []string{"WANDB_MODE=online", "WANDB_DIRECTORY=x"})
	has := func(name string) bool {
		return slices.ContainsFunc(env, func(v string) bool { return strings.HasPrefix(v, name+"=") })
	}
	if err != nil || has("WANDB_MODE") || !has("WANDB_DIR") || !has("WANDB_SWEEP_PARAM_PATH") {
		t.Errorf("got %q, %v", env, err)
	}
}

// An unmodified script gets its parameters through W&B itself.
func TestWandBReadsTheParameters(t *testing.T) {
	if testing.Short() {
		t.Skip("starts W&B")
	}
	py := python(t, "BLUEFIN_TORCH_PYTHON")
	folder := t.TempDir()
	c := Command{usesWandB: true}
	env, err := c.wandb(map[string]any{"lr": 1e-05, "opt": "no", "model.layers": 3}, folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(py, "-c", `
import wandb
run = wandb.init(project="p", config={"lr": 0.1, "batch": 4, "model": {"layers": 1}})
print("got", run.config.lr, run.config.batch, run.config.opt, run.config.model["layers"], run.config["model.layers"])
run.log({"loss": run.config.lr})
run.finish()`)
	cmd.Dir, cmd.Env = folder, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	runs, _ := filepath.Glob(filepath.Join(folder, "wandb", "offline-run-*", "run-*.wandb"))
	if err != nil || !strings.Contains(string(out), "got 1e-05 4 no 3 3\n") || len(runs) != 1 {
		t.Errorf("%v, runs %q\n%s", err, runs, out)
	}
}

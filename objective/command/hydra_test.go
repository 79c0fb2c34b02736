package command_test

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/command"
)

var hydraValues = []struct {
	value any
	want  string
}{
	{0.1, "0.1"}, {1e-05, "1e-05"}, {1e20, "1e+20"}, {1.0, "1.0"}, {-3, "-3"}, {math.Inf(-1), "-inf"}, {math.Inf(1), "inf"},
	{true, "true"}, {nil, "null"}, {"adamw", "adamw"}, {"facebook/bart-base", "facebook/bart-base"}, {"", "''"},
	{"true", "'true'"}, {"NaN", "'NaN'"}, {"1", "'1'"}, {"1e-3", "'1e-3'"}, {"a b", "'a b'"}, {"it's", `'it\'s'`},
	{`C:\new`, `'C:\new'`}, {`end\`, `'end\\'`}, {`a\'b`, `'a\\\'b'`}, {"two\nlines", "'two\nlines'"}, {"größe 日本", "'größe 日本'"},
	{"${x}", `'\${x}'`}, {`\${x}`, `'\\\${x}'`}, {"[1,2]", "'[1,2]'"}, {"{a: 1}", "'{a: 1}'"}, {"a=b", "'a=b'"}, {`"q"`, `'"q"'`},
}

func TestHydraOverrides(t *testing.T) {
	for _, c := range hydraValues {
		got, err := command.Hydra.Arguments(map[string]any{"a.b": c.value})
		if err != nil || len(got) != 1 || got[0] != "a.b="+c.want {
			t.Errorf("%v: got %q and %v, want %q", c.value, got, err, "a.b="+c.want)
		}
	}
	for _, name := range []string{"a", "_a-b", "opt/name", "layers.0.size"} {
		if _, err := command.Hydra.Arguments(map[string]any{name: 1}); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"a b", "größe", "1", ".a", "a.", "a..b", "3x", "a=b", "+a", "a\n"} {
		if _, err := command.Hydra.Arguments(map[string]any{name: 1}); err == nil || !strings.Contains(err.Error(), "Hydra takes only names") {
			t.Errorf("%q: got %v, want an error about the name", name, err)
		}
	}
}

// Hydra itself reads the values back, types and all.
func TestHydraReadsOverrides(t *testing.T) {
	python := os.Getenv("BLUEFIN_TRACKING_PYTHON")
	switch {
	case python == "" && os.Getenv("CI") == "true":
		t.Fatal("BLUEFIN_TRACKING_PYTHON names no Python")
	case python == "":
		t.Skip("BLUEFIN_TRACKING_PYTHON names no Python with Hydra")
	}
	script := filepath.Join(t.TempDir(), "read.py")
	if err := os.WriteFile(script, []byte(`
import json, sys
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
with initialize_config_dir(sys.argv[1], version_base=None):
    cfg = compose(overrides=["+" + a for a in sys.argv[2:]])
print(json.dumps([cfg.v[i] for i in sorted(cfg.v, key=lambda k: int(k[1:]))]))
`), 0o666); err != nil {
		t.Fatal(err)
	}
	args := []string{script, t.TempDir()}
	var want []any
	for i, c := range hydraValues {
		if x, ok := c.value.(float64); ok && math.IsInf(x, 0) {
			continue // not JSON
		}
		override, _ := command.Hydra.Arguments(map[string]any{"v.k" + string(rune('0'+i/10)) + string(rune('0'+i%10)): c.value})
		args, want = append(args, override...), append(want, c.value)
	}
	out, err := exec.Command(python, args...).Output()
	if err != nil {
		t.Fatal(err, string(err.(*exec.ExitError).Stderr))
	}
	text, _ := json.Marshal(want)
	var got, expected any
	if json.Unmarshal(out, &got) != nil || json.Unmarshal(text, &expected) != nil {
		t.Fatal(string(out))
	}
	a, _ := json.Marshal(got)
	b, _ := json.Marshal(expected)
	if string(a) != string(b) {
		t.Errorf("got  %s\nwant %s", a, b)
	}
}

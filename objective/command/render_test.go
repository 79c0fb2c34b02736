package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func rendered(t *testing.T, name, text string, params map[string]any) (string, []string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	c, err := newTemplate(path)
	if err != nil {
		return "", nil, err
	}
	out, added, err := c.render(params)
	return string(out), added, err
}

func TestAConfigurationIsRendered(t *testing.T) {
	for _, c := range []struct {
		title, name, text string
		params            map[string]any
		want, added       string
	}{
		{"comments and order", "c.yaml",
			"# the model\nmodel: x # small\n\noptimizer:\n  name: adam # or sgd\n  lr: 0.1\nz: [1, 2]\na: 1\n",
			map[string]any{"optimizer.lr": 1e-05, "optimizer.name": "no", "z.1": 3},
			"# the model\nmodel: x # small\noptimizer:\n  name: \"no\" # or sgd\n  lr: 1.0e-05\nz: [1, 3]\na: 1\n", ""},
		{"a key with dots", "c.yml", "a.b: 1\na:\n  b: 2\n", map[string]any{"a.b": 7}, "a.b: 7\na:\n  b: 2\n", ""},
		{"new keys", "c.yaml", "a: 1\nc:\n", map[string]any{"b.x": true, "c.d": nil}, "a: 1\nc:\n  d: null\nb:\n  x: true\n",
			"b.x c.d"},
		{"an empty file", "c.yaml", "", map[string]any{"a": 1.0}, "a: 1.0\n", "a"},
		{"aliases and merges", "c.yaml", "base: &b\n  lr: 1\n  opt: {beta: 1, eps: 2}\nx: *b\ny:\n  <<: *b\n",
			map[string]any{"x.lr": 2, "y.opt.beta": 3},
			"base: &b\n  lr: 1\n  opt: {beta: 1, eps: 2}\nx:\n  lr: 2\n  opt: {beta: 1, eps: 2}\ny:\n  <<: *b\n  opt: {beta: 3, eps: 2}\n", ""},
		{"long and foreign text", "c.yaml", "größe: " + strings.Repeat("wort ", 60) + "\na: 1\n",
			map[string]any{"a": "日本 \"x\"\n"},
			"größe: " + strings.TrimSpace(strings.Repeat("wort ", 60)) + "\na: \"日本 \\\"x\\\"\\n\"\n", ""},
		{"JSON", "c.json", `{"b": 1.50, "a": {"lr": 1, "n": 12345678901234567890, "<": "&"}, "l": [{"x": 1}]}`,
			map[string]any{"a.lr": 1.0, "l.0.x": "y", "b": nil},
			"{\n  \"a\": {\n    \"<\": \"&\",\n    \"lr\": 1.0,\n    \"n\": 12345678901234567890\n  },\n  \"b\": null,\n  \"l\": [\n    {\n      \"x\": \"y\"\n    }\n  ]\n}\n", ""},
		{"TOML", "c.toml", "b = 1\n[train]\nlr = 0.1 # rate\n[[data]]\nfile = \"x\"\n", map[string]any{"train.lr": 1e-05,
			"data.0.file": "y", "b": nil},
			"[[data]]\n  file = \"y\"\n\n[train]\n  lr = 1e-05\n", ""},
	} {
		t.Run(c.title, func(t *testing.T) {
			got, added, err := rendered(t, c.name, c.text, c.params)
			if err != nil || got != c.want || strings.Join(added, " ") != c.added {
				t.Errorf("got %q, new %q, %v\nwant %q, new %q", got, added, err, c.want, c.added)
			}
		})
	}
}

func TestAConfigurationIsRefused(t *testing.T) {
	for _, c := range []struct {
		name, text string
		params     map[string]any
		want       string
	}{
		{"c.ini", "", nil, "want a file named .yaml, .yml, .json or .toml"},
		{"c.yaml", "a: [", nil, "c.yaml\": "},
		{"c.yaml", "- 1\n", nil, "it is not a mapping of names to values"},
		{"c.yaml", "a: 1\n---\nb: 1\n", nil, "it has several documents, want one"},
		{"c.json", "{", nil, "c.json\": "},
		{"c.json", "{} {}", nil, "there is something after the object"},
		{"c.json", "null", nil, "it is null, want an object"},
		{"c.toml", "a = ", nil, "c.toml\": "},
		{"c.yaml", "a: 1\n", map[string]any{"a.b": 1}, `parameter "a.b": there is "1" where "b" should be`},
		{"c.json", `{"a": 1}`, map[string]any{"a.b": 1}, `parameter "a.b": there is 1 where "b" should be`},
		{"c.yaml", "a: [1]\n", map[string]any{"a.1": 1}, `parameter "a.1": "1" is in a list of 1, want a number from 0 to 0`},
	} {
		if _, _, err := rendered(t, c.name, c.text, c.params); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %q: got %v, want %q", c.name, c.text, err, c.want)
		}
	}
	if _, err := newTemplate("no/such.yaml"); err == nil {
		t.Error("a missing file is no error")
	}
}

package studyfile

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/bluefin-hpo/bluefin/cmd/internal/choose"
	"github.com/bluefin-hpo/bluefin/objective/command"
)

const schemaPath = "../../../docs/study.schema.json"

// check returns what the published schema says about the text of a study file.
func check(t *testing.T, text []byte) error {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile(schemaPath)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		return err
	}
	return schema.Validate(v)
}

// Editors take the schema for the truth: it accepts what the reader accepts, and finds what the reader
// finds, but for values that depend on each other.
func TestTheSchemaAgreesWithTheReader(t *testing.T) {
	examples, err := filepath.Glob("../../../examples/*/study.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(examples, "testdata/full.yaml") {
		text, err := os.ReadFile(path)
		if err == nil {
			err = check(t, text)
		}
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if _, err := Read(path); err != nil {
			t.Error(err)
		}
	}
	for _, test := range bad {
		err := check(t, []byte(test.text))
		if (err == nil) != (test.beyond != "") && test.beyond != "syntax" && test.beyond != "alias" && test.beyond != "twice" {
			t.Errorf("%s: the schema says %v, want a mistake only it is not marked as beyond the schema (%q)", test.text, err, test.beyond)
		}
	}
	for _, good := range []string{
		"slots: 2", "slots: [{A: 1}, {A: 2}]", "slots: {workers: 2, gpus: all}", "command: [python, 3]", "pruner: percentile:25",
		"pruner: {name: median, n_startup_trials: 0}", "sampler: {name: tpe, group: null}", "metrics: [loss, {name: x, direction: record}]",
		"parameters: {a: null, b: true, c: 3, d: [1, null], e: 'a,b'}", "failures: [{}]", "name: 3", "env: {A: 1, B: true, C: x}",
		"parameters: {a: {value: null, default: null}}", "budget: {}", "budget: {time: 1.5h}", "slots: {}",
	} {
		if err := check(t, []byte(good)); err != nil {
			t.Errorf("%s: the schema says %v", good, err)
		}
		if _, err := Parse("study.yaml", []byte(good)); err != nil {
			t.Errorf("%s: the reader says %v", good, err)
		}
	}
}

// Every key that the reader knows is in the schema with a description, and the other way round.
func TestTheSchemaHasEveryKey(t *testing.T) {
	text, err := os.ReadFile(schemaPath)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	properties := v.(map[string]any)["properties"].(map[string]any)
	_, err = Parse("f.yaml", []byte("no_such_key: 1"))
	_, list, _ := strings.Cut(err.Error(), "want one of ")
	for _, key := range strings.Split(list, ", ") {
		if p, ok := properties[key].(map[string]any); !ok || p["description"] == nil {
			t.Errorf("the schema has no %s with a description", key)
		}
		delete(properties, key)
	}
	for key := range properties {
		t.Errorf("the reader has no key %s", key)
	}
	for key, words := range map[string][]string{
		"source": command.Readers(), "sampler": choose.Samplers(), "pruner": choose.Pruners(),
		"scheduler": choose.Schedulers(),
	} {
		for _, w := range words {
			if err := check(t, []byte(fmt.Sprintf("%s: %s", key, w))); err != nil {
				t.Errorf("%s %s: %v", key, w, err)
			}
		}
	}
	if !slices.Contains(command.Readers(), "pattern") {
		t.Error("no reader is called pattern")
	}
}

// The examples in the documentation are files.
func TestExamplesInTheDocumentation(t *testing.T) {
	text, err := os.ReadFile("../../../docs/study-yaml.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, block := range strings.Split(string(text), "```yaml\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		n++
		f, err := Parse("docs", []byte(block))
		if err == nil && f.Arguments == nil { // no sweep
			err = check(t, []byte(block))
		}
		if err != nil {
			t.Errorf("%s\n%v", block, err)
		}
	}
	if n < 5 {
		t.Errorf("there are only %d examples", n)
	}
}

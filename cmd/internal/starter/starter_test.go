package starter

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/cmd/internal/studyfile"
)

func options(t *testing.T, name string) []Option {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	return ParseHelp(string(text))
}

func get(t *testing.T, all []Option, name string) Option {
	t.Helper()
	for _, o := range all {
		if o.Name == name {
			return o
		}
	}
	t.Errorf("there is no option %s", name)
	return Option{}
}

// The help texts are what the real libraries print for the scripts beside them.
func TestOptionsOfHelp(t *testing.T) {
	if got, want := options(t, "argparse"), []Option{
		{Name: "lr", Help: "learning rate"}, {Name: "batch-size", Default: "64", Help: "input batch size for training"},
		{Name: "epochs"}, {Name: "a-very-long-option-name-that-wraps", Help: "with 0.5 in it"},
		{Name: "opt", Choices: []string{"adam", "sgd"}},
	}; !reflect.DeepEqual(got, want) {
		t.Errorf("argparse:\n got %+v\nwant %+v", got, want)
	}
	if got, want := options(t, "click"), []Option{
		{Name: "lr", Default: "0.01", Help: "Learning rate."}, {Name: "batch-size", Default: "32", Help: "Examples in a batch."},
		{Name: "opt", Choices: []string{"adam", "sgd"}, Default: "adam"}, {Name: "epochs", Help: "Without a shown default."},
	}; !reflect.DeepEqual(got, want) {
		t.Errorf("click:\n got %+v\nwant %+v", got, want)
	}
	if got, want := options(t, "typer"), []Option{
		{Name: "lr", Default: "0.01", Help: "Learning rate"}, {Name: "batch-size", Default: "32"},
		{Name: "opt", Choices: []string{"adam", "sgd"}, Default: "adam"},
	}; !reflect.DeepEqual(got, want) {
		t.Errorf("typer:\n got %+v\nwant %+v", got, want)
	}
	hf := options(t, "hf")
	for name, want := range map[string]string{"learning_rate": "5e-05", "num_train_epochs": "3.0", "per_device_train_batch_size": "8",
		"weight_decay": "0.0", "lr_scheduler_type": "linear", "warmup_steps": "0", "dropout": "0.1", "freeze_layers": "", "max_grad_norm": "1.0"} {
		if o := get(t, hf, name); o.Default != want {
			t.Errorf("HfArgumentParser: default of %s is %q, want %q", name, o.Default, want)
		}
	}
	if len(hf) < 100 {
		t.Errorf("HfArgumentParser has %d options", len(hf))
	}
	lightning := options(t, "lightning")
	if o := get(t, lightning, "model.learning_rate"); o.Default != "0.02" {
		t.Errorf("got %+v", o)
	}
	if o := get(t, lightning, "trainer.max_epochs"); o.Default != "" {
		t.Errorf("got %+v", o)
	}
}

// What is written is a study file, whose trial 0 has the program's defaults.
func TestTheTextIsAStudyFile(t *testing.T) {
	for name, want := range map[string]map[string]any{
		"": {"learning_rate": 5e-5, "per_device_train_batch_size": 16, "num_train_epochs": 3, "weight_decay": 0.01,
			"warmup_steps": 0.1, "lr_scheduler_type": "linear", "label_smoothing_factor": 0.0},
		"hf": {"learning_rate": 5e-5, "per_device_train_batch_size": 8, "num_train_epochs": 3, "weight_decay": 0.0,
			"warmup_steps": 0.0, "lr_scheduler_type": "linear", "label_smoothing_factor": 0.0, "dropout": 0.1},
		"argparse":  {"lr": 5e-5, "batch-size": 64, "epochs": 3},
		"click":     {"lr": 0.01, "batch-size": 32, "epochs": 3, "opt": "adam"},
		"typer":     {"lr": 0.01, "batch-size": 32, "opt": "adam"},
		"lightning": {"model.learning_rate": 0.02, "trainer.max_epochs": 3},
	} {
		var command []string
		var all []Option
		if name != "" {
			command, all = []string{"python", "my train.py", "--note", "a: b"}, options(t, name)
		}
		text := Text(command, all)
		f, err := studyfile.Parse("study.yaml", []byte(text))
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, text)
			continue
		}
		if !reflect.DeepEqual(f.First, want) {
			t.Errorf("%s: trial 0 is %v, want %v\n%s", name, f.First, want, text)
		}
		if command != nil && !reflect.DeepEqual(f.Command[:4], command) {
			t.Errorf("%s: the command is %q", name, f.Command)
		}
		for line := range strings.Lines(text) {
			if len(line) > 200 {
				t.Errorf("%s: a line has %d bytes: %.100s", name, len(line), line)
			}
		}
		// The proposals in comments are valid, too.
		uncommented := strings.ReplaceAll(text, "\n  # ", "\n  ")
		for line := range strings.Lines(uncommented) {
			if key, spec, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && (strings.Contains(spec, "..") || strings.HasPrefix(spec, "[")) &&
				strings.HasPrefix(line, "  ") {
				if _, err := studyfile.Parse("x", []byte("parameters: {"+key+": "+spec+"}")); err != nil {
					t.Errorf("%s: %s: %v", name, line, err)
				}
			}
		}
	}
}

func TestOptionsThatTheCommandSetsAreLeftAlone(t *testing.T) {
	text := Text([]string{"python", "t.py", "--learning-rate=1e-4", "--output_dir", "out"}, options(t, "hf"))
	f, err := studyfile.Parse("study.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(f.Command, " "); got != "python t.py --learning-rate=1e-4 --output_dir out --eval_strategy epoch" {
		t.Errorf("the command is %s", got)
	}
	if _, ok := f.First["learning_rate"]; ok {
		t.Error("learning_rate is searched")
	}
}

// A default outside of the usual range widens it for its own option only.
func TestRangesFitTheDefault(t *testing.T) {
	for range 2 {
		if _, text, _ := find(Option{Name: "lr", Default: "0.1"}); text != "{low: 0.001, high: 1.0, log: true, default: 0.1, prior: {sigma: 0.5 decade}}" {
			t.Errorf("got %s", text)
		}
		if _, text, _ := find(Option{Name: "lr"}); text != "{low: 1e-6, high: 0.001, log: true, default: 5e-5, prior: {sigma: 0.5 decade}}" {
			t.Errorf("got %s", text)
		}
	}
	for _, o := range []Option{{Name: "lr", Default: "-1"}, {Name: "epochs", Default: "-1"}, {Name: "warmup_steps", Help: "a number"}} {
		if _, text, ok := find(o); ok {
			t.Errorf("%+v: got %s", o, text)
		}
	}
}

func FuzzParseHelp(f *testing.F) {
	for _, name := range []string{"argparse", "click", "typer"} {
		text, err := os.ReadFile("testdata/" + name + ".txt")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add("  --lr LR  [default: 1e-400]\n  --b {a,b: c}  x\n  --\u00e9 X")
	f.Fuzz(func(t *testing.T, help string) {
		text := Text([]string{"x"}, ParseHelp(help))
		if _, err := studyfile.Parse("study.yaml", []byte(text)); err != nil {
			t.Errorf("%q: %v\n%s", help, err, text)
		}
	})
}

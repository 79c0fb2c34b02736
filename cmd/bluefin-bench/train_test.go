package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/nn"
)

const tinyEncoder = "../../objective/bert/testdata/tiny" // of two layers

// A pace is a row of bluefin-bench train.
type pace struct {
	Engine string   `json:"engine"`
	Model  string   `json:"model"`
	Op     string   `json:"op"`
	Frozen int      `json:"frozen"`
	Batch  int      `json:"batch"`
	Millis float64  `json:"cpu_ms"`
	Rate   float64  `json:"examples_per_s"`
	Peak   *float64 `json:"peak_mib"`
}

func (p pace) name() string { return fmt.Sprint(p.Engine, " ", p.Model, " ", p.Op, " ", p.Frozen) }

// checkPaces compares the rows with what they should be, by their names.
func checkPaces(t *testing.T, rows []pace, batch int, want ...string) {
	t.Helper()
	var names []string
	for _, r := range rows {
		names = append(names, r.name())
		if r.Batch != batch || !(r.Millis > 1e-5 && r.Millis < 1e5) || !(r.Rate*r.Millis > 999*float64(batch) && r.Rate*r.Millis < 1001*float64(batch)) {
			t.Errorf("%s: %+v is implausible", r.name(), r)
		}
		if runtime.GOOS == "linux" && (r.Peak == nil || !(*r.Peak > 0.1 && *r.Peak < 1e5)) {
			t.Errorf("%s has no plausible memory", r.name())
		}
	}
	if !slices.Equal(names, want) {
		t.Errorf("rows are\n%s\nwant\n%s", strings.Join(names, "\n"), strings.Join(want, "\n"))
	}
}

func TestTrainMeasuresEachNetworkAtThreeDepths(t *testing.T) {
	for model, depths := range map[string][2]int{"fashion": {2, 4}, "text": {2, 3}, "table": {1, 2}} {
		name, half, all := "bluefin "+model, depths[0], depths[1]
		want := []string{
			name + " forward 0", name + " step 0", fmt.Sprint(name, " step ", half), fmt.Sprint(name, " step ", all),
			fmt.Sprint(name, " step_features ", half), fmt.Sprint(name, " step_features ", all),
		}
		rows := benchJSON[pace](t, "train", "--models", model, "--model", tinyEncoder, "--batch", "3", "--length", "5", "--turns", "2", "--seconds", "0.001")
		checkPaces(t, rows, 3, want...)
	}
}

func TestTrainHasAnEncoderOfItsOwn(t *testing.T) {
	w, err := newWorkload(duty{Model: "text", Batch: 1, Length: 3})
	if err != nil {
		t.Fatal(err)
	}
	s, err := newStepper(w, duty{Op: opStep, Frozen: w.blocks})
	if err != nil {
		t.Fatal(err)
	}
	all, _ := nn.Count(s.front.Params())
	if w.blocks != 7 || all != 22565376 { // all-MiniLM-L6-v2 without its pooler
		t.Errorf("the encoder has %d blocks of %d numbers, want 7 of 22,565,376", w.blocks, all)
	}
	if _, err := s.do(t.Context(), 2); err != nil {
		t.Error(err)
	}
}

// A step moves what trains and nothing else, and is the same behind features.
func TestStepsTrain(t *testing.T) {
	for _, model := range []string{"fashion", "text", "table"} {
		d := duty{Model: model, Batch: 4, Length: 5, Folder: tinyEncoder}
		w, err := newWorkload(d)
		if err != nil {
			t.Fatal(err)
		}
		for d.Frozen = range w.blocks + 1 {
			weights := make(map[string]map[string]any)
			for _, op := range []string{opForward, opStep, opFeatures} {
				d.Op = op
				s, err := newStepper(w, d)
				if err != nil {
					t.Fatal(err)
				}
				before := nn.Tensors(s.back.Params())
				if _, err := s.do(t.Context(), 3); err != nil {
					t.Fatal(err)
				}
				weights[op] = make(map[string]any)
				for name, after := range nn.Tensors(s.back.Params()) {
					weights[op][name] = after
					if same := reflect.DeepEqual(after, before[name]); same != (op == opForward) && !strings.Contains(name, "key.bias") { // whose gradient is 0
						t.Errorf("%s, %s, %d frozen: %s stays: %t", model, op, d.Frozen, name, same)
					}
				}
			}
			if !reflect.DeepEqual(weights[opStep], weights[opFeatures]) {
				t.Errorf("%s, %d frozen: steps behind features lead elsewhere", model, d.Frozen)
			}
		}
	}
}

func TestTrainPutsPyTorchBeside(t *testing.T) {
	python := func(script string) string {
		path := filepath.Join(t.TempDir(), "python")
		if err := os.WriteFile(path, []byte("#!/bin/sh\necho '{\"version\": \"PyTorch 0\"}'\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	args := []string{"train", "--models", "table", "--turns", "2", "--seconds", "0.001", "--python"}
	// It says that all takes half a second, and that it was asked for less than all.
	works := python(`while read -r line; do case "$line" in *times*) echo '{"seconds": 0.5}';; *'"training":0}'*) exit 3;; *) echo '{}';; esac; done`)
	rows := benchJSON[pace](t, append(args, works)...)
	checkPaces(t, rows, 16,
		"bluefin table forward 0", "pytorch table forward 0", "bluefin table step 0", "pytorch table step 0", "bluefin table step 1", "pytorch table step 1",
		"bluefin table step 2", "pytorch table step 2", "bluefin table step_features 1", "bluefin table step_features 2")
	if rows[1].Millis != 500 {
		t.Errorf("a pass of the other engine takes %v ms, want 500", rows[1].Millis)
	}
	for name, script := range map[string]string{
		"at a duty":  `read -r line; echo Traceback >&2; echo "it is broken" >&2; exit 1`,
		"at a turn":  `read -r line; echo '{}'; read -r line; echo "it is broken" >&2; exit 1`,
		"in silence": `echo "it is broken" >&2`,
	} {
		code, out, messages := bench(t, append(args, python(script))...)
		lines := strings.Split(strings.TrimSpace(messages), "\n")
		if code != exitError || !strings.HasSuffix(lines[len(lines)-1], "it is broken") || out != "" {
			t.Errorf("%s: exit code %d, %q; want %d and the last line of the program", name, code, messages, exitError)
		}
	}
	missing := filepath.Join(t.TempDir(), "missing")
	if code, out, messages := bench(t, append(args, missing)...); code != exitError || !strings.Contains(messages, "missing") || out != "" {
		t.Errorf("exit code %d, %q", code, messages)
	}
}

// The script trains the same networks in the real thing, which it checks by
// their numbers of parameters.
func TestTrainMeasuresPyTorch(t *testing.T) {
	python := realPython(t, "BLUEFIN_TORCH_PYTHON", "PyTorch and transformers")
	found := make(map[string]bool)
	for _, folder := range []string{tinyEncoder, ""} {
		models := "fashion,text,table"
		if folder == "" {
			models = "text"
		}
		args := []string{"train", "--models", models, "--model", folder, "--batch", "2", "--length", "4", "--turns", "1", "--seconds", "0.001", "--python", python}
		for _, r := range benchJSON[pace](t, args...) {
			found[r.name()] = r.Millis > 0
		}
	}
	for _, name := range []string{"fashion step 4", "text step 2", "text step 4", "text step 7", "table step 1", "table forward 0"} {
		if want := "pytorch " + name; !found[want] {
			t.Errorf("there is no time of %s", want)
		}
	}
}

func TestTrainExplainsAMistake(t *testing.T) {
	for args, want := range map[string]string{
		"--models ,":                 "--models is empty, want some of fashion, text and table",
		"--models tables":            `--models is "tables", want some of fashion`,
		"--batch 0":                  "--batch is 0, want at least 1",
		"--length 0":                 "--length is 0, want at least 1",
		"--seconds 0":                "--seconds is 0, want above 0",
		"--turns 0":                  "--turns is 0, want at least 1",
		"--models text --length 513": "--length is 513, want at most 512",
		"--model " + tinyEncoder + " --length 65 --models text": "--length is 65, want at most",
	} {
		code, out, messages := bench(t, append([]string{"train"}, strings.Fields(args)...)...)
		if code != exitUsage || !strings.Contains(messages, want) || out != "" {
			t.Errorf("%s: exit code %d, %q, %q; want %d and %q", args, code, out, messages, exitUsage, want)
		}
	}
	code, _, messages := bench(t, "train", "--models", "text", "--model", "nowhere")
	if code != exitError || !strings.Contains(messages, "bench: nowhere has no config.json") {
		t.Errorf("exit code %d, %q", code, messages)
	}
}

func TestTrainEndsWithASignal(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, messages bytes.Buffer
	if code := run(ctx, []string{"bluefin-bench", "train", "--models", "table"}, &out, &messages); code != exitInterrupted || out.Len() != 0 {
		t.Errorf("exit code %d, %q, %q; want %d and no data", code, out.String(), messages.String(), exitInterrupted)
	}
}

func TestPeakMemoryIsThatSinceItsReset(t *testing.T) {
	resetPeakMemory(processID)
	before, ok := peakMemory(processID).(float64)
	if !ok {
		t.Skip("the system does not say what a process takes")
	}
	big := make([]byte, 64<<20)
	for i := 0; i < len(big); i += 1 << 10 {
		big[i] = 1
	}
	after, _ := peakMemory(processID).(float64)
	runtime.KeepAlive(big)
	if after-before < 60 || after-before > 1000 {
		t.Errorf("64 MiB more make it %v from %v", after, before)
	}
	if peakMemory(-1) != nil {
		t.Error("there is memory of a process that is not there")
	}
}

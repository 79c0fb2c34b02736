package main

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/finetune/text"
)

// torchPython returns a Python that has PyTorch, transformers and Lightning.
func torchPython(t *testing.T) string {
	t.Helper()
	python := os.Getenv("BLUEFIN_TORCH_PYTHON")
	if python == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("BLUEFIN_TORCH_PYTHON names no Python with torch, transformers and lightning")
		}
		t.Skip("BLUEFIN_TORCH_PYTHON names no Python with torch, transformers and lightning")
	}
	return python
}

// The folder of --output is a model of transformers and of
// sentence-transformers, which compute from it what we do: class names, probabilities.
func TestTransformersReadsTheBestNetwork(t *testing.T) {
	python := torchPython(t)
	type question struct {
		Folder string   `json:"folder"`
		Texts  []string `json:"texts"`
		Kind   string   `json:"kind"`
	}
	dir := t.TempDir()
	csv := filepath.Join(dir, "messages.csv")
	if err := os.WriteFile(csv, []byte(messages(90)), 0o666); err != nil {
		t.Fatal(err)
	}
	texts := []string{"The parcel was LATE!", "it is fine", "", "a refund, thanks, it was very very very broken and came not early but very late."}
	var questions []question
	for _, kind := range []string{"cls", "mean"} {
		folder := filepath.Join(dir, kind)
		var stderr bytes.Buffer
		if code := run(context.Background(), []string{"bluefin", "finetune", "--storage", filepath.Join(dir, kind+".db"), "--model", "../../objective/finetune/internal/bert/testdata/tiny",
			"--train", csv, "--pooling", kind, "--max-length", "12", "--trials", "2", "--sampler", "random", "--output", folder}, &stderr, &stderr); code != 0 {
			t.Fatalf("exit code %d: %s", code, stderr.Bytes())
		}
		questions = append(questions, question{folder, texts, kind})
	}
	in, err := json.Marshal(questions)
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.Command(python, "../../objective/finetune/internal/bert/testdata/logits.py")
	cmd.Env = append(os.Environ(), "OMP_NUM_THREADS=1", "TOKENIZERS_PARALLELISM=false", "HF_HUB_OFFLINE=1")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.Bytes())
	}
	var answers []struct {
		Labels     []string
		Logits     [][]float64
		Sentence   [][]float64 // what sentence-transformers says, of kind mean
		Missing    []string
		Unexpected []string
	}
	if err := json.Unmarshal(out, &answers); err != nil {
		t.Fatal(err)
	}
	for i, q := range questions {
		a := answers[i]
		if !slices.Equal(a.Labels, []string{"broken", "fine", "late"}) || len(a.Missing)+len(a.Unexpected) > 0 {
			t.Errorf("%s: labels are %v, missing %v, unexpected %v", q.Kind, a.Labels, a.Missing, a.Unexpected)
		}
		m, err := text.Load(q.Folder)
		if err != nil {
			t.Fatal(err)
		}
		want := m.Predict(texts).Data
		for name, got := range map[string][][]float64{"transformers": a.Logits, "sentence-transformers": a.Sentence} {
			if name == "sentence-transformers" && q.Kind == "cls" {
				continue
			}
			for j := range texts {
				sum := math.Exp(got[j][0]) + math.Exp(got[j][1]) + math.Exp(got[j][2])
				for k := range 3 {
					if p := math.Exp(got[j][k]) / sum; !(math.Abs(p-float64(want[3*j+k])) < 2e-4) {
						t.Errorf("%s, %s: probability %d of %q is %v, want %v", q.Kind, name, k, texts[j], p, want[3*j+k])
					}
				}
			}
		}
	}
}

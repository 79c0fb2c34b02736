package examples

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// module is a file of this module, for programs that run elsewhere.
func module(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFinetuneImageLearnsTheClothes(t *testing.T) {
	dir := t.TempDir()
	lines := output(t, dir, "finetune-image", "-weights", module(t, "objective/finetune/fashion/pretrained.safetensors"), "-trials", "5")
	match(t, `trial \d  (COMPLETE|PRUNED) +learning_rate=\S+  dropout=\S+  frozen_layers=[0-3]  loss \d\.\d{3}`, lines[:5]...)
	last := match(t, `Best: trial \d with validation loss (\S+), test accuracy (\S+)`, lines[5])[0]
	if accuracy := float(t, last[1]); accuracy < 0.88 || accuracy > 1 {
		t.Errorf("the test accuracy is %v, want at least 0.88 (0.94 were seen)", accuracy)
	}
	files(t, dir)
}

func TestFinetuneTextTellsTheMessagesApart(t *testing.T) {
	dir := t.TempDir()
	lines := output(t, dir, "finetune-text", "-model", module(t, "objective/finetune/internal/bert/testdata/tiny"), "-train", module(t, "examples/finetune-text/messages.csv"))
	if len(lines) != 13 {
		t.Fatalf("%d lines, want 13:\n%s", len(lines), strings.Join(lines, "\n"))
	}
	match(t, `trial \d+  (COMPLETE|PRUNED) +after \d epochs with loss \[\S+\]   frozen_layers=[0-3]  learning_rate=\S+  batch_size=\d+  warmup_ratio=\S+`, lines[:12]...)
	last := match(t, `Best: trial \d+ with validation loss (\S+), accuracy (\S+)`, lines[12])[0]
	if loss, accuracy := float(t, last[0]), float(t, last[1]); loss > 0.7 || accuracy < 0.65 {
		t.Errorf("the loss is %v and the accuracy %v, want at most 0.7 and at least 0.65 (by chance 0.33)", loss, accuracy)
	}
	files(t, dir)
}

func TestFinetuneCSVFindsTheAnomaly(t *testing.T) {
	dir := t.TempDir()
	lines := output(t, dir, "finetune-csv", "-train", module(t, "objective/finetune/tabular/testdata/breast-cancer.csv"), "-output", "best")
	// The log may say before that the search has dropped its beliefs.
	lines = slices.DeleteFunc(lines, func(l string) bool { return strings.Contains(l, "samplers ignore the beliefs") })
	match(t, `Best of 20 trials: trial \d+ with validation AUROC (0\.99|1\.00)\d\d`, lines[0])
	last := match(t, `Test: AUROC (\S+), accuracy (\S+)`, lines[len(lines)-1])[0]
	if area := float(t, last[0]); area < 0.97 || area > 1 {
		t.Errorf("AUROC on the test part is %v, want at least 0.97", area)
	}
	files(t, filepath.Join(dir, "best"), "features.json", "model.safetensors")
}

// What a programmer writes to have a network of layers searched fits on a page.
func TestTheEssentialFunctionsAreShort(t *testing.T) {
	for path, name := range map[string]string{"finetune-image/main.go": "task", "finetune-text/main.go": "objective"} {
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		lines := 0
		for _, d := range f.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Name.Name == name {
				lines = set.Position(d.End()).Line - set.Position(d.Pos()).Line + 1
			}
		}
		if lines == 0 || lines >= 40 {
			t.Errorf("%s: the function %s has %d lines, want fewer than 40", path, name, lines)
		}
	}
}

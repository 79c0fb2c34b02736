package parts

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/split"
)

// file has n rows whose text is their number and whose class is c in c of ten.
func file(t *testing.T, n int) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("text,label\n")
	for i := range n {
		label := "a"
		if i%10 >= 6 {
			label = "b"
		}
		fmt.Fprintf(&b, "row %d,%s\n", i, label)
	}
	path := filepath.Join(t.TempDir(), "rows.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestNoRowIsInTwoParts(t *testing.T) {
	path := file(t, 100)
	for _, shares := range [][2]float64{{0, 0}, {0.2, 0.2}, {0.5, 0.5}, {0.01, 0.9}, {0.9, 0.01}} {
		p, err := Files{Train: path, ValidShare: shares[0], TestShare: shares[1], Seed: 3}.Read()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(p.Classes, []string{"a", "b"}) {
			t.Errorf("classes are %v", p.Classes)
		}
		var all []int
		for _, part := range []Part{p.Training, p.Validation, p.Test} {
			all = append(all, part.Rows...)
			texts, err := part.Texts("text")
			if err != nil {
				t.Fatal(err)
			}
			for i, row := range part.Rows {
				want := 0
				if row%10 >= 6 {
					want = 1
				}
				if part.Set.Labels[i] != want || texts[i] != fmt.Sprint("row ", row) {
					t.Errorf("shares %v: row %d has label %d and text %q", shares, row, part.Set.Labels[i], texts[i])
				}
			}
		}
		slices.Sort(all)
		for i, row := range all {
			if i != row || len(all) != 100 {
				t.Fatalf("shares %v: the parts hold %v", shares, all)
			}
		}
		if n := p.Training.Set.Classes(); n != 2 {
			t.Errorf("shares %v: %d classes are learnt from", shares, n)
		}
	}
}

func TestKeepClasses(t *testing.T) {
	labels := []int{0, 0, 1, 1, 2}
	got := keepClasses(split.Fold{Training: []int{1}, Validation: []int{0, 2, 3, 4}}, labels)
	if !slices.Equal(got.Training, []int{1, 2, 4}) || !slices.Equal(got.Validation, []int{0, 3}) {
		t.Errorf("the parts are %v, want the first of each missing class moved", got)
	}
}

func TestNothingIsLeftToTake(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rows.csv")
	if err := os.WriteFile(path, []byte("x,label\n1,a\n2,b\n3,a\n4,b\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := (Files{Train: path, TestShare: 0.7}).Read(); err == nil || !strings.Contains(err.Error(), "want more rows of each class") {
		t.Errorf("error is %v, want one that asks for more rows", err)
	}
}

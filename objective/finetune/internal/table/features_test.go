package table

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

// testdata/make.py makes both files with scikit-learn.
func TestFeaturesAgreeWithScikitLearn(t *testing.T) {
	table, err := Read("testdata/mixed.csv", Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("testdata/mixed.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Train    []int
		Names    []string
		Features [][]float64
	}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	e, err := NewEncoder(table, want.Train, "id", "label")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(e.Features(), want.Names) {
		t.Fatalf("features are %q, want %q", e.Features(), want.Names)
	}
	x, err := e.Encode(table, nil)
	if err != nil {
		t.Fatal(err)
	}
	if x.Rows != 40 || len(want.Features) != 40 {
		t.Fatalf("%d rows, want 40", x.Rows)
	}
	for i, row := range want.Features {
		for j, w := range row {
			if got := float64(x.Data[i*x.Stride+j]); math.Abs(got-w) > 1e-6 {
				t.Errorf("row %d: %s is %v, want %v", i, want.Names[j], got, w)
			}
		}
	}
	part, err := e.Encode(table, []int{7, 0})
	if err != nil {
		t.Fatal(err)
	}
	if d := x.Cols; !slices.Equal(part.Data, slices.Concat(x.Data[7*d:8*d], x.Data[:d])) {
		t.Error("two rows alone have other features than among all")
	}
	// An Encoder goes through JSON unchanged, to be kept with a network.
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var kept Encoder
	if err := json.Unmarshal(text, &kept); err != nil {
		t.Fatal(err)
	}
	if again, err := kept.Encode(table, nil); err != nil || !slices.Equal(again.Data, x.Data) {
		t.Errorf("an Encoder that was kept gives other features (%v)", err)
	}
}

func TestOnlyTrainingRowsCount(t *testing.T) {
	one := mustRead(t, "x,c,y\n1,a,1\n3,b,2\n1000,c,3\n")
	other := mustRead(t, "x,c,y\n1,a,1\n3,b,2\n,,3\n")
	train := []int{0, 1}
	a, err := NewEncoder(one, train, "y")
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewEncoder(other, train, "y")
	if err != nil {
		t.Fatal(err)
	}
	x, err := a.Encode(one, nil)
	if err != nil {
		t.Fatal(err)
	}
	y, err := b.Encode(other, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(x.Data[:6], y.Data[:6]) {
		t.Errorf("features of training rows are %v and %v, though only another row differs", x.Data[:6], y.Data[:6])
	}
	if want := []float32{998, 0, 0, 0, 0, 0}; !slices.Equal(x.Data[6:], want[:3]) || !slices.Equal(y.Data[6:], want[3:]) {
		t.Errorf("rows with a new text and with nothing are %v and %v, want %v", x.Data[6:], y.Data[6:], want)
	}
}

func TestFeaturesOfColumns(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		names []string
	}{
		"a constant is left out":                    {"x,k\n1,5\n2,5\n", []string{"x"}},
		"a constant text is left out":               {"x,k\n1,a\n2,a\n", []string{"x"}},
		"a column without values is left out":       {"x,k\n1,\n2,NA\n", []string{"x"}},
		"a constant with gaps says where":           {"x,k\n1,5\n2,\n", []string{"x", "k is missing"}},
		"numbers and a word are texts":              {"k\n1\n2\nlow\n", []string{"k=1", "k=2", "k=low"}},
		"infinity among words is one":               {"k\ninf\nred\n", []string{"k=inf", "k=red"}},
		"what is missing among texts is one of all": {"k\nNaN\nred\n?\nblue\n", []string{"k is missing", "k=blue", "k=red"}},
	} {
		e, err := NewEncoder(mustRead(t, c.text), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := e.Features(); !slices.Equal(got, c.names) {
			t.Errorf("%s: features are %q, want %q", name, got, c.names)
		}
	}
}

func TestEncoderRefuses(t *testing.T) {
	texts := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(strings.Repeat("x", i+1) + ",1\n")
		}
		return b.String()
	}
	if _, err := NewEncoder(mustRead(t, "k,n\n"+texts(MaxCategories)), nil); err != nil {
		t.Errorf("%d texts: %v", MaxCategories, err)
	}
	for want, text := range map[string]string{
		`column "k": there are 33 texts, such as "x", "xx", "xxx", want numbers or at most 32 texts; leave`: "k,n\n" + texts(MaxCategories+1),
		`no column is left to train on: of "k", "y" without "y" all are constant in 2 rows`:                 "k,y\n1,2\n1,3\n",
		`x.csv:3: column "k": the value is "1e999", want a finite number`:                                   "k,y\n1,2\n1e999,3\n",
		`x.csv:2: column "k": the value is "-Inf", want a finite number`:                                    "k,y\n-Inf,2\n1,3\n",
		`column "k": the numbers are too large: their variance is not finite`:                               "k,y\n1e200,2\n-1e200,3\n",
		`there is no column "y", want one of "k", "z"`:                                                      "k,z\n1,2\n2,3\n",
	} {
		without := []string{"y"}
		if strings.HasPrefix(text, "k,n") {
			without = nil
		}
		if _, err := NewEncoder(mustRead(t, text), nil, without...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
	if _, err := NewEncoder(mustRead(t, "k\n1\n"), []int{}); err == nil || !strings.Contains(err.Error(), "there are no rows to fit") {
		t.Errorf("no rows: error is %v", err)
	}
	e, err := NewEncoder(mustRead(t, "k\n1\n2\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for want, text := range map[string]string{
		`there is no column "k", want one of "j"`:                                   "j\n1\n",
		`x.csv:3: column "k": the value is "low", want a finite number, as`:         "k\n1\nlow\n",
		`x.csv:2: column "k": the value is "inf", want a finite number, as`:         "k\ninf\n",
		`x.csv:2: column "k": the value is "1e40", which is too far from the mean `: "k\n1e40\n",
	} {
		if _, err := e.Encode(mustRead(t, text), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
}

package table

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// file writes a file with a name and reads it.
func fileOf(t testing.TB, name, text string) (*Table, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return Read(path, Options{})
}

func mustRead(t testing.TB, text string) *Table {
	t.Helper()
	table, err := fileOf(t, "x.csv", text)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestRead(t *testing.T) {
	for name, c := range map[string]struct{ file, text string }{
		"commas":                        {"x.csv", "a,b\n1,2\n3,4\n"},
		"no line break at the end":      {"x.csv", "a,b\n1,2\n3,4"},
		"line breaks of Windows":        {"x.csv", "a,b\r\n1,2\r\n3,4\r\n"},
		"semicolons":                    {"x.csv", "a;b\n1;2\n3;4\n"},
		"tabs, by the ending":           {"x.TSV", "a\tb\n1\t2\n3\t4\n"},
		"tabs, by the first line":       {"x.txt", "a\tb\n1\t2\n3\t4\n"},
		"the mark of UTF-8":             {"x.csv", "\uFEFFa,b\n1,2\n3,4\n"},
		"quotes":                        {"x.csv", "\"a\",b\n\"1\",2\n3,\"4\"\n"},
		"the mark of UTF-8, and quotes": {"x.csv", "\uFEFF\"a\",b\n1,2\n3,4\n"},
		"empty lines":                   {"x.csv", "a,b\n\n1,2\n\n3,4\n\n"},
	} {
		table, err := fileOf(t, c.file, c.text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		a, err := table.Column("a")
		if err != nil {
			t.Fatal(err)
		}
		b, err := table.Column("b")
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(table.Columns, []string{"a", "b"}) || !slices.Equal(a, []string{"1", "3"}) || !slices.Equal(b, []string{"2", "4"}) || table.Len() != 2 {
			t.Errorf("%s: columns %q are %q and %q", name, table.Columns, a, b)
		}
	}
	table := mustRead(t, "text,label\n\"Hello,\n\"\"you\"\"\",x\nlast,\n")
	texts, err := table.Texts("text")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"Hello,\n\"you\"", "last"}; !slices.Equal(texts, want) {
		t.Errorf("texts are %q, want %q", texts, want)
	}
	if _, _, err := table.Classes("label"); err == nil || !strings.Contains(err.Error(), `x.csv:4: column "label": there is no label`) {
		t.Errorf("error is %v, want one about line 4, which is the third row", err)
	}
	path := filepath.Join(t.TempDir(), "x.csv")
	if err := os.WriteFile(path, []byte("a|b,c\n1|2,3\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if table, err := Read(path, Options{Comma: '|'}); err != nil || !slices.Equal(table.Columns, []string{"a", "b,c"}) {
		t.Errorf("with a bar between columns: %v (%v)", table, err)
	}
}

func TestReadRefuses(t *testing.T) {
	for want, text := range map[string]string{
		"x.csv: the file is empty, want a line with the names":                              "",
		"x.csv: there are no rows after the line":                                           "a,b\n",
		`x.csv:1: columns 1 and 3 have the name "a"`:                                        "a,b,a\n1,2,3\n",
		"x.csv:4: the row has 3 fields, want 2":                                             "a,b\n\"1\n\",2\n3,4,5\n",
		"x.csv:3: the row has 1 fields, want 2":                                             "a,b\n1,2\n3\n",
		"x.csv:3: at byte 3: bare":                                                          "a,b\n1,2\n3 \"4,5\n",
		"x.csv:4: in the row that starts at line 3: extraneous":                             "a,b\n1,2\n\"3\n,4,5\n",
		"x.csv:1: the file starts with the byte order mark of UTF-16, but is read as utf-8": "\xff\xfea\x00,\x00",
	} {
		if _, err := fileOf(t, "x.csv", text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none.csv"), Options{}); err == nil || !strings.Contains(err.Error(), "none.csv: no such file") {
		t.Errorf("no file: error is %v", err)
	}
}

func TestClasses(t *testing.T) {
	for name, c := range map[string]struct {
		text    string
		classes []string
		labels  []int
	}{
		"by name":         {"l\nspam\nham\n spam\nham \n", []string{"ham", "spam"}, []int{1, 0, 1, 0}},
		"by number":       {"l\n10\n9\n10\n9\n-1\n-1\n", []string{"-1", "9", "10"}, []int{2, 1, 2, 1, 0, 0}},
		"not all numbers": {"l\n10\n9\n10\n9\nx\nx\n", []string{"10", "9", "x"}, []int{0, 1, 0, 1, 2, 2}},
		"half as many":    {"l\na\nb\nb\nb\n", []string{"a", "b"}, []int{0, 1, 1, 1}},
	} {
		classes, labels, err := mustRead(t, c.text).Classes("l")
		if err != nil || !slices.Equal(classes, c.classes) || !slices.Equal(labels, c.labels) {
			t.Errorf("%s: classes are %q %v (%v), want %q %v", name, classes, labels, err, c.classes, c.labels)
		}
	}
	labels, err := mustRead(t, "l\nspam\nspam\n").ClassesOf("l", []string{"ham", "spam"})
	if err != nil || !slices.Equal(labels, []int{1, 1}) {
		t.Errorf("classes of another file: %v (%v), want [1 1]", labels, err)
	}
}

func TestColumnsRefuse(t *testing.T) {
	table := mustRead(t, "text,one,many,number,same,other\nhi,x,a,1,3,spam\nyou,x,b,2.5,3,ham\n \t,x,c,NaN,3.0,eggs\n")
	for want, get := range map[string]func() error{
		`x.csv: there is no column "txt", want one of "text", "one", "many", "number", "same", "other"`:  func() error { _, err := table.Texts("txt"); return err },
		`x.csv:4: column "text": the text is empty`:                                                      func() error { _, err := table.Texts("text"); return err },
		`column "one": all 3 rows have the label "x", want at least two`:                                 func() error { _, _, err := table.Classes("one"); return err },
		`column "many": there are 3 classes in 3 rows, such as "a", "b"`:                                 func() error { _, _, err := table.Classes("many"); return err },
		`x.csv:4: column "number": there is no target`:                                                   func() error { _, err := table.Numbers("number"); return err },
		`column "same": all 3 rows have the target 3, want at least two `:                                func() error { _, err := table.Numbers("same"); return err },
		`x.csv:2: column "one": the target is "x", want a finite number (in 3 of 3 rows: lines 2, 3, 4)`: func() error { _, err := table.Numbers("one"); return err },
		`x.csv:4: column "other": the label is "eggs", want one of "ham"`:                                func() error { _, err := table.ClassesOf("other", []string{"ham", "spam"}); return err },
		`there is no column "label", want`:                                                               func() error { _, _, err := table.Classes("label"); return err },
		`there is no column "labels", want`:                                                              func() error { _, err := table.ClassesOf("labels", nil); return err },
		`there is no column "target", want`:                                                              func() error { _, err := table.Numbers("target"); return err },
	} {
		if err := get(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
	wide := mustRead(t, "c0,c1,c2,c3,c4,c5,c6,c7,c8,c9,d0,d1,d2,d3,d4,d5,d6,d7,d8,d9,e0,e1"+"\n"+strings.Repeat("1,", 21)+"1\n")
	if _, err := wide.Column("x"); err == nil || !strings.HasSuffix(err.Error(), `"d9", and 2 more`) {
		t.Errorf("of 22 columns: error is %v, want 20 names", err)
	}
	got, err := mustRead(t, "y\n 1.5\n-2e3 \n").Numbers("y")
	if err != nil || !slices.Equal(got, []float32{1.5, -2000}) {
		t.Errorf("numbers are %v (%v), want [1.5 -2000]", got, err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("a,b\n1,2\n3,x\n")
	f.Add("\uFEFFa;b\n\"1\n\";NA\n1e999;?\n")
	f.Add("a\tb\n1\t2\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := NewReader(strings.NewReader(text), "x.csv", Options{})
		if err != nil {
			return
		}
		table, err := r.Next(1000)
		if err != nil {
			return
		}
		for _, name := range table.Columns {
			if classes, labels, err := table.Classes(name); err == nil {
				for row, label := range labels {
					if label < 0 || label >= len(classes) {
						t.Fatalf("row %d of column %q has class %d of %d", row, name, label, len(classes))
					}
				}
			}
			_, _ = table.Texts(name)
			_, _ = table.Numbers(name)
		}
		e, err := NewEncoder(table, nil)
		if err != nil {
			return
		}
		x, err := e.Encode(table, nil)
		if err != nil {
			t.Fatalf("rows learned from are not encoded: %v", err)
		}
		for i, v := range x.Data {
			if v != v || v-v != 0 {
				t.Fatalf("feature %s of row %d is %v", e.Features()[i%x.Cols], i/x.Cols, v)
			}
		}
	})
}

func TestALFSPointerIsRecognized(t *testing.T) {
	_, err := NewReader(strings.NewReader("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"), "train.csv", Options{})
	if err == nil || !strings.Contains(err.Error(), "train.csv is a Git LFS pointer") {
		t.Errorf("error is %v, want one that says what the file is", err)
	}
}

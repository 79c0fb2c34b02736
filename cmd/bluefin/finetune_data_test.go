package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// rowsOf returns a CSV file of n rows whose class follows from x and colour.
func rowsOf(n int) string {
	var b strings.Builder
	b.WriteString("id,x,colour,label\n")
	for i := range n {
		x := float64(i*37%100)/10 - 5
		colour := []string{"red", "blue", "grün"}[i%3]
		label := "schön"
		if x < 0 {
			label = "häßlich"
		}
		fmt.Fprintf(&b, "%d,%.3f,%s,%s\n", 1000+i, x, colour, label)
	}
	return b.String()
}

// put writes a file and returns its path.
func put(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// latin1 returns text with a byte for each letter.
func latin1(text string) string {
	var b strings.Builder
	for _, r := range text {
		b.WriteByte(byte(r))
	}
	return b.String()
}

func TestFinetuneSaysWhatIsOddAboutData(t *testing.T) {
	dir := t.TempDir()
	good := put(t, filepath.Join(dir, "good.csv"), rowsOf(120))
	narrow := put(t, filepath.Join(dir, "latin.csv"), latin1(rowsOf(120)))
	gaps := put(t, filepath.Join(dir, "gaps.csv"), strings.Replace(rowsOf(120), "schön\n", "\n", 7))
	numbers := "x,label\n"
	for i := range 440 {
		numbers += fmt.Sprintf("%d.5,%d\n", i%50, i%200)
	}
	diabetes := put(t, filepath.Join(dir, "numbers.csv"), numbers)
	for name, c := range map[string]struct {
		flags []string
		code  int
		want  []string
	}{
		"not UTF-8":         {[]string{"--train", narrow}, 1, []string{"latin.csv:2: the byte 0xE4 is not UTF-8 (--encoding latin-1, cp1252 or utf-16 says what it is)"}},
		"not UTF-8, test":   {[]string{"--train", good, "--test", narrow}, 1, []string{"latin.csv:2: the byte 0xE4"}},
		"not UTF-8, valid":  {[]string{"--train", good, "--valid", narrow}, 1, []string{"latin.csv:2: the byte 0xE4"}},
		"another encoding":  {[]string{"--train", narrow, "--encoding", "latin-1"}, 0, []string{"features, 2 classes: häßlich, schön"}},
		"unknown encoding":  {[]string{"--train", narrow, "--encoding", "latin1"}, 2, []string{"--encoding is \"latin1\", want one of utf-8, latin-1, cp1252, utf-16"}},
		"gaps":              {[]string{"--train", gaps}, 1, []string{"there is no label (in 7 of 120 rows: lines ", "(--drop-missing leaves such rows out)"}},
		"gaps, left out":    {[]string{"--train", gaps, "--drop-missing"}, 0, []string{"rows without a text or a label: 7.", "90 rows for training, 23 for validation"}},
		"id":                {[]string{"--train", good}, 0, []string{`column "id" numbers the rows`, "(--ignore-columns leaves it out)"}},
		"id, ignored":       {[]string{"--train", good, "--ignore-columns", "id,colour"}, 0, []string{"1 features, 2 classes"}},
		"label, ignored":    {[]string{"--train", good, "--ignore-columns", "label"}, 1, []string{`"label", the column to predict`}},
		"unknown, ignored":  {[]string{"--train", good, "--ignore-columns", "name"}, 1, []string{`there is no column "name", want one of "id", "x"`}},
		"the same file":     {[]string{"--train", good, "--test", good}, 0, []string{"all 120 rows to test on are also among those to train or validate on: is it the same file?"}},
		"regression":        {[]string{"--train", diabetes, "--trials", "1"}, 0, []string{"the labels are 200 different numbers in 440 rows", "want a regression"}},
		"no flag of digits": {[]string{"--drop-missing"}, 2, []string{"--drop-missing is for --task text or csv"}},
	} {
		code, stderr := search(t, append([]string{"--trials", "1", "--storage", filepath.Join(t.TempDir(), "s.db")}, c.flags...)...)
		if code != c.code {
			t.Errorf("%s: exit code %d, want %d: %s", name, code, c.code, stderr)
		}
		for _, want := range c.want {
			if !strings.Contains(stderr, want) {
				t.Errorf("%s: there is no %q in %s", name, want, stderr)
			}
		}
		if name == "id, ignored" && strings.Contains(stderr, "--ignore-columns") {
			t.Errorf("%s: %s", name, stderr)
		}
	}
	// Labels are in the saved network as they are in the file.
	out := filepath.Join(dir, "out")
	if code, stderr := search(t, "--trials", "1", "--storage", filepath.Join(dir, "s.db"), "--train", narrow, "--encoding", "cp1252", "--output", out); code != 0 {
		t.Fatal(code, stderr)
	}
	b, err := os.ReadFile(filepath.Join(out, "features.json"))
	if err != nil || !strings.Contains(string(b), `"häßlich"`) || !strings.Contains(string(b), `"grün"`) {
		t.Errorf("%v: %s", err, b)
	}
}

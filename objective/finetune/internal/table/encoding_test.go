package table

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

func encode(t *testing.T, e encoding.Encoding, text string) string {
	t.Helper()
	s, err := e.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEncodings(t *testing.T) {
	const text = "text,label\r\n\"Grüße,\nJosé\",schön\nça va,naïve\n"
	wide := unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	narrow := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	for name, c := range map[string]struct{ encoding, bytes string }{
		"UTF-8":                             {"", text},
		"UTF-8 by name":                     {"utf-8", text},
		"UTF-8 with its mark":               {"", "\uFEFF" + text},
		"Latin-1":                           {"latin-1", encode(t, charmap.ISO8859_1, text)},
		"Windows":                           {"cp1252", encode(t, charmap.Windows1252, text)},
		"UTF-16, big first, with its mark":  {"utf-16", "\xFE\xFF" + encode(t, wide, text)},
		"UTF-16, little first":              {"utf-16", encode(t, narrow, text)},
		"UTF-16, little first, with a mark": {"utf-16", "\xFF\xFE" + encode(t, narrow, text)},
	} {
		for _, from := range []io.Reader{strings.NewReader(c.bytes), iotest.OneByteReader(strings.NewReader(c.bytes))} {
			r, err := NewReader(from, "x.csv", Options{Encoding: c.encoding})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			table, err := r.Next(10)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			labels, err := table.Column("label")
			if err != nil || !slices.Equal(labels, []string{"schön", "naïve"}) {
				t.Errorf("%s: labels are %q (%v)", name, labels, err)
			}
			if texts, err := table.Column("text"); err != nil || texts[0] != "Grüße,\nJosé" {
				t.Errorf("%s: texts are %q (%v)", name, texts, err)
			}
		}
	}
}

func TestWhatIsNotTextIsRefused(t *testing.T) {
	latin := func(text string) string { return encode(t, charmap.ISO8859_1, text) }
	long := strings.Repeat("plain,x\n", 20000) // several buffers
	for want, c := range map[string]struct{ encoding, bytes string }{
		"x.csv:1: the byte 0xF6 is not UTF-8":                                                 {"", latin("schön,label\n1,2\n")},
		"x.csv:3: the byte 0xE9 is not UTF-8":                                                 {"", latin("text,label\na,b\nJosé,b\n")},
		"x.csv:4: the byte 0xE9 is not UTF-8":                                                 {"", latin("text,label\n\"a\nb\",c\nJosé,b\n")},
		"x.csv:2: the byte 0xE9 is not UTF-8":                                                 {"", latin("text,label\na,é\nc,d\n")},
		"x.csv:20002: the byte 0xFC is not UTF-8":                                             {"", "text,label\n" + long + latin("grün,x\n")},
		"x.csv:2: the byte 0xC3 is not UTF-8":                                                 {"", "text,label\na,\xC3"},
		"x.csv:2: the byte 0xED is not UTF-8":                                                 {"", "text,label\na,\xED\xA0\x80\n"},
		"x.csv:1: there is a byte 0, which no text has: it may be UTF-16":                     {"", encode(t, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), "text,label\na,b\n")},
		"x.csv:1: the file starts with the byte order mark of UTF-16, but is read as utf-8":   {"", "\xFF\xFEt\x00"},
		"x.csv:1: the file starts with the byte order mark of UTF-16, but is read as latin-1": {"latin-1", "\xFE\xFF\x00t"},
		"x.csv:1: the file starts with the byte order mark of UTF-8, but is read as cp1252":   {"cp1252", "\uFEFFtext,label\n"},
		"x.csv:2: there are bytes that are not cp1252":                                        {"cp1252", "text,label\na,\x81\n"},
		"x.csv:2: there are bytes that are not utf-16":                                        {"utf-16", encode(t, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), "text,label\na,b") + "\x00\xD8a\x00"},
		`encoding is "ebcdic", want one of utf-8, latin-1, cp1252, utf-16`:                    {"ebcdic", "a,b\n1,2\n"},
		"x.csv: the file is empty, want a line with the names of the columns":                 {"", "\uFEFF"},
	} {
		path := filepath.Join(t.TempDir(), "x.csv")
		if err := os.WriteFile(path, []byte(c.bytes), 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := Read(path, Options{Encoding: c.encoding})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
		if strings.Contains(want, "byte") && !errors.Is(err, ErrEncoding) {
			t.Errorf("%v does not match ErrEncoding", err)
		}
	}
}

func TestMissingRowsAreCounted(t *testing.T) {
	var b strings.Builder
	b.WriteString("text,label,y\n")
	for i := range 40 {
		text, label, y := "\"a\nb\"", "x", "1.5"
		if i%2 == 0 {
			label, y = "y", "2"
		}
		if i%5 == 4 {
			text, label, y = " ", "", "NA"
		}
		fmt.Fprintf(&b, "%s,%s,%s\n", text, label, y)
	}
	table := mustRead(t, b.String())
	const where = "(in 8 of 40 rows: lines 10, 19, 28, 37, 46, …)"
	_, textErr := table.Texts("text")
	_, _, labelErr := table.Classes("label")
	_, otherErr := table.ClassesOf("label", []string{"x", "y"})
	_, numberErr := table.Numbers("y")
	for want, err := range map[string]error{
		"x.csv:10: column \"text\": the text is empty " + where:  textErr,
		"x.csv:10: column \"label\": there is no label " + where: labelErr,
		"column \"label\": there is no label " + where:           otherErr,
		"x.csv:10: column \"y\": there is no target " + where:    numberErr,
	} {
		if err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, ErrMissing) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
	rows, err := table.Missing("y", true)
	if err != nil || len(rows) != 8 {
		t.Fatal(rows, err)
	}
	left := table.Without(rows)
	if n, err := left.Numbers("y"); err != nil || len(n) != 32 {
		t.Errorf("%d numbers are left (%v), want 32", len(n), err)
	}
	if _, err := left.ClassesOf("label", []string{"y"}); err == nil || !strings.Contains(err.Error(), "x.csv:4: ") {
		t.Errorf("error is %v, want the line in the file, which is 4", err)
	}
	commas := mustRead(t, "a;y\n1;3,14\n2;1.000,5\n")
	if _, err := commas.Numbers("y"); err == nil || !strings.Contains(err.Error(), "decimal comma") || !strings.Contains(err.Error(), "2 of 2 rows") {
		t.Errorf("error is %v, want a word about decimal commas", err)
	}
}

func TestWarnings(t *testing.T) {
	var b strings.Builder
	b.WriteString("id;PassengerId;price;amount;age;none;fixed;label;size\n")
	for i := range 60 {
		fmt.Fprintf(&b, "%d;%d;%d,5;%d.25;%d;;x;%d;%d\n", 1000+i, (i*37)%60, i%7, i, i%50, i%3, (i*7919)%1009)
	}
	table := mustRead(t, b.String())
	var got []string
	columns := 0
	for _, err := range table.Warnings(nil, "label") {
		got = append(got, err.Error())
		if errors.Is(err, ErrColumn) {
			columns++
		}
	}
	all := strings.Join(got, "\n")
	for _, want := range []string{
		`column "id" numbers the rows`, `column "PassengerId" numbers the rows`,
		`column "price" has numbers with decimal commas, such as "0,5"`, `because they are constant: "none", "fixed"`,
	} {
		if !strings.Contains(all, want) {
			t.Errorf("there is no warning %q", want)
		}
	}
	if len(got) != 4 || columns != 2 {
		t.Errorf("warnings are %s, want 4, of which 2 are of columns to leave out", all)
	}
	for name, c := range map[string]struct {
		classes []string
		n       int
		odd     bool
	}{
		"names":         {[]string{"a", "b"}, 100, false},
		"digits":        {[]string{"0", "1", "2"}, 9, false},
		"fractions":     {[]string{"0.5", "1", "2"}, 100, true},
		"many":          {strings.Fields(strings.Repeat("7 ", 214)), 442, true},
		"many, of each": {strings.Fields(strings.Repeat("7 ", 100)), 10000, false},
	} {
		if err := LooksNumeric(c.classes, c.n); err != nil != c.odd {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNextReadsInParts(t *testing.T) {
	r, err := NewReader(strings.NewReader("a,b\n1,2\n\"3\n\",4\n5,6\n7\n"), "-", Options{})
	if err != nil || !slices.Equal(r.Columns, []string{"a", "b"}) {
		t.Fatal(r, err)
	}
	first, err := r.Next(2)
	if err != nil || first.Len() != 2 {
		t.Fatal(first, err)
	}
	if _, err := first.ClassesOf("b", []string{"2"}); err == nil || !strings.Contains(err.Error(), "-:3: ") {
		t.Errorf("error is %v, want it in line 3", err)
	}
	second, err := r.Next(1)
	if err != nil || second.Len() != 1 {
		t.Fatal(second, err)
	}
	if _, err := r.Next(2); err == nil || !strings.Contains(err.Error(), "-:6: the row has 1 fields, want 2") {
		t.Errorf("error is %v, want one about line 6", err)
	}
	if _, err := r.Next(2); err != io.EOF {
		t.Errorf("error is %v, want the end", err)
	}
}

func BenchmarkRead(b *testing.B) {
	path := filepath.Join(b.TempDir(), "x.csv")
	text := "text,label\n" + strings.Repeat("the parcel came late and broken,late\n", 1<<18)
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Read(path, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

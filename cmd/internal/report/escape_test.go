package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// hostile are names that anybody may give.
var hostile = []string{
	"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "</style></code></pre></svg><b>", "a|b`c``d\\|e",
	"# heading\n\n* list\n| cell |", "\x1b[31mred\x00\u202egnp.exe\u2066", "שלום עולם", strings.Repeat("long ", 2000),
	"[link](javascript:alert(1)) ![](http://x/y.png) &lt;i&gt; {{.Study}} $x$ @all", "`", " ", "--> x <!--", "1. a",
}

// hostileSource has those names wherever a study has names, with one or two objectives.
func hostileSource(objectives int) Source {
	var trials []*trial.Trial
	for i, text := range slices.Concat(hostile, hostile) {
		values := []float64{float64(i % 7), float64(-i)}
		t := complete(i, float64(i), values[:objectives]...)
		for _, param := range hostile {
			t.Params = append(t.Params, trial.Param{Name: param, Value: float64(i % 2),
				Dist: space.Categorical{Choices: []any{param, text}}})
		}
		if i%5 == 3 {
			t = failed(i, text)
		}
		t.UserAttrs = map[string]json.RawMessage{"loss_by_epoch": json.RawMessage(`[[2, 2], [1, 1], [0.5, 3]]`)}
		trials = append(trials, reported(t, t.State, 3))
	}
	s := source(make([]trial.Direction, objectives), trials...)
	s.Study, s.File, s.Sampler, s.Pruner = hostile[0], hostile[1], hostile[2], hostile[3]
	s.Names = []string{hostile[4], hostile[5]}[:objectives]
	s.Step, s.Training = hostile[1], true
	s.Again = func(*trial.Trial) []Command {
		return []Command{{Title: "Run", Language: "sh", Text: "echo '</code></pre><script>```````'"}}
	}
	return s
}

// elements are those that the page and its pictures are made of.
var elements = strings.Fields(`html head wbr meta title style body main h1 h2 h3 p div nav a section table caption thead tbody tr th
	td code pre figure figcaption svg g path text tspan rect circle line polyline polygon defs clipPath desc image`)

func TestHostileNamesStayTextInHTML(t *testing.T) {
	for objectives := 1; objectives <= 2; objectives++ {
		r, err := New(hostileSource(objectives))
		if err != nil {
			t.Fatal(err)
		}
		var page bytes.Buffer
		if err := HTML(&page, r); err != nil {
			t.Fatal(err)
		}
		checkPage(t, page.Bytes())
		if got, want := page.String(), `<h1>Study <code dir="auto">&lt;script&gt;alert(1)&lt;/<wbr>script&gt;</code></h1>`; !strings.Contains(got, want) {
			t.Errorf("want %s in the page", want)
		}
	}
}

// checkPage parses a page, and makes sure that it has no element, attribute or character that could do
// anything.
func checkPage(t *testing.T, page []byte) {
	t.Helper()
	checkCharacters(t, string(page))
	d := xml.NewDecoder(bytes.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, []string{"meta", "wbr"}, xml.HTMLEntity
	ids, links := map[string]bool{}, []string{}
	open := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the page does not parse: %v", err)
		}
		switch e := token.(type) {
		case xml.EndElement:
			open--
		case xml.StartElement:
			open++
			if !slices.Contains(elements, e.Name.Local) {
				t.Errorf("the page has an element <%s>", e.Name.Local)
			}
			for _, a := range e.Attr {
				switch {
				case strings.HasPrefix(strings.ToLower(a.Name.Local), "on"), a.Name.Local == "src":
					t.Errorf("<%s> has an attribute %s=%q", e.Name.Local, a.Name.Local, a.Value)
				case a.Name.Local == "href" && !strings.HasPrefix(a.Value, "#"):
					t.Errorf("the page links to %q", a.Value)
				case a.Name.Local == "href":
					links = append(links, a.Value[1:])
				case a.Name.Local == "id" && ids[a.Value]:
					t.Errorf("the id %q is there twice", a.Value)
				case a.Name.Local == "id":
					ids[a.Value] = true
				}
			}
		}
	}
	if open != 0 {
		t.Errorf("%d elements are not closed", open)
	}
	for _, link := range links {
		if !ids[link] {
			t.Errorf("nothing has the id %q, to which the page links", link)
		}
	}
}

// checkCharacters makes sure that text has nothing that a terminal or a reader would obey.
func checkCharacters(t *testing.T, text string) {
	t.Helper()
	for _, r := range text {
		if unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r) || r == unicode.ReplacementChar {
			t.Errorf("the report has the character %U", r)
			return
		}
	}
}

func TestHostileNamesStayTextInMarkdown(t *testing.T) {
	for objectives := 1; objectives <= 2; objectives++ {
		r, err := New(hostileSource(objectives))
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := Markdown(&b, r); err != nil {
			t.Fatal(err)
		}
		checkCharacters(t, b.String())
		cells, fence := 0, ""
		for i, line := range strings.Split(b.String(), "\n") {
			switch {
			case fence != "":
				if line == fence {
					fence = ""
				}
				continue
			case strings.HasPrefix(line, "```") && strings.Trim(line, "`abcdefghijklmnopqrstuvwxyz") == "":
				fence = line[:strings.LastIndex(line, "`")+1]
				continue
			case i == 0, strings.HasPrefix(line, "## What "), strings.HasPrefix(line, "## How "), strings.HasPrefix(line, "## The "),
				line == "## Learning curves":
			case strings.HasPrefix(line, "# Study "):
			case strings.HasPrefix(line, "#"), strings.HasPrefix(line, "* "), strings.HasPrefix(line, "1. "), strings.HasPrefix(line, ">"):
				t.Errorf("line %d starts something: %.200s", i+1, line)
			}
			n := strings.Count(line, "|")
			if cells > 0 && n > 0 && n != cells {
				t.Errorf("line %d has %d bars in a table with %d: %.200s", i+1, n, cells, line)
			}
			cells = n
			// What is not code must have no markup at all.
			for j, part := range strings.Split(line, "`") {
				if j%2 == 0 && i > 0 && strings.ContainsAny(part, "<>[]*\\~$") {
					t.Errorf("line %d has markup: %.200s", i+1, line)
				}
			}
		}
		if fence != "" {
			t.Error("a block of code does not end")
		}
	}
}

func TestForeignTextIsCut(t *testing.T) {
	if got := say("%v", name(strings.Repeat("ä", 10_000))).String(); got != strings.Repeat("ä", longestName-1)+"…" {
		t.Errorf("a long name is %q", got)
	}
	if got := say("a %v and %s, %d %%", name(""), "b", 3).String(); got != "a (empty) and b, 3 %" {
		t.Errorf("an empty name is in %q", got)
	}
}

func TestMarkdownKeepsForeignTextTogether(t *testing.T) {
	long := strings.Repeat("# a ", 14)
	got := paragraph(say("%s%v, which has 1. more words than fit into a line of that width.", strings.Repeat("word ", 12), name(long)))
	want := "word word word word word word word word word word word word\n" +
		"&#35; a &#35; a &#35; a &#35; a &#35; a &#35; a &#35; a &#35; a &#35; a &#35; a &#35; a &#35; a &#35; a &#35; a ,\n" +
		"which has 1. more words than fit into a line of that width."
	if got != want {
		t.Errorf("the paragraph is\n%s\nwant\n%s", got, want)
	}
	if got, want := inline(say("%v", name("a`b|c\\d"))), "a&#96;b&#124;c&#92;d"; got != want {
		t.Errorf("the name is %s, want %s", got, want)
	}
}

package report

import (
	"cmp"
	_ "embed" // the template
	"fmt"
	"io"
	"regexp"
	"strings"
	"text/template"

	"github.com/jedib0t/go-pretty/v6/text"
)

//go:embed report.md.tmpl
var document string

// Markdown writes the report for terminals and for pages such as GitHub's.
func Markdown(w io.Writer, r Report) error {
	t, err := template.New("report").Funcs(template.FuncMap{
		"inline": inline, "paragraph": paragraph, "table": table, "draw": drawn, "fence": fence,
	}).Parse(document)
	if err != nil {
		return err
	}
	return t.Execute(w, r)
}

// inline writes text for the middle of a line.
func inline(t Text) string {
	var b strings.Builder
	for _, s := range t {
		b.WriteString(escaped(s))
	}
	return b.String()
}

// escaped writes foreign text as code, or, if it has characters that end code or the cell of a table,
// with every character that Markdown could obey as an entity.
func escaped(s Span) string {
	if !s.Foreign {
		return s.Text
	}
	if !strings.ContainsAny(s.Text, "`|\\") && strings.TrimSpace(s.Text) == s.Text {
		return "`" + s.Text + "`"
	}
	return punctuation.ReplaceAllStringFunc(s.Text, func(c string) string { return fmt.Sprintf("&#%d;", c[0]) })
}

var punctuation = regexp.MustCompile(`[!-/:-@\[-` + "`" + `{-~]`)

// pageWidth is where paragraphs are wrapped, in columns.
const pageWidth = 90

// numbered would start a list at the beginning of a line.
var numbered = regexp.MustCompile(`^[0-9]+[.)]$`)

// paragraph writes text in lines. Foreign text is not broken: a line that starts in the middle of it
// could be a heading or a list.
func paragraph(t Text) string {
	var words []string
	glued := false // whether the next piece continues the last word
	add := func(word string) {
		if last := len(words) - 1; last >= 0 && (glued || numbered.MatchString(word)) {
			if !glued {
				word = " " + word
			}
			words[last] += word
		} else {
			words = append(words, word)
		}
		glued = true
	}
	for _, s := range t {
		if s.Foreign {
			add(escaped(s))
			continue
		}
		for i, word := range strings.Split(s.Text, " ") {
			glued = glued && i == 0
			if word != "" {
				add(word)
			}
		}
	}
	var lines []string
	for _, word := range words {
		last := len(lines) - 1
		if last < 0 || columns(lines[last])+1+columns(word) > pageWidth {
			lines = append(lines, word)
		} else {
			lines[last] += " " + word
		}
	}
	return strings.Join(lines, "\n")
}

func columns(s string) int { return text.StringWidthWithoutEscSequences(s) }

// table writes a table whose columns align in a terminal too.
func table(t Table) string {
	rows := [][]string{}
	widths := make([]int, len(t.Head))
	for _, cells := range append([][]Text{t.Head}, t.Rows...) {
		row := make([]string, len(t.Head))
		for i, c := range cells {
			row[i] = inline(c)
			widths[i] = max(widths[i], columns(row[i]), 3)
		}
		rows = append(rows, row)
	}
	var b strings.Builder
	for i, row := range rows {
		for j, cell := range row {
			space := strings.Repeat(" ", widths[j]-columns(cell))
			if j < t.Left {
				cell += space
			} else {
				cell = space + cell
			}
			b.WriteString("| " + cell + " ")
		}
		b.WriteString("|\n")
		if i > 0 {
			continue
		}
		for j, width := range widths {
			rule := strings.Repeat("-", width)
			if j >= t.Left {
				rule = rule[1:] + ":"
			}
			b.WriteString("| " + rule + " ")
		}
		b.WriteString("|\n")
	}
	return b.String()
}

// drawn returns a picture as text.
func drawn(f Figure) (string, error) {
	var b strings.Builder
	err := f.Picture.Text(&b, 80, cmp.Or(f.Rows, 16), false)
	return b.String(), err
}

// fence writes a block of code, whose fence is longer than any in it.
func fence(language, code string) string {
	marks := "```"
	for strings.Contains(code, marks) {
		marks += "`"
	}
	return marks + language + "\n" + strings.TrimSuffix(code, "\n") + "\n" + marks
}

package report

import (
	"bytes"
	_ "embed" // the template
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/bluefin-hpo/bluefin/study/plot/picture"
)

//go:embed report.html.tmpl
var page string

// HTML writes the report as one page that needs no other file, runs no script and prints on paper.
func HTML(w io.Writer, r Report) error {
	t, err := template.New("report").Funcs(template.FuncMap{
		"draw": func(f picture.Figure) (template.HTML, error) {
			var svg bytes.Buffer
			err := f.SVG(&svg, 0, 0)
			_, element, _ := strings.Cut(svg.String(), "<svg") // without the XML declaration before it
			return template.HTML("<svg" + element), err        // package picture escapes text
		},
		"pieces": pieces,
		"left":   func(t Table, column int) bool { return column < t.Left },
		"id":     func(section int) string { return fmt.Sprintf("s%d", section+1) },
	}).Parse(page)
	if err != nil {
		return err
	}
	// By its first line a report is known. The template would leave out the comment.
	if _, err := io.WriteString(w, "<!DOCTYPE html><!-- Written by bluefin report, which replaces this file. -->\n"); err != nil {
		return err
	}
	return t.Execute(w, r)
}

// pieces splits a name where a line may break.
func pieces(name string) []string {
	return strings.Split(strings.NewReplacer("_", "_\x00", "/", "/\x00", ".", ".\x00").Replace(name), "\x00")
}

package report

import (
	_ "embed" // the template
	"fmt"
	"html/template"
	"io"
)

//go:embed report.html.tmpl
var page string

// HTML writes the report as one page that needs no other file, runs no script and prints on paper.
func HTML(w io.Writer, r Report) error {
	t, err := template.New("report").Funcs(template.FuncMap{
		"draw": func(plot any) (template.HTML, error) {
			return "", nil
		},
		"left": func(t Table, column int) bool { return column < t.Left },
		"id":   func(section int) string { return fmt.Sprintf("s%d", section+1) },
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

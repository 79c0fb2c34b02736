package main

import (
	"fmt"
	"io"
	"strconv"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
)

// A row is one line of output: names and values, in order. A value is a
// string, an int, a float64, or nil where there is none.
type row = pyjson.Object

// cell names a value.
func cell(name string, value any) pyjson.Member { return pyjson.Member{Name: name, Value: value} }

// printRows writes the rows, which all have the same names.
func printRows(w io.Writer, format string, rows []row) error {
	// An empty list is [], not null.
	if format == "json" {
		all := []any{}
		for _, r := range rows {
			all = append(all, r)
		}
		out, err := pyjson.Marshal(all)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%s\n", out)
		return err
	}
	if len(rows) == 0 {
		return nil
	}
	t := table.NewWriter()
	// The package would write names in capitals, unlike in JSON.
	t.Style().Format.Header = text.FormatDefault
	var header table.Row
	var configs []table.ColumnConfig
	for i, m := range rows[0] {
		header = append(header, m.Name)
		// Numbers line up at their last digit.
		if _, isText := m.Value.(string); !isText {
			configs = append(configs, table.ColumnConfig{Number: i + 1, Align: text.AlignRight,
				AlignHeader: text.AlignRight})
		}
	}
	t.AppendHeader(header)
	t.SetColumnConfigs(configs)
	for _, r := range rows {
		var line table.Row
		for _, m := range r {
			line = append(line, show(m.Value))
		}
		t.AppendRow(line)
	}
	_, err := fmt.Fprintln(w, t.Render())
	return err
}

// show writes a value for people: a float in four digits.
func show(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(v, 'g', 4, 64)
	}
	return fmt.Sprint(v)
}

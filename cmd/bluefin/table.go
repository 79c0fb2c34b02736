package main

import (
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
	"github.com/bluefin-hpo/bluefin/internal/pyjson"
)

// printTable draws a table. With folded, names break after each "_": they are longer than the values.
func printTable(w io.Writer, records []record, folded bool) {
	columns := columnNames(records)
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.Style().Format.Header = text.FormatDefault
	header := table.Row{}
	var configs []table.ColumnConfig
	for i, name := range columns {
		// Names come from study files of others; escapes in them must not reach the terminal.
		head := message.Visible(name)
		if folded {
			head = fold(head)
		}
		header = append(header, head)
		// Numbers line up at their last digit.
		if numeric(records, name) {
			configs = append(configs, table.ColumnConfig{Number: i + 1, Align: text.AlignRight,
				AlignHeader: text.AlignRight})
		}
	}
	t.AppendHeader(header)
	t.SetColumnConfigs(configs)
	for _, r := range records {
		row := table.Row{}
		for _, name := range columns {
			row = append(row, message.Visible(show(member(r, name))))
		}
		t.AppendRow(row)
	}
	// An empty table would be a lone border.
	if len(columns) > 0 {
		t.Render()
	}
}

// fold lets long names break, as parameters are often a prefix and a word.
func fold(name string) string { return strings.ReplaceAll(name, "_", "_\n") }

// columnNames lists the names of all records. A name that only some have comes after the one that it
// follows there.
func columnNames(records []record) []string {
	var columns []string
	for _, r := range records {
		next := 0
		for _, m := range r {
			i := slices.Index(columns, m.Name)
			if i < 0 {
				// After its neighbor, so columns of different trials interleave in a natural
				// order.
				i = next
				columns = slices.Insert(columns, i, m.Name)
			}
			next = i + 1
		}
	}
	return columns
}

// numeric reports whether a column has numbers only, which are aligned to the right.
func numeric(records []record, name string) bool {
	found := false
	for _, r := range records {
		switch member(r, name).(type) {
		// Missing values align with whatever else is there.
		case nil:
		case int, float64:
			found = true
		default:
			return false
		}
	}
	return found
}

// member returns the value of a name, nil if there is none: records are short, so a scan will do.
func member(r record, name string) any {
	for _, m := range r {
		if m.Name == name {
			return m.Value
		}
	}
	return nil
}

// flattenAll replaces the records by flat ones.
func flattenAll(records []record) {
	for i := range records {
		records[i] = flatten(records[i])
	}
}

// padded returns a record with all columns, in their order.
func padded(r record, columns []string) record {
	var all record
	for _, name := range columns {
		all = append(all, pyjson.Member{Name: name, Value: member(r, name)})
	}
	return all
}

// flatten replaces lists and objects by their elements, as Optuna names them.
func flatten(r record) record {
	var flat record
	add := func(name, sub string, v any) { flat = append(flat, pyjson.Member{Name: name + "_" + sub, Value: v}) }
	for _, m := range r {
		switch v := m.Value.(type) {
		case record:
			for _, e := range v {
				add(m.Name, e.Name, e.Value)
			}
		case tuple:
			for i, e := range v {
				add(m.Name, strconv.Itoa(i), e)
			}
		case []any:
			for i, e := range v {
				add(m.Name, strconv.Itoa(i), e)
			}
		default:
			flat = append(flat, m)
		}
	}
	return flat
}

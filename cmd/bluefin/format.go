package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/urfave/cli/v2"
	"go.yaml.in/yaml/v4"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
	"github.com/bluefin-hpo/bluefin/space/pyjson"
)

// A record is one line of output: names and values, in order, as Optuna's
// command line names and writes them.
type record = pyjson.Object

// A tuple is a list that tables show in parentheses.
type tuple []any

func formatFlags(format string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Value: format, Usage: "`FORMAT` of the output: table, json, yaml or value"},
		&cli.BoolFlag{Name: "flatten", Usage: "give each element of a list or an object a column of its own"},
	}
}

// checkFormat is to be called before the work is done.
func checkFormat(c *cli.Context) error {
	_, err := oneOf("format", c.String("format"), "table", "json", "yaml", "value")
	return err
}

// printRecords writes the records; a single one is not put in a list.
func printRecords(c *cli.Context, records []record, single bool) error {
	if c.Bool("flatten") {
		for i := range records {
			records[i] = flatten(records[i])
		}
	}
	var out bytes.Buffer
	if err := formatRecords(&out, c.String("format"), records, single); err != nil {
		return err
	}
	_, err := c.App.Writer.Write(out.Bytes())
	return err
}

func formatRecords(w io.Writer, format string, records []record, single bool) error {
	switch format {
	case "json":
		var all []any
		for _, r := range records {
			all = append(all, jsonValue(r))
		}
		var v any = slices.Concat([]any{}, all)
		if single {
			v = all[0]
		}
		out, err := pyjson.Marshal(v)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%s\n", out)
		return err
	case "yaml":
		return printYAML(w, records, single)
	case "value":
		for _, r := range records {
			var words []string
			last := 0 // words, without empty ones at the end
			for i, m := range r {
				words = append(words, show(m.Value))
				if words[i] != "" {
					last = i + 1
				}
			}
			fmt.Fprintln(w, strings.Join(words[:last], " "))
		}
	default:
		printTable(w, records)
	}
	return nil
}

func printYAML(w io.Writer, records []record, single bool) error {
	all := []any{}
	for _, r := range records {
		all = append(all, yamlValue(r))
	}
	var v any = all
	if single {
		v = all[0]
	}
	e := yaml.NewEncoder(w)
	e.SetIndent(2)
	if err := e.Encode(v); err != nil {
		return err
	}
	return e.Close()
}

func printTable(w io.Writer, records []record) {
	columns := columnNames(records)
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.Style().Format.Header = text.FormatDefault
	header := table.Row{}
	var configs []table.ColumnConfig
	for _, name := range columns {
		header = append(header, message.Visible(name))
		if numeric(records, name) {
			configs = append(configs, table.ColumnConfig{Name: message.Visible(name), Align: text.AlignRight, AlignHeader: text.AlignRight})
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
	if len(columns) > 0 {
		t.Render()
	}
}

// columnNames lists the names of all records. One that only some have stands
// behind the one it follows there.
func columnNames(records []record) []string {
	var columns []string
	for _, r := range records {
		next := 0
		for _, m := range r {
			i := slices.Index(columns, m.Name)
			if i < 0 {
				i = next
				columns = slices.Insert(columns, i, m.Name)
			}
			next = i + 1
		}
	}
	return columns
}

// numeric reports whether a column holds numbers and nothing else.
func numeric(records []record, name string) bool {
	found := false
	for _, r := range records {
		switch member(r, name).(type) {
		case nil:
		case int, float64:
			found = true
		default:
			return false
		}
	}
	return found
}

func member(r record, name string) any {
	for _, m := range r {
		if m.Name == name {
			return m.Value
		}
	}
	return nil
}

// flatten puts the elements of a list or an object in the place of it.
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

// jsonValue is v as pyjson knows it.
func jsonValue(v any) any {
	switch v := v.(type) {
	case tuple:
		return []any(v)
	case record:
		r := make(record, len(v))
		for i, m := range v {
			r[i] = pyjson.Member{Name: m.Name, Value: jsonValue(m.Value)}
		}
		return r
	}
	return v
}

// yamlValue is v as maps, whose names YAML sorts, and lists.
func yamlValue(v any) any {
	switch v := v.(type) {
	case tuple:
		return []any(v)
	case record:
		m := map[string]any{}
		for _, e := range v {
			m[e.Name] = yamlValue(e.Value)
		}
		return m
	}
	return v
}

// show writes a value for people: as Python's str does, and nothing for None.
func show(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	return pythonRepr(v)
}

// pythonRepr writes a value as Python's repr does.
func pythonRepr(v any) string {
	list := func(values []any) string {
		var words []string
		for _, e := range values {
			words = append(words, pythonRepr(e))
		}
		return strings.Join(words, ", ")
	}
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return map[bool]string{true: "True", false: "False"}[v]
	case int:
		return strconv.Itoa(v)
	case float64:
		return strings.ToLower(strings.Replace(pyjson.Float(v), "Infinity", "inf", 1))
	case string:
		if strings.Contains(v, "'") && !strings.Contains(v, `"`) {
			return `"` + strings.ReplaceAll(v, `\`, `\\`) + `"`
		}
		return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`, "\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(v) + "'"
	case []any:
		return "[" + list(v) + "]"
	case tuple:
		if len(v) == 1 {
			return "(" + list(v) + ",)"
		}
		return "(" + list(v) + ")"
	case map[string]any:
		var r record
		for _, name := range slices.Sorted(maps.Keys(v)) {
			r = append(r, pyjson.Member{Name: name, Value: v[name]})
		}
		return pythonRepr(r)
	case record:
		var words []string
		for _, m := range v {
			words = append(words, pythonRepr(m.Name)+": "+pythonRepr(m.Value))
		}
		return "{" + strings.Join(words, ", ") + "}"
	}
	return fmt.Sprint(v)
}

// showTime writes a time in local time, as Optuna does; nil if there is none.
func showTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Local().Format(time.DateTime)
}

// showDuration writes a duration as Python's timedelta does.
func showDuration(d time.Duration) string {
	days, rest := d/(24*time.Hour), d%(24*time.Hour)
	s := fmt.Sprintf("%d:%02d:%02d", rest/time.Hour, rest/time.Minute%60, rest/time.Second%60)
	if us := rest / time.Microsecond % 1e6; us != 0 {
		s += fmt.Sprintf(".%06d", us)
	}
	switch days {
	case 0:
		return s
	case 1:
		return "1 day, " + s
	}
	return fmt.Sprintf("%d days, %s", days, s)
}

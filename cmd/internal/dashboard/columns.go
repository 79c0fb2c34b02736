package dashboard

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A column is one of the table of trials.
type column struct {
	Key    string // in the query
	Label  string
	Number bool // its cells are numbers
	cell   func(t *trial.Trial) cell
}

// A cell is what a trial has in a column.
type cell struct {
	missing bool
	number  float64 // the order of cells with numbers
	text    string  // of the others; and whole, for CSV
	show    string  // short, for people; "": text
}

// Text is what people see.
func (c cell) Text() string {
	if c.show != "" {
		return c.show
	}
	return short(c.text, 80)
}

// compareCells orders cells; NaN is after all numbers, and missing cells are after everything.
func compareCells(a, b cell) int {
	switch {
	case a.missing || b.missing:
		return 0 // see sortTrials
	case math.IsNaN(a.number) || math.IsNaN(b.number):
		return cmp.Compare(boolInt(math.IsNaN(a.number)), boolInt(math.IsNaN(b.number)))
	case a.number != b.number:
		return cmp.Compare(a.number, b.number)
	}
	return cmp.Compare(a.text, b.text)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func numberCell(x float64) cell {
	return cell{number: x, text: pyjson.Float(x), show: number(x)}
}

func intCell(n int) cell { return cell{number: float64(n), text: strconv.Itoa(n)} }

func timeCell(t time.Time) cell {
	if t.IsZero() {
		return cell{missing: true}
	}
	return cell{number: float64(t.UnixMicro()), text: iso(t), show: utc(t)}
}

func durationCell(d time.Duration, ok bool) cell {
	if !ok {
		return cell{missing: true}
	}
	return cell{number: d.Seconds(), text: strconv.FormatFloat(d.Seconds(), 'f', -1, 64), show: clock(d)}
}

func textCell(text string) cell { return cell{missing: text == "", text: text} }

// columns returns all columns that the table can have: those of every study, one for each objective,
// then parameters and user attributes.
func (s *snapshot) columns() []column {
	now := time.Now()
	list := []column{
		{"number", "Trial", true, func(t *trial.Trial) cell { return intCell(t.Number) }},
		{"state", "State", false, func(t *trial.Trial) cell { return cell{text: t.State.String(), show: stateOf(t)} }},
	}
	for i, name := range s.objectives() {
		key := "value." + strconv.Itoa(i)
		if i == 0 {
			key = "value"
		}
		list = append(list, column{key, name, true, func(t *trial.Trial) cell {
			if i >= len(t.Values) {
				return cell{missing: true}
			}
			return numberCell(t.Values[i])
		}})
	}
	for _, p := range s.params() {
		list = append(list, column{"p." + p.Name, p.Name, p.Choices == nil, func(t *trial.Trial) cell {
			p, ok := t.Param(p.Name)
			if !ok {
				return cell{missing: true}
			}
			return paramCell(p)
		}})
	}
	list = append(list,
		column{"duration", "Duration", true, func(t *trial.Trial) cell { return durationCell(duration(t, now)) }},
		column{"start", "Start (UTC)", true, func(t *trial.Trial) cell { return timeCell(t.Start) }},
		column{"end", "End (UTC)", true, func(t *trial.Trial) cell { return timeCell(t.End) }},
		column{"reports", "Reports", true, func(t *trial.Trial) cell {
			if s.unreported {
				return cell{missing: true}
			}
			return intCell(len(t.Reports))
		}},
		column{"last", "Last report", true, func(t *trial.Trial) cell {
			r, ok := t.LastReport()
			if !ok {
				return cell{missing: true}
			}
			return numberCell(r.Value)
		}},
		column{"violation", "Violation", true, func(t *trial.Trial) cell { return numberCell(t.Violation()) }},
		column{"failure", "Failure", false, func(t *trial.Trial) cell { return textCell(t.Failure()) }},
	)
	for _, key := range s.attrs() {
		list = append(list, column{"a." + key, key, false, func(t *trial.Trial) cell { return attrCell(t.UserAttrs[key]) }})
	}
	return list
}

// paramCell orders choices by their text and numbers by their value.
func paramCell(p trial.Param) cell {
	text := valueText(p.External())
	if _, ok := p.Dist.(space.Categorical); ok {
		return cell{text: text}
	}
	c := cell{number: p.Value, text: text}
	if x, ok := p.External().(float64); ok {
		c.show = number(x)
	}
	return c
}

// attrCell orders numbers before texts.
func attrCell(raw []byte) cell {
	if raw == nil {
		return cell{missing: true}
	}
	v, err := pyjson.Unmarshal(raw)
	switch v := v.(type) {
	case float64:
		return numberCell(v)
	case int:
		return intCell(v)
	case string:
		return cell{number: math.Inf(1), text: v}
	}
	if err != nil || len(raw) > 0 {
		return cell{number: math.Inf(1), text: string(raw)}
	}
	return cell{missing: true}
}

// shownByDefault reports whether a column is shown unless the viewer chooses others.
func (s *snapshot) shownByDefault(c column) bool {
	switch c.Key {
	case "number", "state", "duration":
		return true
	}
	const most = 12
	if strings.HasPrefix(c.Key, "p.") {
		all := s.params()
		return slices.IndexFunc(all, func(p param) bool { return "p."+p.Name == c.Key }) < most
	}
	return c.Key == "value" || strings.HasPrefix(c.Key, "value.")
}

// sortTrials orders trials by a column. Those without a cell come last in both directions, equal ones
// by number.
func sortTrials(trials []*trial.Trial, c column, descending bool) {
	type row struct {
		cell
		t *trial.Trial
	}
	rows := make([]row, len(trials))
	for i, t := range trials {
		rows[i] = row{c.cell(t), t}
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		if a.missing || b.missing {
			return cmp.Compare(boolInt(a.missing), boolInt(b.missing))
		}
		if descending {
			a, b = b, a
		}
		return compareCells(a.cell, b.cell)
	})
	for i := range rows {
		trials[i] = rows[i].t
	}
}

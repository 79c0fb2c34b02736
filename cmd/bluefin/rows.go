package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// rows are lines about trials, with their parameters in columns.
type rows struct {
	columns []column // in the order in which trials have suggested them
	values  int      // where the values start
	indent  int      // where the columns start
	shown   int      // how many columns were named
	since   int      // lines since then
	reason  string   // why the last trial failed, and which one failed so first
	failed  int
}

// A column has the values of one parameter.
type column struct {
	name  string
	width int
}

// The widths of the words of a row, so that rows align.
const (
	stateWidth = 8
	valueWidth = 7
	timeWidth  = 8
)

// ended returns the lines that show a trial that has ended or paused: the names of the columns if they are
// new, its row, and why it failed or is infeasible. mark is "*" for a gain. With wrapped, long reasons
// are broken into lines.
func (b *board) ended(t *trial.Trial, mark string, width int, wrapped bool) (lines []string) {
	how := shortTime(t.Duration())
	state, values := strings.ToLower(t.State.String()), t.Values
	if last, reported := t.LastReport(); reported && (t.State == trial.Pruned || t.Paused()) {
		how = fmt.Sprintf("%s %d", b.Step, last.Step)
		if t.Paused() {
			state, values = "paused", []float64{last.Value}
		}
	}
	head, wide := b.head(mark, t, state, b.shownValues(values), how, width)
	row := head
	if wide {
		row = strings.TrimRight(head+b.cells(t.Params, width-columnsIn(head)), " ")
		if b.named() > b.shown {
			b.shown, b.since = b.named(), 0
			lines = append(lines, b.names(width))
		}
	}
	defer func() { b.since += len(lines) }()
	failure := failureLine(t)
	if failure == "" {
		return append(lines, row)
	}
	reason := "(" + message.Visible(failure) + ")"
	if failure == b.reason {
		reason = fmt.Sprintf("(as trial %d)", b.failed)
	} else {
		b.reason, b.failed = failure, t.Number
	}
	switch {
	case wide && columnsIn(head+reason) <= width:
		return append(lines, head+reason)
	case !wrapped:
		return append(lines, row, "    "+reason)
	}
	const most = 3 // `bluefin trials` has the rest
	why := strings.Split(text.WrapSoft(reason, max(width-4, 10)), "\n")
	if len(why) > most {
		why = append(why[:most-1], strings.TrimSpace(why[most-1])+" …")
	}
	for i := range why {
		why[i] = "    " + strings.TrimSpace(why[i])
	}
	return append(append(lines, row), why...)
}

// running returns the line of a trial that has not ended.
func (b *board) running(t *trial.Trial, elapsed string, width int) string {
	state, values := "started", b.shownValues(nil)
	if r, ok := t.LastReport(); ok {
		state, values = b.at(r.Step), b.shownValues([]float64{r.Value}) // reports are of the first one
	}
	head, wide := b.head(">", t, state, values, elapsed, width)
	switch worker, ok := b.workers[t.Number]; {
	case !wide:
		return head
	case ok:
		return head + worker
	}
	return head + b.cells(t.Params, width-columnsIn(head))
}

// head begins a row: which trial it is, and what has become of it. Terminals that are too narrow get
// the essence, as a whole row.
func (b *board) head(mark string, t *trial.Trial, state string, values []string, how string, width int) (
	head string, wide bool) {
	head = fmt.Sprintf("%s trial %3d", mark, t.Number)
	total := ""
	if b.Trials > 0 {
		total = fmt.Sprintf("/%d", b.Trials)
	}
	if of, ok := study.RepeatOf(t); ok { // beyond the total
		head, total = fmt.Sprintf("%s again %3d", mark, of), strings.Repeat(" ", len(total))
	}
	head += total
	head += "  " + text.Pad(state, stateWidth, ' ')
	b.values = columnsIn(head)
	end := b.values + 1 + timeWidth // unless a value is longer than others
	for i, value := range values {
		if len(values) == 1 {
			name := message.Visible(b.Metrics[i])
			head += "  " + name + " " + text.Pad(value, valueWidth, ' ')
			end += 2 + columnsIn(name) + 1 + valueWidth
		} else {
			head += "  " + text.Pad(value, columnsIn(b.objective(i)), ' ')
			end += 2 + columnsIn(b.objective(i))
		}
	}
	head = strings.TrimRight(head, " ")
	head += strings.Repeat(" ", max(1, end-columnsIn(head)-columnsIn(how))) + how
	if columnsIn(head) > width {
		head = fmt.Sprintf("%s %d %s %s", mark, t.Number, state, strings.Join(values, " "))
		return text.Snip(head, width, "…"), false
	}
	b.indent = columnsIn(head) + 2
	return head + "  ", true
}

// objective returns the name of an objective, as wide as its column.
func (b *board) objective(i int) string {
	const most = 16
	return text.Pad(text.Snip(message.Visible(b.Metrics[i]), most, "…"), valueWidth+1, ' ')
}

// names returns the names of the columns, as far as they fit.
func (b *board) names(width int) string {
	all := strings.Repeat(" ", b.values)
	if len(b.Metrics) > 1 {
		for i := range b.Metrics {
			all += "  " + b.objective(i)
		}
	}
	all = text.Pad(all, b.indent, ' ')
	n := b.fit(width - b.indent)
	for _, c := range b.columns[:n] {
		all += text.Pad(shortName(c.name), c.width+1, ' ')
	}
	if n < len(b.columns) && columnsIn(all) < width {
		return all + "…"
	}
	return strings.TrimRight(all, " ")
}

// declare gives the parameters columns in an order of its own, before trials have any.
func (r *rows) declare(params []space.Dimension) {
	for _, p := range params {
		r.add(p.Name, p.Dist)
	}
}

// add adds the column of a parameter that is searched, unless it is there.
func (r *rows) add(name string, d space.Dist) {
	if d.Len() != 1 && !slices.ContainsFunc(r.columns, func(c column) bool { return c.name == name }) {
		r.columns = append(r.columns, column{name, max(widest(d), columnsIn(shortName(name)))})
	}
}

// named returns how many columns have a name above them.
func (b *board) named() int {
	if len(b.Metrics) > 1 {
		return len(b.Metrics) + len(b.columns)
	}
	return len(b.columns)
}

// fit returns how many columns fit into a width.
func (r *rows) fit(width int) int {
	for i, c := range r.columns {
		if width -= c.width; width < 0 {
			return i
		}
		width-- // between columns
	}
	return len(r.columns)
}

// cells shows the values of the parameters that are searched, each below the name of its column.
func (r *rows) cells(params []trial.Param, width int) string {
	values := map[string]string{}
	for _, p := range params {
		values[p.Name] = message.Visible(shortValue(p.External()))
		r.add(p.Name, p.Dist)
	}
	for i, c := range r.columns {
		r.columns[i].width = max(c.width, columnsIn(values[c.name]))
	}
	var b strings.Builder
	for _, c := range r.columns[:r.fit(width)] {
		b.WriteString(text.Pad(values[c.name], c.width+1, ' '))
	}
	return strings.TrimRight(b.String(), " ")
}

// widest is how many columns the values of a parameter take.
func widest(d space.Dist) int {
	switch d := d.(type) {
	case space.Int:
		return len(fmt.Sprint(d.High))
	case space.Categorical:
		w := 0
		for _, choice := range d.Choices {
			w = max(w, columnsIn(message.Visible(shortValue(choice))))
		}
		return w
	}
	return len("9.57e-05")
}

// columnsIn returns how many columns of a terminal a text takes.
func columnsIn(s string) int { return text.StringWidthWithoutEscSequences(s) }

// longestName is how much of a name heads a column: a longer one would push other columns out.
const longestName = 16

// shortName heads a column whose values are shorter than the parameter's name.
func shortName(name string) string {
	short := map[string]string{
		"learning_rate": "lr", "batch_size": "batch", "num_train_epochs": "epochs", "weight_decay": "decay",
		"lr_scheduler_type": "schedule", "warmup_ratio": "warmup", "frozen_layers": "frozen",
		"layerwise_lr_decay":          "lr_decay",
		"label_smoothing_factor":      "smooth",
		"per_device_train_batch_size": "batch",
		"gradient_accumulation_steps": "accumulate",
	}
	heading := []rune(message.Visible(cmp.Or(short[name], name)))
	if n := len(heading); n > longestName { // names of one program differ at their ends
		return "…" + string(heading[n-longestName+1:])
	}
	return string(heading)
}

// at names a step in as many characters as the name of a state.
func (b *board) at(step int) string {
	if s := fmt.Sprintf("%s %d", b.Step, step); len(s) <= stateWidth {
		return s
	}
	return fmt.Sprint(step)
}

// shownValue shows a value with the digits by which trials differ.
func shownValue(x float64) string {
	if a := math.Abs(x); a != 0 && a < 0.001 || a >= 1e5 {
		return fmt.Sprintf("%.4g", x)
	}
	return fmt.Sprintf("%.4f", x)
}

// shownValues shows one value for each objective, "-" for those that are missing.
func (b *board) shownValues(values []float64) []string {
	shown := slices.Repeat([]string{"-"}, len(b.Metrics))
	for i, x := range values[:min(len(values), len(shown))] {
		shown[i] = shownValue(x)
	}
	return shown
}

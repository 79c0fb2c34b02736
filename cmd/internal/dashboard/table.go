package dashboard

import (
	"encoding/csv"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/bluefin-hpo/bluefin/trial"
)

// pageSize is how many trials a page of the table has.
const pageSize = 50

// A table is the trials that a query selects, in its order, with its columns.
type table struct {
	all     []column
	columns []column
	sort    column
	desc    bool
	page    int // from 1
	trials  []*trial.Trial
}

// table reads a query.
func (s *snapshot) table(q url.Values) (t table, err error) {
	f, err := parseFilter(q, s)
	if err != nil {
		return t, err
	}
	t.all, t.page = s.columns(), 1
	find := func(key string) (column, error) {
		i := slices.IndexFunc(t.all, func(c column) bool { return c.Key == key })
		if i < 0 {
			return column{}, badf("There is no column %q, only %s.", key, columnKeys(t.all))
		}
		return t.all[i], nil
	}
	for _, key := range q["column"] {
		c, err := find(key)
		if err != nil {
			return t, err
		}
		if !slices.ContainsFunc(t.columns, func(o column) bool { return o.Key == key }) {
			t.columns = append(t.columns, c)
		}
	}
	if t.columns == nil {
		for _, c := range t.all {
			if s.shownByDefault(c) {
				t.columns = append(t.columns, c)
			}
		}
	}
	key := q.Get("sort")
	if key == "" {
		key = "number"
	}
	if t.sort, err = find(key); err != nil {
		return t, err
	}
	if text := q.Get("desc"); text != "" {
		if t.desc, err = strconv.ParseBool(text); err != nil {
			return t, badf("desc is %q, want 1 or 0.", text)
		}
	}
	if text := q.Get("page"); text != "" {
		if t.page, err = strconv.Atoi(text); err != nil || t.page < 1 {
			return t, badf("page is %q, want a number from 1.", text)
		}
	}
	for _, one := range s.trials {
		if f.keep(one) {
			t.trials = append(t.trials, one)
		}
	}
	sortTrials(t.trials, t.sort, t.desc)
	return t, nil
}

// columnKeys lists columns for a message.
func columnKeys(all []column) string {
	const most = 20
	var keys []string
	for _, c := range all[:min(len(all), most)] {
		keys = append(keys, c.Key)
	}
	if len(all) > most {
		keys = append(keys, "…")
	}
	return strings.Join(keys, ", ")
}

// A tableBody is what the page of trials shows.
type tableBody struct {
	Filter  filterForm
	Columns []tableColumn
	Choices []columnBox
	Rows    []tableRow
	Total   int // trials that there are
	Found   int // trials that the filter leaves
	From    int // of this page, from 1
	To      int
	Prev    template.URL // ""; there is none
	Next    template.URL
	First   template.URL
	Last    template.URL
	CSV     template.URL
	Keep    []hiddenInput // the query of the page, for the form that chooses columns
}

// A tableColumn is the head of a column.
type tableColumn struct {
	column
	Sort  template.URL // the address of the page sorted by it
	Order string       // "ascending", "descending", or "none"
}

// A columnBox is a check box for a column.
type columnBox struct {
	Key, Label string
	On         bool
}

// A hiddenInput carries a part of the query through a form.
type hiddenInput struct{ Name, Value string }

// A tableRow is a trial.
type tableRow struct {
	Number   int
	State    string // in lower case
	Feasible bool
	Best     bool
	Cells    []tableCell
}

// A tableCell is what a trial has in a column.
type tableCell struct {
	Text   string
	Title  string // all of the text, if it is longer
	Number bool
}

// trialsPage shows a page of the table.
func (s *Server) trialsPage(w http.ResponseWriter, r *http.Request) error {
	now, err := s.study(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	t, err := now.table(q)
	if err != nil {
		return err
	}
	pages := max(1, (len(t.trials)+pageSize-1)/pageSize)
	page := min(t.page, pages) // fewer trials may match than when the link was made
	from := (page - 1) * pageSize
	to := min(from+pageSize, len(t.trials))
	body := tableBody{Filter: now.form(q), Total: len(now.trials), Found: len(t.trials), From: min(from+1, to), To: to,
		CSV: template.URL(fmt.Sprintf("/studies/%d/trials.csv%s", now.study.ID, with(q, "page", "")))}
	if page > 1 {
		body.First, body.Prev = with(q, "page", ""), with(q, "page", strconv.Itoa(page-1))
	}
	if page < pages {
		body.Next, body.Last = with(q, "page", strconv.Itoa(page+1)), with(q, "page", strconv.Itoa(pages))
	}
	for _, c := range t.columns {
		head := tableColumn{column: c, Order: "none"}
		head.Sort = with(q, "sort", c.Key, "desc", "", "page", "")
		if c.Key == t.sort.Key {
			head.Order = "ascending"
			if t.desc {
				head.Order = "descending"
			} else {
				head.Sort = with(q, "sort", c.Key, "desc", "1", "page", "")
			}
		}
		body.Columns = append(body.Columns, head)
	}
	for _, c := range t.all {
		on := slices.ContainsFunc(t.columns, func(o column) bool { return o.Key == c.Key })
		body.Choices = append(body.Choices, columnBox{c.Key, c.Label, on})
	}
	for key, values := range q {
		for _, v := range values {
			if key != "column" && key != "page" && key != "token" {
				body.Keep = append(body.Keep, hiddenInput{key, v})
			}
		}
	}
	slices.SortFunc(body.Keep, func(a, b hiddenInput) int { return strings.Compare(a.Name+a.Value, b.Name+b.Value) })
	best := map[int]bool{}
	for _, t := range now.best() {
		best[t.Number] = true
	}
	for _, one := range t.trials[from:to] {
		body.Rows = append(body.Rows, rowOf(one, t.columns, best[one.Number]))
	}
	return s.page(w, r, http.StatusOK, "trials.html", view{Title: "Trials · " + short(now.study.Name, 80),
		Study: s.head(r, now), Live: events(now), Body: body})
}

func rowOf(t *trial.Trial, columns []column, best bool) tableRow {
	row := tableRow{Number: t.Number, State: lower(t.State), Feasible: t.Violation() == 0, Best: best}
	for _, c := range columns {
		one := c.cell(t)
		cell := tableCell{Number: c.Number}
		if !one.missing {
			cell.Text = one.Text()
			if cell.Text != one.text {
				cell.Title = short(one.text, 500)
			}
		}
		row.Cells = append(row.Cells, cell)
	}
	return row
}

// with returns the query with some keys changed, "" removing one: "?a=b".
func with(q url.Values, pairs ...string) template.URL {
	changed := url.Values{}
	for key, values := range q {
		if key != "token" {
			changed[key] = values
		}
	}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			changed.Del(pairs[i])
		} else {
			changed.Set(pairs[i], pairs[i+1])
		}
	}
	return template.URL("?" + changed.Encode())
}

// trialsCSV sends all trials of the table. Without chosen columns it has every column.
func (s *Server) trialsCSV(w http.ResponseWriter, r *http.Request) error {
	now, err := s.study(r)
	if err != nil {
		return err
	}
	if now.loading() {
		w.Header().Set("Retry-After", "5")
		return statusf(http.StatusServiceUnavailable, "The study is not loaded yet. %s. Try again in a moment.", now.progress())
	}
	q := r.URL.Query()
	t, err := now.table(q)
	if err != nil {
		return err
	}
	if q["column"] == nil {
		t.columns = t.all
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="study-%d-trials.csv"`, now.study.ID))
	out := csv.NewWriter(w)
	row := make([]string, len(t.columns))
	for i, c := range t.columns {
		row[i] = c.Key
	}
	_ = out.Write(row) // the writer keeps its error, which means that the viewer is gone
	for _, one := range t.trials {
		for i, c := range t.columns {
			row[i] = ""
			if cell := c.cell(one); !cell.missing {
				row[i] = cell.text
			}
		}
		_ = out.Write(row)
	}
	out.Flush()
	return nil
}

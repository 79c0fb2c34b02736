package dashboard

import (
	"cmp"
	"html/template"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/bluefin-hpo/bluefin/trial"
)

// A studyColumn is a column of the list of studies that sorts it.
type studyColumn struct {
	Key, Label string
	Number     bool
	Sort       template.URL // the address of the list sorted by it
	Order      string       // "ascending", "descending", or "none"
	compare    func(a, b studyRow) int
}

// studyColumns are the columns that sort, in their order.
func studyColumns() []studyColumn {
	states := func(s trial.State) func(a, b studyRow) int {
		return func(a, b studyRow) int { return cmp.Compare(a.States[s], b.States[s]) }
	}
	return []studyColumn{
		{Key: "name", Label: "Name", compare: func(a, b studyRow) int {
			return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), strings.Compare(a.Name, b.Name))
		}},
		{Key: "best", Label: "Best", Number: true, compare: func(a, b studyRow) int {
			if a.Best == nil || b.Best == nil {
				return 0 // sortStudies puts them last
			}
			return cmp.Compare(a.Best.Values[0], b.Best.Values[0])
		}},
		{Key: "trials", Label: "Trials", Number: true, compare: func(a, b studyRow) int { return cmp.Compare(a.Total, b.Total) }},
		{Key: "complete", Label: "Complete", Number: true, compare: states(trial.Complete)},
		{Key: "pruned", Label: "Pruned", Number: true, compare: states(trial.Pruned)},
		{Key: "failed", Label: "Failed", Number: true, compare: states(trial.Failed)},
		{Key: "running", Label: "Running", Number: true, compare: states(trial.Running)},
		{Key: "waiting", Label: "Waiting", Number: true, compare: states(trial.Waiting)},
		{Key: "changed", Label: "Last change", compare: func(a, b studyRow) int { return a.Changed.Compare(b.Changed) }},
	}
}

// sortStudies sorts rows as the query asks, else by age, and returns the heads of the columns. Studies
// without a best value come last when it sorts.
func sortStudies(rows []studyRow, q url.Values) (columns []studyColumn, err error) {
	key, desc := q.Get("sort"), false
	if text := q.Get("desc"); text != "" {
		if desc, err = strconv.ParseBool(text); err != nil {
			return nil, badf("desc is %q, want 1 or 0.", text)
		}
	}
	columns = studyColumns()
	found := key == ""
	for i := range columns {
		c := &columns[i]
		c.Order, c.Sort = "none", with(q, "sort", c.Key, "desc", "")
		if c.Key != key {
			continue
		}
		found, c.Order = true, "ascending"
		if desc {
			c.Order = "descending"
		} else {
			c.Sort = with(q, "sort", c.Key, "desc", "1")
		}
		slices.SortStableFunc(rows, func(a, b studyRow) int {
			if key == "best" && (a.Best == nil) != (b.Best == nil) {
				if a.Best == nil {
					return 1
				}
				return -1
			}
			if desc {
				a, b = b, a
			}
			return c.compare(a, b)
		})
	}
	if !found {
		var keys []string
		for _, c := range columns {
			keys = append(keys, c.Key)
		}
		return nil, badf("sort is %q, want one of %s.", key, strings.Join(keys, ", "))
	}
	return columns, nil
}

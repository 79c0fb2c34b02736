package dashboard

import (
	"encoding/csv"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"encoding/json"

	"github.com/bluefin-hpo/bluefin/trial"
)

// table6 has six trials of all kinds.
func table6() []*trial.Trial {
	infeasible := complete(0.5, 0.9, 8, 1)
	infeasible.Constraints = map[string]float64{"memory": 2}
	pruned := complete(7, 0.001, 4, 2)
	pruned.State, pruned.Reports = trial.Pruned, []trial.Report{{Step: 1, Value: 7}}
	failed := &trial.Trial{State: trial.Failed, SystemAttrs: map[string]json.RawMessage{"bluefin:failure": json.RawMessage(`"CUDA out of memory"`)}}
	noted := complete(3, 0.02, 2, 0)
	noted.UserAttrs = map[string]json.RawMessage{"note": json.RawMessage(`"Über"`), "acc": json.RawMessage("0.9")}
	return []*trial.Trial{complete(2, 0.01, 2, 0), complete(1, 0.1, 3, 1), infeasible, pruned, failed, noted}
}

// numbersIn returns the numbers of the trials in the CSV of a query.
func numbersIn(t *testing.T, s *Server, base, query string) []int {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(page(t, s, base+"/trials.csv?column=number&"+query))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	list := []int{}
	for _, row := range rows[1:] {
		n, err := strconv.Atoi(row[0])
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, n)
	}
	return list
}

func TestFilters(t *testing.T) {
	db, s := openTest(t, Config{})
	base := fmt.Sprintf("/studies/%d", importTest(t, db, "a", table6()...).ID)
	for query, want := range map[string][]int{
		"":                                    {0, 1, 2, 3, 4, 5},
		"state=":                              {0, 1, 2, 3, 4, 5}, // a form that was left empty
		"state=COMPLETE":                      {0, 1, 2, 5},
		"state=fail&state=PRUNED":             {3, 4},
		"state=RUNNING":                       {},
		"feasible=false":                      {2},
		"feasible=true&state=COMPLETE":        {0, 1, 5},
		"number=2..4":                         {2, 3, 4},
		"number=3":                            {3},
		"number=0&number=5":                   {0, 5},
		"value=..1":                           {1, 2},
		"value=1..":                           {0, 1, 3, 5},
		"value.0=2..3":                        {0, 5},
		"value=1e0..+2":                       {0, 1},
		"value=-inf..inf":                     {0, 1, 2, 3, 5},
		"p.lr=0.01..0.1":                      {0, 1, 5},
		"p.layers=2":                          {0, 5},
		"p.kind=adam":                         {0, 5},
		"p.kind=sgd&p.kind=true":              {1, 2, 3},
		"p.kind=adam&p.lr=0.02..":             {5},
		"q=MEMORY":                            {4},
		"q=cuda+memory":                       {4},
		"q=über":                              {5},
		"q=cuda+sgd":                          {},
		"sort=value&state=COMPLETE":           {2, 1, 0, 5},
		"sort=value&desc=1":                   {3, 5, 0, 1, 2, 4},
		"sort=value":                          {2, 1, 0, 5, 3, 4}, // without a value last
		"sort=p.lr":                           {3, 0, 5, 1, 2, 4},
		"sort=p.kind":                         {0, 5, 1, 2, 3, 4},
		"sort=p.kind&desc=true":               {3, 1, 2, 0, 5, 4},
		"sort=state":                          {0, 1, 2, 5, 4, 3},
		"sort=number&desc=1":                  {5, 4, 3, 2, 1, 0},
		"sort=a.acc&state=COMPLETE":           {5, 0, 1, 2},
		"sort=failure":                        {4, 0, 1, 2, 3, 5},
		"sort=violation&desc=1&number=0..2":   {2, 0, 1},
		"page=7&x=lr&y=layers&objective=0":    {0, 1, 2, 3, 4, 5},
		"value=" + url.QueryEscape(" 1 .. 2"): {0, 1},
	} {
		if got := numbersIn(t, s, base, query); !slices.Equal(got, want) {
			t.Errorf("%q selects %v, want %v", query, got, want)
		}
	}
	if a := plotOf(t, s, "/api"+base+"/plots/history?state=COMPLETE&feasible=true"); a.Shown != 3 || a.Matching != 3 || a.Trials != 6 {
		t.Errorf("a filtered plot has %+v", a)
	}
}

func TestBadFiltersGetOneClearLine(t *testing.T) {
	db, s := openTest(t, Config{})
	base := fmt.Sprintf("/studies/%d", importTest(t, db, "a", table6()...).ID)
	for query, want := range map[string]string{
		"state=done":     `state is "done", want RUNNING, COMPLETE, PRUNED, FAIL or WAITING.`,
		"feasible=maybe": `feasible is "maybe", want true or false.`,
		"number=a..b":    `number is "a..b", want a number or LOW..HIGH, where either end may be missing.`,
		"number=..":      `number is "..", want a number or LOW..HIGH, where either end may be missing.`,
		"value=nan":      `value is "nan", want a number or LOW..HIGH, where either end may be missing.`,
		"value=2..1":     `value is "2..1": its low end is above its high end.`,
		"value.1=2":      `"value.1" is no objective: the study has 1, from value.0.`,
		"value.x=2":      `"value.x" is no objective: the study has 1, from value.0.`,
		"p.lrr=1":        `No trial has a parameter "lrr", only "kind", "layers", "lr".`,
		"p.kind=lion":    `p.kind is "lion", want one of ["adam" "sgd" "true"].`,
		"p.lr=x":         `p.lr is "x", want a number or LOW..HIGH, where either end may be missing.`,
		"stat=COMPLETE":  `"stat" is no filter, want state, feasible, number, value, p.NAME or q.`,
	} {
		for _, path := range []string{"/api" + base + "/plots/history", base + "/trials.csv", base + "/trials", base} {
			r := get(t, s, path+"?"+query)
			text := body(t, r)
			if r.StatusCode != 400 || !strings.Contains(strings.NewReplacer("&#34;", `"`, "&#39;", "'").Replace(text), want) {
				t.Errorf("%s?%s: status %d, want 400 and %s:\n%s", path, query, r.StatusCode, want, text)
			}
		}
	}
	for query, want := range map[string]string{"sort=x": "There is no column", "column=x": "There is no column",
		"page=0": "page is", "page=x": "page is", "desc=x": "desc is"} {
		if r := get(t, s, base+"/trials?"+query); r.StatusCode != 400 || !strings.Contains(body(t, r), want) {
			t.Errorf("%s: status %d, want 400 and %s", query, r.StatusCode, want)
		}
	}
	for query, want := range map[string]string{"objective=1": "objective is", "objective=x": "objective is", "param=nope": "nope"} {
		if r := get(t, s, "/api"+base+"/plots/slice?"+query); r.StatusCode != 400 || !strings.Contains(body(t, r), want) {
			t.Errorf("%s: status %d, want 400 and %s", query, r.StatusCode, want)
		}
	}
}

func TestTheCSVHasEveryTrialAsItIs(t *testing.T) {
	db, s := openTest(t, Config{})
	trials := table6()
	base := fmt.Sprintf("/studies/%d", importTest(t, db, "a", trials...).ID)
	rows, err := csv.NewReader(strings.NewReader(page(t, s, base+"/trials.csv"))).ReadAll()
	if err != nil || len(rows) != 7 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	cell := func(row []string, column string) string {
		i := slices.Index(rows[0], column)
		if i < 0 {
			t.Fatalf("no column %s in %v", column, rows[0])
		}
		return row[i]
	}
	for i, one := range trials {
		row := rows[i+1]
		if cell(row, "number") != strconv.Itoa(i) || cell(row, "state") != one.State.String() || cell(row, "failure") != one.Failure() {
			t.Errorf("row %v, want trial %d", row, i)
		}
		value := ""
		if len(one.Values) > 0 {
			value = strconv.FormatFloat(one.Values[0], 'f', -1, 64)
		}
		if x, err := strconv.ParseFloat(cell(row, "value"), 64); value != "" && (err != nil || x != one.Values[0]) {
			t.Errorf("trial %d: value %q, want %q", i, cell(row, "value"), value)
		}
		for _, p := range one.Params {
			if got := cell(row, "p."+p.Name); got != valueText(p.External()) {
				t.Errorf("trial %d: %s is %q, want %v", i, p.Name, got, p.External())
			}
		}
	}
	if got := cell(rows[6], "a.note"); got != "Über" {
		t.Errorf("the attribute is %q", got)
	}
}

func TestPagesOfTheTable(t *testing.T) {
	db, s := openTest(t, Config{})
	var trials []*trial.Trial
	for i := range 120 {
		trials = append(trials, complete(float64(120-i), 0.1, 1, 0))
	}
	base := fmt.Sprintf("/studies/%d/trials", importTest(t, db, "a", trials...).ID)
	for query, want := range map[string][]string{
		"":                          {"1 to 50 of 120", `href="?page=2"`, ">Last<"},
		"?page=3":                   {"101 to 120 of 120", `href="?page=2"`, ">First<", "Trial 100"},
		"?page=99":                  {"101 to 120 of 120"},
		"?sort=value&page=1":        {"1 to 50 of 120", `>119</a>`, `aria-sort="ascending"`},
		"?sort=value&desc=1":        {`>0</a>`, `aria-sort="descending"`},
		"?number=5..9":              {"1 to 5 of 5 that match, of 120"},
		"?number=500":               {"No trial that match, of 120"},
		"?column=value&column=p.lr": {"0.1"},
	} {
		text := page(t, s, base+query)
		for _, w := range want {
			if w != "Trial 100" && !strings.Contains(text, w) {
				t.Errorf("%s has no %q", query, w)
			}
		}
	}
	if text := page(t, s, base+"?column=value"); strings.Contains(text, ">complete</bdi>") {
		t.Error("a column that was not chosen is shown")
	}
}

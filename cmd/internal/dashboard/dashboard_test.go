package dashboard

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/trial"
)

// openTest makes a study file and a server that shows it.
func openTest(t *testing.T, cfg Config) (*sqlite.DB, *Server) {
	t.Helper()
	cfg.Path = filepath.Join(t.TempDir(), "s.db")
	db, err := sqlite.Open(t.Context(), cfg.Path, sqlite.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db, s
}

// importTest saves a study of the given trials.
func importTest(t *testing.T, db *sqlite.DB, name string, trials ...*trial.Trial) storage.Study {
	t.Helper()
	for i, one := range trials {
		one.Number = i
	}
	s, err := db.Import(t.Context(), storage.Snapshot{Study: storage.Study{Name: name, Directions: []trial.Direction{trial.Minimize}}, Trials: trials})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var (
	rate  = space.Float{Low: 1e-4, High: 1, Log: true}
	depth = space.Int{Low: 1, High: 8}
	kind  = space.Categorical{Choices: []any{"adam", "sgd", true}}
)

// complete is a trial with three parameters and a value.
func complete(value, lr float64, layers, choice int) *trial.Trial {
	return &trial.Trial{State: trial.Complete, Values: []float64{value}, Params: []trial.Param{
		{Name: "lr", Value: lr, Dist: rate}, {Name: "layers", Value: float64(layers), Dist: depth},
		{Name: "kind", Value: float64(choice), Dist: kind}}}
}

// get asks a server for a page as a browser on this machine does.
func get(t *testing.T, h http.Handler, target string, change ...func(*http.Request)) *http.Response {
	t.Helper()
	r := httptest.NewRequest("GET", target, nil)
	r.Host = "127.0.0.1:8080"
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// page returns a page, which must be there.
func page(t *testing.T, h http.Handler, target string) string {
	t.Helper()
	r := get(t, h, target)
	text := body(t, r)
	if r.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d: %s", target, r.StatusCode, text)
	}
	return text
}

// plotOf returns the answer of the API about a plot.
func plotOf(t *testing.T, h http.Handler, target string) (a struct {
	Plot                    json.RawMessage
	Shown, Matching, Trials int
	Revision                int64
}) {
	t.Helper()
	if err := json.Unmarshal([]byte(page(t, h, target)), &a); err != nil {
		t.Fatalf("%s: %v", target, err)
	}
	return a
}

func TestStudiesAreSorted(t *testing.T) {
	db, s := openTest(t, Config{})
	importTest(t, db, "b", complete(2, 0.01, 2, 0))
	importTest(t, db, "A")
	importTest(t, db, "c", complete(1, 0.01, 2, 0), complete(3, 0.01, 2, 0))
	for query, want := range map[string]string{"": "bAc", "?sort=name": "Abc", "?sort=name&desc=1": "cbA", "?sort=best": "cbA",
		"?sort=best&desc=1": "bcA", "?sort=trials": "Abc", "?sort=complete&desc=1": "cbA"} {
		var got string
		for _, m := range regexp.MustCompile(`<a href="/studies/\d+"[^>]*><bdi>(.)</bdi>`).FindAllStringSubmatch(page(t, s, "/"+query), -1) {
			got += m[1]
		}
		if got != want {
			t.Errorf("%q: the studies are %s, want %s", query, got, want)
		}
	}
	for query, want := range map[string]string{"?sort=size": `sort is &#34;size&#34;, want one of name`, "?sort=name&desc=x": `want 1 or 0`} {
		answer := get(t, s, "/"+query)
		if text := body(t, answer); answer.StatusCode != http.StatusBadRequest || !strings.Contains(text, want) {
			t.Errorf("%s: %s %s", query, answer.Status, text)
		}
	}
}

func TestThePlotsShowAChosenObjective(t *testing.T) {
	db, s := openTest(t, Config{})
	study, err := db.Create(t.Context(), "two", []trial.Direction{trial.Minimize, trial.Maximize})
	if err != nil {
		t.Fatal(err)
	}
	text := page(t, s, fmt.Sprintf("/studies/%d?objective=1", study.ID))
	if !strings.Contains(text, `<option value="1" selected>values_1</option>`) || !strings.Contains(text, `<option value="">values_0</option>`) {
		t.Errorf("want a choice of objectives:\n%s", text)
	}
}

func TestTheProgramOfASearchRunsTheBestAgain(t *testing.T) {
	db, s := openTest(t, Config{Rerun: func(study storage.Study, trials int, best *trial.Trial) string {
		return fmt.Sprintf("train %s %d %d", study.Name, trials, best.Number)
	}})
	study := importTest(t, db, "mine", complete(2, 0.01, 2, 0), complete(1, 0.1, 3, 1))
	base := fmt.Sprintf("/studies/%d", study.ID)
	for target, want := range map[string]string{base: "train mine 2 1", base + "/trials/1": "train mine 2 1",
		base + "/trials/0": "bluefin export --params-only"} {
		if text := page(t, s, target); !strings.Contains(text, want) {
			t.Errorf("%s has no %q", target, want)
		}
	}
}

func TestMoreTrialsThanPlanned(t *testing.T) {
	db, s := openTest(t, Config{})
	study := importTest(t, db, "more", complete(2, 0.01, 2, 0), complete(1, 0.1, 3, 1), complete(1, 0.1, 3, 1))
	base := fmt.Sprintf("/studies/%d", study.ID)
	for planned, want := range map[string]string{`{"trials":5,"metrics":["loss"]}`: "<b>3</b> of 5 trials", `{"trials":2,"metrics":["loss"]}`: "<b>3</b> trials"} {
		update := storage.StudyUpdate{UserAttrs: map[string]json.RawMessage{"bluefin:search": json.RawMessage(planned)}}
		if err := db.WriteStudy(t.Context(), study.ID, update); err != nil {
			t.Fatal(err)
		}
		until(t, func() bool { return strings.Contains(page(t, s, base), want) })
	}
}

func TestPageOfAnEmptyStudy(t *testing.T) {
	db, s := openTest(t, Config{})
	study := importTest(t, db, "empty")
	text := page(t, s, fmt.Sprintf("/studies/%d", study.ID))
	if !strings.Contains(text, "No trial is complete yet.") || strings.Contains(text, "plots/contour") || strings.Contains(text, "plots/rank") {
		t.Errorf("want a page without plots of two parameters:\n%s", text)
	}
}

func TestPagesOfASmallStudy(t *testing.T) {
	db, s := openTest(t, Config{})
	failed := &trial.Trial{State: trial.Failed, SystemAttrs: map[string]json.RawMessage{"bluefin:failure": json.RawMessage(`"no memory"`)}}
	pruned := &trial.Trial{State: trial.Pruned, Reports: []trial.Report{{Step: 0, Value: 3}}, Values: []float64{3}}
	study := importTest(t, db, "small", complete(2, 0.01, 2, 0), complete(1, 0.1, 3, 2), pruned, failed)
	base := fmt.Sprintf("/studies/%d", study.ID)
	for target, want := range map[string][]string{
		"/":                        {"small", `<td class="num complete">2</td>`, `<td class="num failed">1</td>`, "polyline"},
		base:                       {"<b>4</b>", "Trial 1", "0.1", `data-src="/api` + base + `/plots/history"`},
		base + "/trials":           {"1 to 4 of 4", "complete", "pruned", "fail", "adam"},
		base + "/trials/1":         {"Trial 1 of", "0.0001 to 1, log", "What the sampler knew"},
		base + "/trials/0":         {"Best (<a href", "differs"},
		base + "/trials/3":         {"no memory", "Why it failed"},
		"/compare?study=1&study=1": {"Best trials", "lr", "minimize value"},
	} {
		text := page(t, s, target)
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("%s has no %q:\n%s", target, w, text)
			}
		}
	}
	for target, want := range map[string]int{base + "/trials/4": 404, base + "/trials/x": 404, "/studies/99": 404, "/studies/x": 404,
		"/nothing": 404, "/api" + base + "/plots/nothing": 404, "/compare": 400, "/compare?study=x": 400, "/compare?study=77": 404} {
		r := get(t, s, target)
		text := body(t, r)
		if r.StatusCode != want || !strings.Contains(target, "/api/") && !strings.Contains(text, `<a href="/">All studies</a>`) {
			t.Errorf("%s: status %d, want %d with a link:\n%s", target, r.StatusCode, want, text)
		}
	}
}

func TestAServerOfOneStudyShowsNoOther(t *testing.T) {
	db, s := openTest(t, Config{Study: "mine"})
	mine := importTest(t, db, "mine", complete(1, 0.1, 1, 0))
	other := importTest(t, db, "other", complete(1, 0.1, 1, 0))
	if text := page(t, s, "/"); strings.Contains(text, "other") || !strings.Contains(text, "mine") {
		t.Errorf("the list is %s", text)
	}
	page(t, s, fmt.Sprintf("/studies/%d", mine.ID))
	for _, target := range []string{"/studies/%d", "/studies/%d/trials", "/studies/%d/trials/0", "/api/studies/%d/plots/history",
		"/api/studies/%d/trials/0", "/studies/%d/trials.csv", "/compare?study=%d", "/api/compare/edf?study=%d", "/api/studies/%d/events"} {
		if r := get(t, s, fmt.Sprintf(target, other.ID)); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s of another study: status %d", target, r.StatusCode)
		}
	}
}

func TestHostileNamesAreEscapedOnEveryPage(t *testing.T) {
	db, s := openTest(t, Config{})
	attack := `<script>alert("x")</script>'"><img src=x onerror=alert(1)>` + "/../\x1b[31m\n\u202egnp.exe"
	long := strings.Repeat("long ", 2000)
	one := complete(1, 0.1, 1, 0)
	one.Params = append(one.Params, trial.Param{Name: attack, Value: 0, Dist: space.Categorical{Choices: []any{attack, long}}},
		trial.Param{Name: long, Value: 0.5, Dist: space.Float{High: 1}})
	one.UserAttrs = map[string]json.RawMessage{attack: must(json.Marshal(attack)), "long": must(json.Marshal(long))}
	bad := &trial.Trial{State: trial.Failed, SystemAttrs: map[string]json.RawMessage{"bluefin:failure": must(json.Marshal(attack + long))}}
	study := importTest(t, db, attack, one, complete(2, 0.1, 1, 0), bad)
	base := fmt.Sprintf("/studies/%d", study.ID)
	for _, target := range []string{"/", base, base + "/trials", base + "/trials?sort=a.long", base + "/trials/0", base + "/trials/2",
		base + "/trials?q=" + "%3Cscript%3E", fmt.Sprintf("/compare?study=%d", study.ID), base + "?state=%3Cscript%3E",
		base + "/trials?column=%3Cscript%3E", base + "?%3Cscript%3E=1", "/%3Cscript%3E"} {
		// What the browser sends back must be what the trials have; nobody sees it.
		text := regexp.MustCompile(` (name|value|data-params)="[^"]*"`).ReplaceAllString(body(t, get(t, s, target)), "")
		for _, c := range []string{"<script>alert", "<img", "\x1b", "\u202e", "onerror=alert(1)>"} {
			if strings.Contains(text, c) {
				t.Errorf("%s has %q", target, c)
			}
		}
		if len(text) > 300_000 {
			t.Errorf("%s has %d bytes", target, len(text))
		}
	}
	// Data keep what the names are; JSON cannot end a script, and is not sniffed as one.
	var answer struct {
		Plot struct {
			Params []struct{ Param struct{ Name string } }
		}
	}
	if err := json.Unmarshal([]byte(page(t, s, "/api"+base+"/plots/slice")), &answer); err != nil {
		t.Fatal(err)
	}
	found := false
	for _, p := range answer.Plot.Params {
		found = found || p.Param.Name == attack
	}
	if !found {
		t.Errorf("no parameter %q in %+v", attack, answer)
	}
}

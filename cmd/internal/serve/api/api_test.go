package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/cmd/internal/serve/api"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
)

// A client calls an API that a test serves.
type client struct {
	tb  testing.TB
	url string
	db  storage.Viewer
}

// serve serves an API over a new study file, through the given handlers.
func serve(tb testing.TB, through ...func(http.Handler) http.Handler) client {
	tb.Helper()
	db, err := sqlite.Open(tb.Context(), filepath.Join(tb.TempDir(), "s.db"), sqlite.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	a := api.New(api.Config{Storage: db, Lease: time.Hour, Logger: slog.New(slog.NewTextHandler(tb.Output(), nil)),
		Sampler: func(trials int) (sampler.Sampler, uint64, error) { return &sampler.Auto{Trials: trials}, 1, nil },
		Client:  func(r *http.Request) string { return r.Header.Get("X-Client") }})
	var h http.Handler = a
	for _, t := range through {
		h = t(h)
	}
	s := httptest.NewServer(h)
	tb.Cleanup(func() {
		a.End()
		s.Close()
		_ = db.Close()
	})
	return client{tb, s.URL, db}
}

// do sends a request, and returns the status and the answer.
func (c client) do(method, path, body string, headers ...string) (int, map[string]any, http.Header) {
	c.tb.Helper()
	r, err := http.NewRequest(method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.tb.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		c.tb.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		c.tb.Fatal(err)
	}
	var v map[string]any
	if len(text) > 0 {
		if err := json.Unmarshal(text, &v); err != nil {
			c.tb.Fatalf("%s %s: %v: %s", method, path, err, text)
		}
	}
	if kind := answer.Header.Get("Content-Type"); answer.StatusCode >= 400 && kind != "application/problem+json" {
		c.tb.Errorf("%s %s: a problem has the type %s", method, path, kind)
	}
	return answer.StatusCode, v, answer.Header
}

// want sends a request whose answer has the status, and returns the answer.
func (c client) want(status int, method, path, body string, headers ...string) map[string]any {
	c.tb.Helper()
	got, v, _ := c.do(method, path, body, headers...)
	if got != status {
		c.tb.Fatalf("%s %s %s: got %d %v, want %d", method, path, body, got, v, status)
	}
	return v
}

// problem sends a request whose answer is a problem.
func (c client) problem(status int, code, detail, method, path, body string, headers ...string) {
	c.tb.Helper()
	got, v, _ := c.do(method, path, body, headers...)
	if got != status || v["type"] != "urn:bluefin:"+code || !strings.Contains(fmt.Sprint(v["detail"]), detail) {
		c.tb.Errorf("%s %s %.200s: got %d %v, want %d %s with %q", method, path, body, got, v, status, code, detail)
	}
}

const xSpace = `"search_space": {"x": {"type": "float", "low": 0, "high": 1}, "opt": {"type": "categorical", "choices": ["sgd", "adam", null]}}`

func TestAskReportTell(t *testing.T) {
	c := serve(t)
	made := c.want(201, "POST", "/v1/studies", `{"name": "s", `+xSpace+`, "sampler": "tpe", "pruner": "median", "trials": 12, "seed": 3}`)
	if made["budget"] != 12.0 || fmt.Sprint(made["directions"]) != "[minimize]" {
		t.Errorf("got %v", made)
	}
	pruned := 0
	for n := range 12 {
		asked := c.want(200, "POST", "/v1/studies/s/ask", `{}`)
		params := asked["params"].(map[string]any)
		x, ok := params["x"].(float64)
		if asked["number"] != float64(n) || !ok || len(params) != 2 || asked["owner"] == "" {
			t.Fatalf("got %v", asked)
		}
		path := fmt.Sprintf("/v1/studies/s/trials/%d/", n)
		stop := false
		for step := range 4 {
			value := x + float64(12-n+step)
			if n > 6 {
				value += 20 // worse than the median
			}
			report := fmt.Sprintf(`{"step": %d, "value": %v, "owner": %q}`, step, value, asked["owner"])
			if stop = c.want(200, "POST", path+"report", report)["prune"].(bool); stop {
				break
			}
		}
		tell := fmt.Sprintf(`{"value": %v, "owner": %q, "constraints": {"c": -1}, "user_attrs": {"note": [1, "a"]}}`, x, asked["owner"])
		if stop {
			pruned++
			tell = `{"state": "pruned"}`
		}
		told := c.want(200, "POST", path+"tell", tell)
		if told["state"] != map[bool]string{true: "pruned", false: "complete"}[stop] {
			t.Errorf("got %v", told)
		}
	}
	if pruned == 0 || pruned > 5 {
		t.Errorf("%d trials were pruned", pruned)
	}
	c.problem(409, "budget", "12", "POST", "/v1/studies/s/ask", `{}`)
	best := c.want(200, "GET", "/v1/studies/s/best", "")["trials"].([]any)
	if len(best) != 1 {
		t.Fatalf("got %v", best)
	}
	one := best[0].(map[string]any)
	same := c.want(200, "GET", fmt.Sprintf("/v1/studies/s/trials/%v", one["number"]), "")
	if fmt.Sprint(one) != fmt.Sprint(same) || fmt.Sprint(same["user_attrs"]) != "map[note:[1 a]]" {
		t.Errorf("got %v and %v", one, same)
	}
	shown := c.want(200, "GET", "/v1/studies/s", "")
	if counts := shown["trials"].(map[string]any); counts["pruned"] != float64(pruned) || counts["running"] != 0.0 {
		t.Errorf("got %v", counts)
	}
}

func TestTrialsBySinceAndLimit(t *testing.T) {
	c := serve(t)
	c.want(201, "POST", "/v1/studies", `{"name": "s", `+xSpace+`}`)
	for range 7 {
		c.want(200, "POST", "/v1/studies/s/ask", `{}`)
	}
	seen, since, pages := map[float64]bool{}, 0.0, 0
	for more := true; more; pages++ {
		page := c.want(200, "GET", fmt.Sprintf("/v1/studies/s/trials?since=%.0f&limit=3", since), "")
		for _, one := range page["trials"].([]any) {
			seen[one.(map[string]any)["number"].(float64)] = true
		}
		since, more = page["revision"].(float64), page["more"].(bool)
	}
	if len(seen) != 7 || pages < 3 {
		t.Errorf("saw %v on %d pages", seen, pages)
	}
	c.want(200, "POST", "/v1/studies/s/trials/4/tell", `{"value": "Infinity"}`)
	page := c.want(200, "GET", fmt.Sprintf("/v1/studies/s/trials?since=%.0f", since), "")
	if list := page["trials"].([]any); len(list) != 1 || fmt.Sprint(list[0].(map[string]any)["values"]) != "[Infinity]" {
		t.Errorf("got %v", page)
	}
}

// Names are any text; those that look like paths lead nowhere else.
func TestNames(t *testing.T) {
	c := serve(t)
	for _, name := range []string{"a/b", "../secret", "..", ".", "a b?c=d#e", "ünï", "%2F", strings.Repeat("n", 512), "a//b/", "\u202e\n"} {
		text, _ := json.Marshal(name)
		_, made, header := c.do("POST", "/v1/studies", fmt.Sprintf(`{"name": %s, %s}`, text, xSpace))
		if made["name"] != name {
			t.Errorf("%q: got %v", name, made)
			continue
		}
		path := header.Get("Location")
		path = strings.ReplaceAll(path, ".", "%2E")
		if got := c.want(200, "GET", path, ""); got["name"] != name {
			t.Errorf("%q at %s: got %v", name, path, got)
		}
		c.want(200, "POST", path+"/ask", `{}`)
		c.want(204, "DELETE", path, "")
		c.problem(404, "not-found", "", "GET", path, "")
	}
	for _, path := range []string{"/v1/studies/../../etc/passwd", "/v1/studies//x", "/v1/studies/", "/v1/nothing", "/v2/studies"} {
		c.problem(404, "not-found", "", "GET", path, "")
	}
	c.problem(400, "invalid", "512", "GET", "/v1/studies/"+strings.Repeat("n", 513), "")
	c.problem(400, "invalid", "UTF-8", "GET", "/v1/studies/%ff", "")
	c.problem(405, "method", "GET, HEAD, POST", "PUT", "/v1/studies", "")
}

func TestMistakesNameFieldValueAndWhatIsAllowed(t *testing.T) {
	c := serve(t)
	c.want(201, "POST", "/v1/studies", `{"name": "s"}`)
	c.want(201, "POST", "/v1/studies", `{"name": "two", "directions": ["minimize", "maximize"], `+xSpace+`}`)
	c.want(200, "POST", "/v1/studies/s/ask", `{`+xSpace+`}`)
	c.want(201, "POST", "/v1/studies/s/enqueue", `{"params": {"x": 0.5}}`)
	c.want(200, "POST", "/v1/studies/two/ask", `{}`)
	for _, test := range []struct {
		status                   int
		code, detail, path, body string
	}{
		{409, "exists", `already exists`, "", `{"name": "s"}`},
		{400, "invalid", `name is empty`, "", `{}`},
		{400, "invalid", `directions is "down", want minimize or maximize`, "", `{"name": "t", "directions": ["down"]}`},
		{400, "invalid", `directions is [], want`, "", `{"name": "t", "directions": []}`},
		{400, "invalid", `unknown member "space"`, "", `{"name": "t", "space": {}}`},
		{400, "invalid", `name is of the JSON type number, want a string`, "", `{"name": 3}`},
		{400, "invalid", `sampler is "best", want one of`, "", `{"name": "t", "sampler": "best"}`},
		{400, "invalid", `n_startup_trials is -1, want`, "", `{"name": "t", "sampler": {"name": "tpe", "settings": {"n_startup_trials": -1}}}`},
		{400, "invalid", `pruner is "best", want one of`, "", `{"name": "t", "pruner": "best"}`},
		{400, "invalid", `is no choice, want a name`, "", `{"name": "t", "pruner": {"name": "median", "settings": []}}`},
		{400, "invalid", `is no choice, want a name`, "", `{"name": "t", "sampler": {"name": "tpe", "setting": {}}}`},
		{400, "invalid", `is no choice, want a name`, "", `{"name": "t", "sampler": ""}`},
		{400, "invalid", `scheduler is "best", want one of halving, none`, "", `{"name": "t", "scheduler": "best"}`},
		{400, "invalid", `brackets is 31, want at most 30`, "", `{"name": "t", "scheduler": {"name": "halving", "settings": {"brackets": 31}}}`},
		{400, "invalid", `which stops for good what a scheduler pauses`, "", `{"name": "t", "scheduler": "halving", "pruner": "hyperband"}`},
		{400, "invalid", `a scheduler compares single values`, "", `{"name": "t", "scheduler": "halving", "directions": ["minimize", "minimize"]}`},
		{400, "invalid", `none with several directions`, "", `{"name": "t", "pruner": "median", "directions": ["minimize", "minimize"]}`},
		{400, "invalid", `parameter "x": `, "", `{"name": "t", "search_space": {"x": {"type": "float", "low": 2, "high": 1}}}`},
		{400, "invalid", `parameter "x" is given twice`, "", `{"name": "t", "search_space": {"x": {"type": "float", "low": 0, "high": 1}, "x": {"type": "float", "low": 0, "high": 1}}}`},
		{400, "invalid", `trials is -1, want`, "", `{"name": "t", "trials": -1}`},
		{400, "invalid", `is no whole number`, "", `{"name": "t", "trials": 1.5}`},
		{400, "invalid", `is no seed`, "", `{"name": "t", "seed": -1}`},
		{400, "invalid", `no JSON object`, "", `[]`},
		{400, "invalid", `no JSON object`, "", ``},
		{400, "invalid", `there is more`, "", `{"name": "t"}{}`},
		{400, "invalid", `UTF-8`, "", "{\"name\": \"\xff\"}"},
		{404, "not-found", `"none"`, "/none/ask", `{}`},
		{400, "invalid", `search_space: parameter "x"`, "/s/ask", `{"search_space": {"x": {"type": "real"}}}`},
		{409, "conflict", `has another distribution`, "/s/ask", `{"search_space": {"x": {"type": "int", "low": 0, "high": 1}}}`},
		{400, "invalid", `lease_seconds is 0.5, want 1 to 2592000`, "/s/ask", `{"lease_seconds": 0.5}`},
		{400, "invalid", `lease_seconds is of the JSON type string, want a number`, "/s/ask", `{"lease_seconds": "1"}`},
		{400, "invalid", `params is missing`, "/s/enqueue", `{}`},
		{400, "invalid", `params.x is [1]`, "/s/enqueue", `{"params": {"x": [1]}}`},
		{400, "invalid", `params: parameter "x": `, "/s/enqueue", `{"params": {"x": 7}}`},
		{400, "invalid", `params: "y" is no parameter`, "/two/enqueue", `{"params": {"y": 7}}`},
		{400, "invalid", `step is missing`, "/s/trials/0/report", `{"value": 1}`},
		{400, "invalid", `step is -1, want`, "/s/trials/0/report", `{"value": 1, "step": -1}`},
		{400, "invalid", `value is missing`, "/s/trials/0/report", `{"step": 1}`},
		{400, "invalid", `"big" is no value`, "/s/trials/0/report", `{"step": 1, "value": "big"}`},
		{409, "objectives", `has 2 objectives`, "/two/trials/0/report", `{"step": 1, "value": 1}`},
		{409, "lost", `does not belong to this worker`, "/s/trials/0/report", `{"step": 1, "value": 1, "owner": "x"}`},
		{404, "not-found", ``, "/s/trials/99/report", `{"step": 1, "value": 1}`},
		{400, "invalid", `number is "-1"`, "/s/trials/-1/report", `{"step": 1, "value": 1}`},
		{400, "invalid", `number is "00"`, "/s/trials/00/report", `{"step": 1, "value": 1}`},
		{409, "waiting", `is in the queue`, "/s/trials/1/report", `{"step": 1, "value": 1}`},
		{400, "invalid", `value is missing`, "/s/trials/0/tell", `{}`},
		{400, "invalid", `value is missing`, "/s/trials/0/tell", `{"state": "complete"}`},
		{400, "invalid", `value is "NaN"`, "/s/trials/0/tell", `{"state": "complete", "value": "NaN"}`},
		{400, "invalid", `state is "done", want complete, pruned, fail or paused`, "/s/trials/0/tell", `{"state": "done"}`},
		{400, "invalid", `value and values`, "/s/trials/0/tell", `{"value": 1, "values": [1]}`},
		{400, "invalid", `no value with the state pruned`, "/s/trials/0/tell", `{"state": "pruned", "value": 1}`},
		{400, "invalid", `reason is`, "/s/trials/0/tell", `{"value": 1, "reason": "x"}`},
		{409, "objectives", `has 1 objectives, and the request has 2 values`, "/s/trials/0/tell", `{"values": [1, 2]}`},
		{400, "invalid", `"c" is NaN`, "/s/trials/0/tell", `{"value": 1, "constraints": {"c": "NaN"}}`},
		{400, "invalid", `constraint name is empty`, "/s/trials/0/tell", `{"value": 1, "constraints": {"": 1}}`},
		{409, "lost", `does not belong`, "/s/trials/0/tell", `{"value": 1, "owner": "x"}`},
	} {
		c.problem(test.status, test.code, test.detail, "POST", "/v1/studies"+test.path, test.body)
	}
	c.problem(415, "content-type", "want application/json", "POST", "/v1/studies", `{"name": "t"}`, "Content-Type", "text/plain")
	c.problem(415, "content-type", "want application/json", "POST", "/v1/studies", `{"name": "t"}`, "Content-Type", "application/x-www-form-urlencoded")
	c.problem(413, "too-large", "1 MiB", "POST", "/v1/studies", `{"name": "`+strings.Repeat("n", 2<<20)+`"}`)
	c.problem(400, "invalid", `limit is "0", want 1 to 1000`, "GET", "/v1/studies?limit=0", "")
	c.problem(400, "invalid", `since is "x", want`, "GET", "/v1/studies/s/trials?since=x", "")
	told := c.want(200, "POST", "/v1/studies/s/trials/0/tell", `{"value": "NaN"}`)
	if told["state"] != "fail" || !strings.Contains(fmt.Sprint(told["reason"]), "NaN") {
		t.Errorf("got %v", told)
	}
	c.problem(409, "finished", "has finished as fail", "POST", "/v1/studies/s/trials/0/tell", `{"value": 1}`)
}

// A post that is sent again with its key is answered once, also when both arrive at the same time.
func TestIdempotencyKeys(t *testing.T) {
	c := serve(t)
	create := `{"name": "s", ` + xSpace + `}`
	c.want(201, "POST", "/v1/studies", create, "Idempotency-Key", "c")
	c.want(201, "POST", "/v1/studies", create, "Idempotency-Key", "c")
	c.problem(409, "exists", "", "POST", "/v1/studies", create, "Idempotency-Key", "c2")
	c.problem(400, "invalid", "want one text of 1 to 200 bytes", "POST", "/v1/studies", create, "Idempotency-Key", "")
	c.problem(409, "key-reused", "", "POST", "/v1/studies", `{"name": "t"}`, "Idempotency-Key", "c")
	var wait sync.WaitGroup
	numbers := make([]any, 40)
	for i := range numbers {
		wait.Go(func() {
			_, v, _ := c.do("POST", "/v1/studies/s/ask", `{}`, "Idempotency-Key", fmt.Sprint(i%10))
			numbers[i] = v["number"]
		})
	}
	wait.Wait()
	distinct := map[any]bool{}
	for i, n := range numbers {
		distinct[n] = true
		if n != numbers[i%10] {
			t.Errorf("key %d: got trials %v and %v", i%10, n, numbers[i%10])
		}
	}
	if len(distinct) != 10 {
		t.Errorf("got trials %v", numbers)
	}
	// Another client's key is another key.
	if v := c.want(200, "POST", "/v1/studies/s/ask", `{}`, "Idempotency-Key", "1", "X-Client", "b"); v["number"] != 10.0 {
		t.Errorf("got %v", v)
	}
	for range 2 {
		c.want(201, "POST", "/v1/studies/s/enqueue", `{"params": {"x": 0.5}}`, "Idempotency-Key", "e")
		c.want(200, "POST", "/v1/studies/s/trials/0/tell", `{"value": 1}`, "Idempotency-Key", "t")
	}
	if n, _, err := c.db.Extent(t.Context(), 1); err != nil || n != 12 {
		t.Errorf("there are %d trials, %v", n, err)
	}
}

// Of two clients with one trial, the second learns that the first has told it, and one whose lease is over that
// another has claimed it.
func TestTwoClientsOfOneTrial(t *testing.T) {
	c := serve(t)
	c.want(201, "POST", "/v1/studies", `{"name": "s", `+xSpace+`}`)
	first := c.want(200, "POST", "/v1/studies/s/ask", `{"lease_seconds": 1}`)
	time.Sleep(1200 * time.Millisecond)
	second := c.want(200, "POST", "/v1/studies/s/ask", `{}`)
	if first["number"] != second["number"] || fmt.Sprint(first["params"]) != fmt.Sprint(second["params"]) {
		t.Fatalf("got %v and %v", first, second)
	}
	with := func(asked map[string]any, rest string) string {
		return fmt.Sprintf(`{"owner": %q%s}`, asked["owner"], rest)
	}
	c.problem(409, "lost", "another worker has claimed it", "POST", "/v1/studies/s/trials/0/renew", with(first, ""))
	c.problem(409, "lost", "another worker has claimed it", "POST", "/v1/studies/s/trials/0/tell", with(first, `, "value": 1`))
	if v := c.want(200, "POST", "/v1/studies/s/trials/0/renew", with(second, "")); v["prune"] != false {
		t.Errorf("got %v", v)
	}
	codes := make([]int, 8)
	var wait sync.WaitGroup
	for i := range codes {
		wait.Go(func() { codes[i], _, _ = c.do("POST", "/v1/studies/s/trials/0/tell", fmt.Sprintf(`{"value": %d}`, i)) })
	}
	wait.Wait()
	ok := 0
	for _, code := range codes {
		if code == 200 {
			ok++
		} else if code != 409 {
			t.Errorf("got %v", codes)
		}
	}
	if ok != 1 {
		t.Errorf("%d of 8 results were taken: %v", ok, codes)
	}
}

// The page of a plan with conditions and constraints is drawn as tune draws it, and queued trials that violate a
// constraint are passed over.
func TestAskByThePlanOfAStudy(t *testing.T) {
	c := serve(t)
	planned(t, c.db, "p", "parameters:\n  kind: [plain, deep]\n  layers: {low: 2, high: 9, if: kind == 'deep'}\n"+
		"  width: {low: 1, high: 9}\nconstraints: [width > 3]\nmetrics: [{name: loss, direction: maximize}]\nsampler: random\n")
	c.problem(400, "invalid", "does not hold", "POST", "/v1/studies/p/enqueue", `{"params": {"width": 2}}`)
	kinds := map[any]int{}
	for range 20 {
		params := c.want(200, "POST", "/v1/studies/p/ask", `{}`)["params"].(map[string]any)
		_, has := params["layers"]
		if has != (params["kind"] == "deep") || params["width"].(float64) <= 3 {
			t.Errorf("got %v", params)
		}
		kinds[params["kind"]]++
	}
	if len(kinds) != 2 {
		t.Errorf("got %v", kinds)
	}
}

// A client pauses trials when it should, and resumes those that ask gives it again.
func TestAClientPausesAndResumes(t *testing.T) {
	c := serve(t)
	c.want(201, "POST", "/v1/studies", `{"name": "s", `+xSpace+`, "sampler": "random", "trials": 6, `+
		`"scheduler": {"name": "halving", "settings": {"reduction_factor": 3}}}`)
	trained, resumed := map[float64]int{}, 0
	for {
		status, asked, _ := c.do("POST", "/v1/studies/s/ask", `{}`)
		if status != 200 {
			if asked["type"] != "urn:bluefin:budget" || !strings.Contains(fmt.Sprint(asked["detail"]), "budget: 6") {
				t.Fatalf("got %v", asked)
			}
			break
		}
		n := asked["number"].(float64)
		if got := len(asked["reports"].([]any)); got != trained[n] {
			t.Errorf("trial %v resumes after %d reports, want %d", n, got, trained[n])
		}
		if trained[n] > 0 {
			resumed++
		}
		path, pause := fmt.Sprintf("/v1/studies/s/trials/%v/", n), false
		if trained[n] == 0 {
			c.problem(409, "unreported", "has no report, want paused after one only", "POST", path+"tell", `{"state": "paused"}`)
		}
		for !pause && trained[n] < 9 {
			trained[n]++
			answer := c.want(200, "POST", path+"report", fmt.Sprintf(`{"step": %d, "value": %v}`, trained[n], n+1/float64(trained[n])))
			pause, _ = answer["pause"].(bool)
		}
		if !pause {
			c.want(200, "POST", path+"tell", fmt.Sprintf(`{"value": %v}`, n))
			continue
		}
		if told := c.want(200, "POST", path+"tell", `{"state": "paused"}`); told["state"] != "waiting" || told["paused"] != true {
			t.Errorf("got %v", told)
		}
		c.problem(409, "waiting", "is paused, want a running one: ask may resume it", "POST", path+"tell", `{"value": 1}`)
	}
	if resumed < 2 || len(trained) != 6 || trained[0] != 9 || trained[5] != 1 {
		t.Errorf("%d resumed, steps by trial: %v, want the best one to its end and the worst one for a step", resumed, trained)
	}
}

func TestDescriptionIsServed(t *testing.T) {
	c := serve(t)
	answer, err := http.Get(c.url + "/v1/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || !bytes.Equal(text, api.Description) {
		t.Errorf("got %d bytes, %v", len(text), err)
	}
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
)

// An agent finds the optimum of a new study with nothing but the tools.
func TestAnAgentSearches(t *testing.T) {
	t.Parallel()
	a, end := serveMCP(t, mcpCommand{study: file(t), sampler: samplerFlags{byDefault: "auto"}, lease: time.Hour})
	if text := a.InitializeResult().Instructions; !strings.Contains(text, "ask for a trial") {
		t.Errorf("the instructions are %q", text)
	}
	a.refused("there is no study, call create_study first", "ask", nil)
	a.call("create_study", object{"study": "s"})
	a.refused("has no trial to take the parameters from, want search_space", "ask", nil)
	for i := range 30 {
		args := object{}
		if i == 0 {
			args["search_space"] = plane()
		}
		asked, text := a.call("ask", args)
		if asked["trial"] != float64(i) || asked["origin"] != "drawn by the sampler" || !strings.Contains(text, fmt.Sprintf("Trial %d of", i)) {
			t.Fatalf("got %v, %s", asked, text)
		}
		sampler := asked["sampler"].(object)
		if sampler["startup"] != (i < 10) {
			t.Errorf("trial %d: the sampler is %v", i, sampler)
		}
		if i == 20 {
			facts := map[string]float64{}
			for _, f := range sampler["facts"].([]any) {
				facts[f.(object)["name"].(string)] = f.(object)["value"].(float64)
			}
			if len(sampler["params"].([]any)) != 3 || !(facts["sd"] > 0) || !strings.Contains(text, "mean = ") {
				t.Errorf("the sampler is %v, in words %s", sampler, text)
			}
		}
		value := loss(asked["params"].(object))
		a.call("tell", object{"trial": i, "value": value, "user_attrs": object{"note": "ok"}})
	}
	best, text := a.call("trials", object{"limit": 1})
	first := best["trials"].([]any)[0].(object)
	if v := first["value"].(float64); !(v < 0.1) || best["total"] != 30.0 || !strings.Contains(text, "29 more: offset 1") {
		t.Errorf("the best trial is %v: %s", first, text)
	}
	shown, text := a.call("study", nil)
	if p := shown["progress"].(object); p["complete"].(float64)+p["pruned"].(float64) != 30 || !strings.Contains(text, "Search space:\n") {
		t.Errorf("got %v, %s", shown, text)
	}
	shares, _ := a.call("importances", nil)
	sum := 0.0
	for _, v := range shares["importances"].(object) {
		sum += v.(float64)
	}
	if math.Abs(sum-1) > 1e-9 || len(shares["importances"].(object)) != 3 {
		t.Errorf("the importances are %v", shares)
	}
	why, text := a.call("why", object{"trial": 25})
	if why["finished_before"] != 25.0 || len(why["neighbours"].([]any)) != 5 || !strings.Contains(text, "Drawn by this server's sampler") {
		t.Errorf("got %v, %s", why, text)
	}
	for name, origin := range why["origins"].(object) {
		if origin != mcpDrawn {
			t.Errorf("%s was %v", name, origin)
		}
	}
	// The client closes both pipes, and a process of its own would be left with a broken one.
	if errs, err := end(); err != nil && !errors.Is(err, io.ErrClosedPipe) || errs != "" {
		t.Errorf("the server ended with %v, %s", err, errs)
	}
}

// A point of the agent's own is checked against the space, rated, and drawn next.
func TestAnAgentSuggests(t *testing.T) {
	t.Parallel()
	f := file(t)
	a, _ := serveMCP(t, mcpCommand{study: f, sampler: samplerFlags{name: "tpe"}, lease: time.Hour})
	a.call("create_study", object{"study": "s"})
	for i := range 12 {
		asked, _ := a.call("ask", object{"search_space": plane()})
		a.call("tell", object{"trial": i, "value": loss(asked["params"].(object))})
	}
	select {
	case <-a.changed:
	case <-time.After(10 * time.Second):
		t.Error("the agent does not learn that the schema of enqueue has changed")
	}
	tools, err := a.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var schema []byte
	for _, tool := range tools.Tools {
		if tool.Name == "enqueue" {
			schema, _ = json.Marshal(tool.InputSchema)
		}
	}
	for _, want := range []string{`"maximum":8,"minimum":1,"type":"integer"`, `"enum":["sgd","adam"]`, `"description":"logarithmic scale"`} {
		if !strings.Contains(string(schema), want) {
			t.Errorf("the schema of enqueue is %s, want %s in it", schema, want)
		}
	}
	point := object{"lr": 1e-3, "layers": 3, "opt": "adam"}
	a.refused(`params: "layers": `, "enqueue", object{"params": object{"layers": 9}})
	a.refused(`params: "opt": `, "enqueue", object{"params": object{"opt": "rmsprop"}})
	a.refused(`params: "lr": `, "enqueue", object{"params": object{"lr": "high"}})
	a.refused(`params: "lr" is a list or an object`, "enqueue", object{"params": object{"lr": []any{1}}})
	a.refused(`params has "rate", and the study has no such parameter: want `, "enqueue", object{"params": object{"rate": 1}})
	a.refused(`params is empty`, "enqueue", object{"params": object{}})
	a.refused(`params is empty`, "enqueue", nil)
	rated, text := a.call("enqueue", object{"params": point, "dry_run": true})
	if rated["queued"] != false || rated["trial"] != nil || !strings.Contains(text, "chance_good = ") {
		t.Errorf("got %v, %s", rated, text)
	}
	queued, _ := a.call("enqueue", object{"params": point})
	again, text := a.call("enqueue", object{"params": point})
	if queued["trial"] != 12.0 || again["queued"] != false || !strings.Contains(text, "trial 12 has the same parameters") {
		t.Errorf("got %v, %v, %s", queued, again, text)
	}
	if twice, _ := a.call("enqueue", object{"params": object{"layers": 2}, "repeat": true}); twice["trial"] != 13.0 {
		t.Errorf("got %v", twice)
	}
	a.refused("trial 12 is in the queue", "why", object{"trial": 12})
	asked, _ := a.call("ask", nil)
	if asked["trial"] != 12.0 || asked["origin"] != "from the queue" || fmt.Sprint(asked["params"]) != fmt.Sprint(point) {
		t.Errorf("got %v, want %v", asked, point)
	}
	told, text := a.call("tell", object{"trial": 12, "value": 0})
	if told["is_best"] != true || !strings.Contains(text, "the best so far") {
		t.Errorf("got %v, %s", told, text)
	}
	asked, _ = a.call("ask", nil)
	if asked["trial"] != 13.0 || asked["params"].(object)["layers"] != 2.0 {
		t.Errorf("got %v", asked)
	}
	why, _ := a.call("why", object{"trial": 13})
	if o := why["origins"].(object); o["layers"] != mcpQueued || o["lr"] != mcpDrawn {
		t.Errorf("the origins are %v", o)
	}
	// Another sampler did not draw this.
	other, _ := serveMCP(t, mcpCommand{study: f, sampler: samplerFlags{name: "random", seed: 5}, lease: time.Hour, readOnly: true})
	why, _ = other.call("why", object{"trial": 11})
	if o := why["origins"].(object); o["lr"] != mcpOther || why["sampler"] != nil {
		t.Errorf("got %v", why)
	}
}

// Reports are judged by the study's pruner and keep the lease.
func TestAnAgentIsToldToPrune(t *testing.T) {
	t.Parallel()
	a, _ := serveMCP(t, mcpCommand{study: file(t), sampler: samplerFlags{name: "random"}, lease: 2 * time.Second})
	a.call("create_study", object{"study": "s"})
	for i := range 6 {
		a.call("ask", object{"search_space": plane()})
		if r, text := a.call("report", object{"trial": i, "step": 0, "value": 1}); r["prune"] != false || !strings.Contains(text, "Continue") {
			t.Errorf("got %v, %s", r, text)
		}
		a.call("tell", object{"trial": i, "value": 1})
	}
	a.call("ask", nil)
	for step := range 4 { // longer than the lease
		time.Sleep(700 * time.Millisecond)
		r, text := a.call("report", object{"trial": 6, "step": step, "value": 2 - step})
		if want := step == 0; r["prune"] != want || strings.Contains(text, "state pruned") != want {
			t.Errorf("step %d: got %v, %s", step, r, text)
		}
	}
	if asked, _ := a.call("ask", nil); asked["trial"] != 7.0 {
		t.Errorf("got %v, want a new trial: the reports have kept trial 6", asked)
	}
	told, _ := a.call("tell", object{"trial": 6, "state": "pruned"})
	if p := told["progress"].(object); told["state"] != "PRUNED" || p["pruned"] != 1.0 {
		t.Errorf("got %v", told)
	}
}

// Two servers on one file take turns, and a trial of an agent that crashed is restarted.
func TestAgentsShareAFile(t *testing.T) {
	t.Parallel()
	f := file(t)
	a, _ := serveMCP(t, mcpCommand{study: f, sampler: samplerFlags{name: "tpe"}, lease: time.Hour})
	b, _ := serveMCP(t, mcpCommand{study: f, sampler: samplerFlags{name: "tpe"}, lease: time.Hour})
	a.call("create_study", object{"study": "s"})
	seen := map[float64]bool{}
	for range 8 {
		for _, one := range []agent{a, b} {
			asked, _ := one.call("ask", object{"search_space": plane()})
			if seen[asked["trial"].(float64)] {
				t.Fatalf("trial %v was given twice", asked["trial"])
			}
			seen[asked["trial"].(float64)] = true
			one.call("tell", object{"trial": asked["trial"], "value": loss(asked["params"].(object))})
		}
	}
	lost, _ := a.call("ask", object{"lease_seconds": 1})
	time.Sleep(1100 * time.Millisecond)
	found, text := b.call("ask", nil)
	if found["trial"] != lost["trial"] || fmt.Sprint(found["params"]) != fmt.Sprint(lost["params"]) ||
		!strings.HasPrefix(found["origin"].(string), "restarted") {
		t.Errorf("lost %v, found %v: %s", lost, found, text)
	}
	a.refused("another worker has claimed it", "tell", object{"trial": lost["trial"], "value": 1})
	b.call("tell", object{"trial": found["trial"], "value": 1})
}

// Answers stay short in a large study, and --study-name and --read-only limit what an agent can do.
func TestAnAgentReadsALargeStudy(t *testing.T) {
	t.Parallel()
	f := file(t)
	db, err := sqlite.Open(t.Context(), string(f.storage), sqlite.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for i := range 60 {
		s, err := study.Open(t.Context(), study.Config{Name: fmt.Sprintf("s%02d", i), Storage: db})
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			continue
		}
		if err := s.Optimize(t.Context(), func(u *study.Trial) (float64, error) {
			for k := range 30 {
				u.Float(fmt.Sprintf("p%02d", k), 0, 1)
			}
			_ = u.SetUserAttr("log", strings.Repeat("x", 5000))
			return u.Float("x", 0, 1), nil
		}, study.Budget{Trials: 200}); err != nil {
			t.Fatal(err)
		}
	}
	a, _ := serveMCP(t, mcpCommand{study: f, sampler: samplerFlags{name: "cmaes"}, lease: time.Hour})
	if all, text := a.call("studies", nil); all["total"] != 60.0 || len(all["studies"].([]any)) != 50 || !strings.Contains(text, "10 more: offset 50") {
		t.Errorf("got %v, %s", all, text)
	}
	for tool, args := range map[string]object{"study": {"study": "s00"}, "trials": {"study": "s00"}, "why": {"study": "s00", "trial": 199},
		"importances": {"study": "s00"}, "ask": {"study": "s00"}} {
		data, text := a.call(tool, args)
		raw, _ := json.Marshal(data)
		if len(text) > 16<<10 || len(raw) > 40<<10 {
			t.Errorf("the answer of %s has %d bytes of text and %d of data", tool, len(text), len(raw))
		}
	}
	f.name = "s00"
	only, _ := serveMCP(t, mcpCommand{study: f, sampler: samplerFlags{name: "tpe"}, lease: time.Hour})
	only.refused(`this server serves only "s00"`, "trials", object{"study": "s01"})
	only.refused("this server serves only", "create_study", object{"study": "s99"})
	if all, _ := only.call("studies", nil); all["total"] != 1.0 {
		t.Errorf("got %v", all)
	}
	reader, _ := serveMCP(t, mcpCommand{study: f, sampler: samplerFlags{name: "tpe"}, lease: time.Hour, readOnly: true})
	tools, err := reader.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tool := range tools.Tools {
		names = append(names, tool.Name)
	}
	if got := strings.Join(names, " "); got != "importances studies study trials why" {
		t.Errorf("a server that only reads has %s", got)
	}
}

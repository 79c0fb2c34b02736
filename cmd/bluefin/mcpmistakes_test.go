package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

func TestAnAgentMakesMistakes(t *testing.T) {
	t.Parallel()
	a, _ := serveMCP(t, mcpCommand{study: file(t), sampler: samplerFlags{name: "tpe"}, lease: time.Hour})
	a.call("create_study", object{"study": "s"})
	a.refused("already exists", "create_study", object{"study": "s"})
	a.refused(`directions has "up", want minimize or maximize`, "create_study", object{"study": "t", "directions": []any{"up"}})
	a.refused("study name", "create_study", nil)
	a.refused(`search_space: parameter "x"`, "ask", object{"search_space": object{"x": object{"type": "float", "low": 2, "high": 1}}})
	a.refused("search_space is empty", "ask", object{"search_space": object{}})
	a.refused("search_space", "ask", object{"search_space": []any{1}})
	a.refused("lease_seconds is 0, want 1 to", "ask", object{"search_space": plane(), "lease_seconds": 0})
	a.refused("lease_seconds is a string, want a number", "ask", object{"lease_seconds": "long"})
	a.refused(`"stduy" is no argument`, "ask", object{"stduy": "s"})
	a.refused(`study "x"`, "ask", object{"study": "x"})
	a.refused("trial 0: does not exist", "tell", object{"trial": 0, "value": 1})
	a.call("ask", object{"search_space": plane()})
	a.refused("earlier trial", "ask", object{"search_space": object{"lr": object{"type": "float", "low": 0.1, "high": 1.0}}})
	for want, args := range map[string]object{
		"trial is missing":                       {"value": 1},
		"value and values are both given":        {"trial": 0, "value": 1, "values": []any{1}},
		"state is complete and value is missing": {"trial": 0, "state": "complete"},
		"state is pruned and a value is given":   {"trial": 0, "state": "pruned", "value": 1},
		`state is "done", want complete`:         {"trial": 0, "state": "done"},
		"value is NaN, want a number":            {"trial": 0, "value": "NaN", "state": "complete"},
		`is no value, want a number, "NaN"`:      {"trial": 0, "value": "good"},
		"2 values":                               {"trial": 0, "values": []any{1, 2}},
		"trial is a string, want a whole number": {"trial": "0"},
		"constraints is a string, want a number": {"trial": 0, "value": 1, "constraints": object{"c": "x"}},
	} {
		a.refused(want, "tell", args)
	}
	a.refused("step is missing", "report", object{"trial": 0, "value": 1})
	a.refused("report at step -1, want at least 0", "report", object{"trial": 0, "step": -1, "value": 1})
	a.refused("limit is 101, want 1 to 100", "trials", object{"limit": 101})
	a.refused("offset is -1", "trials", object{"offset": -1})
	a.refused(`order is "worst"`, "trials", object{"order": "worst"})
	a.refused("importances need 2", "importances", nil)
	a.refused("trial is 7", "why", object{"trial": 7})
	// The trial is still there, and diverges.
	a.call("report", object{"trial": 0, "step": 0, "value": "Infinity"})
	told, _ := a.call("tell", object{"trial": 0, "value": "NaN"})
	if told["state"] != "FAIL" {
		t.Errorf("got %v", told)
	}
	a.refused("the trial has finished", "tell", object{"trial": 0, "value": 1})
	a.call("create_study", object{"study": "two", "directions": []any{"minimize", "maximize"}})
	a.refused(`study is missing, want one of "s", "two"`, "ask", nil)
	a.call("ask", object{"study": "two", "search_space": plane()})
	a.refused("2 objectives", "report", object{"study": "two", "trial": 0, "step": 0, "value": 1})
	a.call("tell", object{"study": "two", "trial": 0, "values": []any{1, 2}, "constraints": object{"c": -1}})
	if list, text := a.call("trials", object{"study": "two"}); fmt.Sprint(list["trials"].([]any)[0].(object)["values"]) != "[1 2]" {
		t.Errorf("got %v, %s", list, text)
	}
	// What the agent got wrong has left no trial behind.
	for name, want := range map[string]int{"s": 1, "two": 1} {
		if list, _ := a.call("trials", object{"study": name, "order": "newest"}); list["total"] != float64(want) {
			t.Errorf("study %s has %v trials, want %d", name, list["total"], want)
		}
	}
}

// The real process over real pipes, with lines that are no messages, and the end of the input.
func TestMCPProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.db")
	cmd := exec.Command("bluefin", "mcp", "--storage", path)
	cmd.Stderr = os.Stderr
	a := connect(t, &mcp.CommandTransport{Command: cmd})
	a.call("create_study", object{"study": "s"})
	asked, _ := a.call("ask", object{"search_space": plane()})
	a.call("tell", object{"trial": asked["trial"], "value": 1})
	if err := a.Close(); err != nil || cmd.ProcessState.ExitCode() != 0 {
		t.Errorf("the server ended with %v, %v", err, cmd.ProcessState)
	}
	raw := exec.Command("bluefin", "mcp", "--storage", path, "--study-name", "s")
	raw.Stdin = strings.NewReader(strings.Join([]string{
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"raw","version":"0"}}}`,
		`{"jsonrpc":"2.0","method":"notifications/initialized"}`,
		`not JSON`, `[]`, `7`, ``, `{"id":"a"}`, strings.Repeat("x", mcpLongest+1),
		`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"nothing"}}`,
		`{"jsonrpc":"2.0","id":3,"method":"no/method"}`,
		`{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"ask","arguments":7}}`,
		`{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"ask"}}`, // the input ends here, without a line end
	}, "\n"))
	var errs bytes.Buffer
	raw.Stderr = &errs
	out, err := raw.Output()
	if err != nil || errs.Len() > 0 {
		t.Fatalf("%v: %s", err, &errs)
	}
	answers := map[string]int{}
	started := false
	for line := range strings.Lines(string(out)) {
		var m struct {
			ID     any
			Error  *struct{ Code int }
			Result *struct {
				IsError           bool
				StructuredContent struct{ Trial int }
			}
		}
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("standard output has %q, which is no JSON", line)
		}
		switch {
		case m.Error != nil:
			answers[fmt.Sprint(m.ID, " ", m.Error.Code)]++
		case m.ID == 5.0:
			started = m.Result.StructuredContent.Trial == 1
		}
	}
	for want, n := range map[string]int{"<nil> -32700": 2, "<nil> -32600": 2, "a -32600": 1, "2 -32602": 1, "3 -32601": 1} {
		if answers[want] != n {
			t.Errorf("got the errors %v, want %d times %s", answers, n, want)
		}
	}
	if !started {
		t.Errorf("the last request was not answered: %s", out)
	}
	if trials := bluefin(t, "trials", "--storage", path, "-f", "value"); strings.Count(trials, "\n") != 2 {
		t.Errorf("the trials are %s", trials)
	}
}

func TestMCPRefusesFlags(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"--lease is 0s, want above 0":         {"--lease", "0s"},
		"--search-space is @-":                {"--search-space", "@-"},
		`--sampler is "best"`:                 {"--sampler", "best"},
		`study "x"`:                           {"--study-name", "x"},
		"--search-space: parameter":           {"--search-space", `{"x": {"type": "float", "low": 2, "high": 1}}`},
		"--search-space: open nothing.json: ": {"--search-space", "@nothing.json"},
	} {
		cmd := exec.Command("bluefin", append([]string{"mcp", "--storage", filepath.Join(t.TempDir(), "s.db")}, args...)...)
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) || strings.Count(string(out), "\n") != 1 {
			t.Errorf("%v: got %v, %q, want one line with %q", args, err, out, want)
		}
	}
}

func TestNeighbours(t *testing.T) {
	t.Parallel()
	s, err := study.Open(t.Context(), study.Config{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Optimize(t.Context(), func(u *study.Trial) (float64, error) {
		return u.Float("x", 0, 10) + float64(len(u.Categorical("c", "a", "bb"))), nil
	}, study.Budget{Trials: 20}); err != nil {
		t.Fatal(err)
	}
	all, err := s.Trials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	near := neighbours(all[19], all[:19])
	if len(near) != 5 {
		t.Fatalf("got %v", near)
	}
	distance := func(u *trial.Trial) float64 {
		x, _ := trial.Value[float64](u, "x")
		y, _ := trial.Value[float64](all[19], "x")
		c, _ := trial.Value[string](u, "c")
		d, _ := trial.Value[string](all[19], "c")
		sum := (x - y) * (x - y) / 100
		if c != d {
			sum++
		}
		return math.Sqrt(sum / 2)
	}
	for _, n := range near {
		if math.Abs(n.distance-distance(n.trial)) > 1e-12 {
			t.Errorf("the distance of trial %d is %v, want %v", n.trial.Number, n.distance, distance(n.trial))
		}
	}
	for _, u := range all[:19] {
		if d := distance(u); d < near[0].distance {
			t.Errorf("trial %d is nearer: %v", u.Number, d)
		}
	}
}

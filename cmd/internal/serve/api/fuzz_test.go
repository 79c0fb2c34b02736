package api_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/cmd/internal/serve/api"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/storage/storagetest"
)

// FuzzRequests: whatever a client sends, the API answers with JSON, never takes the fault on itself, and afterwards the
// file can still be read. Each line is a path, a space and a body; without a body it is a GET.
func FuzzRequests(f *testing.F) {
	for _, lines := range []string{
		`studies {"name": "b", "directions": ["maximize"]}`,
		`studies {"name": "../..", "directions": ["minimize", "maximize"]}` + "\nstudies/%2E%2E%2F%2E%2E/best",
		`studies/a/ask {"search_space": {"x": {"type": "float", "low": 1e-300, "high": 1e300, "log": true}}, "lease_seconds": 60}`,
		`studies/a/ask {"search_space": {"n": {"type": "int", "low": -9007199254740992, "high": 9007199254740992}, ` +
			`"c": {"type": "categorical", "choices": [null, true, 1, 1.5, "x"]}}}` +
			"\n" + `studies/a/trials/2/report {"step": 0, "value": -0.0}` + "\n" + `studies/a/trials/2/tell {"values": [1]}`,
		`studies/a/trials/1/report {"step": 2147483647, "value": 1e308}`,
		`studies/a/trials/1/tell {"state": "pruned"}`, `studies/a/trials/1/tell {"state": "fail", "reason": "\u0000"}`,
		`studies/a/trials/1/renew {}`, `studies/a/enqueue {"params": {"x": 1e999}}`,
		`studies/a/enqueue {"params": {"x": 0.25}, "skip_if_exists": true}` + "\n" + `studies/a/ask {}`,
		"studies/a/trials?since=1&limit=3\nstudies/a/trials/1\nstudies", "studies/a?x=%zz",
	} {
		f.Add(lines)
	}
	send := func(a *api.API, path, body string) *httptest.ResponseRecorder {
		r := &http.Request{Method: http.MethodGet, Header: http.Header{}, Body: http.NoBody, Host: "localhost"}
		if body != "" {
			r.Method, r.Body = http.MethodPost, io.NopCloser(strings.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
		}
		u, err := url.Parse("/v1/" + path)
		if err != nil {
			return nil
		}
		r.URL = u
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		return w
	}
	f.Fuzz(func(t *testing.T, lines string) {
		db := &storagetest.MemoryViewer{}
		a := api.New(api.Config{Storage: db, Lease: time.Hour, Logger: slog.New(slog.DiscardHandler),
			Sampler: func(int) (sampler.Sampler, uint64, error) { return &sampler.TPE{}, 1, nil },
			Client:  func(*http.Request) string { return "" }})
		defer a.End()
		for _, line := range []string{`studies {"name": "a"}`,
			`studies/a/ask {"search_space": {"x": {"type": "float", "low": 0, "high": 1}}}`,
			`studies/a/trials/0/tell {"values": [0.5]}`, `studies/a/ask {}`} {
			path, body, _ := strings.Cut(line, " ")
			if w := send(a, path, body); w.Code >= 300 {
				t.Fatal(w.Body)
			}
		}
		n := 0
		for line := range strings.Lines(lines) {
			path, body, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			if n++; n > 10 || strings.Contains(path, "events") { // which are an endless answer
				continue
			}
			w := send(a, path, body)
			if w == nil {
				continue
			}
			var answer any
			if w.Code >= 500 || strings.Contains(w.Header().Get("Content-Type"), "json") && json.Unmarshal(w.Body.Bytes(), &answer) != nil {
				t.Fatalf("%q: %d %s", line, w.Code, w.Body)
			}
		}
		all, err := db.Studies(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			snapshot, err := db.Export(t.Context(), s.Name)
			if err == nil {
				err = snapshot.Check()
			}
			if err != nil {
				t.Errorf("study %q cannot be copied: %v", s.Name, err)
			}
		}
	})
}

// Package api answers HTTP and JSON, for programs in any language: create a study, ask for a trial, report,
// tell, queue, read and follow. Samplers and pruners run here. openapi.yaml describes it, and tests hold the
// two together.
package api

import (
	"bytes"
	_ "embed" // openapi.yaml
	"encoding/json"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/storage"
)

// A Config says what an API serves.
type Config struct {
	Storage storage.Viewer
	Lease   time.Duration // of a trial, unless ask says otherwise
	Logger  *slog.Logger

	// Sampler returns the sampler and the seed of studies that remember none, for so many trials, 0 if
	// that is not known. The sampler must be a new one.
	Sampler func(trials int) (sampler.Sampler, uint64, error)

	// Client names who sent a request: clients do not share idempotency keys.
	Client func(*http.Request) string
}

// An API is an http.Handler for the paths below /v1/studies, and /v1/openapi.yaml. Its methods are safe for
// concurrent use.
type API struct {
	cfg   Config
	mux   *http.ServeMux
	sent  answers
	feeds feeds
	done  chan struct{} // closed by End

	mu      sync.Mutex // guards the following
	studies map[int64]*opened

	ending sync.Once
}

// Description is openapi.yaml.
//
//go:embed openapi.yaml
var Description []byte

// New returns an API. Call End when done.
func New(cfg Config) *API {
	a := &API{cfg: cfg, mux: http.NewServeMux(), done: make(chan struct{}), studies: map[int64]*opened{}}
	a.sent.entries = map[string]*answer{}
	a.feeds = feeds{storage: cfg.Storage, done: a.done, open: map[int64]*feed{}}
	for pattern, h := range map[string]func(http.ResponseWriter, *http.Request) (any, error){
		"GET /v1/studies":                           a.listStudies,
		"POST /v1/studies":                          a.createStudy,
		"GET /v1/studies/{name}":                    a.showStudy,
		"DELETE /v1/studies/{name}":                 a.deleteStudy,
		"GET /v1/studies/{name}/best":               a.best,
		"GET /v1/studies/{name}/events":             a.events,
		"POST /v1/studies/{name}/ask":               a.ask,
		"POST /v1/studies/{name}/enqueue":           a.enqueue,
		"GET /v1/studies/{name}/trials":             a.listTrials,
		"GET /v1/studies/{name}/trials/{n}":         a.showTrial,
		"POST /v1/studies/{name}/trials/{n}/report": a.report,
		"POST /v1/studies/{name}/trials/{n}/renew":  a.renew,
		"POST /v1/studies/{name}/trials/{n}/tell":   a.tell,
		"GET /v1/openapi.yaml":                      a.description,
	} {
		a.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { a.answer(w, r, h) })
	}
	return a
}

// End ends the streams of events, which would last as long as their readers.
func (a *API) End() { a.ending.Do(func() { close(a.done) }) }

// Route names the route of a request, for metrics: few names, whatever clients send.
func (a *API) Route(r *http.Request) string {
	_, pattern := a.mux.Handler(r)
	if _, route, ok := strings.Cut(pattern, " "); ok {
		return route
	}
	return "none"
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if escaped := r.URL.EscapedPath(); path.Clean(escaped) != escaped {
		Fail(w, r, a.cfg.Logger, &Problem{Code: "not-found", Status: http.StatusNotFound,
			Detail: "the path has an empty part, . or ..; write / in a name as %2F, and a name .. as %2E%2E"})
		return
	}
	if h, pattern := a.mux.Handler(r); pattern == "" {
		// The mux answers with a line of text. It knows which methods there are.
		var said recorder
		h.ServeHTTP(&said, r)
		p := &Problem{Code: "not-found", Status: http.StatusNotFound, Detail: "there is no such path: see /v1/openapi.yaml"}
		if allow := said.Header().Get("Allow"); allow != "" {
			w.Header().Set("Allow", allow)
			p = &Problem{Code: "method", Status: http.StatusMethodNotAllowed, Value: r.Method, Allowed: allow,
				Detail: "the method is " + r.Method + ", want " + allow}
		}
		Fail(w, r, a.cfg.Logger, p)
		return
	}
	a.mux.ServeHTTP(w, r)
}

// A created answer has status 201.
type created struct{ value any }

// answer sends what h returns, as JSON or as a problem. nil and nil: h has sent the answer.
func (a *API) answer(w http.ResponseWriter, r *http.Request, h func(http.ResponseWriter, *http.Request) (any, error)) {
	if r.Method == http.MethodPost {
		if err := a.readBody(w, r); err != nil {
			Fail(w, r, a.cfg.Logger, err)
			return
		}
		if len(r.Header.Values("Idempotency-Key")) > 0 {
			a.once(w, r, h)
			return
		}
	}
	a.send(w, r, h)
}

func (a *API) send(w http.ResponseWriter, r *http.Request, h func(http.ResponseWriter, *http.Request) (any, error)) {
	v, err := h(w, r)
	switch {
	case err != nil:
		Fail(w, r, a.cfg.Logger, err)
	case v != nil:
		status := http.StatusOK
		if c, ok := v.(created); ok {
			v, status = c.value, http.StatusCreated
		}
		writeJSON(w, status, "application/json", v)
	}
}

func writeJSON(w http.ResponseWriter, status int, kind string, v any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		status, kind = http.StatusInternalServerError, "application/problem+json"
		b.Reset()
		_ = e.Encode(&Problem{Code: "internal", Status: status, Title: http.StatusText(status), Detail: "the answer is no JSON: " + err.Error()})
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the client may be gone
}

// description sends openapi.yaml.
func (a *API) description(w http.ResponseWriter, _ *http.Request) (any, error) {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(Description)
	return nil, nil
}

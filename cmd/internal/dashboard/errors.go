package dashboard

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
	"github.com/bluefin-hpo/bluefin/storage"
)

// A statusError is an answer other than a page: one clear line.
type statusError struct {
	status int
	line   string
}

// Error implements error.
func (e *statusError) Error() string { return e.line }

func statusf(status int, format string, args ...any) error {
	return &statusError{status, fmt.Sprintf(format, args...)}
}

// badf is the answer to a wrong query string.
func badf(format string, args ...any) error { return statusf(http.StatusBadRequest, format, args...) }

var errNoPage = statusf(http.StatusNotFound, "There is no such page.")

// fail answers a request that has ended with an error: with a page for people, else with a line.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	var known *statusError
	switch {
	case err == nil, r.Context().Err() != nil && errors.Is(err, context.Cause(r.Context())):
		return // the viewer is gone
	case errors.As(err, &known):
	case errors.Is(err, storage.ErrNotExist):
		known = &statusError{http.StatusNotFound, "There is no such study or trial, or no more: " + message.OneLine(err) + "."}
	case errors.Is(err, fs.ErrNotExist):
		known = &statusError{http.StatusServiceUnavailable, "The study file is gone: " + message.OneLine(err) + "."}
	default:
		known = &statusError{http.StatusInternalServerError, "This page cannot be shown: " + message.OneLine(err) + "."}
	}
	known = &statusError{known.status, message.Visible(known.line)} // it may quote names
	if known.status >= 500 {
		s.cfg.Logger.Warn("dashboard: "+known.line, "path", r.URL.Path) // the query may hold the token
	}
	w.Header().Del("ETag")
	w.Header().Set("Cache-Control", "no-store")
	if !wantsPage(r) {
		send(w, r, known.status, "text/plain; charset=utf-8", []byte(known.line+"\n"))
		return
	}
	v := view{Title: http.StatusText(known.status), Body: known.line}
	if err := s.page(w, r, known.status, "error.html", v); err != nil {
		s.cfg.Logger.Warn("dashboard: the page of an error cannot be drawn: " + err.Error())
	}
}

// wantsPage reports whether a person will read the answer.
func wantsPage(r *http.Request) bool {
	return !strings.HasPrefix(r.URL.Path, "/api/") && !strings.HasPrefix(r.URL.Path, "/static/")
}

// recovered turns a panic into a page: one broken page must not end the search beside it.
func (s *Server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				s.cfg.Logger.Error("dashboard: a page failed", "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
				s.fail(w, r, statusf(http.StatusInternalServerError, "This page failed: %v.", p))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

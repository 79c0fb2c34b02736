package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
)

// A Problem is an error as clients get it: RFC 9457. Programs tell problems apart by their type.
type Problem struct {
	Code   string // its type is urn:bluefin:Code
	Status int
	Title  string // "": that of the status
	Detail string // one line

	Field   string // what is wrong, in the body, the query or the path
	Value   any    // what it is
	Allowed string // what it may be
	State   string // of the trial, if it has finished
}

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

// MarshalJSON implements json.Marshaler.
func (p *Problem) MarshalJSON() ([]byte, error) {
	title := p.Title
	if title == "" {
		title = http.StatusText(p.Status)
	}
	return json.Marshal(struct {
		Type    string `json:"type"`
		Title   string `json:"title"`
		Status  int    `json:"status"`
		Detail  string `json:"detail"`
		Field   string `json:"field,omitempty"`
		Value   any    `json:"value,omitempty"`
		Allowed string `json:"allowed,omitempty"`
		State   string `json:"state,omitempty"`
	}{"urn:bluefin:" + p.Code, title, p.Status, message.Visible(p.Detail), p.Field, p.Value, p.Allowed, p.State})
}

// wrong is the problem of a field with a value that is not allowed.
func wrong(field string, value any, allowed string) *Problem {
	shown, err := json.Marshal(value)
	if err != nil {
		shown = []byte("no JSON")
	}
	if len(shown) > 100 {
		shown = append(shown[:97], "..."...)
		value = string(shown)
	}
	return &Problem{Code: "invalid", Status: http.StatusBadRequest, Field: field, Value: value, Allowed: allowed,
		Detail: field + " is " + string(shown) + ", want " + allowed}
}

// invalid is the problem of a field, in the words of another package.
func invalid(field string, err error) *Problem {
	detail := message.OneLine(err)
	if field != "" {
		detail = field + ": " + detail
	}
	return &Problem{Code: "invalid", Status: http.StatusBadRequest, Field: field, Detail: detail}
}

// missing is the problem of a field that is not there.
func missing(field, allowed string) *Problem {
	return &Problem{Code: "invalid", Status: http.StatusBadRequest, Field: field, Allowed: allowed,
		Detail: field + " is missing, want " + allowed}
}

// problemOf returns the problem that an error is.
func problemOf(err error) *Problem {
	var known *Problem
	var draw drawError
	var large *http.MaxBytesError
	code, status := "internal", http.StatusInternalServerError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &large):
		return &Problem{Code: "too-large", Status: http.StatusRequestEntityTooLarge, Detail: "the body is too large"}
	case errors.Is(err, storage.ErrBudget):
		code, status = "budget", http.StatusConflict
	case errors.Is(err, storage.ErrNotExist):
		code, status = "not-found", http.StatusNotFound
	case errors.Is(err, storage.ErrExist):
		code, status = "exists", http.StatusConflict
	case errors.Is(err, storage.ErrFinished):
		code, status = "finished", http.StatusConflict
	case errors.Is(err, storage.ErrLost):
		code, status = "lost", http.StatusConflict
	case errors.Is(err, study.ErrConflict):
		code, status = "conflict", http.StatusConflict
	case errors.As(err, &draw):
		code, status = "undrawable", http.StatusConflict
	case errors.Is(err, storage.ErrInvalid):
		code, status = "invalid", http.StatusBadRequest
	case errors.Is(err, storage.ErrReadOnly):
		code, status = "read-only", http.StatusForbidden
	case errors.Is(err, context.DeadlineExceeded):
		code, status = "unavailable", http.StatusServiceUnavailable
	}
	return &Problem{Code: code, Status: status, Detail: message.OneLine(err)}
}

// Fail answers a request with the problem that err is. Failures of the server are logged.
func Fail(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) {
	if r.Context().Err() != nil && errors.Is(err, context.Canceled) {
		return // the client is gone
	}
	p := problemOf(err)
	if p.Status >= 500 {
		log.Warn("a request failed: "+p.Detail, "method", r.Method, "path", r.URL.EscapedPath())
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, p.Status, "application/problem+json", p)
}

package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxBody is the largest body, in bytes. A search space of thousands of parameters is smaller.
const maxBody = 1 << 20

type bodyKey struct{}

// readBody reads the body of a POST into the context of r. The content type is one that no form has, so the
// page of a stranger cannot send it without asking this server first, which it never allows.
func (a *API) readBody(w http.ResponseWriter, r *http.Request) error {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset := strings.ToLower(params["charset"])
	if err != nil || kind != "application/json" || charset != "" && charset != "utf-8" {
		p := wrong("Content-Type", r.Header.Get("Content-Type"), "application/json")
		p.Code, p.Status = "content-type", http.StatusUnsupportedMediaType
		return p
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		return &Problem{Code: "too-large", Status: http.StatusRequestEntityTooLarge, Field: "body",
			Allowed: "at most 1 MiB", Detail: "the body is too large, want at most 1 MiB"}
	case err != nil:
		return &Problem{Code: "slow", Status: http.StatusRequestTimeout, Detail: "the body did not arrive in time"}
	case !utf8.Valid(text):
		return &Problem{Code: "invalid", Status: http.StatusBadRequest, Field: "body", Detail: "the body is not UTF-8"}
	}
	*r = *r.WithContext(context.WithValue(r.Context(), bodyKey{}, text))
	return nil
}

// decode reads the body of a POST: one JSON object whose members T has.
func decode[T any](r *http.Request) (in T, err error) {
	text, _ := r.Context().Value(bodyKey{}).([]byte)
	text = bytes.TrimSpace(text)
	if len(text) == 0 || text[0] != '{' {
		return in, &Problem{Code: "invalid", Status: http.StatusBadRequest, Field: "body", Allowed: "a JSON object",
			Detail: "the body is no JSON object; {} says nothing"}
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err = d.Decode(&in); err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = errors.New("there is more after the JSON object, want one")
		}
	}
	if err == nil {
		return in, nil
	}
	var kind *json.UnmarshalTypeError
	var known *Problem
	switch name, unknown := strings.CutPrefix(err.Error(), "json: unknown field "); {
	case errors.As(err, &known):
		return in, known
	case unknown:
		name, _ = strconv.Unquote(name)
		return in, &Problem{Code: "invalid", Status: http.StatusBadRequest, Field: name,
			Detail: "the body has an unknown member " + strconv.Quote(name) + ": see /v1/openapi.yaml"}
	case errors.As(err, &kind) && kind.Field != "":
		p := wrong(kind.Field, kind.Value, wanted(kind))
		p.Detail = kind.Field + " is of the JSON type " + kind.Value + ", want " + p.Allowed
		return in, p
	}
	return in, invalid("body", err)
}

// wanted says in the words of JSON what a Go type is.
func wanted(e *json.UnmarshalTypeError) string {
	switch kind := e.Type.Kind().String(); {
	case strings.HasPrefix(kind, "int"):
		return "a whole number"
	case strings.HasPrefix(kind, "float"):
		return "a number"
	case kind == "bool":
		return "true or false"
	case kind == "slice":
		return "a list"
	case kind == "map" || kind == "struct":
		return "an object"
	}
	return "a string"
}

// number returns the number of the trial in the path.
func number(r *http.Request) (int, error) {
	text := r.PathValue("n")
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > math.MaxInt32 || strconv.Itoa(n) != text {
		return 0, wrong("number", text, "the number of a trial, from 0")
	}
	return n, nil
}

// query returns a whole number of the query string, or the default if it is absent.
func query(r *http.Request, name string, byDefault, low, high int64, allowed string) (int64, error) {
	values, ok := r.URL.Query()[name]
	if !ok {
		return byDefault, nil
	}
	n, err := strconv.ParseInt(values[0], 10, 64)
	if err != nil || n < low || n > high || len(values) > 1 {
		return 0, wrong(name, strings.Join(values, " "), allowed)
	}
	return n, nil
}

// A whole number may be written with a point, as JSON Schema has it.
type whole int

// UnmarshalJSON implements json.Unmarshaler.
func (n *whole) UnmarshalJSON(text []byte) error {
	x, err := strconv.ParseFloat(string(text), 64)
	if err != nil || x != math.Trunc(x) || math.Abs(x) > math.MaxInt32 {
		return fmt.Errorf("%.40s is no whole number of at most %d", text, math.MaxInt32)
	}
	*n = whole(x)
	return nil
}

// A seed is a whole number of 64 bits.
type seed uint64

// UnmarshalJSON implements json.Unmarshaler.
func (n *seed) UnmarshalJSON(text []byte) error {
	digits, zeros, _ := strings.Cut(string(text), ".")
	x, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || strings.Trim(zeros, "0") != "" {
		return fmt.Errorf("%.40s is no seed, want a whole number of at least 0", text)
	}
	*n = seed(x)
	return nil
}

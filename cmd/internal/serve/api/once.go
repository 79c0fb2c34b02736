package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"net/http"
	"sync"
	"time"
)

const (
	keptAnswers = 10_000    // at most
	keptBytes   = 64 << 20  // of them together
	keptFor     = time.Hour // at least, while there is room
	longestKey  = 200       // bytes of an idempotency key

	longestAnswer = 5 * time.Minute // is more than any storage waits for others
)

// answers are those to requests with an idempotency key. A client that did not see an answer sends the request
// again, and gets the same. They are in memory: after a restart of the server, a repeated ask starts another
// trial, and the first one's lease ends.
type answers struct {
	mu      sync.Mutex // guards the following
	entries map[string]*answer
	oldest  []*answer // those that are done, in order
	bytes   int       // of those
}

// An answer is given once, and kept.
type answer struct {
	key  string
	body [sha256.Size]byte // of the request
	done chan struct{}     // closed when the answer is known
	said *recorder         // nil: there is none, because the request failed here
	at   time.Time
}

// once answers a request, or repeats the answer of an earlier one with the same key.
func (a *API) once(w http.ResponseWriter, r *http.Request, h func(http.ResponseWriter, *http.Request) (any, error)) {
	key := r.Header.Get("Idempotency-Key")
	if key == "" || len(key) > longestKey || len(r.Header.Values("Idempotency-Key")) > 1 {
		Fail(w, r, a.cfg.Logger, wrong("Idempotency-Key", key, "one text of 1 to 200 bytes"))
		return
	}
	text, _ := r.Context().Value(bodyKey{}).([]byte)
	sum := sha256.Sum256(text)
	key = a.cfg.Client(r) + "\n" + r.URL.EscapedPath() + "\n" + key
	for {
		known, mine := a.sent.enter(key, sum)
		if mine {
			a.first(w, r, h, known)
			return
		}
		if known.body != sum {
			Fail(w, r, a.cfg.Logger, &Problem{Code: "key-reused", Status: http.StatusConflict, Field: "Idempotency-Key",
				Allowed: "a new key for each new request", Detail: "the Idempotency-Key was used with another body, want a new key"})
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-known.done:
		}
		if known.said != nil {
			w.Header().Set("Idempotency-Replayed", "true")
			known.said.replay(w)
			return
		}
	}
}

// first answers a request whose key is new.
func (a *API) first(w http.ResponseWriter, r *http.Request, h func(http.ResponseWriter, *http.Request) (any, error), e *answer) {
	var said recorder
	defer func() { // also after a panic
		e.said = nil
		if said.status != 0 && said.status < 500 {
			e.said = &said
		}
		a.sent.leave(e)
	}()
	// Though the client is gone: it will ask for this answer, and a change that has been made cannot be made again.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), longestAnswer)
	defer cancel()
	a.send(&said, r.WithContext(ctx), h)
	said.replay(w)
}

// enter returns the entry of a key, and whether the caller must answer it.
func (s *answers) enter(key string, body [sha256.Size]byte) (e *answer, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.oldest) > 0 && (len(s.oldest) >= keptAnswers || s.bytes > keptBytes || time.Since(s.oldest[0].at) > keptFor) {
		old := s.oldest[0]
		if s.entries[old.key] == old {
			delete(s.entries, old.key)
		}
		s.oldest[0], s.oldest, s.bytes = nil, s.oldest[1:], s.bytes-old.said.body.Len()
	}
	if e, ok := s.entries[key]; ok {
		return e, false
	}
	e = &answer{key: key, body: body, done: make(chan struct{})}
	s.entries[key] = e
	return e, true
}

// leave keeps an answer, or forgets a request that has none.
func (s *answers) leave(e *answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.said == nil {
		delete(s.entries, e.key)
	} else {
		e.at = time.Now()
		s.oldest, s.bytes = append(s.oldest, e), s.bytes+e.said.body.Len()
	}
	close(e.done)
}

// A recorder is a response that is sent later.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (r *recorder) Header() http.Header {
	if r.header == nil {
		r.header = http.Header{}
	}
	return r.header
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) { r.status = status }

// Write implements http.ResponseWriter.
func (r *recorder) Write(text []byte) (int, error) { return r.body.Write(text) }

// replay sends the response.
func (r *recorder) replay(w http.ResponseWriter) {
	if r.status == 0 {
		return // the client is gone
	}
	for name, values := range r.header {
		w.Header()[name] = values
	}
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body.Bytes())
}

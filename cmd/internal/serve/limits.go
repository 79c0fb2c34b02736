package serve

import (
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	writeWithin = 30 * time.Second // a client that takes nothing for so long is left
	writePart   = 256 << 10        // bytes that it must take in that time
)

// A status remembers what an answer's status was, and leaves clients that do not read.
type status struct {
	http.ResponseWriter
	flow *http.ResponseController
	code int
}

// WriteHeader implements http.ResponseWriter.
func (s *status) WriteHeader(code int) {
	if s.code == 0 && code >= 200 {
		s.code = code
	}
	s.ResponseWriter.WriteHeader(code)
}

// Write implements http.ResponseWriter.
func (s *status) Write(text []byte) (n int, err error) {
	if s.code == 0 {
		s.code = http.StatusOK
	}
	defer s.flow.SetWriteDeadline(time.Time{}) // HTTP/2 would end the stream
	for part := range slices.Chunk(text, writePart) {
		_ = s.flow.SetWriteDeadline(time.Now().Add(writeWithin)) // tests have no connection
		m, err := s.ResponseWriter.Write(part)
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// Flush implements http.Flusher, which gRPC asks for.
func (s *status) Flush() {
	if s.code == 0 {
		s.code = http.StatusOK
	}
	_ = s.flow.Flush()
}

// Unwrap lets http.ResponseController find the connection.
func (s *status) Unwrap() http.ResponseWriter { return s.ResponseWriter }

const (
	bodyPause = 20 * time.Second // between two parts of a body, at most
	bodyRate  = 16 << 10         // bytes per second, at least on average after the first pause
)

// A slowBody ends a request whose body comes too slowly, however long it may be.
type slowBody struct {
	io.ReadCloser
	flow  *http.ResponseController
	start time.Time
	pause time.Duration // between two parts, at most
	n     int64
	ended bool
}

// Read implements io.Reader.
func (b *slowBody) Read(p []byte) (int, error) {
	if !b.ended {
		until := b.start.Add(b.pause + time.Duration(b.n)*time.Second/bodyRate)
		if next := time.Now().Add(b.pause); next.Before(until) {
			until = next
		}
		_ = b.flow.SetReadDeadline(until) // tests have no connection
	}
	n, err := b.ReadCloser.Read(p)
	b.n += int64(n)
	if err == io.EOF && !b.ended { // after another error nothing more should come
		b.ended = true
		_ = b.flow.SetReadDeadline(time.Time{}) // the answer may take longer
	}
	return n, err
}

// A connState is a connection that has sent no request yet, or waits for the next one.
type connState struct {
	idle bool
	at   time.Time // since when
}

// A crowd bounds the number of connections. When there are too many, it closes the one that has been idle for the
// longest time, so that strangers who connect and say nothing cannot keep workers out.
type crowd struct {
	most int

	mu    sync.Mutex // guards the following
	conns map[net.Conn]*connState
}

func (c *crowd) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.conns)
}

// changed is http.Server.ConnState.
func (c *crowd) changed(conn net.Conn, to http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch to {
	case http.StateClosed, http.StateHijacked:
		delete(c.conns, conn)
	case http.StateActive:
		c.conns[conn] = &connState{at: time.Now()}
	case http.StateNew, http.StateIdle:
		c.conns[conn] = &connState{idle: true, at: time.Now()}
	}
	if to != http.StateNew || len(c.conns) <= c.most {
		return
	}
	oldest := conn // if all others work, the new one goes
	for other, state := range c.conns {
		if state.idle && state.at.Before(c.conns[oldest].at) {
			oldest = other
		}
	}
	delete(c.conns, oldest)
	_ = oldest.Close()
}

const (
	mostClients  = 10_000 // whose rates are known
	refusedRate  = 5      // refused requests per second and address
	refusedBurst = 50
)

// rates bound how many requests a client sends.
type rates struct {
	perSecond float64

	mu      sync.Mutex // guards the following
	clients map[string]*rate.Limiter
}

func newRates(perSecond float64) *rates {
	return &rates{perSecond: perSecond, clients: map[string]*rate.Limiter{}}
}

// take returns how long a client must wait before its next request, 0 if it need not. Requests that are refused for
// another reason count by address, and few of them are allowed: they may be guesses of a token.
func (l *rates) take(name, address string, refused bool) time.Duration {
	limit, burst, key := l.perSecond, int(2*l.perSecond)+1, "name "+name
	switch {
	case refused:
		limit, burst, key = refusedRate, refusedBurst, "refused "+address
	case limit == 0:
		return 0
	case name == "":
		key = "address " + address
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	one, ok := l.clients[key]
	if !ok {
		if len(l.clients) >= mostClients {
			clear(l.clients) // all start again, which costs at most a burst each
		}
		one = rate.NewLimiter(rate.Limit(limit), burst)
		l.clients[key] = one
	}
	if one.Allow() {
		return 0
	}
	return time.Duration(float64(time.Second) / limit)
}

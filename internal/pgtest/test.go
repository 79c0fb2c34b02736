//go:build unix

package pgtest

import (
	"errors"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// shared is the server of Start.
var shared = sync.OnceValues(func() (*Server, error) { return Launch(Config{}) })

// Start returns the server that all tests of a process share. Tests must not stop it. It skips tb
// without PostgreSQL, unless CI=true.
func Start(tb testing.TB) *Server {
	tb.Helper()
	s, err := shared()
	check(tb, err)
	return s
}

// New starts a server for tb alone. It skips tb without PostgreSQL, unless CI=true.
func New(tb testing.TB, c Config) *Server {
	tb.Helper()
	s, err := Launch(c)
	check(tb, err)
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("stopping PostgreSQL: %v", err)
		}
	})
	return s
}

// check ends a test that cannot have its server.
func check(tb testing.TB, err error) {
	tb.Helper()
	switch {
	case (errors.Is(err, ErrMissing) || errors.Is(err, ErrNoPooler)) && os.Getenv("CI") != "true":
		tb.Skip(err)
	case err != nil:
		tb.Fatal(err)
	}
}

// Database returns the URL of a new, empty database.
func (s *Server) Database(tb testing.TB) string {
	tb.Helper()
	url, err := s.Create()
	check(tb, err)
	return url
}

// SQL runs statements in the database of a URL and returns the rows, columns split by "|".
func (s *Server) SQL(tb testing.TB, url, statements string) string {
	tb.Helper()
	out, err := s.sql(name(url), statements)
	check(tb, err)
	return out
}

// name returns the database of a URL.
func name(url string) string {
	url, _, _ = strings.Cut(url, "?")
	return url[strings.LastIndexByte(url, '/')+1:]
}

// Start starts a server that was stopped or killed.
func (s *Server) Start(tb testing.TB) {
	tb.Helper()
	check(tb, s.start())
}

// Stop stops the server and disconnects all clients.
func (s *Server) Stop(tb testing.TB) {
	tb.Helper()
	check(tb, s.stop(syscall.SIGINT))
}

// Restart stops the server and starts it again.
func (s *Server) Restart(tb testing.TB) {
	tb.Helper()
	s.Stop(tb)
	s.Start(tb)
}

// Kill ends all processes of the server with SIGKILL. Start recovers it.
func (s *Server) Kill(tb testing.TB) {
	tb.Helper()
	check(tb, s.kill())
}

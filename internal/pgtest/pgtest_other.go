//go:build !unix

// Package pgtest starts PostgreSQL servers on Unix. Elsewhere it skips the tests that want one.
package pgtest

import (
	"errors"
	"testing"
)

// ErrMissing is the error of Launch.
var ErrMissing = errors.New("servers for tests are started on Unix only")

// Config says how a server differs from the default one.
type Config struct {
	Settings map[string]string
	Data     string
}

// A Server is never made.
type Server struct {
	Port int
	Dir  string
}

// Launch fails with ErrMissing.
func Launch(Config) (*Server, error) { return nil, ErrMissing }

// Start skips tb.
func Start(tb testing.TB) *Server { tb.Skip(ErrMissing); return nil }

// New skips tb.
func New(tb testing.TB, _ Config) *Server { tb.Skip(ErrMissing); return nil }

// The methods of a Server on Unix.

func (*Server) Create() (string, error)               { return "", ErrMissing }
func (*Server) Close() error                          { return ErrMissing }
func (*Server) Processes() ([]int, error)             { return nil, ErrMissing }
func (*Server) Pool(string) (string, func(), error)   { return "", nil, ErrMissing }
func (*Server) Log() string                           { return "" }
func (*Server) Database(testing.TB) string            { return "" }
func (*Server) SQL(testing.TB, string, string) string { return "" }
func (*Server) Start(testing.TB)                      {}
func (*Server) Stop(testing.TB)                       {}
func (*Server) Restart(testing.TB)                    {}
func (*Server) Kill(testing.TB)                       {}
func (*Server) Pooler(testing.TB, string) string      { return "" }

// Package serve answers for a storage on one port: the API by HTTP and JSON, Optuna's gRPC service, Bluefin's own
// protocol for storage.Viewer, and the dashboard. It decides who may do what, and how much.
package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc"

	"github.com/bluefin-hpo/bluefin/cmd/internal/serve/api"
	"github.com/bluefin-hpo/bluefin/cmd/internal/serve/optuna"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/remote"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A Config says what a Server serves, to whom, and how much.
type Config struct {
	Storage storage.Viewer
	Tokens  *Tokens  // nil: whoever can connect may read and write
	Hosts   []string // names, beside localhost and IP addresses, by which clients without a token may call this server
	TLS     *tls.Config
	Logger  *slog.Logger

	// What the dashboard shows, as dashboard.Config has it. Name is that of the storage, for people.
	Name, Word, ArtifactDir string
	Engine                  func(study string, trials int) (study.Config, error)
	Rerun                   func(study storage.Study, trials int, best *trial.Trial) string

	Lease   time.Duration // of trials that the API gives out
	Sampler func(trials int) (sampler.Sampler, uint64, error)

	// Silence is after how long without a change a trial of a gRPC client fails, since its protocol has no leases.
	// 0: never.
	Silence time.Duration

	Connections int           // at most; 0: 4096
	Rate        float64       // requests of one client per second, on average; 0: any number
	Grace       time.Duration // how long running requests may take when the server ends
}

// A Server serves a storage. Its methods are safe for concurrent use.
type Server struct {
	cfg     Config
	api     *api.API
	rpc     *grpc.Server
	remote  http.Handler
	pages   *pages
	metrics *metrics
	rates   *rates
	noted   *rate.Limiter // of lines in the log about refused requests
	pause   time.Duration // between two parts of a body, at most
	big     chan struct{} // holds one element for each large body of gRPC that is in memory
	bigJSON chan struct{} // the same of other bodies
	ready   readiness
	handler http.Handler
	ending  atomic.Bool
}

// New returns a server. Call Serve once.
func New(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.Connections == 0 {
		cfg.Connections = 4096
	}
	s := &Server{cfg: cfg, rates: newRates(cfg.Rate), noted: rate.NewLimiter(1, 10), pause: bodyPause,
		big: make(chan struct{}, bigMost), bigJSON: make(chan struct{}, bigJSONMost)}
	s.metrics = newMetrics(cfg.Storage)
	cfg.Storage = s.metrics.counted(cfg.Storage)
	s.api = api.New(api.Config{Storage: cfg.Storage, Lease: cfg.Lease, Logger: cfg.Logger, Sampler: cfg.Sampler, Client: clientName})
	s.rpc = newRPC()
	optuna.Register(s.rpc, cfg.Storage, cfg.Logger)
	s.remote = remote.Handler(cfg.Storage)
	s.cfg.Storage = cfg.Storage
	s.handler = s.guard(http.HandlerFunc(s.route))
	var err error
	s.pages, err = newPages(ctx, cfg)
	return s, err
}

// route passes a request on to the part of the server that answers it.
func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	switch {
	case isGRPC(r):
		s.rpc.ServeHTTP(w, r)
	case path == "/metrics":
		s.metrics.ServeHTTP(w, r)
	case strings.HasPrefix(path, remote.Path):
		s.remote.ServeHTTP(w, r)
	case strings.HasPrefix(path, "/v1/"):
		s.api.ServeHTTP(w, r)
	default:
		s.pages.ServeHTTP(w, r)
	}
}

// isGRPC reports whether a request is a call of gRPC.
func isGRPC(r *http.Request) bool {
	return r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc")
}

// routeName names the route of a request, for metrics and logs: few names, whatever clients send.
func (s *Server) routeName(r *http.Request) string {
	switch path := r.URL.Path; {
	case isGRPC(r):
		return "grpc"
	case strings.HasPrefix(path, remote.Path):
		return remote.Path
	case strings.HasPrefix(path, "/v1/"):
		return s.api.Route(r)
	case path == "/metrics", path == "/healthz", path == "/readyz":
		return path
	}
	return "dashboard"
}

// health answers whether the process runs, and ready whether it can work. Both say nothing about the studies, so
// they need no token.
func (s *Server) health(w http.ResponseWriter, r *http.Request) bool {
	switch r.URL.Path {
	case "/healthz":
	case "/readyz":
		if s.ending.Load() || !s.ready.look(s.cfg.Storage) {
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return true
		}
	default:
		return false
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n"))
	return true
}

// readiness remembers for a second whether the storage works, since everybody may ask.
type readiness struct {
	mu sync.Mutex // guards the following
	at time.Time
	ok bool
}

// look reports whether the storage takes writes. Reads may succeed on a file that was removed.
func (r *readiness) look(s storage.Viewer) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.at) < time.Second {
		return r.ok
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := s.WriteStudy(ctx, noStudy, storage.StudyUpdate{}) // changes nothing
	r.at, r.ok = time.Now(), errors.Is(err, storage.ErrNotExist)
	return r.ok
}

const noStudy = -1 // is the ID of no study

// Serve answers at l until ctx ends. Then it accepts no more, ends streams of events, and gives running requests the
// grace.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	crowd := &crowd{most: s.cfg.Connections, conns: map[net.Conn]*connState{}}
	s.metrics.connections(crowd.len)
	srv := &http.Server{Handler: s.handler, Protocols: &protocols, TLSConfig: s.cfg.TLS, ConnState: crowd.changed,
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 3 * time.Minute, MaxHeaderBytes: 64 << 10,
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 250, SendPingTimeout: time.Minute, PingTimeout: 15 * time.Second,
			// A body that waits for its turn fills its own buffer, and must leave room for those that have one.
			MaxReceiveBufferPerStream: 128 << 10, MaxReceiveBufferPerConnection: 4<<20 - 1},
		ErrorLog: slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelDebug)}
	if s.cfg.Silence > 0 {
		silent, end := context.WithCancel(ctx)
		watched := make(chan struct{})
		go func() {
			defer close(watched)
			_ = optuna.FailSilent(silent, s.cfg.Storage, s.cfg.Logger, s.cfg.Silence, storage.Orphans{Policy: storage.Retry})
		}()
		defer func() { end(); <-watched }()
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		s.ending.Store(true)
		s.endStreams()
		wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Grace)
		defer cancel()
		err := srv.Shutdown(wait)
		if errors.Is(err, context.DeadlineExceeded) {
			s.cfg.Logger.Warn("some requests did not end in time and were cut off", "grace", s.cfg.Grace)
			err = nil
		}
		stopped <- errors.Join(err, srv.Close())
	})
	var err error
	if s.cfg.TLS != nil {
		err = srv.ServeTLS(l, "", "")
	} else {
		err = srv.Serve(l)
	}
	if !errors.Is(err, http.ErrServerClosed) {
		stop()
		s.endStreams()
		return errors.Join(err, s.pages.close())
	}
	return errors.Join(<-stopped, s.pages.close())
}

// endStreams ends streams of events, which would last as long as their readers.
func (s *Server) endStreams() {
	s.api.End()
	s.pages.end()
}

package dashboard

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A Config says what a Server shows, and to whom.
type Config struct {
	Path       string   // of the study file; with Storage, the text that pages show
	Study      string   // show only the study of this name; "": all
	Token      string   // what a viewer must know; "": nothing
	Hosts      []string // names, besides localhost and IP addresses, under which browsers may ask; *: any
	AllowWrite bool     // offer what changes the file
	Logger     *slog.Logger

	// Storage is shown instead of a file. It is open already, and stays open. Writes go to it only with
	// AllowWrite.
	Storage storage.Viewer

	// Word names the storage in commands for a shell. "": the path of the file.
	Word string

	// ArtifactDir is the folder of artifacts, as optuna-dashboard has it. "": they are listed and
	// cannot be had.
	ArtifactDir string

	// Rerun returns the command that makes the best of so many finished trials of a study again, or "" if
	// there is none that does more than print its parameters. nil: there is none.
	Rerun func(study storage.Study, trials int, best *trial.Trial) string

	// Engine returns how a study of the given name and number of trials is searched, as far as that is
	// known, to explain its trials. The sampler must be a new one. nil: by the default of bluefin tune.
	Engine func(study string, trials int) (study.Config, error)
}

// A Server is an http.Handler that shows a study file or another storage. Its methods are safe for concurrent use.
type Server struct {
	cfg     Config
	file    *file
	follows *followers
	list    *studyList
	whys    whys
	static  *static
	pages   pages
	handler http.Handler
	done    chan struct{} // closed at the end, for the streams of events
	ending  sync.Once
}

// New opens the study file, unless there is a Storage, and returns its server. Call Close when done.
func New(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.Engine == nil {
		cfg.Engine = func(_ string, trials int) (study.Config, error) {
			return study.Config{Sampler: &sampler.Auto{Trials: trials}}, nil
		}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	f := &file{shared: cfg.Storage}
	var err error
	if f.shared == nil {
		if f, err = openFile(ctx, cfg.Path, cfg.AllowWrite); err != nil {
			return nil, err
		}
	}
	files, err := newStatic()
	if err != nil {
		return nil, errors.Join(err, f.close())
	}
	s := &Server{cfg: cfg, file: f, follows: newFollowers(f), list: newStudyList(f), static: files,
		pages: newPages(files), done: make(chan struct{})}
	mux := http.NewServeMux()
	s.routes(mux)
	s.handler = s.secure(s.recovered(mux))
	return s, nil
}

// routes says which handler answers what. Each returns an error, which fail turns into a page.
func (s *Server) routes(mux *http.ServeMux) {
	page := func(pattern string, h func(http.ResponseWriter, *http.Request) error) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { s.fail(w, r, h(w, r)) })
	}
	page("GET /{$}", s.studiesPage)
	page("GET /studies/{id}", s.studyPage)
	page("GET /studies/{id}/trials", s.trialsPage)
	page("GET /studies/{id}/trials.csv", s.trialsCSV)
	page("GET /studies/{id}/trials/{n}", s.trialPage)
	page("GET /compare", s.comparePage)
	page("GET /api/compare/{name}", s.compareAPI)
	page("GET /api/studies/{id}/trials/{n}", s.trialAPI)
	page("GET /api/studies/{id}/plots/{name}", s.plotAPI)
	page("GET /api/studies/{id}/events", s.studyEvents)
	page("GET /api/events", s.listEvents)
	page("GET /studies/{id}/workers", s.workersPage)
	page("GET /studies/{id}/artifacts/{artifact}", s.artifact)
	page("GET /studies/{id}/trials/{n}/artifacts/{artifact}", s.artifact)
	page("GET /api/studies/{id}/trials/{n}/log", s.logText)
	page("GET /api/studies/{id}/trials/{n}/log/events", s.logEvents)
	s.actionRoutes(page)
	mux.Handle("GET /static/", s.static)
	page("POST /login", s.login)
	page("GET /", func(http.ResponseWriter, *http.Request) error { return errNoPage })
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// End ends the streams of events, which would last as long as their viewers.
func (s *Server) End() { s.ending.Do(func() { close(s.done) }) }

// Close closes the file after the requests that read it. Call it once.
func (s *Server) Close() error {
	s.End()
	s.follows.close()
	return s.file.close()
}

// Serve answers at l until ctx ends, and then gives requests that are running a moment.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	srv := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelDebug)}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		s.End()
		wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		stopped <- errors.Join(srv.Shutdown(wait), srv.Close())
	})
	err := srv.Serve(l)
	if !errors.Is(err, http.ErrServerClosed) {
		stop()
		return err
	}
	if err := <-stopped; !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

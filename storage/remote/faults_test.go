package remote_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/remote"
	"github.com/bluefin-hpo/bluefin/storage/storagetest"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A network loses some requests and some answers.
type network struct {
	mu   sync.Mutex
	rand *rand.Rand
	to   http.Handler
}

func (n *network) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	chance := n.rand.IntN(60)
	n.mu.Unlock()
	hello := strings.HasSuffix(r.URL.Path, "Hello")
	switch {
	case hello || chance > 4:
		n.to.ServeHTTP(w, r)
	case chance == 0:
		panic(http.ErrAbortHandler)
	case chance == 1:
		http.Error(w, "the proxy has no server", http.StatusBadGateway)
	default: // the answer is lost, or a part of it
		answer := httptest.NewRecorder()
		n.to.ServeHTTP(answer, r)
		if chance == 2 {
			for key, values := range answer.Header() {
				w.Header()[key] = values
			}
			w.WriteHeader(answer.Code)
			_, _ = w.Write(answer.Body.Bytes()[:answer.Body.Len()/2])
			_ = http.NewResponseController(w).Flush()
		}
		panic(http.ErrAbortHandler)
	}
}

// What is lost and repeated takes effect once: all rules of a storage hold.
func TestCallsTakeEffectOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for many repeated calls")
	}
	storagetest.Run(t, func(t testing.TB) storage.Storage {
		return serve(t, &network{rand: rand.New(rand.NewPCG(1, 2)),
			to: remote.Handler(file(t, filepath.Join(t.TempDir(), "s.db")))}, remote.Options{})
	})
}

// A restart is a server that loses the answer to the next call, and what it remembers.
type restart struct {
	v    storage.Viewer
	mu   sync.Mutex
	now  http.Handler
	next bool // the next write is the last call of this instance
}

func (s *restart) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.next || !strings.Contains(r.URL.Path, "/write/") {
		s.now.ServeHTTP(w, r)
		return
	}
	s.now.ServeHTTP(httptest.NewRecorder(), r)
	s.next, s.now = false, remote.Handler(s.v)
	panic(http.ErrAbortHandler)
}

// lose makes the server restart after the next call, before it has answered.
func (s *restart) lose() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = true
}

func TestCallsWhoseServerRestarted(t *testing.T) {
	ctx := t.Context()
	at := file(t, filepath.Join(t.TempDir(), "s.db"))
	server := &restart{v: at, now: remote.Handler(at)}
	db := serve(t, server, remote.Options{})

	server.lose()
	if _, err := db.Create(ctx, "a", []trial.Direction{trial.Minimize}); !errors.Is(err, storage.ErrExist) {
		t.Errorf("Create: got %v, want that the study is there", err)
	}
	s, err := db.Load(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	lease := storage.Lease{Owner: "w", Duration: time.Hour}
	server.lose()
	first, err := db.Begin(ctx, s.ID, storage.Claim{Lease: lease})
	if err != nil || first.Number != 1 {
		t.Fatalf("Begin: got %+v, %v, want trial 1, as nobody knows who has trial 0", first, err)
	}
	done := storage.Update{Owner: "w", State: trial.Complete, Values: []float64{0.5},
		UserAttrs: map[string]json.RawMessage{"k": json.RawMessage("1")}}
	server.lose()
	if err := db.Write(ctx, s.ID, 1, done); err != nil {
		t.Errorf("Write: got %v, want none, since the result is there", err)
	}
	// A result that another worker has told is not ours.
	lease.Owner = "other"
	if _, err := db.Begin(ctx, s.ID, storage.Claim{Lease: lease}); err != nil {
		t.Fatal(err)
	}
	if err := at.Write(ctx, s.ID, 2, storage.Update{State: trial.Complete, Values: []float64{0.25}}); err != nil {
		t.Fatal(err)
	}
	server.lose()
	if err := db.Write(ctx, s.ID, 2, done); !errors.Is(err, storage.ErrFinished) {
		t.Errorf("Write of another result: got %v", err)
	}
	server.lose()
	_, err = db.Add(ctx, s.ID, &trial.Trial{Number: -1, State: trial.Waiting})
	if err == nil || !strings.Contains(err.Error(), "the server restarted during the call: the trial may have been added or not") {
		t.Errorf("Add: got %v", err)
	}
	if n, _, err := db.Extent(ctx, s.ID); err != nil || n != 4 {
		t.Errorf("Extent: got %d, %v, want 4 trials: one was added once", n, err)
	}
	u := storage.StudyUpdate{SystemAttrs: map[string]json.RawMessage{"k": json.RawMessage("1")},
		If: map[string]json.RawMessage{"k": nil}}
	server.lose()
	if err := db.WriteStudy(ctx, s.ID, u); err != nil {
		t.Errorf("WriteStudy: got %v, want none, since the attribute is there", err)
	}
	if err := db.WriteStudy(ctx, s.ID, u); !errors.Is(err, storage.ErrChanged) {
		t.Errorf("WriteStudy: got %v, want that the attribute has changed", err)
	}
	server.lose()
	if err := db.Delete(ctx, s.ID); err != nil {
		t.Errorf("Delete: got %v, want none, since the study is gone", err)
	}
	if err := db.Delete(ctx, s.ID); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("Delete: got %v, want that there is no study", err)
	}
}

// A slow storage writes when it is told to.
type slow struct {
	storage.Viewer
	wrote chan error
	write chan struct{}
}

func (s slow) Write(ctx context.Context, study int64, number int, u storage.Update) error {
	s.write <- struct{}{}
	<-s.write
	err := s.Viewer.Write(ctx, study, number, u)
	s.wrote <- err
	return err
}

// What a client has asked for is done, though the client is gone.
func TestClientsThatGo(t *testing.T) {
	at := slow{file(t, filepath.Join(t.TempDir(), "s.db")), make(chan error, 1), make(chan struct{})}
	db := serve(t, remote.Handler(at), remote.Options{})
	s, err := db.Create(t.Context(), "a", []trial.Direction{trial.Minimize})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Add(t.Context(), s.ID, &trial.Trial{Number: -1}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-at.write
		cancel()
		time.Sleep(200 * time.Millisecond) // until the server notices
		at.write <- struct{}{}
	}()
	if err := db.Write(ctx, s.ID, 0, storage.Update{State: trial.Failed}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := <-at.wrote; err != nil {
		t.Errorf("the server wrote: %v", err)
	}
}

// A client waits for a server that starts, says so, and gives up in the end.
func TestServersThatAreAway(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	var handler atomic.Value
	h := remote.Handler(file(t, filepath.Join(t.TempDir(), "s.db")))
	handler.Store(&h)
	server := &http.Server{Handler: h}
	go server.Serve(l)
	var log bytes.Buffer
	db, err := remote.Open(t.Context(), "http://"+address, remote.Options{Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Patience: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	server.Close()
	again := make(chan *http.Server)
	go func() {
		time.Sleep(4500 * time.Millisecond)
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Error(err)
			close(again)
			return
		}
		server := &http.Server{Handler: h}
		go server.Serve(l)
		again <- server
	}()
	if _, err := db.Studies(t.Context()); err != nil {
		t.Errorf("after the server was started again: %v", err)
	}
	for _, want := range []string{"the storage does not answer, trying again", "connection refused", "the storage answers again"} {
		if strings.Count(log.String(), want) != 1 {
			t.Errorf("the log is %s, want one line with %q", &log, want)
		}
	}
	if server := <-again; server != nil {
		server.Close()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := db.Studies(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a context that ends: got %v", err)
	}
	if _, err := remote.Open(t.Context(), "http://"+address, remote.Options{Patience: time.Millisecond}); err == nil ||
		!strings.HasPrefix(err.Error(), "storage http://"+address+": ") || !strings.Contains(err.Error(), "refused") {
		t.Errorf("a server that is away: got %v", err)
	}
}

// Each mistake gets a line that says what to do.
func TestServersThatRefuse(t *testing.T) {
	plain := func(status int, header, text string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if name, value, ok := strings.Cut(header, ": "); ok {
				w.Header().Set(name, value)
			}
			w.WriteHeader(status)
			io.WriteString(w, text)
		})
	}
	for name, test := range map[string]struct {
		handler http.Handler
		token   string
		want    string
	}{
		"a page":       {plain(200, "Content-Type: text/html", "<html>"), "", "it answers 200 OK and is not a Bluefin server"},
		"no page":      {plain(404, "", ""), "", "it answers 404 Not Found and is not a Bluefin server"},
		"elsewhere":    {plain(302, "Location: http://127.0.0.1:1/", ""), "t", "it answers 302 Found and is not a Bluefin server"},
		"a token":      {plain(401, "", ""), "", "the server wants a token"},
		"another one":  {plain(401, "", ""), "secret", "the server refuses the token"},
		"no right":     {plain(403, "", ""), "secret", "the server refuses the token"},
		"a later one":  {plain(400, "Content-Type: application/vnd.bluefin.storage", `{"error":{"kind":"other","text":"the server has version 2"}}`+"\n"), "", "the server has version 2"},
		"later words":  {plain(200, "Content-Type: application/vnd.bluefin.storage", `{"bluefin_storage":3}`+"\n"), "", "has version 3 of the storage protocol, and this program version 2"},
		"rate limits":  {plain(429, "Retry-After: 1", ""), "", "too many requests"},
		"an empty one": {plain(200, "Content-Type: application/vnd.bluefin.storage", ""), "", "the answer is incomplete"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(test.handler)
			defer server.Close()
			_, err := remote.Open(t.Context(), server.URL, remote.Options{Token: test.token, Patience: -1})
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %v, want %s", err, test.want)
			}
			if refused := strings.HasSuffix(test.want, "token"); errors.Is(err, fs.ErrPermission) != refused {
				t.Errorf("%v matches fs.ErrPermission: want %v", err, refused)
			}
		})
	}
	secure := httptest.NewTLSServer(remote.Handler(file(t, filepath.Join(t.TempDir(), "s.db"))))
	defer secure.Close()
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	if _, err := remote.Open(t.Context(), secure.URL, remote.Options{}); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate that nobody has signed: got %v", err)
	}
	db, err := remote.Open(t.Context(), secure.URL, remote.Options{Transport: secure.Client().Transport, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Create(t.Context(), "a", []trial.Direction{trial.Minimize}); !errors.Is(err, storage.ErrReadOnly) {
		t.Errorf("ReadOnly: got %v", err)
	}
	for _, address := range []string{"", "ftp://h", "http://", "http://u:secret@h", "http://h?token=secret", "h:1", "http://h:secret"} {
		if _, err := remote.Open(t.Context(), address, remote.Options{}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("Open(%q): got %v", address, err)
		}
	}
	if _, err := remote.Open(t.Context(), strings.Replace(secure.URL, "https", "http", 1), remote.Options{}); err == nil {
		t.Error("Open of http at a server of https: got no error")
	}
}

package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/bluefin-hpo/bluefin/cmd/internal/serve/optuna/pb"
	"github.com/bluefin-hpo/bluefin/internal/pgtest"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/postgres"
	"github.com/bluefin-hpo/bluefin/storage/remote"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/trial"
)

const (
	reader = "a-token-that-only-reads"
	writer = "a-token-that-also-writes"
	space  = `"search_space": {"x": {"type": "float", "low": 0, "high": 1}}`
)

// A served is a server of a test, at a real address.
type served struct {
	*Server
	tb   testing.TB
	addr string
	url  string
	log  *safeBuffer
	end  func() error // ends the server, and returns what Serve did
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(text)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// start serves a new study file.
func start(tb testing.TB, configure func(*Config)) served {
	tb.Helper()
	db, err := sqlite.Open(tb.Context(), filepath.Join(tb.TempDir(), "s.db"), sqlite.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	log := &safeBuffer{}
	cfg := Config{Storage: db, Name: "s.db", Word: "s.db", Lease: time.Hour, Grace: 5 * time.Second,
		Logger:  slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Sampler: func(trials int) (sampler.Sampler, uint64, error) { return &sampler.Auto{Trials: trials}, 1, nil }}
	if configure != nil {
		configure(&cfg)
	}
	s, err := New(tb.Context(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	end := sync.OnceValue(func() error { cancel(); return <-ended })
	scheme := "http://"
	if cfg.TLS != nil {
		scheme = "https://"
	}
	tb.Cleanup(func() {
		if err := end(); err != nil {
			tb.Errorf("Serve: %v", err)
		}
		_ = db.Close()
		for _, secret := range []string{reader, writer} {
			if strings.Contains(log.String(), secret) {
				tb.Errorf("the log has a token: %s", log)
			}
		}
	})
	return served{s, tb, l.Addr().String(), scheme + l.Addr().String(), log, end}
}

// withTokens sets tokens for reading and for writing.
func withTokens(tb testing.TB) func(*Config) {
	path := filepath.Join(tb.TempDir(), "tokens")
	text := "# who may do what\n" + reader + " read-only viewer\n\n" + writer + " read-write worker\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	tokens, err := OpenTokens(path)
	if err != nil {
		tb.Fatal(err)
	}
	return func(cfg *Config) { cfg.Tokens = tokens }
}

// call sends a request with the token, unless it is empty, and returns the status and the body.
func (s served) call(method, path, token, body string, headers ...string) (int, string, http.Header) {
	s.tb.Helper()
	r, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.tb.Fatal(err)
	}
	if method == "POST" {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
	}
	once := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := once.Do(r)
	if err != nil {
		s.tb.Fatal(err)
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text), answer.Header
}

func (s served) want(code int, method, path, token, body string, headers ...string) string {
	s.tb.Helper()
	got, text, _ := s.call(method, path, token, body, headers...)
	if got != code {
		s.tb.Errorf("%s %s: got %d %s, want %d", method, path, got, text, code)
	}
	return text
}

// rpc returns a client of gRPC that sends the token, unless it is empty.
func (s served) rpc(token string) (*grpc.ClientConn, context.Context) {
	s.tb.Helper()
	c, err := grpc.NewClient(s.addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		s.tb.Fatal(err)
	}
	s.tb.Cleanup(func() { _ = c.Close() })
	ctx := s.tb.Context()
	if token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	return c, ctx
}

// One port answers all protocols about the same study, and whatever comes in is counted.
func TestEveryDoorLeadsToTheSameStudy(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { everyDoor(t, start(t, nil)) })
	t.Run("postgresql", func(t *testing.T) {
		db, err := postgres.Open(t.Context(), pgtest.Start(t).Database(t), postgres.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		everyDoor(t, start(t, func(cfg *Config) { cfg.Storage = db }))
	})
}

func everyDoor(t *testing.T, s served) {
	s.want(201, "POST", "/v1/studies", "", `{"name": "s", `+space+`}`)
	s.want(200, "POST", "/v1/studies/s/ask", "", `{}`)

	db, err := remote.Open(t.Context(), s.url, remote.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	record, err := db.Load(t.Context(), "s")
	if err != nil {
		t.Fatal(err)
	}
	u := storage.Update{State: trial.Complete, Values: []float64{0.25}, Reports: []trial.Report{{Step: 1, Value: 1}}}
	if err := db.Write(t.Context(), record.ID, 0, u); err != nil {
		t.Fatal(err)
	}

	c, ctx := s.rpc("")
	optuna := pb.NewStorageServiceClient(c)
	id, err := optuna.GetStudyIdFromName(ctx, &pb.GetStudyIdFromNameRequest{StudyName: "s"})
	if err != nil || id.StudyId != record.ID {
		t.Fatalf("got %v, %v", id, err)
	}
	if _, err := optuna.CreateNewTrial(ctx, &pb.CreateNewTrialRequest{StudyId: id.StudyId, TemplateTrialIsNone: true}); err != nil {
		t.Fatal(err)
	}
	if h, err := grpc_health_v1.NewHealthClient(c).Check(ctx, &grpc_health_v1.HealthCheckRequest{}); err != nil ||
		h.Status != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Errorf("got %v, %v", h, err)
	}

	if text := s.want(200, "GET", "/", "", ""); !strings.Contains(text, "<html") || !strings.Contains(text, ">s<") {
		t.Errorf("the dashboard: got %s", text)
	}
	s.want(200, "GET", "/studies/1/trials", "", "")
	var shown struct{ Trials map[string]int }
	if err := json.Unmarshal([]byte(s.want(200, "GET", "/v1/studies/s", "", "")), &shown); err != nil ||
		shown.Trials["complete"] != 1 || shown.Trials["running"] != 1 {
		t.Errorf("got %v, %v", shown, err)
	}
	text := s.want(200, "GET", "/metrics", "", "")
	for _, line := range []string{"bluefin_asks_total 2", `bluefin_tells_total{state="COMPLETE"} 1`, "bluefin_reports_total 1",
		`bluefin_trials{state="RUNNING",study="s"} 1`, `bluefin_requests_total{code="200",method="POST",route="/v1/studies/{name}/ask"} 1`,
		`bluefin_write_seconds_count{method="begin"} 1`, "bluefin_leases_over", "go_goroutines"} {
		if !strings.Contains(text, line) {
			t.Errorf("the metrics lack %s", line)
		}
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		s.want(200, "GET", path, "", "")
	}
}

// A server that can read but not write is not ready.
func TestReadinessIsAboutWrites(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open file cannot be removed")
	}
	path := filepath.Join(t.TempDir(), "gone.db")
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	s := start(t, func(cfg *Config) { cfg.Storage = db })
	s.want(200, "GET", "/readyz", "", "")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for range 50 { // the last answer may be a second old
		if code, _, _ := s.call("GET", "/readyz", "", ""); code == 503 {
			s.want(200, "GET", "/healthz", "", "")
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Error("the server is ready though its file is gone")
}

func TestTokens(t *testing.T) {
	s := start(t, withTokens(t))
	for _, token := range []string{"", "wrong-wrong-wrong-wrong", writer[1:], writer + "x"} {
		for _, path := range []string{"/v1/studies", "/v1/studies/s", "/metrics", "/v1/storage/read/Studies", "/v1/openapi.yaml"} {
			text := s.want(401, "GET", path, token, "")
			if token != "" && strings.Contains(text, token) {
				t.Errorf("the answer has the token: %s", text)
			}
		}
		s.want(401, "POST", "/v1/studies", token, `{"name": "s"}`)
		c, ctx := s.rpc(token)
		_, err := pb.NewStorageServiceClient(c).GetAllStudies(ctx, &pb.GetAllStudiesRequest{})
		if grpcstatus.Code(err) != codes.Unauthenticated || !strings.Contains(err.Error(), "token") {
			t.Errorf("gRPC with token %q: got %v", token, err)
		}
	}
	s.rates.clients = nil // the guesses above were many
	s.rates = newRates(0)
	s.want(403, "POST", "/v1/studies", reader, `{"name": "s"}`)
	s.want(201, "POST", "/v1/studies", writer, `{"name": "s", `+space+`}`)
	s.want(200, "GET", "/v1/studies/s", reader, "")
	s.want(403, "POST", "/v1/studies/s/ask", reader, `{}`)
	s.want(403, "DELETE", "/v1/studies/s", reader, "")
	s.want(200, "GET", "/metrics", reader, "")
	for _, path := range []string{"/healthz", "/readyz"} {
		s.want(200, "GET", path, "", "")
	}
	for token, want := range map[string]codes.Code{reader: codes.PermissionDenied, writer: codes.OK} {
		c, ctx := s.rpc(token)
		optuna := pb.NewStorageServiceClient(c)
		if _, err := optuna.GetAllStudies(ctx, &pb.GetAllStudiesRequest{}); err != nil {
			t.Errorf("gRPC: got %v", err)
		}
		_, err := optuna.SetStudyUserAttribute(ctx, &pb.SetStudyUserAttributeRequest{StudyId: 1, Key: "k", Value: "1"})
		if grpcstatus.Code(err) != want {
			t.Errorf("gRPC: got %v, want %v", err, want)
		}
		db, err := remote.Open(t.Context(), s.url, remote.Options{Token: token})
		if err != nil {
			t.Fatal(err)
		}
		_, err = db.Create(t.Context(), "t", []trial.Direction{trial.Minimize})
		if (err == nil) != (token == writer) {
			t.Errorf("storage/remote: got %v", err)
		}
		_ = db.Close()
	}
	if !strings.Contains(s.log.String(), "a request was refused") {
		t.Error("refused requests are not in the log")
	}
}

// A viewer gives the token once, and then has a cookie, which opens the pages and nothing else.
func TestTheDashboardAsksForAToken(t *testing.T) {
	s := start(t, withTokens(t))
	s.want(201, "POST", "/v1/studies", writer, `{"name": "s", `+space+`}`)
	if text := s.want(401, "GET", "/", "", ""); !strings.Contains(text, `action="/login"`) {
		t.Errorf("got %s", text)
	}
	form := func(token string) (int, string, http.Header) {
		return s.call("POST", "/login", "", "token="+token, "Content-Type", "application/x-www-form-urlencoded", "Origin", s.url)
	}
	if code, text, _ := form("wrong"); code != 401 || !strings.Contains(text, "not a token") {
		t.Errorf("got %d %s", code, text)
	}
	for token, mayWrite := range map[string]bool{reader: false, writer: true} {
		code, _, header := form(token)
		cookie, _, _ := strings.Cut(header.Get("Set-Cookie"), ";")
		if code != 303 || cookie == "" || strings.Contains(cookie, token) {
			t.Fatalf("got %d %v", code, header)
		}
		code, _, header = s.call("GET", "/studies/1?token="+token+"&x=1", "", "")
		if code != 303 || header.Get("Location") != "/studies/1?x=1" {
			t.Errorf("a link with the token: got %d %v", code, header)
		}
		text := s.want(200, "GET", "/studies/1", "", "", "Cookie", cookie)
		if strings.Contains(text, `action="/studies/1/stop"`) != mayWrite && strings.Contains(text, "<form") != mayWrite {
			t.Errorf("the page of a viewer who may write %v: %s", mayWrite, text)
		}
		s.want(401, "GET", "/v1/studies", "", "", "Cookie", cookie)
	}
	s.want(401, "GET", "/", "", "", "Cookie", "bluefin_serve_0=x")
}

// Without tokens only this machine can connect, but the browser on it also shows the pages of strangers.
func TestPagesOfStrangersAreKeptOut(t *testing.T) {
	s := start(t, func(cfg *Config) { cfg.Hosts = []string{"workstation"} })
	create := `{"name": "s"}`
	s.want(403, "GET", "/v1/studies", "", "", "Host", "evil.example")
	s.want(403, "POST", "/v1/studies", "", create, "Host", "evil.example:13000")
	s.want(200, "GET", "/v1/studies", "", "", "Host", "localhost:1")
	s.want(200, "GET", "/v1/studies", "", "", "Host", "Workstation")
	s.want(403, "POST", "/v1/studies", "", create, "Origin", "http://evil.example")
	s.want(403, "POST", "/v1/studies", "", create, "Origin", "null")
	s.want(403, "POST", "/v1/studies", "", create, "Sec-Fetch-Site", "cross-site")
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""} {
		s.want(415, "POST", "/v1/studies", "", create, "Content-Type", kind)
	}
	_, _, header := s.call("OPTIONS", "/v1/studies", "", "", "Origin", "http://evil.example", "Access-Control-Request-Method", "POST")
	for name := range header {
		if strings.HasPrefix(name, "Access-Control-Allow") {
			t.Errorf("strangers are allowed %s", name)
		}
	}
	s.want(201, "POST", "/v1/studies", "", create, "Origin", s.url)
}

func TestRates(t *testing.T) {
	s := start(t, func(cfg *Config) { cfg.Rate = 5 })
	codes := map[int]int{}
	retry := ""
	for range 30 {
		code, _, header := s.call("GET", "/v1/studies", "", "")
		codes[code]++
		if code == 429 {
			retry = header.Get("Retry-After")
		}
	}
	if codes[200] < 10 || codes[429] < 5 || retry != "1" {
		t.Errorf("got %v, Retry-After %q", codes, retry)
	}
	guessed := start(t, withTokens(t))
	codes = map[int]int{}
	for i := range 80 {
		code, _, _ := guessed.call("GET", "/v1/studies", fmt.Sprintf("guess-number-%05d", i), "")
		codes[code]++
	}
	if codes[401] > 60 || codes[429] < 10 {
		t.Errorf("guesses of a token: got %v", codes)
	}
	guessed.want(200, "GET", "/v1/studies", reader, "") // who knows it is not kept out
}

// When the server ends, it takes no new requests, ends streams, and answers what runs.
func TestDrain(t *testing.T) {
	s := start(t, nil)
	s.want(201, "POST", "/v1/studies", "", `{"name": "s", `+space+`}`)
	stream, err := http.Get(s.url + "/v1/studies/s/events")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	pages, err := http.Get(s.url + "/api/events")
	if err != nil {
		t.Fatal(err)
	}
	defer pages.Body.Close()
	// A request whose body is still on its way.
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /v1/studies/s/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{")
	time.Sleep(100 * time.Millisecond)
	ended := make(chan error, 1)
	go func() { ended <- s.end() }()
	for _, body := range []io.Reader{stream.Body, pages.Body} {
		if _, err := io.ReadAll(body); err != nil {
			t.Errorf("a stream did not end: %v", err)
		}
	}
	select {
	case err := <-ended:
		t.Fatalf("the server ended before its last request: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	if _, err := fmt.Fprint(conn, "}"); err != nil {
		t.Fatal(err)
	}
	answer, _ := io.ReadAll(conn)
	if !strings.Contains(string(answer), "200 OK") || !strings.Contains(string(answer), `"number":0`) {
		t.Errorf("got %s", answer)
	}
	if err := <-ended; err != nil {
		t.Errorf("got %v", err)
	}
}

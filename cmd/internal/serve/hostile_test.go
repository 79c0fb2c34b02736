package serve

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// alive checks that the server still answers, and soon. In a crowd it may close the connection before the request has
// come, to make room, so the client tries again, as all do.
func (s served) alive() {
	s.tb.Helper()
	start := time.Now()
	c := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := c.Get(s.url + "/readyz")
	for tries := 1; tries < 3 && errors.Is(err, syscall.ECONNRESET); tries++ {
		answer, err = c.Get(s.url + "/readyz")
	}
	if err != nil {
		s.tb.Fatalf("the server no longer answers: %v", err)
	}
	_ = answer.Body.Close()
	if took := time.Since(start); answer.StatusCode != 200 || took > 5*time.Second {
		s.tb.Errorf("got %s after %v", answer.Status, took)
	}
}

func (s served) dial() net.Conn {
	s.tb.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.tb.Fatal(err)
	}
	s.tb.Cleanup(func() { _ = conn.Close() })
	return conn
}

// A body that comes too slowly is cut off, whether somebody reads it or not.
func TestSlowBodiesAreCutOff(t *testing.T) {
	s := start(t, withTokens(t))
	s.pause = 300 * time.Millisecond
	for name, head := range map[string]string{
		"refused": "POST /v1/studies HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n",
		"read": "POST /v1/studies HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + writer +
			"\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n",
		"checkpoint": "POST /v1/storage/write/Write HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + writer +
			"\r\nContent-Length: 500000000\r\n\r\n",
		"chunks": "POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			conn := s.dial()
			fmt.Fprint(conn, head)
			start := time.Now()
			go func() { // a byte at a time
				for {
					if _, err := conn.Write([]byte("1\r\na\r\n"[:1])); err != nil {
						return
					}
					time.Sleep(50 * time.Millisecond)
				}
			}()
			_ = conn.SetReadDeadline(start.Add(15 * time.Second))
			_, err := io.Copy(io.Discard, conn)
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("the connection was open for %v: %v", took, err)
			}
		})
	}
	// One that is long but comes quickly may take longer than the pause.
	body, w := io.Pipe()
	go func() {
		for range 8 {
			_, _ = w.Write(bytes.Repeat([]byte(" "), 64<<10))
			time.Sleep(100 * time.Millisecond)
		}
		_, _ = w.Write([]byte(`{"name": "long"}`))
		_ = w.Close()
	}()
	r, _ := http.NewRequest("POST", s.url+"/v1/studies", body)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+writer)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != 201 {
		t.Errorf("a long body: got %s", answer.Status)
	}
}

// Whatever bytes come in, others are answered.
func TestMalformedFrames(t *testing.T) {
	s := start(t, withTokens(t))
	const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 64<<10)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	for _, text := range []string{
		string(noise), preface + string(noise), preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + string(noise),
		preface + "\xff\xff\xff\x01\x04\x00\x00\x00\x01", preface + strings.Repeat("\x00\x00\x00\x04\x00\x00\x00\x00\x00", 20_000),
		"GET / HTTP/1.1\r\n" + strings.Repeat("X-A: b\r\n", 20_000) + "\r\n",
		"GET /" + strings.Repeat("a", 1<<20) + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST /v1/studies HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"POST /v1/studies HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"POST /v1/studies HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
		"GET http://[::1%25x]/ HTTP/1.1\r\nHost: x\r\n\r\n", "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n", "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
	} {
		conn := s.dial()
		_ = conn.SetDeadline(time.Now().Add(15 * time.Second))
		go func() {
			_, _ = conn.Write([]byte(text))
			_ = conn.(*net.TCPConn).CloseWrite()
		}()
		answer, _ := bufio.NewReader(conn).ReadString('\n')
		if strings.Contains(answer, " 200") {
			t.Errorf("%.40q: got %s", text, answer)
		}
		_ = conn.Close()
		s.alive()
	}
	// Calls of gRPC whose messages are not what they say.
	for _, body := range []string{"", "\x00", "\x00\xff\xff\xff\xff", "\x01\x00\x00\x00\x01a", "\x00\x00\x00\x00\x04\xff\xff\xff\xff", string(noise)} {
		r, _ := http.NewRequest("POST", s.url+"/optuna.StorageService/GetTrial", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/grpc")
		r.Header.Set("TE", "trailers")
		r.Header.Set("Authorization", "Bearer "+writer)
		var protocols http.Protocols
		protocols.SetUnencryptedHTTP2(true)
		h2 := &http.Transport{Protocols: &protocols}
		answer, err := (&http.Client{Transport: h2, Timeout: 10 * time.Second}).Do(r)
		if err == nil {
			_, _ = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
			if code := answer.Trailer.Get("Grpc-Status") + answer.Header.Get("Grpc-Status"); code == "0" {
				t.Errorf("%.20q: gRPC says OK", body)
			}
		}
		h2.CloseIdleConnections()
		s.alive()
	}
}

// Strangers who connect and say nothing, or half a request, cannot keep workers out, nor fill the memory.
func TestCrowdsOfConnections(t *testing.T) {
	many, most := 600, 100
	if !testing.Short() {
		many, most = min(10_000, openFiles()/2-500), 2000
	}
	s := start(t, func(cfg *Config) {
		withTokens(t)(cfg)
		cfg.Connections = most
	})
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse + m.StackInuse
	}
	before := heap()
	var wait sync.WaitGroup
	conns := make([]net.Conn, many)
	for part := range 10 {
		wait.Go(func() {
			for i := part; i < many; i += 10 {
				conn, err := net.DialTimeout("tcp", s.addr, 20*time.Second)
				if err != nil {
					continue // the system's own limit
				}
				conns[i] = conn
				if i%2 == 0 {
					fmt.Fprint(conn, "GET /v1/studies HTTP/1.1\r\nHost: x\r\nX-")
				}
			}
		})
	}
	for range 5 {
		time.Sleep(100 * time.Millisecond)
		s.alive()
	}
	wait.Wait()
	s.alive()
	grown := float64(heap()) - float64(before)
	n := 0
	for _, conn := range conns {
		if conn != nil {
			n++
			_ = conn.Close()
		}
	}
	t.Logf("%d connections, at most %d at a time: %.1f MB", n, most, grown/1e6)
	if n < many*9/10 || grown > 40e6+float64(most)*30e3 {
		t.Errorf("%d of %d connections took %.1f MB", n, many, grown/1e6)
	}
	s.want(200, "GET", "/v1/studies", reader, "")
}

// A panic ends one request.
func TestPanicsAreContained(t *testing.T) {
	s := start(t, nil)
	h := s.guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oh") }))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h}
	go func() { _ = srv.Serve(l) }()
	defer srv.Close()
	for range 2 {
		answer, err := http.Get("http://" + l.Addr().String() + "/v1/studies")
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode != 500 || !strings.Contains(string(text), "urn:bluefin:internal") || strings.Contains(string(text), "oh") {
			t.Errorf("got %s %s", answer.Status, text)
		}
	}
	if !strings.Contains(s.log.String(), "panic=oh") {
		t.Errorf("the log does not say so: %s", s.log)
	}
}

// A huge body is refused before it is read.
func TestHugeBodies(t *testing.T) {
	s := start(t, withTokens(t))
	huge := func() io.Reader { return io.LimitReader(zeros{}, 1<<30) }
	for path, token := range map[string]string{"/v1/studies": writer, "/v1/storage/read/Load": writer, "/login": "", "/v1/studies/s/ask": ""} {
		r, _ := http.NewRequest("POST", s.url+path, huge())
		r.Header.Set("Content-Type", "application/json")
		if path == "/login" {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		start := time.Now()
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			continue // cut off while it was sent
		}
		_ = answer.Body.Close()
		if answer.StatusCode < 400 || time.Since(start) > 10*time.Second {
			t.Errorf("%s: got %s after %v", path, answer.Status, time.Since(start))
		}
	}
	s.alive()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

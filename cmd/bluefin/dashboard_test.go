package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// printed returns the address in the first line that has one.
func printed(t *testing.T, lines *bufio.Scanner) string {
	t.Helper()
	for lines.Scan() {
		if url := regexp.MustCompile(`http://\S+`).FindString(lines.Text()); url != "" {
			return url
		}
	}
	t.Fatalf("no address was printed: %v", lines.Err())
	return ""
}

// The whole command: a free port, a token, a page, and an end when the context ends.
func TestDashboardServesAStudyFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.db")
	bluefin(t, "create-study", "--storage", file, "--study-name", "seen")
	token := filepath.Join(t.TempDir(), "token")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, w := io.Pipe()
	code := make(chan int)
	go func() {
		code <- run(ctx, []string{"bluefin", "dashboard", "--storage", file, "--listen", "127.0.0.1:0", "--token-file", token}, io.Discard, w)
		w.Close()
	}()
	lines := bufio.NewScanner(r)
	url := printed(t, lines)
	go func() {
		for lines.Scan() {
		}
	}()
	text, err := os.ReadFile(token)
	if err != nil || !strings.HasSuffix(url, "token="+strings.TrimSpace(string(text))) {
		t.Fatalf("%s is printed, and %s has %q, %v", url, token, text, err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Timeout: 20 * time.Second}
	answer, err := browser.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != 200 || !strings.Contains(string(page), "seen") || answer.Request.URL.RawQuery != "" {
		t.Errorf("%v leads to %v, status %d, %v: %s", url, answer.Request.URL, answer.StatusCode, err, page)
	}
	cancel()
	select {
	case got := <-code:
		if got != 0 {
			t.Errorf("the exit code is %d", got)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it does not end")
	}
}

func TestATakenPortIsReplacedByAFreeOne(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	var out strings.Builder
	con := console{err: &out}
	l, err := listen(t.Context(), con, taken.Addr().String(), true)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if l.Addr().String() == taken.Addr().String() || !strings.Contains(out.String(), "is taken") {
		t.Errorf("it listens at %v and says %q", l.Addr(), out.String())
	}
	if _, err := listen(t.Context(), con, taken.Addr().String(), false); err == nil || !strings.Contains(err.Error(), "the port is taken by another program") {
		t.Errorf("an address that was asked for and is taken: %v", err)
	}
}

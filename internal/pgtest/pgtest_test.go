//go:build unix

package pgtest

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestDatabasesAreFreshAndSurviveTheirServer(t *testing.T) {
	s := New(t, Config{Settings: map[string]string{"max_connections": "17"}})
	a, b := s.Database(t), s.Database(t)
	s.SQL(t, a, "CREATE TABLE x AS SELECT 7 AS y")
	if got := s.SQL(t, b, "SELECT count(*) FROM pg_class WHERE relname = 'x'"); got != "0" {
		t.Errorf("another database has %s tables x, want 0", got)
	}
	for name, down := range map[string]func(){
		"restarted": func() { s.Stop(t) }, "killed": func() { s.Kill(t) },
	} {
		down()
		if _, err := s.sql("postgres", "SELECT 1"); err == nil {
			t.Errorf("a server that is being %s answers", name)
		}
		s.Start(t)
		if got := s.SQL(t, a, "SELECT y, current_setting('max_connections') FROM x"); got != "7|17" {
			t.Errorf("%s: got %q, want 7|17", name, got)
		}
	}
}

// psql over TCP, as clients connect.
func query(t *testing.T, s *Server, url, statements string) string {
	t.Helper()
	out, err := s.command("psql", "-XAtqc", statements, url).CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestClientsConnectDirectlyAndByThePooler(t *testing.T) {
	s := Start(t)
	url := s.Database(t)
	query(t, s, url, "CREATE TABLE x AS SELECT 7 AS y")
	pooled := s.Pooler(t, url)
	if got := query(t, s, pooled, "SELECT y FROM x"); got != "7" || pooled == url {
		t.Errorf("by %s: got %q, want 7", pooled, got)
	}
}

// A test process that dies leaves neither a server nor a folder.
func TestNothingIsLeft(t *testing.T) {
	if os.Getenv("BLUEFIN_PGTEST_CHILD") != "" {
		s := Start(t)
		os.Stdout.WriteString("dir:" + s.Dir + "\n")
		panic("as a test might")
	}
	Start(t) // skips
	cmd := exec.Command(os.Args[0], "-test.run=TestNothingIsLeft")
	cmd.Env = append(os.Environ(), "BLUEFIN_PGTEST_CHILD=1")
	out, err := cmd.CombinedOutput()
	_, rest, found := strings.Cut(string(out), "dir:")
	dir, _, _ := strings.Cut(rest, "\n")
	if err == nil || !found {
		t.Fatalf("the child said %s, %v", out, err)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(dir); os.IsNotExist(err) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is still there", dir)
		}
	}
	if out, _ := exec.Command("ps", "-A", "-o", "args=").Output(); strings.Contains(string(out), dir) {
		t.Errorf("a process of %s still runs", dir)
	}
}

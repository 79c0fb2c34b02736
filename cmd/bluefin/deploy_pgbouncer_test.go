//go:build linux

package main

import (
	"bytes"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/pgtest"
)

// A study runs through a pgbouncer with the settings of deploy. Only addresses and files are others.
func TestStudiesRunThroughTheDeployedPgBouncer(t *testing.T) {
	server := pgtest.Start(t)
	database, err := url.Parse(server.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program = "/usr/sbin/pgbouncer"
	}
	if _, err := os.Stat(program); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("pgbouncer is not installed")
		}
		t.Skip("pgbouncer is not installed")
	}
	settings, err := os.ReadFile("../../deploy/pgbouncer.ini")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().(*net.TCPAddr)
	listener.Close()
	dir, err := os.MkdirTemp("", "pgbouncer") // which its user can read, other than t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	os.Chmod(dir, 0o755)
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	users := write("users", fmt.Sprintf("%q %q\n", pgtest.User, pgtest.Password))
	text := string(settings)
	for old, now := range map[string]string{
		"port=5432 dbname=bluefin":    fmt.Sprintf("port=%d dbname=%s", server.Port, strings.Trim(database.Path, "/")),
		"listen_port = 6432":          fmt.Sprintf("listen_port = %d\nunix_socket_dir =", address.Port),
		"/etc/pgbouncer/userlist.txt": users,
	} {
		if !strings.Contains(text, old) {
			t.Errorf("pgbouncer.ini has no %s", old)
		}
		text = strings.Replace(text, old, now, 1)
	}
	args := []string{write("pgbouncer.ini", text)}
	if os.Getuid() == 0 { // which pgbouncer refuses
		args = append(args, "-u", "postgres")
	}
	var log bytes.Buffer
	pooler := exec.Command(program, args...)
	pooler.Stdout, pooler.Stderr = &log, &log
	pooler.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := pooler.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	end := func() {
		if !ended {
			ended = true
			pooler.Process.Signal(syscall.SIGINT)
			pooler.Wait()
		}
	}
	t.Cleanup(end)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", address.String())
		if err == nil {
			conn.Close()
			break
		}
		if time.Now().After(deadline) {
			end()
			t.Fatalf("pgbouncer does not answer: %v: %s", err, &log)
		}
	}
	t.Setenv("PGPASSWORD", pgtest.Password)
	storage := fmt.Sprintf("postgresql://%s@%s/bluefin", pgtest.User, address)
	var stdout, stderr bytes.Buffer
	for _, args := range [][]string{
		{"tune", "--study-name", "a", "--trials", "8", "--workers", "4", "--metric", "loss", "--folder", t.TempDir(),
			"x=0..1", "--", "sh", "-c", "echo loss={x}"},
		{"trials", "--study-name", "a", "-f", "jsonl"},
	} {
		stdout.Reset()
		args = append([]string{"bluefin", args[0], "--storage", storage}, args[1:]...)
		if code := run(t.Context(), args, &stdout, &stderr); code != 0 {
			end()
			t.Fatalf("%q: exit code %d: %s\n%s", args, code, &stderr, &log)
		}
	}
	if n := strings.Count(stdout.String(), `"COMPLETE"`); n != 8 {
		t.Errorf("got %d complete trials, want 8:\n%s", n, &stdout)
	}
	end() // before its log is read
	if !strings.Contains(log.String(), "login attempt") || strings.Contains(log.String(), "WARNING") {
		t.Errorf("the pooler says\n%s", &log)
	}
}

//go:build unix

package pgtest

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// poolerConfig is for 1,000 clients over 20 connections to each database.
const poolerConfig = `[databases]
* = host=127.0.0.1 port=%d
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = scram-sha-256
auth_file = %s
pool_mode = transaction
max_client_conn = 1000
default_pool_size = 20
logfile = %s
`

// Pooler starts a pgbouncer in transaction mode and returns the URL that leads to the same database
// through it. It skips tb without pgbouncer, unless CI=true.
func (s *Server) Pooler(tb testing.TB, database string) string {
	tb.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program, err = exec.LookPath("/usr/sbin/pgbouncer") // which is not in the PATH of ordinary users
	}
	if err != nil {
		message := "pgbouncer is not installed"
		if os.Getenv("CI") == "true" {
			tb.Fatal(message)
		}
		tb.Skip(message)
	}
	dir, err := os.MkdirTemp(s.Dir, "pooler-")
	check(tb, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(tb, err)
	address := listener.Addr().(*net.TCPAddr)
	check(tb, listener.Close())
	users, log, config := filepath.Join(dir, "users"), filepath.Join(dir, "log"), filepath.Join(dir, "pgbouncer.ini")
	check(tb, errors.Join(own(dir), os.WriteFile(users, fmt.Appendf(nil, "%q %q\n", User, Password), 0o644),
		os.WriteFile(config, fmt.Appendf(nil, poolerConfig, s.Port, address.Port, users, log), 0o644)))
	// The server's folder is removed by a shell when this process is killed; so must be the pooler.
	cmd := exec.Command("/bin/sh", "-c", `"$1" -q "$2" & cat >/dev/null; kill -INT $!; wait`, "sh", program, config)
	cmd.SysProcAttr = ordinary()
	in, err := cmd.StdinPipe()
	check(tb, err)
	check(tb, cmd.Start())
	tb.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", address.String())
		if err == nil {
			_ = conn.Close()
			break
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(log)
			tb.Fatalf("pgbouncer does not answer: %v: %s", err, text)
		}
	}
	u, err := url.Parse(database)
	check(tb, err)
	u.Host = address.String()
	return u.String()
}

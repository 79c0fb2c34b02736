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
server_login_retry = 1
logfile = %s
`

// ErrNoPooler is the error of Pool on a machine without pgbouncer.
var ErrNoPooler = errors.New("pgbouncer is not installed")

// Pool starts a pgbouncer in transaction mode and returns the URL that leads to the same database through
// it. stop ends it.
func (s *Server) Pool(database string) (pooled string, stop func(), err error) {
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program, err = exec.LookPath("/usr/sbin/pgbouncer") // which is not in the PATH of ordinary users
	}
	if err != nil {
		return "", nil, ErrNoPooler
	}
	u, err := url.Parse(database)
	if err != nil {
		return "", nil, err
	}
	dir, err := os.MkdirTemp(s.Dir, "pooler-")
	if err != nil {
		return "", nil, err
	}
	port, err := freePort()
	if err != nil {
		return "", nil, err
	}
	users, log, config := filepath.Join(dir, "users"), filepath.Join(dir, "log"), filepath.Join(dir, "pgbouncer.ini")
	if err := errors.Join(own(dir), os.WriteFile(users, fmt.Appendf(nil, "%q %q\n", User, Password), 0o644),
		os.WriteFile(config, fmt.Appendf(nil, poolerConfig, s.Port, port, users, log), 0o644)); err != nil {
		return "", nil, err
	}
	// Ends with this process, however that ends.
	cmd := exec.Command("/bin/sh", "-c", `"$1" -q "$2" & cat >/dev/null; kill -INT $!; wait`, "sh", program, config)
	cmd.SysProcAttr = ordinary()
	in, err := cmd.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() { _ = in.Close(); _ = cmd.Wait() }
	u.Host = fmt.Sprint("127.0.0.1:", port)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", u.Host)
		if err == nil {
			return u.String(), stop, conn.Close()
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(log)
			stop()
			return "", nil, fmt.Errorf("pgbouncer does not answer: %w: %s", err, text)
		}
	}
}

// Pooler is Pool for a test. It skips tb without pgbouncer, unless CI=true.
func (s *Server) Pooler(tb testing.TB, database string) string {
	tb.Helper()
	pooled, stop, err := s.Pool(database)
	check(tb, err)
	tb.Cleanup(stop)
	return pooled
}

//go:build unix

// Package pgtest starts real PostgreSQL servers for tests and measurements: the binaries of the
// system, a data folder and a socket in a temporary folder, a free port on the loopback.
//
// Nothing is left behind, however the process ends: a small shell waits for it, stops the server and
// removes the folder.
package pgtest

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// ErrMissing is the error of Launch on a machine without PostgreSQL.
var ErrMissing = errors.New("PostgreSQL is not installed: found no initdb in /usr/lib/postgresql/*/bin or PATH")

// Config says how a server differs from the default one.
type Config struct {
	// Settings of postgresql.conf. By default fsync is off, which a server that is killed survives,
	// but not the machine.
	Settings map[string]string

	// Data is an existing empty folder for the data, such as a small file system; "" makes one. The
	// write-ahead log is never in it: a server that cannot write its log ends, whoever asks.
	Data string
}

// The superuser of each server. The password is needed over TCP, not over the socket.
const (
	User     = "bluefin"
	Password = "swordfish"
)

// A Server is a PostgreSQL server. Its methods are not safe for concurrent use, except Database and
// SQL.
type Server struct {
	Port int
	Dir  string // of the socket, the logs and, unless Config.Data is set, the data

	bin, data string
	postgres  *exec.Cmd      // nil while it is down
	ended     chan error     // receives the end of postgres
	watch     io.WriteCloser // its end tells the shell to clean up
	cleaned   func() error   // waits for the shell
	databases atomic.Int64
}

// Launch makes and starts a server. The caller must Close it.
func Launch(c Config) (s *Server, err error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	s = &Server{bin: bin, data: c.Data}
	// Below /tmp: the path of a socket must be short.
	if s.Dir, err = os.MkdirTemp("/tmp", "bluefin-pg-"); err != nil {
		return nil, err
	}
	if s.data == "" {
		s.data = filepath.Join(s.Dir, "data")
	}
	if err := s.startWatch(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.Dir))
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
			s = nil
		}
	}()
	if err := s.initialize(c.Settings); err != nil {
		return s, err
	}
	return s, s.start()
}

// binaries returns the folder of PostgreSQL's programs: the newest of Debian's, or PATH's.
func binaries() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) > 0 {
		return filepath.Dir(slices.Max(found)), nil
	}
	initdb, err := exec.LookPath("initdb")
	if err != nil {
		return "", ErrMissing
	}
	return filepath.Dir(initdb), nil
}

// startWatch starts the shell that cleans up when this process ends or calls Close.
func (s *Server) startWatch() error {
	const script = `cat >/dev/null
pid=$(head -n1 "$2/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid" 2>/dev/null &&
	while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
rm -rf "$1"`
	watch := exec.Command("/bin/sh", "-c", script, "sh", s.Dir, s.data)
	watch.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C must not end it
	in, err := watch.StdinPipe()
	if err != nil {
		return err
	}
	if err := watch.Start(); err != nil {
		return err
	}
	s.watch, s.cleaned = in, watch.Wait
	return nil
}

// initialize makes the data folder.
func (s *Server) initialize(settings map[string]string) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	s.Port = port
	password := filepath.Join(s.Dir, "password")
	if err := os.WriteFile(password, []byte(Password+"\n"), 0o644); err != nil {
		return err
	}
	for _, dir := range []string{s.Dir, s.data} {
		if err := errors.Join(os.MkdirAll(dir, 0o700), own(dir)); err != nil {
			return err
		}
	}
	out, err := s.command("initdb", "-D", s.data, "-U", User, "--pwfile="+password, "--auth-local=trust",
		"--auth-host=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions",
		"--waldir="+filepath.Join(s.Dir, "wal"), "--wal-segsize=1").CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	all := map[string]string{
		"listen_addresses": "127.0.0.1", "port": fmt.Sprint(s.Port), "unix_socket_directories": s.Dir,
		"fsync": "off", "full_page_writes": "off", "shared_buffers": "32MB",
		"min_wal_size": "2MB", "max_wal_size": "64MB", // the disk of a test is not the database's alone
	}
	maps.Copy(all, settings)
	f, err := os.OpenFile(filepath.Join(s.data, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(f, "%s = '%s'\n", key, strings.ReplaceAll(all[key], "'", "''"))
	}
	return f.Close()
}

// freePort returns a TCP port that nobody uses.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return listener.Addr().(*net.TCPAddr).Port, listener.Close()
}

// command returns a program of PostgreSQL, run as an ordinary user and not by signals of a terminal.
func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir, cmd.SysProcAttr = s.Dir, ordinary()
	return cmd
}

// start starts the server and waits until it answers.
func (s *Server) start() error {
	if s.postgres != nil {
		select {
		case <-s.ended: // by itself, as on a full disk
		default:
			return errors.New("the server is running already")
		}
	}
	log, err := os.OpenFile(s.Log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := s.command("postgres", "-D", s.data)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	s.postgres, s.ended = cmd, make(chan error, 1)
	go func(ended chan<- error) { ended <- cmd.Wait() }(s.ended)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		select {
		case err := <-s.ended:
			s.postgres = nil
			return fmt.Errorf("the server ended: %v: %s", err, s.tail())
		case <-time.After(20 * time.Millisecond):
		}
		status, _ := os.ReadFile(filepath.Join(s.data, "postmaster.pid"))
		// The last of eight lines; while the server recovers it is "starting".
		if lines := strings.Split(string(status), "\n"); len(lines) > 7 && strings.TrimSpace(lines[7]) == "ready" &&
			lines[0] == fmt.Sprint(cmd.Process.Pid) {
			return nil
		}
	}
	return fmt.Errorf("the server does not answer after a minute: %s", s.tail())
}

// stop stops the server: SIGINT disconnects all clients, SIGQUIT is a crash that cleans up.
func (s *Server) stop(signal syscall.Signal) error {
	if s.postgres == nil {
		return nil
	}
	if err := s.postgres.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-s.ended:
		s.postgres = nil
		return nil
	case <-time.After(time.Minute):
		return fmt.Errorf("the server does not stop after a minute: %s", s.tail())
	}
}

// kill ends the server and all its processes with SIGKILL.
func (s *Server) kill() error {
	if s.postgres == nil {
		return nil
	}
	// Stopped, it starts no more processes.
	if err := s.postgres.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	children, err := s.children()
	if err := errors.Join(err, s.postgres.Process.Kill()); err != nil {
		return err
	}
	<-s.ended
	s.postgres = nil
	for _, pid := range children {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
	}
	for _, pid := range children { // the next server refuses to start beside them
		for deadline := time.Now().Add(10 * time.Second); syscall.Kill(pid, 0) == nil && time.Now().Before(deadline); {
			time.Sleep(5 * time.Millisecond)
		}
	}
	return nil
}

// children returns the processes of the server, except the first.
func (s *Server) children() (pids []int, err error) {
	out, err := exec.Command("ps", "-A", "-o", "pid=,ppid=").Output()
	if err != nil {
		return nil, fmt.Errorf("ps: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		var pid, parent int
		if _, err := fmt.Sscan(line, &pid, &parent); err == nil && parent == s.postgres.Process.Pid {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// Processes returns the processes of the server, which must be running; the first is the parent of the others.
func (s *Server) Processes() ([]int, error) {
	pids, err := s.children()
	return append([]int{s.postgres.Process.Pid}, pids...), err
}

// Close stops the server and removes its folder.
func (s *Server) Close() error {
	return errors.Join(s.stop(syscall.SIGQUIT), s.watch.Close(), s.cleaned())
}

// Log returns the path of the server's log.
func (s *Server) Log() string { return filepath.Join(s.Dir, "log") }

// tail returns the end of the log.
func (s *Server) tail() string {
	log, _ := os.ReadFile(s.Log())
	return string(log[max(0, len(log)-2000):])
}

// Create makes an empty database and returns its URL.
func (s *Server) Create() (string, error) {
	name := fmt.Sprintf("test%d", s.databases.Add(1))
	_, err := s.sql("postgres", "CREATE DATABASE "+name)
	return s.url(name), err
}

func (s *Server) url(database string) string {
	return (&url.URL{Scheme: "postgresql", User: url.UserPassword(User, Password),
		Host: fmt.Sprint("127.0.0.1:", s.Port), Path: database, RawQuery: "sslmode=disable"}).String()
}

// sql runs statements as the superuser and returns the rows, columns split by "|".
func (s *Server) sql(database, statements string) (string, error) {
	cmd := s.command("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", s.Dir, "-p", fmt.Sprint(s.Port), "-U", User,
		"-d", database, "-c", statements)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("psql: %w: %s", err, stderr.String())
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}

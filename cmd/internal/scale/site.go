package scale

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/pgtest"
)

// A site is the servers of an experiment.
type site struct {
	address  string       // for workers
	storage  string       // for us, past any server
	server   func() []int // the processes of what serves, nil if there is none
	database func() []int // and of the database
	stop     func() error
}

// site starts the servers.
func (e Experiment) site(ctx context.Context, dir string) (site, error) {
	file := filepath.Join(dir, "study.db")
	switch e.Form {
	case "file":
		return site{address: file, storage: file, stop: func() error { return nil }}, nil
	case "postgres", "pgbouncer":
		return e.database()
	case "optuna":
		if err := touch(ctx, file); err != nil { // Optuna takes the tables that are there
			return site{}, err
		}
		s, address, err := e.serve(ctx, func(address string) *exec.Cmd {
			host, port, _ := net.SplitHostPort(address)
			return exec.CommandContext(ctx, e.Python, "-c", optunaServer, "sqlite:///"+file, host, port)
		})
		s.address, s.storage = address, file
		return s, err
	}
	s, address, err := e.serve(ctx, func(address string) *exec.Cmd {
		return exec.CommandContext(ctx, e.Bluefin, "serve", "--listen", address, "--max-connections", "20000", "--storage", file)
	})
	s.address, s.storage = "http://"+address, file
	if e.Form == "grpc" {
		s.address = address
	}
	return s, err
}

// optunaServer is Optuna's proxy as its documentation starts it.
const optunaServer = `
import sys
import optuna
optuna.storages.run_grpc_proxy_server(optuna.storages.get_storage(sys.argv[1]), host=sys.argv[2], port=int(sys.argv[3]))
`

// touch makes a file with tables.
func touch(ctx context.Context, file string) error {
	db, err := openStorage(ctx, file)
	if err != nil {
		return err
	}
	return db.Close()
}

// database starts PostgreSQL as an installation has it: what it acknowledges is on the disk.
func (e Experiment) database() (s site, err error) {
	server, err := pgtest.Launch(pgtest.Config{Settings: map[string]string{
		"fsync": "on", "full_page_writes": "on", "shared_buffers": "256MB", "max_wal_size": "512MB", "max_connections": "1000",
	}})
	if err != nil {
		return s, err
	}
	s.stop = server.Close
	s.database = func() []int {
		pids, _ := server.Processes() // without ps there are no figures
		return pids
	}
	if s.storage, err = server.Create(); err != nil {
		return s, errors.Join(err, s.stop())
	}
	s.address = s.storage
	if e.Form == "pgbouncer" {
		var stop func()
		if s.address, stop, err = server.Pool(s.storage); err != nil {
			return s, errors.Join(err, s.stop())
		}
		s.stop = func() error { stop(); return server.Close() }
	}
	return s, nil
}

// serve starts a server and waits until it listens.
func (e Experiment) serve(ctx context.Context, command func(address string) *exec.Cmd) (s site, address string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return s, "", err
	}
	address = l.Addr().String()
	if err := l.Close(); err != nil {
		return s, "", err
	}
	cmd := command(address)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	// A signal of the terminal ends us, and we end it.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	if err := cmd.Start(); err != nil {
		return s, "", err
	}
	s.server = func() []int { return []int{cmd.Process.Pid} }
	s.stop = func() error {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			return errors.Join(fmt.Errorf("the server ended: %w", err), cmd.Wait(), errors.New(said.String()))
		}
		_ = cmd.Wait() // Optuna's ends with an error
		return nil
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			return s, address, conn.Close()
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			err := errors.Join(ctx.Err(), s.stop())
			return s, address, errors.Join(err, fmt.Errorf("the server does not listen: %s", strings.TrimSpace(said.String())))
		}
	}
}

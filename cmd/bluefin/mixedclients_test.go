//go:build unix

package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/pgtest"
	"github.com/bluefin-hpo/bluefin/trial"
)

// serveElsewhere serves a storage from another process until the test ends, and returns where.
func serveElsewhere(t *testing.T, storage string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = l.Addr().String()
	l.Close()
	cmd := exec.Command("bluefin", "serve", "--storage", storage, "--listen", address)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("serve: %v", err)
		}
		if t.Failed() {
			t.Logf("serve said: %s", said.String())
		}
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			return address
		}
		if time.Now().After(deadline) {
			t.Fatal("serve does not listen")
		}
	}
}

// mixClients runs four workers of Optuna on each of their storages and four of ours on one study of 400 trials.
// Optuna cannot keep an exact budget with several workers, so its workers have a number of trials each, and ours
// fill what is missing once they are done, all at the same time.
func mixClients(t *testing.T, our string, theirs ...string) {
	t.Helper()
	const budget, each, workers = 400, 25, 4
	program := python(t)
	bluefin(t, "create-study", "--storage", our, "--study-name", "mixed")
	var optuna, us sync.WaitGroup
	run := func(group *sync.WaitGroup, cmd *exec.Cmd) {
		group.Go(func() {
			if out, err := cmd.CombinedOutput(); err != nil || bytes.Contains(out, []byte("locked")) {
				t.Errorf("%v: %v: %s", cmd.Args, err, out)
			}
		})
	}
	for i, storage := range theirs {
		for j := range workers {
			run(&optuna, exec.Command(program, filepath.Join("testdata", "optuna", "worker.py"), storage, "mixed",
				fmt.Sprint(workers*i+j), fmt.Sprint(each)))
		}
	}
	var ends []io.Closer
	for range workers {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "BLUEFIN_MIXED_STORAGE="+our, fmt.Sprint("BLUEFIN_MIXED_TRIALS=", each),
			fmt.Sprint("BLUEFIN_MIXED_BUDGET=", budget))
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, in)
		run(&us, cmd)
	}
	optuna.Wait()
	for _, end := range ends {
		end.Close()
	}
	us.Wait()
	var all []*trial.Trial
	for _, storage := range theirs {
		all = sameTrials(t, our, storage, "mixed")
	}
	optunas := 0
	for i, tr := range all {
		if tr.Number != i || tr.State != trial.Complete || len(tr.Params) != 3 || len(tr.Reports) != 1 {
			t.Errorf("trial %d: got %+v", i, tr)
		}
		if tr.UserAttrs["engine"] != nil {
			optunas++
		}
	}
	if len(all) != budget || optunas != workers*each*len(theirs) {
		t.Errorf("got %d trials, %d of them Optuna's, want %d and %d", len(all), optunas, budget, workers*each*len(theirs))
	}
}

func TestMixedClientsOfADatabase(t *testing.T) {
	if testing.Short() {
		t.Skip("eight processes of Optuna")
	}
	python(t)
	url := pgtest.Start(t).Database(t)
	mixClients(t, url, "grpc://"+serveElsewhere(t, url), pgtest.SQLAlchemy(url))
}

// The file is served, and nobody else opens it.
func TestMixedClientsOfAServedFile(t *testing.T) {
	if testing.Short() {
		t.Skip("four processes of Optuna")
	}
	python(t)
	path := filepath.Join(t.TempDir(), "study.db")
	address := serveElsewhere(t, path)
	mixClients(t, "http://"+address, "grpc://"+address)
	if out := bluefin(t, "storage", "check", "--storage", path); strings.TrimSpace(out) != "sound" {
		t.Errorf("the file is not sound: %s", out)
	}
}

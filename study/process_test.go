//go:build unix

package study_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// TestMain can turn the test binary into a worker process.
func TestMain(m *testing.M) {
	if path := os.Getenv("BLUEFIN_WORKER_FILE"); path != "" {
		if err := worker(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if path := os.Getenv("BLUEFIN_STOP_FILE"); path != "" {
		if err := stopWorker(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if path := os.Getenv("BLUEFIN_FAULT_FILE"); path != "" {
		if err := faultWorker(path, os.Getenv("BLUEFIN_FAULT_ACKS")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if path := os.Getenv("BLUEFIN_PAUSE_FILE"); path != "" {
		if err := pauseWorker(path, os.Getenv("BLUEFIN_FAULT_ACKS")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if budget, err := strconv.Atoi(os.Getenv("BLUEFIN_CROWD_BUDGET")); err == nil {
		if err := crowdWorker(os.Getenv("BLUEFIN_CROWD_FILE"), budget); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// worker runs BLUEFIN_WORKER_TRIALS trials with Ask and Tell, or Optimize with a budget of
// BLUEFIN_WORKER_BUDGET.
func worker(path string) error {
	ctx := context.Background()
	db, err := sqlite.Open(ctx, path, sqlite.Options{})
	if err != nil {
		return err
	}
	defer db.Close()
	s, err := study.Open(ctx, study.Config{Name: "test", Storage: db})
	if err != nil {
		return err
	}
	if budget, err := strconv.Atoi(os.Getenv("BLUEFIN_WORKER_BUDGET")); err == nil {
		return s.Optimize(ctx, sphere, study.Budget{Trials: budget, Workers: 2})
	}
	n, err := strconv.Atoi(os.Getenv("BLUEFIN_WORKER_TRIALS"))
	for range n {
		var tr *study.Trial
		if tr, err = s.Ask(ctx); err != nil {
			return err
		}
		v, err := sphere(tr)
		if err != nil {
			return err
		}
		if err := tr.Report(0, v); err != nil {
			return err
		}
		if _, err := s.Tell(ctx, tr, v); err != nil {
			return err
		}
	}
	return err
}

func TestProcessesShareAStudy(t *testing.T) {
	for _, test := range []struct {
		env       string
		processes int
		want      int
	}{
		{"BLUEFIN_WORKER_TRIALS=50", 4, 200},
		{"BLUEFIN_WORKER_BUDGET=90", 6, 90},
	} {
		path := filepath.Join(t.TempDir(), "study.db")
		var cmds []*exec.Cmd
		for range test.processes {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "BLUEFIN_WORKER_FILE="+path, test.env)
			cmd.Stderr = os.Stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			cmds = append(cmds, cmd)
		}
		for _, cmd := range cmds {
			if err := cmd.Wait(); err != nil {
				t.Errorf("%s: %v", test.env, err)
			}
		}
		db, err := sqlite.Open(t.Context(), path, sqlite.Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		s, err := study.Load(t.Context(), study.Config{Name: "test", Storage: db})
		if err != nil {
			t.Fatal(err)
		}
		all := trials(t, s)
		if len(all) != test.want {
			t.Errorf("%s in %d processes: got %d trials, want %d", test.env, test.processes, len(all), test.want)
		}
		for i, tr := range all {
			if tr.Number != i || tr.State != trial.Complete || len(tr.Params) != 3 {
				t.Errorf("%s: trial %d: got %+v", test.env, i, tr)
			}
		}
	}
}

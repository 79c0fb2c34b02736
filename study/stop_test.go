//go:build unix

package study_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// stopWorker optimizes until it is stopped from outside. Trial 0 runs until its context ends, if
// BLUEFIN_STOP_WAITS is set; others take a moment.
func stopWorker(path string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	db, err := sqlite.Open(ctx, path, sqlite.Options{})
	if err != nil {
		return err
	}
	defer db.Close()
	s, err := study.Open(ctx, study.Config{Name: "test", Storage: db, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	var cause error
	err = s.Optimize(ctx, func(t *study.Trial) (float64, error) {
		x := t.Float("x", 0, 1)
		if t.Number() > 0 || os.Getenv("BLUEFIN_STOP_WAITS") == "" {
			time.Sleep(20 * time.Millisecond)
			return x, nil
		}
		if err := t.Report(1, 0.25); err != nil {
			return 0, err
		}
		<-t.Context().Done()
		cause = context.Cause(t.Context())
		return 0, cause
	}, study.Budget{Workers: 2})
	fmt.Printf("stopped %v, pruned %v, finished %v\n", s.Stopped(), errors.Is(cause, study.ErrPruned),
		errors.Is(cause, storage.ErrFinished))
	return err
}

// startStopWorker returns the worker, and the study that it shares with this process.
func startStopWorker(t *testing.T, path string, env ...string) (*exec.Cmd, *strings.Builder, *study.Study) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), "BLUEFIN_STOP_FILE="+path), env...)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s, err := study.Open(t.Context(), study.Config{Name: "test", Storage: db})
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd, &out, s
}

// until waits until a study has what is wanted.
func until(t *testing.T, s *study.Study, has func([]*trial.Trial) bool) []*trial.Trial {
	t.Helper()
	for range 600 {
		all := trials(t, s)
		if has(all) {
			return all
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("waited in vain")
	return nil
}

func TestStopAllReachesOtherProcesses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "study.db")
	for run := 1; run <= 2; run++ { // the second one starts although the study was stopped before
		cmd, out, s := startStopWorker(t, path)
		before := len(trials(t, s))
		until(t, s, func(all []*trial.Trial) bool { return len(all) > before+3 })
		if err := s.StopAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), "stopped true") {
			t.Fatalf("run %d: the worker got %v and said %q, want it stopped", run, err, out)
		}
		for _, tr := range trials(t, s) {
			if tr.State != trial.Complete {
				t.Errorf("run %d: trial %d is %v, want running trials to end first", run, tr.Number, tr.State)
			}
		}
	}
}

func TestStopTrialReachesOtherProcesses(t *testing.T) {
	t.Parallel()
	cmd, out, s := startStopWorker(t, filepath.Join(t.TempDir(), "study.db"), "BLUEFIN_STOP_WAITS=1")
	until(t, s, func(all []*trial.Trial) bool { return len(all) > 3 && len(all[0].Reports) == 1 })
	stopped, err := s.StopTrial(t.Context(), 0)
	if err != nil || stopped.State != trial.Pruned || len(stopped.Values) != 1 || stopped.Values[0] != 0.25 {
		t.Fatalf("got %+v, %v, want it pruned with its last report", stopped, err)
	}
	if _, err := s.StopTrial(t.Context(), 0); !errors.Is(err, storage.ErrFinished) {
		t.Errorf("stopped again: got %v, want %v", err, storage.ErrFinished)
	}
	// Its slot runs others: the second worker of the process is free again.
	until(t, s, func(all []*trial.Trial) bool {
		running := 0
		for _, tr := range all {
			if tr.State == trial.Running {
				running++
			}
		}
		return running == 2
	})
	if err := s.StopAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), "pruned true, finished true") {
		t.Errorf("the worker got %v and said %q, want the cause to match both errors", err, out)
	}
	if all := trials(t, s); all[0].State != trial.Pruned {
		t.Errorf("trial 0 is %v in the end, want it as it was stopped", all[0].State)
	}
}

// A study that is deleted ends its search with one clear error, within seconds.
func TestDeletedStudyEndsItsSearch(t *testing.T) {
	t.Parallel()
	db := &storage.Memory{}
	s, err := study.Open(t.Context(), study.Config{Name: "gone", Storage: db, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
		record, err := db.Load(t.Context(), "gone")
		if err == nil {
			err = db.Delete(t.Context(), record.ID)
		}
		if err != nil {
			return 0, err
		}
		<-tr.Context().Done()
		return 0, context.Cause(tr.Context())
	}, study.Budget{})
	if !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("got %v, want %v", err, storage.ErrNotExist)
	}
}

// Trials that outlast several glances cost empty writes, which change nothing that others see.
func TestGlancesChangeNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "study.db")
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s, err := study.Open(t.Context(), study.Config{Name: "test", Storage: db})
	if err != nil {
		t.Fatal(err)
	}
	tr, err := s.Ask(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tr.Float("x", 0, 1)
	time.Sleep(300 * time.Millisecond) // saveDelay
	stamp := func() string {
		record, err := db.Load(t.Context(), "test")
		if err != nil {
			t.Fatal(err)
		}
		changes, err := db.Since(t.Context(), record.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		wal, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		text, _ := json.Marshal([]any{changes.Revision, wal.Size(), wal.ModTime()})
		return string(text)
	}
	before := stamp()
	time.Sleep(5 * time.Second)
	if after := stamp(); after != before {
		t.Errorf("a trial that does nothing changed the file: %s, then %s", before, after)
	}
	if _, err := s.Tell(t.Context(), tr, 1); err != nil {
		t.Error(err)
	}
}

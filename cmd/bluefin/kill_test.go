//go:build unix

package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// readTrialsIfAny is readTrials of a file that may not have the study yet.
func readTrialsIfAny(t *testing.T, path string) []*trial.Trial {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{ReadOnly: true})
	if err != nil {
		return nil // the tables are not made yet
	}
	defer db.Close()
	s, err := study.Load(t.Context(), study.Config{Name: "digits", Storage: db})
	if err != nil {
		return nil
	}
	trials, err := s.Trials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return trials
}

// A search that is killed at any moment, again and again, ends with exactly
// its trials, and what was finished before a kill stays as it was.
func TestKilledSearchResumes(t *testing.T) {
	const trials, kills = 30, 5
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for _, workers := range []int{1, 3} {
		path := filepath.Join(t.TempDir(), "study.db")
		args := []string{"finetune", "--storage", path, "--trials", strconv.Itoa(trials), "--workers", strconv.Itoa(workers)}
		before := map[int]*trial.Trial{}
		for kill := 0; kill < kills; {
			cmd := exec.Command("bluefin", args...)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(random.IntN(300)) * time.Millisecond)
			if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			if cmd.Wait() == nil { // it was quicker than the kill
				break
			}
			kill++
			for _, tr := range readTrialsIfAny(t, path) {
				if old := before[tr.Number]; old != nil && !reflect.DeepEqual(old, tr) {
					t.Errorf("trial %d changed: from %+v to %+v", tr.Number, old, tr)
				}
				if tr.State.Finished() {
					before[tr.Number] = tr
				}
			}
		}
		if out, err := exec.Command("bluefin", args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		all := readTrials(t, path)
		if len(all) != trials {
			t.Errorf("%d workers: got %d trials, want %d", workers, len(all), trials)
		}
		for i, tr := range all {
			if tr.Number != i || tr.State != trial.Complete && tr.State != trial.Pruned {
				t.Errorf("trial %d: got number %d, %v %s", i, tr.Number, tr.State, tr.Failure())
			}
			if old := before[tr.Number]; old != nil && !reflect.DeepEqual(old, tr) {
				t.Errorf("trial %d changed after it had finished: from %+v to %+v", tr.Number, old, tr)
			}
		}
		t.Logf("%d workers: %d trials were finished before the last kill", workers, len(before))
	}
}

// An interrupted search gives its trials back and says how to resume.
func TestInterruptedSearchResumes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "study.db")
	args := []string{"finetune", "--storage", path, "--trials", "100000", "--pruner", "none", "--workers", "2"}
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		var stderr bytes.Buffer
		had := len(readTrialsIfAny(t, path))
		cmd := exec.Command("bluefin", args...)
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(30 * time.Second); ; {
			if len(readTrialsIfAny(t, path)) > had+3 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("no trial has ended: %s", stderr.String())
			}
			time.Sleep(20 * time.Millisecond)
		}
		cmd.Process.Signal(signal)
		cmd.Process.Signal(signal) // as timeout(1) does
		err := cmd.Wait()
		if cmd.ProcessState.ExitCode() != exitInterrupted {
			t.Errorf("%v: got %v, want exit code %d: %s", signal, err, exitInterrupted, stderr.String())
		}
		if !bytes.Contains(stderr.Bytes(), []byte("of 100000 trials. The same command resumes it.")) {
			t.Errorf("%v: got %s", signal, stderr.String())
		}
		for _, tr := range readTrials(t, path) {
			if tr.State == trial.Running || tr.State == trial.Failed {
				t.Errorf("%v: trial %d is %v %s", signal, tr.Number, tr.State, tr.Failure())
			}
		}
	}
}

// The same seed and one worker give the same trials.
func TestSearchIsReproducible(t *testing.T) {
	search := func() (text string) {
		path := filepath.Join(t.TempDir(), "study.db")
		if out, err := exec.Command("bluefin", "finetune", "--storage", path, "--trials", "20", "--seed", "3").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for _, tr := range readTrials(t, path) {
			text += fmt.Sprintln(tr.Number, tr.State, tr.Params, tr.Values, tr.Reports, tr.UserAttrs)
		}
		return text
	}
	if a, b := search(), search(); a != b {
		t.Errorf("two runs differ:\n%s\n%s", a, b)
	}
}

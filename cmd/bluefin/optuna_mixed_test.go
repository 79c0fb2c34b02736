package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// readTrials returns the trials of the study called digits.
func readTrials(t *testing.T, path string) []*trial.Trial {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s, err := study.Load(t.Context(), study.Config{Name: "digits", Storage: db})
	if err != nil {
		t.Fatal(err)
	}
	trials, err := s.Trials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return trials
}

// Two processes of ours and two of Optuna's share one file: distinct numbers,
// no error on either side, and each side draws from the other's trials.
func TestMixedProcessesShareAStudy(t *testing.T) {
	program := python(t)
	const each = 50
	path := filepath.Join(t.TempDir(), "study.db")
	bluefin(t, "create-study", "--storage", path, "--study-name", "mixed")
	var wg sync.WaitGroup
	run := func(name string, args ...string) {
		wg.Go(func() {
			if out, err := exec.Command(name, args...).CombinedOutput(); err != nil || bytes.Contains(out, []byte("locked")) {
				t.Errorf("%s %v: %v: %s", name, args, err, out)
			}
		})
	}
	for i := range 2 {
		run(program, filepath.Join("testdata", "optuna", "worker.py"), path, "mixed", fmt.Sprint(i), fmt.Sprint(each))
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "BLUEFIN_MIXED_STORAGE="+path, fmt.Sprint("BLUEFIN_MIXED_TRIALS=", each))
		wg.Go(func() {
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("our worker: %v: %s", err, out)
			}
		})
	}
	wg.Wait()
	all := sameAsOptuna(t, path, "mixed")
	if len(all) != 4*each {
		t.Errorf("got %d trials, want %d", len(all), 4*each)
	}
	theirs := 0
	for i, tr := range all {
		if tr.Number != i || tr.State != trial.Complete || len(tr.Params) != 3 {
			t.Errorf("trial %d: got %+v", i, tr)
		}
		if tr.UserAttrs["engine"] != nil {
			theirs++
		}
	}
	if theirs != 2*each {
		t.Errorf("got %d trials of Optuna's, want %d", theirs, 2*each)
	}
	if out := bluefin(t, "storage", "check", "--storage", path); out != "sound\n" {
		t.Errorf("the file is not sound: %s", out)
	}
}

// mixedWorker is one of our processes beside Optuna's. It runs so many trials, waits for the end of its standard
// input if there is a budget, and then runs what the study lacks.
func mixedWorker(storage string, trials, budget int) error {
	ctx := context.Background()
	db, err := storageFlag(storage).open(ctx, console{err: os.Stderr}, access{mustExist: true})
	if err != nil {
		return err
	}
	defer db.Close()
	s, err := study.Load(ctx, study.Config{Name: "mixed", Storage: db})
	if err != nil {
		return err
	}
	for range trials {
		t, err := s.Ask(ctx)
		if err != nil {
			return err
		}
		v, err := mixedObjective(t)
		if err != nil {
			return err
		}
		if _, err := s.Tell(ctx, t, v); err != nil {
			return err
		}
	}
	if budget == 0 {
		return nil
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return s.Optimize(ctx, mixedObjective, study.Budget{Trials: budget})
}

// mixedObjective is that of worker.py.
func mixedObjective(t *study.Trial) (float64, error) {
	x, k, c := t.Float("x", -1, 1), t.Int("k", 0, 9), t.Categorical("c", "a", "b", "c")
	v := (x-0.3)*(x-0.3) + float64((k-4)*(k-4))
	if c != "b" {
		v++
	}
	return v, t.Report(0, x)
}

// The real dashboard serves our file, and what it writes there is kept.
func TestDashboardServesOurFile(t *testing.T) {
	python(t)
	path := filepath.Join(t.TempDir(), "study.db")
	bluefin(t, "finetune", "--storage", path, "--trials", "8")
	var got struct {
		Names  []string
		Trials [][2]any
		Params []string
		Note   string
	}
	if err := json.Unmarshal([]byte(script(t, "dashboard.py", path, "digits")), &got); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Names, []string{"digits"}) || len(got.Params) != 8 || got.Note != "written by the dashboard" {
		t.Errorf("got %+v", got)
	}
	all := readTrials(t, path)
	if len(got.Trials) != len(all) {
		t.Fatalf("the dashboard has %d trials, want %d", len(got.Trials), len(all))
	}
	for i, tr := range all {
		if state := map[trial.State]string{trial.Complete: "Complete", trial.Pruned: "Pruned"}[tr.State]; got.Trials[i] != [2]any{float64(i), state} {
			t.Errorf("trial %d: the dashboard has %v, want %v", i, got.Trials[i], state)
		}
	}
	bluefin(t, "finetune", "--storage", path, "--trials", "10")
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	record, err := db.Load(t.Context(), "digits")
	if err != nil || string(record.SystemAttrs["dashboard:note_str:0"]) != `"written by the dashboard"` {
		t.Errorf("the note is kept: got %s, %v", record.SystemAttrs, err)
	}
}

// Each side sees what the other's running trials have drawn, so that both
// samplers take them as pending.
func TestRunningTrialsAreSeenByBothSides(t *testing.T) {
	python(t)
	path, s := newStudy(t)
	objective := func(tr *study.Trial) (float64, error) {
		return tr.Float("x", -1, 1) + float64(tr.Int("k", 0, 9)), nil
	}
	if err := s.Optimize(t.Context(), objective, study.Budget{Trials: 5}); err != nil {
		t.Fatal(err)
	}
	ours, err := s.Ask(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := objective(ours); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if out := bluefin(t, "trials", "--storage", path, "-f", "value"); strings.Contains(out, "'k'") && strings.Contains(out, "RUNNING") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("what a running trial has drawn is not saved")
		}
	}
	var number, k int
	if _, err := fmt.Sscan(script(t, "running.py", path, "s"), &number, &k); err != nil {
		t.Fatal(err)
	}
	all := sameAsOptuna(t, path, "s") // Optuna sees ours
	if len(all) != 7 || all[5].State != trial.Running || len(all[5].Params) != 2 {
		t.Errorf("our running trial: got %+v", all[5])
	}
	theirs := all[number]
	if theirs.State != trial.Running || len(theirs.Params) != 1 || !strings.Contains(string(theirs.SystemAttrs["tpe:relative_params:0"]), fmt.Sprintf(`\"k\": %d`, k)) {
		t.Errorf("Optuna's running trial: got %+v %s", theirs, theirs.SystemAttrs)
	}
	if _, err := s.Tell(t.Context(), ours, 1); err != nil {
		t.Fatal(err)
	}
}

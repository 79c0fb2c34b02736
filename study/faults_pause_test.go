//go:build unix

package study_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/study/schedule"
	"github.com/bluefin-hpo/bluefin/trial"
)

const pauseFaultTrials = 40

// pauseWorker is this test binary as a program that runs a study with a scheduler until nothing is left.
// It logs each report after the study acknowledged it.
func pauseWorker(url, acks string) error {
	ctx := context.Background()
	db, err := openURL(ctx, url)
	if err != nil {
		return err
	}
	defer db.Close()
	log, err := os.OpenFile(acks, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	s, err := study.Open(ctx, study.Config{Name: "test", Storage: db, Sampler: sampler.Random{},
		Scheduler: schedule.Halving{ReductionFactor: 2}, Orphans: storage.Orphans{Limit: -1},
		OnReport: func(t *trial.Trial, r trial.Report) {
			fmt.Fprintln(log, t.Number, r.Step, r.Value)
			time.Sleep(time.Millisecond)
		}})
	if err != nil {
		return err
	}
	var trained atomic.Int64
	return s.Optimize(ctx, trainChaos(&trained), study.Budget{Trials: pauseFaultTrials, Workers: 2})
}

// Processes that pause, resume and are killed lose no acknowledged report, and every trial has the
// curve of a training that ran through.
func TestFaultsPausing(t *testing.T) {
	random, dir := randomMoments(t), t.TempDir()
	path := filepath.Join(dir, "study.db")
	start := func(i int) *exec.Cmd {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "BLUEFIN_PAUSE_FILE="+path, fmt.Sprintf("BLUEFIN_FAULT_ACKS=%s/acks-%d", dir, i))
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	workers := make([]*exec.Cmd, *faultProcesses)
	for i := range workers {
		workers[i] = start(i)
	}
	killed := 0
	for range *faultKills {
		time.Sleep(time.Duration(random.IntN(400)) * time.Millisecond / time.Duration(len(workers)))
		i := random.IntN(len(workers))
		workers[i].Process.Kill()
		if err := workers[i].Wait(); err != nil && strings.Contains(err.Error(), "killed") {
			killed++
		} else if err != nil {
			t.Fatalf("a worker ended with %v", err)
		}
		workers[i] = start(i)
	}
	for _, w := range workers {
		if err := w.Wait(); err != nil {
			t.Errorf("a worker ended with %v", err)
		}
	}
	db, err := openURL(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s := open(t, db)
	complete, paused, steps := checkChaos(t, s)
	if complete < 1 || complete+paused != pauseFaultTrials {
		t.Errorf("%d complete, %d paused, want %d trials in total", complete, paused, pauseFaultTrials)
	}
	all, acknowledged := trials(t, s), 0
	files, _ := filepath.Glob(filepath.Join(dir, "acks-*"))
	for _, file := range files {
		text, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer text.Close()
		for lines := bufio.NewScanner(text); lines.Scan(); acknowledged++ {
			var number, step int
			var value float64
			if _, err := fmt.Sscan(lines.Text(), &number, &step, &value); err != nil {
				continue // the worker was killed as it wrote
			}
			if r := all[number].Reports; len(r) < step || r[step-1] != (trial.Report{Step: step, Value: value}) {
				t.Errorf("an acknowledged report is lost: trial %d, step %d, value %v; it has %v", number, step, value, r)
			}
		}
	}
	t.Logf("%d kills over %d processes: %d complete, %d paused, %d steps; %d reports were acknowledged",
		killed, len(workers), complete, paused, steps, acknowledged)
}

//go:build linux

package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/pgtest"
	"github.com/bluefin-hpo/bluefin/internal/slurmtest"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// slurmPlan has a program that reports five losses in about a second, and keeps the last one itself.
const slurmPlan = `
name: digits
parameters: {x: 0.0..1.0}
metrics: [loss]
command:
  - sh
  - -c
  - for i in 5 4 3 2 1; do echo "loss=$BLUEFIN_PARAM_X"; sleep 0.2; done; echo $BLUEFIN_PARAM_X > {trial_dir}/value
args: none
pruner: none
budget: {trials: 60}
`

// slurmScript is the batch script of docs/many-machines.md.
func slurmScript(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/many-machines.md")
	if err != nil {
		t.Fatal(err)
	}
	script := regexp.MustCompile("(?s)```bash\n(#!/bin/bash\n.*?)```").FindSubmatch(text)
	if script == nil {
		t.Fatal("docs/many-machines.md has no batch script")
	}
	return string(script[1])
}

// An array of eight workers in a real Slurm, of which some are killed, one is requeued and one gets SIGTERM,
// ends with exactly the trials of its study.
func TestWorkersInSlurm(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes most of a minute")
	}
	cluster := slurmtest.Start(t, "RequeueExit=75")
	t.Run("file", func(t *testing.T) { workersInSlurm(t, cluster, "") })
	t.Run("postgresql", func(t *testing.T) { workersInSlurm(t, cluster, pgtest.Start(t).Database(t)) })
}

// workersInSlurm runs workers on a study in a database, or in a file.
func workersInSlurm(t *testing.T, cluster *slurmtest.Cluster, url string) {
	t.Setenv("BLUEFIN_STORAGE", url)
	dir := t.TempDir()
	for name, text := range map[string]string{"study.yaml": slurmPlan, "workers.sbatch": slurmScript(t)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	bluefin := func(args ...string) string {
		cmd := exec.Command("bluefin", args...)
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("bluefin %v: %v: %s", args, err, out)
		}
		return string(out)
	}
	bluefin("create-study", "-f", "study.yaml")
	sbatch := cluster.Command("sbatch", "--parsable", "workers.sbatch")
	sbatch.Dir = dir
	out, err := sbatch.CombinedOutput()
	if err != nil {
		t.Fatalf("sbatch: %v: %s", err, out)
	}
	job := strings.TrimSpace(string(out))
	db, err := storageFlag(cmp.Or(url, filepath.Join(dir, "bluefin.db"))).open(t.Context(), console{err: io.Discard},
		access{readOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	record, err := db.Load(t.Context(), "digits")
	if err != nil {
		t.Fatal(err)
	}
	// All eight at work.
	pids := map[int]bool{}
	for deadline := time.Now().Add(time.Minute); len(pids) < 8; time.Sleep(50 * time.Millisecond) {
		workers, err := db.Workers(t.Context(), record.ID)
		if err != nil {
			t.Fatal(err)
		}
		clear(pids)
		for _, w := range workers {
			if !w.Gone {
				pids[w.PID] = true
			}
		}
		if time.Now().After(deadline) {
			logs, _ := exec.Command("sh", "-c", "tail -n 20 "+dir+"/*.log").CombinedOutput()
			t.Fatalf("only %d workers: %s\n%s", len(pids), logs, cluster.Logs())
		}
	}
	// The tasks 6 and 7 are killed, 3 is requeued, 4 is asked to end.
	killed := 0
	for pid := range pids {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		task := regexp.MustCompile(`SLURM_ARRAY_TASK_ID=([67])\x00`).Find(text)
		if task != nil && syscall.Kill(pid, syscall.SIGKILL) == nil {
			killed++
		}
	}
	if killed != 2 {
		t.Errorf("killed %d workers, want 2", killed)
	}
	cluster.Run(t, "scontrol", "requeue", job+"_3")
	cluster.Run(t, "scancel", "--batch", "--signal=TERM", job+"_4")
	cluster.Drained(t, 3*time.Minute)

	s, err := study.Load(t.Context(), study.Config{Name: "digits", Storage: db})
	if err != nil {
		t.Fatal(err)
	}
	trials, err := s.Trials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(trials) != 60 {
		t.Errorf("got %d trials, want 60", len(trials))
	}
	for i, tr := range trials {
		text, _ := os.ReadFile(filepath.Join(dir, "bluefin-trials", "digits", strconv.Itoa(i), "value"))
		value, err := strconv.ParseFloat(strings.TrimSpace(string(text)), 64)
		if tr.Number != i || tr.State != trial.Complete || err != nil || tr.Values[0] != value {
			t.Errorf("trial %d is %d, %v %v %s; its program says %v, %v", i, tr.Number, tr.State, tr.Values, tr.Failure(), value, err)
		}
	}
	for task, want := range map[int]string{4: "Stopping: no more trials start", 3: "Study \"digits\" has 60 of 60 trials.", 0: "has 60 of 60 trials."} {
		log, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("worker-%s_%d.log", job, task)))
		if err != nil || !strings.Contains(string(log), want) {
			t.Errorf("the log of task %d lacks %q (%v):\n%s", task, want, err, log)
		}
	}
	var best struct{ Params map[string]float64 }
	if err := json.Unmarshal([]byte(bluefin("export")), &best); err != nil || len(best.Params) != 1 {
		t.Errorf("export prints %v (%v)", best, err)
	}
}

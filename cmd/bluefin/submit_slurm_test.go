//go:build linux

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/slurmtest"
	"github.com/bluefin-hpo/bluefin/trial"
)

// What submit hands to a real sbatch works without the help of slurm.conf: a task that got SIGTERM puts
// itself into the queue again, one that was cancelled does not, and the study gets exactly its trials.
func TestSubmittedWorkersInSlurm(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes most of a minute")
	}
	cluster := slurmtest.Start(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "study.yaml"), []byte(slurmPlan), 0o666); err != nil {
		t.Fatal(err)
	}
	bluefin := func(args ...string) string {
		t.Helper()
		cmd := cluster.Command("bluefin", args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("bluefin %v: %v: %s\n%s", args, err, out, cluster.Logs())
		}
		return string(out)
	}
	bluefin("create-study", "-f", "study.yaml")
	const comment = `a "b" \c # d`
	out := bluefin("submit", "slurm", "--study-name", "digits", "--workers", "4", "--gpus", "0", "--grace", "6s",
		"--sbatch=--comment="+comment)
	job := regexp.MustCompile(`^Submitted batch job (\d+)\n$`).FindStringSubmatch(out)
	if job == nil {
		t.Fatalf("submit prints %q", out)
	}
	show := func(task string) string {
		return cluster.Run(t, "scontrol", "-o", "show", "job", job[1]+"_"+task)
	}
	path := filepath.Join(dir, "bluefin.db")
	for deadline := time.Now().Add(time.Minute); len(readTrials(t, path)) < 12; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("only %d trials: %s\n%s", len(readTrials(t, path)), show("0"), cluster.Logs())
		}
	}
	cluster.Run(t, "scancel", "--batch", "--signal=TERM", job[1]+"_1")
	cluster.Run(t, "scancel", job[1]+"_2")
	cluster.Drained(t, 3*time.Minute)

	for task, want := range map[string]string{"0": "JobState=COMPLETED ", "1": "JobState=COMPLETED ",
		"2": "JobState=CANCELLED ", "3": "Comment=" + comment + " "} {
		if got := show(task); !strings.Contains(got, want) || !strings.Contains(got, "JobName=bluefin-digits ") {
			t.Errorf("task %s: got %s, want %s", task, got, want)
		}
	}
	for task, want := range map[string]string{"1": " Restarts=1 ", "2": " Restarts=0 "} {
		if got := show(task); !strings.Contains(got, want) {
			t.Errorf("task %s: got %s, want %s", task, got, want)
		}
	}
	trials := readTrials(t, path)
	if len(trials) != 60 {
		t.Errorf("got %d trials, want 60", len(trials))
	}
	for i, tr := range trials {
		if tr.Number != i || tr.State != trial.Complete {
			t.Errorf("trial %d is %d, %v: %s", i, tr.Number, tr.State, tr.Failure())
		}
	}
	log, err := os.ReadFile(filepath.Join(dir, "bluefin-"+job[1]+"_1.log"))
	if err != nil || strings.Count(string(log), "60 of 60 trials") != 1 || !strings.Contains(string(log), "Stopping") {
		t.Errorf("the log of the task that ran twice is (%v)\n%s", err, log)
	}
}

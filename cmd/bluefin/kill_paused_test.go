//go:build unix

package main

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/trial"
)

// chaoticScript trains for eight epochs of 100 ms. Each state follows from all before, so a curve shows if one
// was lost. What a program prints as its search is killed may be lost with it, so it reports in a file.
const chaoticScript = `
epoch=0 state=0.3
if [ -n "$BLUEFIN_LAST_CHECKPOINT" ]; then read -r epoch state rest < "$BLUEFIN_LAST_CHECKPOINT"; fi
while [ $epoch -lt 8 ]; do
	sleep 0.1
	epoch=$((epoch + 1))
	state=$(awk "BEGIN { printf \"%.17g\", $BLUEFIN_PARAM_RATE * $state * (1 - $state) }")
	echo "{\"step\": $epoch, \"loss\": $state}" >> "$BLUEFIN_REPORTS"
	echo "$epoch $state saved" > "$BLUEFIN_TRIAL_DIR/new"
	mv "$BLUEFIN_TRIAL_DIR/new" "$BLUEFIN_TRIAL_DIR/last.ckpt"
done
`

// Programs that are paused, resumed and killed with their search have the curves of programs that run
// through.
func TestKilledSearchOfPausingProgramsResumes(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	program := filepath.Join(dir, "train.sh")
	if err := os.WriteFile(program, []byte(chaoticScript), 0o666); err != nil {
		t.Fatal(err)
	}
	search := func(path string, more ...string) *exec.Cmd {
		args := slices.Concat([]string{"tune", "--storage", path, "--study-name", "digits", "--trials", "8", "--sampler", "random",
			"--seed", "1", "--metric", "loss", "--resume", "none"}, more, []string{"rate=3.6..4", "--", "sh", program})
		return exec.Command("bluefin", args...)
	}
	whole, path := filepath.Join(dir, "whole.db"), filepath.Join(dir, "paused.db")
	if out, err := search(whole, "--pruner", "none", "--workers", "4").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want := readTrials(t, whole)
	pausing := []string{"--scheduler", "halving", "--workers", "2"}
	for range 4 {
		cmd := search(path, pausing...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(200+random.IntN(700)) * time.Millisecond)
		cmd.Process.Kill()
		if cmd.Wait() == nil {
			break // it was quicker
		}
	}
	if out, err := search(path, pausing...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got := readTrials(t, path)
	if len(got) != len(want) {
		t.Fatalf("there are %d trials, want %d", len(got), len(want))
	}
	complete := 0
	for i, tr := range got {
		n := len(tr.Reports)
		if n == 0 || n > 8 || !slices.Equal(tr.Reports, want[i].Reports[:n]) {
			t.Errorf("trial %d has reports %v, want the beginning of %v", i, tr.Reports, want[i].Reports)
		}
		switch {
		case tr.State == trial.Complete && n == 8 && tr.Values[0] == want[i].Values[0]:
			complete++
		case !tr.Paused():
			t.Errorf("trial %d is %v: %s", i, tr.State, tr.Failure())
		}
	}
	if complete == 0 || complete == len(got) {
		t.Errorf("%d of %d trials are complete, want some", complete, len(got))
	}
}

//go:build unix

package study_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A faultWorker is this test binary as a program that searches until it is stopped or the budget, if
// there is one, is used up. It logs each result to its own file after the study acknowledged it.
func faultWorker(url, acks string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	db, err := openURL(ctx, url)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	defer db.Close()
	log, err := os.OpenFile(acks, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cfg := study.Config{Name: "test", Storage: db, Sampler: sampler.Random{}, Orphans: storage.Orphans{Limit: -1}}
	budget, _ := strconv.Atoi(os.Getenv("BLUEFIN_FAULT_BUDGET"))
	if budget > 0 {
		cfg.OnTrialEnd = func(t *trial.Trial) { fmt.Fprintln(log, ackOf(t)) }
	}
	s, err := study.Open(ctx, cfg)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	if budget > 0 {
		return s.Optimize(ctx, slowSphere, study.Budget{Trials: budget})
	}
	for ctx.Err() == nil {
		t, err := s.Ask(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		v, err := slowSphere(t)
		if ctx.Err() != nil {
			return nil // stopped by a signal: the lease ends with the process
		}
		var record *trial.Trial
		if err == nil {
			record, err = s.Tell(context.WithoutCancel(ctx), t, v)
		} else {
			record, err = s.TellError(context.WithoutCancel(ctx), t, err)
		}
		if errors.Is(err, storage.ErrLost) || errors.Is(err, storage.ErrFinished) {
			continue
		}
		if err != nil {
			return err
		}
		fmt.Fprintln(log, ackOf(record))
	}
	return nil
}

// slowSphere is sphere with reports and checkpoints, in a few milliseconds.
func slowSphere(t *study.Trial) (float64, error) {
	v, err := sphere(t)
	for step := 0; err == nil && step < 3; step++ {
		time.Sleep(time.Duration(rand.IntN(4)) * time.Millisecond)
		if err = t.Report(step, v+float64(step)); err == nil {
			err = t.Checkpoint(step, []byte{byte(step)})
		}
	}
	return v, err
}

// ackOf describes everything about a trial that must not change.
func ackOf(t *trial.Trial) string {
	return fmt.Sprint(t.Number, t.State, t.Values, t.Params, t.Reports, t.Start.UnixMicro(), t.End.UnixMicro())
}

// A fleet is processes that work on one study.
type fleet struct {
	t       *testing.T
	url     string // of the storage
	dir     string // of what the workers log
	budget  int    // of the study; 0: they run until they are stopped
	workers []*exec.Cmd
}

// newFleet starts n workers.
func newFleet(t *testing.T, url string, n, budget int) *fleet {
	f := &fleet{t: t, url: url, dir: t.TempDir(), budget: budget, workers: make([]*exec.Cmd, n)}
	for i := range f.workers {
		f.start(i)
	}
	t.Cleanup(func() {
		for _, w := range f.workers {
			w.Process.Kill() // those that a failed test has not stopped
		}
	})
	return f
}

// start starts worker number i.
func (f *fleet) start(i int) {
	f.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "BLUEFIN_FAULT_FILE="+f.url, fmt.Sprint("BLUEFIN_FAULT_BUDGET=", f.budget),
		fmt.Sprint("BLUEFIN_FAULT_ACKS=", filepath.Join(f.dir, fmt.Sprint("acks-", i))))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	f.workers[i] = cmd
}

// kill kills workers at random moments and starts others in their place.
func (f *fleet) kill(kills int, random *rand.Rand) {
	f.t.Helper()
	for range kills {
		time.Sleep(time.Duration(random.IntN(400)) * time.Millisecond / time.Duration(len(f.workers)))
		i := random.IntN(len(f.workers))
		f.workers[i].Process.Kill()
		if err := f.workers[i].Wait(); err == nil && f.budget == 0 || err != nil && !strings.Contains(err.Error(), "killed") {
			f.t.Fatalf("a worker ended before it was killed: %v", err)
		}
		f.start(i)
	}
}

// stop stops all workers with a signal and reports those that end with an error.
func (f *fleet) stop() {
	f.t.Helper()
	for _, w := range f.workers {
		w.Process.Signal(syscall.SIGTERM)
	}
	f.wait()
}

// wait waits for all workers and reports those that end with an error.
func (f *fleet) wait() {
	f.t.Helper()
	for _, w := range f.workers {
		if err := w.Wait(); err != nil && err.Error() != "signal: terminated" {
			f.t.Errorf("a worker ended with %v", err)
		}
	}
}

// acknowledged reads the acknowledged results of all workers, by trial number.
func (f *fleet) acknowledged() map[int]string {
	f.t.Helper()
	acks := map[int]string{}
	files, _ := filepath.Glob(filepath.Join(f.dir, "acks-*"))
	for _, file := range files {
		log, err := os.Open(file)
		if err != nil {
			f.t.Fatal(err)
		}
		defer log.Close()
		for lines := bufio.NewScanner(log); lines.Scan(); {
			var number int
			if _, err := fmt.Sscan(lines.Text(), &number); err != nil {
				f.t.Fatalf("%s: %q: %v", file, lines.Text(), err)
			}
			if acks[number] != "" {
				f.t.Errorf("trial %d was acknowledged twice: %s and %s", number, acks[number], lines.Text())
			}
			acks[number] = lines.Text()
		}
	}
	return acks
}

// awaitResult waits until a worker has a result. On a loaded machine processes may take longer to
// start than what a test does to them.
func (f *fleet) awaitResult() {
	f.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		files, _ := filepath.Glob(filepath.Join(f.dir, "acks-*"))
		if slices.ContainsFunc(files, func(file string) bool {
			info, err := os.Stat(file)
			return err == nil && info.Size() > 0
		}) {
			return
		}
	}
	f.t.Error("no result was acknowledged within a minute")
}

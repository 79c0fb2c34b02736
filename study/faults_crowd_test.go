//go:build unix

package study_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

var faultCrowd = flag.Int("faults.crowd", 8, "how many processes crowd one file")

// crowdTrials is how many trials each process of a crowd runs on average.
const crowdTrials = 20

// timed measures how long the writes of a storage take. All but a few milliseconds are waiting for
// other writers.
type timed struct {
	storage.Storage
	mu    sync.Mutex
	worst time.Duration
}

func (s *timed) Begin(ctx context.Context, id int64, c storage.Claim) (*trial.Trial, error) {
	defer s.since(time.Now())
	return s.Storage.Begin(ctx, id, c)
}

func (s *timed) Write(ctx context.Context, id int64, number int, u storage.Update) error {
	defer s.since(time.Now())
	return s.Storage.Write(ctx, id, number, u)
}

func (s *timed) since(start time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.worst = max(s.worst, time.Since(start))
}

// crowdWorker is one process of the crowd. It waits for the start, runs trials of 20 ms until the
// budget is used up, and prints how many it ran and its longest wait.
func crowdWorker(path string, budget int) error {
	ctx := context.Background()
	db, err := sqlite.Open(ctx, path, sqlite.Options{})
	if err != nil {
		return err
	}
	defer db.Close()
	s := &timed{Storage: db}
	st, err := study.Open(ctx, study.Config{Name: "test", Storage: s, Sampler: sampler.Random{}, Lease: 10 * time.Second}) // longer than any wait
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for {
		if _, err := os.Stat(path + ".start"); err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	n := 0
	err = st.Optimize(ctx, func(t *study.Trial) (float64, error) {
		n++
		time.Sleep(20 * time.Millisecond)
		return sphere(t)
	}, study.Budget{Trials: budget})
	fmt.Println(n, s.worst.Microseconds())
	return err
}

// Of many processes on one file, none starves.
func TestFaultsCrowd(t *testing.T) { crowd(t) }

// BenchmarkCrowd measures the longest that any process waited for a write.
func BenchmarkCrowd(b *testing.B) {
	for b.Loop() {
		b.ReportMetric(float64(crowd(b).Milliseconds()), "worst-ms")
	}
}

// crowd runs the processes and returns the worst wait of any.
func crowd(t testing.TB) time.Duration {
	n := *faultCrowd
	path := filepath.Join(t.TempDir(), "study.db")
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	open(t, db)
	db.Close()
	cmds, outs := make([]*exec.Cmd, n), make([]*strings.Builder, n)
	for i := range cmds {
		cmds[i], outs[i] = exec.Command(os.Args[0]), &strings.Builder{}
		cmds[i].Env = append(os.Environ(), "BLUEFIN_CROWD_FILE="+path, fmt.Sprint("BLUEFIN_CROWD_BUDGET=", n*crowdTrials))
		cmds[i].Stdout, cmds[i].Stderr = outs[i], os.Stderr
		if err := cmds[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(time.Duration(n) * 60 * time.Millisecond) // all have opened the file by then
	start := time.Now()
	if err := os.WriteFile(path+".start", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var counts []int
	worst, total := time.Duration(0), 0
	for i, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Errorf("process %d: %v", i, err)
		}
		var count int
		var us int64
		if _, err := fmt.Sscanf(outs[i].String(), "ready\n%d %d", &count, &us); err != nil {
			t.Fatalf("process %d said %q: %v", i, outs[i].String(), err)
		}
		counts = append(counts, count)
		total += count
		worst = max(worst, time.Duration(us)*time.Microsecond)
	}
	slices.Sort(counts)
	t.Logf("%d processes × %d trials of 20 ms in %v: worst wait %v, from %d to %d trials per process", n, crowdTrials, time.Since(start).Round(time.Millisecond), worst.Round(time.Millisecond), counts[0], counts[n-1])
	if total != n*crowdTrials {
		t.Errorf("%d trials were run, want %d", total, n*crowdTrials)
	}
	if counts[0] < crowdTrials/4 {
		t.Errorf("the processes ran %v trials: one of them starved, want at least %d for each", counts, crowdTrials/4)
	}
	if got := checkFile(t, path, map[int]string{}); got != n*crowdTrials {
		t.Errorf("the file has %d trials, want %d", got, n*crowdTrials)
	}
	return worst
}

//go:build linux

package command_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/objective/command"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
)

// trueTrials runs the program true for a number of trials, whose study is in a file.
func trueTrials(tb testing.TB, trials int) {
	tb.Helper()
	c, err := command.New(command.Config{Args: []string{"true"}, Metrics: loss, Folder: filepath.Join(tb.TempDir(), "trials")})
	if err != nil {
		tb.Fatal(err)
	}
	db, err := sqlite.Open(tb.Context(), filepath.Join(tb.TempDir(), "study.db"), sqlite.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	s, err := study.Open(tb.Context(), study.Config{Name: "true", Storage: db, Space: params, Sampler: sampler.Random{}})
	if err != nil {
		tb.Fatal(err)
	}
	// They report no metric.
	_ = s.Optimize(tb.Context(), c.Run, study.Budget{Trials: trials, InitialFailures: -1})
	if all, err := s.Trials(tb.Context()); err != nil || len(all) != trials {
		tb.Fatalf("%d trials, %v, want %d", len(all), err, trials)
	}
}

func ownCPU() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkTrial reports the CPU time of this process for a trial whose program does nothing.
func BenchmarkTrial(b *testing.B) {
	before := ownCPU()
	trueTrials(b, b.N)
	b.ReportMetric(float64((ownCPU()-before).Microseconds())/1000/float64(b.N), "cpu-ms/trial")
}

func TestManyTrialsLeaveNothingBehind(t *testing.T) {
	n := 1000
	if testing.Short() {
		n = 50
	}
	trueTrials(t, 20)
	files, heap := descriptors(t), heapBytes()
	trueTrials(t, n)
	if now := descriptors(t); now > files {
		t.Errorf("%d file descriptors after %d trials, want %d as before", now, n, files)
	}
	if z := zombies(t); len(z) > 0 {
		t.Errorf("zombies: %q", z)
	}
	if now := heapBytes(); now > heap+4<<20 {
		t.Errorf("the heap grew from %d to %d bytes in %d trials", heap, now, n)
	}
}

func descriptors(t *testing.T) int {
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

func heapBytes() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// zombies returns the dead children of this process that nobody has waited for.
func zombies(t *testing.T) (all []string) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		t.Fatal("no process is found: ", err)
	}
	for _, path := range stats {
		text, _ := os.ReadFile(path)
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(fields) > 1 && fields[0] == "Z" && fields[1] == strconv.Itoa(os.Getpid()) {
			all = append(all, string(text))
		}
	}
	return all
}

// A line of output for each batch must not fill the memory.
func TestMillionsOfPointsTakeLittleMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("prints 20 million bytes")
	}
	before := heapBytes()
	var peak uint64
	done := make(chan bool)
	go func() {
		defer close(done)
		tr := run(t, command.Config{}, `yes loss=1 | head -n 2000000; echo loss=2`)
		if tr.Values == nil || tr.Values[0] != 2 {
			t.Errorf("%v %v %s", tr.State, tr.Values, tr.Failure())
		}
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		case <-time.After(200 * time.Millisecond):
			peak = max(peak, heapBytes())
		}
	}
	if peak > before+32<<20 {
		t.Errorf("the heap grew from %d to %d bytes", before, peak)
	}
}

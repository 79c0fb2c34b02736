//go:build unix

package postgres

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/pgtest"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// counts are what a DB sends to the server.
type counts struct {
	commits    atomic.Int64 // of transactions that changed something
	statements atomic.Int64
	trips      atomic.Int64 // how often it waits for the server
}

func (c *counts) watch(db *DB) {
	db.trace = func(query string) {
		switch {
		case query == sent:
			c.trips.Add(1)
			return
		case query == toDisk:
			c.commits.Add(1)
		case strings.HasPrefix(query, "BEGIN"), query == "COMMIT", strings.HasPrefix(query, "SELECT set_config"), query == seenToDisk:
			return
		}
		c.statements.Add(1)
	}
}

// sevenParams are the parameters of the benchmark's trials.
func sevenParams(t *study.Trial) float64 {
	sum := 0.0
	for i := range 5 {
		sum += t.Float(fmt.Sprint("x", i), 0, 1)
	}
	return sum + float64(t.Int("n", 1, 9)) + float64(len(t.Categorical("c", "a", "bb", "ccc")))
}

// filled opens a database with a study of n finished trials with seven parameters.
func filled(tb testing.TB, url string, n int) (*DB, *study.Study) {
	tb.Helper()
	db, err := Open(tb.Context(), url, Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.Close() })
	var params []trial.Param
	for i := range 5 {
		params = append(params, trial.Param{Name: fmt.Sprint("x", i), Value: 0.5, Dist: space.Float{High: 1}})
	}
	params = append(params, trial.Param{Name: "n", Value: 3, Dist: space.Int{Low: 1, High: 9}},
		trial.Param{Name: "c", Value: 1, Dist: space.Choose("a", "bb", "ccc").Dist()})
	all := storage.Snapshot{Study: storage.Study{Name: "s", Directions: []trial.Direction{trial.Minimize}}}
	for i := range n {
		all.Trials = append(all.Trials, &trial.Trial{Number: i, State: trial.Complete, Values: []float64{1}, Params: params})
	}
	if _, err := db.Import(tb.Context(), all); err != nil {
		tb.Fatal(err)
	}
	return db, load(tb, db)
}

func load(tb testing.TB, db *DB) *study.Study {
	tb.Helper()
	s, err := study.Load(tb.Context(), study.Config{Name: "s", Storage: db, Sampler: sampler.Random{}})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func run(ctx context.Context, s *study.Study) error {
	t, err := s.Ask(ctx)
	if err != nil {
		return err
	}
	v := sevenParams(t)
	_, err = s.Tell(ctx, t, v)
	return err
}

// A trial without reports costs two commits, however long the study is.
func TestCostOfATrial(t *testing.T) {
	server := pgtest.Start(t)
	for _, finished := range []int{0, 1000} {
		db, s := filled(t, server.Database(t), finished)
		commits, statements, trips := int64(math.MaxInt64), int64(math.MaxInt64), int64(0)
		for range 10 { // the first trial reads what is there; one that is held up for 20 ms saves its parameters
			var c counts
			c.watch(db)
			if err := run(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			commits, statements, trips = min(commits, c.commits.Load()), min(statements, c.statements.Load()), c.trips.Load()
		}
		if commits != 2 || statements > 20 {
			t.Errorf("with %d finished trials one costs %d commits and %d statements, want 2 and at most 20", finished, commits, statements)
		}
		t.Logf("%d finished: %d commits, %d statements, %d batches", finished, commits, statements, trips)
	}
}

// BenchmarkTrial measures a trial with seven parameters and no reports by random search, in a
// study with 1,000 finished trials, on a server that writes to the disk.
func BenchmarkTrial(b *testing.B) {
	server := pgtest.New(b, pgtest.Config{Settings: map[string]string{"fsync": "on", "full_page_writes": "on",
		"shared_buffers": "128MB", "max_wal_size": "1GB"}})
	for _, workers := range []int{1, 8, 32} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			url := server.Database(b)
			db, s := filled(b, url, 1000)
			studies := []*study.Study{s}
			for range workers - 1 {
				other, err := Open(b.Context(), url, Options{})
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { other.Close() })
				studies = append(studies, load(b, other))
			}
			for _, s := range studies {
				if _, err := s.Trials(b.Context()); err != nil { // reads what is there
					b.Fatal(err)
				}
			}
			var c counts
			if workers == 1 {
				c.watch(db)
			}
			var left atomic.Int64
			left.Store(int64(b.N))
			b.ResetTimer()
			server0, own0 := serverCPU(b, server), ownCPU()
			start := time.Now()
			var wg sync.WaitGroup
			for _, s := range studies {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						if err := run(b.Context(), s); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			if workers == 1 {
				b.ReportMetric(float64(c.commits.Load())/float64(b.N), "commits/trial")
				b.ReportMetric(float64(c.statements.Load())/float64(b.N), "statements/trial")
			}
			b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "trials/s")
			b.ReportMetric((serverCPU(b, server)-server0)*1000/float64(b.N), "server-ms/trial")
			b.ReportMetric((ownCPU()-own0)*1000/float64(b.N), "client-ms/trial")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// serverCPU returns the seconds that the processes of the server have computed.
func serverCPU(tb testing.TB, server *pgtest.Server) (seconds float64) {
	pids, err := server.Processes()
	if err != nil {
		tb.Fatal(err)
	}
	for _, pid := range pids {
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)) // it may have ended
		if fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])); len(fields) > 12 {
			for _, ticks := range fields[11:13] {
				n, _ := strconv.Atoi(ticks)
				seconds += float64(n) / 100
			}
		}
	}
	return seconds
}

// ownCPU returns the seconds that this process has computed.
func ownCPU() float64 {
	var use syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &use)
	return time.Duration(use.Utime.Nano() + use.Stime.Nano()).Seconds()
}

package study_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/study"
)

// runTrial runs a trial of five floats.
func runTrial(tb testing.TB, st *study.Study) {
	t, err := st.Ask(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	sum := 0.0
	for _, name := range [...]string{"a", "b", "c", "d", "e"} {
		sum += t.Float(name, 0, 1)
	}
	if _, err := st.Tell(context.Background(), t, sum); err != nil {
		tb.Fatal(err)
	}
}

func inMemory(tb testing.TB) *study.Study {
	st, err := study.Open(context.Background(), study.Config{Sampler: sampler.Random{}})
	if err != nil {
		tb.Fatal(err)
	}
	return st
}

// Allocations are most of the cost, and unlike time they can be counted exactly.
func TestATrialAllocatesLittleHoweverLongTheStudy(t *testing.T) {
	const most = 20 + detectorAllocations
	st := inMemory(t)
	for _, n := range []int{100, 5000} {
		for len(trials(t, st)) < n {
			runTrial(t, st)
		}
		if got := testing.AllocsPerRun(200, func() { runTrial(t, st) }); got > most {
			t.Errorf("after %d trials: %v allocations per trial, want at most %d", n, got, most)
		}
	}
}

// BenchmarkTrial measures the engine on a growing study in memory.
func BenchmarkTrial(b *testing.B) {
	for _, workers := range []int{1, 8} {
		b.Run(fmt.Sprint(workers), func(b *testing.B) {
			st := inMemory(b)
			b.ReportAllocs()
			var left atomic.Int64
			left.Store(int64(b.N))
			var all sync.WaitGroup
			for range workers {
				all.Go(func() {
					for left.Add(-1) >= 0 {
						runTrial(b, st)
					}
				})
			}
			all.Wait()
		})
	}
}

// report makes n reports of one trial that is never pruned.
func report(tb testing.TB, st *study.Study, n int) {
	t, err := st.Ask(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	for step := range n {
		if err := t.Report(step, 0); err != nil {
			tb.Fatal(err)
		}
	}
	if _, err := st.Tell(context.Background(), t, 0); err != nil {
		tb.Fatal(err)
	}
}

// A report allocates the same amount however many came before it.
func TestAReportAllocatesLittleHoweverManyThereAre(t *testing.T) {
	st := inMemory(t)
	perReport := func(n int) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		report(t, st, n)
		runtime.ReadMemStats(&after)
		return (after.TotalAlloc - before.TotalAlloc) / uint64(n)
	}
	if few, many := perReport(1000), perReport(20_000); many > 3*few {
		t.Errorf("a report allocates %d bytes among 1,000 and %d among 20,000", few, many)
	}
}

// BenchmarkReport measures one trial with that many reports in memory.
func BenchmarkReport(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint("reports=", n), func(b *testing.B) {
			st := inMemory(b)
			b.ReportAllocs()
			for b.Loop() {
				report(b, st, n)
			}
		})
	}
}

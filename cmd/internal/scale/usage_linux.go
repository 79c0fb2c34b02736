package scale

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Usage is what processes have used together.
type Usage struct {
	CPU    time.Duration
	Memory int64 // the peak in bytes, shared memory counted once
}

// A meter measures processes, which may come and go, until it is stopped.
type meter struct {
	pids  func() []int // the first one is the parent of the others
	start time.Duration
	stop  func() Usage
}

// watch starts a meter.
func watch(pids func() []int) *meter {
	m := &meter{pids: pids, start: processor(pids())}
	var memory int64
	end, ended := make(chan struct{}), sync.WaitGroup{}
	ended.Go(func() {
		for tick := time.NewTicker(500 * time.Millisecond); ; {
			memory = max(memory, resident(pids()))
			select {
			case <-end:
				tick.Stop()
				return
			case <-tick.C:
			}
		}
	})
	m.stop = func() Usage {
		used := processor(pids()) - m.start
		close(end)
		ended.Wait()
		return Usage{CPU: used, Memory: memory}
	}
	return m
}

// processor returns the time that processes have used, and those children for which the first one has
// waited.
func processor(pids []int) (total time.Duration) {
	for i, pid := range pids {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue // it has ended
		}
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		last := 13 // utime and stime
		if i == 0 {
			last = 15 // and those of children
		}
		for _, field := range fields[11:last] {
			ticks, _ := strconv.Atoi(string(field))
			total += time.Duration(ticks) * time.Second / 100
		}
	}
	return total
}

// resident returns the memory of processes.
func resident(pids []int) (total int64) {
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			var kilobytes int64
			if _, err := fmt.Sscanf(line, "Pss: %d kB", &kilobytes); err == nil {
				total += kilobytes << 10
			}
		}
	}
	return total
}

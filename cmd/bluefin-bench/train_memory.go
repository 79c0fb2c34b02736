package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// processID is that of this program, where Linux describes processes.
var processID = os.Getpid()

// resetPeakMemory makes peakMemory count from now on. Where the system cannot,
// nothing happens.
func resetPeakMemory(pid int) {
	// An error means that peakMemory is that of the whole life of the process.
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}

// peakMemory returns the most memory of the process since resetPeakMemory in
// MiB, or nil where the system does not say it.
func peakMemory(pid int) any {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmHWM:" {
			if kib, err := strconv.ParseFloat(f[1], 64); err == nil {
				return kib / 1024
			}
		}
	}
	return nil
}

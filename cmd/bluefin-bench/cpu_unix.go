//go:build unix

package main

import "syscall"

// processorTime returns the user and system seconds of this process so far.
func processorTime() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // it has no other reason than a bad argument
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

package main

import "syscall"

// processorTime returns the user and system seconds of this process so far.
func processorTime() float64 {
	self, err := syscall.GetCurrentProcess()
	var made, ended, system, user syscall.Filetime
	if err == nil {
		err = syscall.GetProcessTimes(self, &made, &ended, &system, &user)
	}
	if err != nil {
		panic(err) // a process may ask about itself
	}
	seconds := func(f syscall.Filetime) float64 {
		return float64(uint64(f.HighDateTime)<<32|uint64(f.LowDateTime)) / 1e7
	}
	return seconds(system) + seconds(user)
}

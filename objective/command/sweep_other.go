//go:build !linux

package command

// sweep is for systems that show the environment of processes.
func sweep(string) int { return 0 }

//go:build !unix

package main

import "os/exec"

// killGroup leaves it at the program itself: only Unix has groups of processes.
func killGroup(*exec.Cmd) {}

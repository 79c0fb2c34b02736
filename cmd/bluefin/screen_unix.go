//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// obeysEscapes reports whether a terminal moves the cursor as told.
func obeysEscapes(*os.File) bool { return true }

// inForeground reports whether keys typed at the terminal go to this process.
func inForeground(f *os.File) bool {
	group, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// notifySuspend delivers Ctrl-Z, unless the shell has switched it off.
func notifySuspend(c chan<- os.Signal) {
	if !signal.Ignored(syscall.SIGTSTP) {
		signal.Notify(c, syscall.SIGTSTP)
	}
}

// suspend stops this process as Ctrl-Z does, and returns when it continues.
func suspend() {
	signal.Reset(syscall.SIGTSTP)
	_ = syscall.Kill(os.Getpid(), syscall.SIGTSTP)
	time.Sleep(100 * time.Millisecond) // another thread may receive it, a little later
}

//go:build unix

package main

import (
	"os"
	"os/signal"
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
	if !signal.Ignored(unix.SIGTSTP) {
		signal.Notify(c, unix.SIGTSTP)
	}
}

// suspend stops this process as Ctrl-Z does, and returns when it continues. SIGTSTP would not stop a Go
// program that has once asked for it.
func suspend() {
	if sid, err := unix.Getsid(0); err != nil || sid == unix.Getpgrp() {
		return // no shell could continue it, so the kernel would not stop it either
	}
	_ = unix.Kill(unix.Getpid(), unix.SIGSTOP)
	time.Sleep(100 * time.Millisecond) // another thread may receive it, a little later
}

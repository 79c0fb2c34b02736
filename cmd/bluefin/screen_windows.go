package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// obeysEscapes makes a console obey escape sequences, and reports whether it does.
func obeysEscapes(f *os.File) bool {
	console := windows.Handle(f.Fd())
	var mode uint32
	if windows.GetConsoleMode(console, &mode) != nil {
		return false
	}
	return windows.SetConsoleMode(console, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}

// inForeground is true, because consoles have no background.
func inForeground(*os.File) bool { return true }

// notifySuspend does nothing: there is no Ctrl-Z.
func notifySuspend(chan<- os.Signal) {}

func suspend() {}

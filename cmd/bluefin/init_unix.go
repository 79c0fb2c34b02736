//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// killGroup makes the end of the command's context kill all that it has started, such as the training of
// a script that does not know --help.
func killGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

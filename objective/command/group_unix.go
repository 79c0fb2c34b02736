//go:build unix

package command

import (
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// signalNumber returns the number of a signal such as KILL or SIGKILL, 0 if there is none.
func signalNumber(name string) int {
	return int(unix.SignalNum("SIG" + strings.TrimPrefix(name, "SIG")))
}

// exitCode returns the exit code of a program, 128 and more for a signal, as shells have it.
func exitCode(cmd *exec.Cmd) int {
	if s, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return 128 + int(s.Signal())
	}
	return cmd.ProcessState.ExitCode()
}

// A group is a program with all that it has started: its process group and, where
// the system tells, processes that left the group but have the token in their
// environment.
type group struct {
	leader int
	token  string // NAME=VALUE, different for each run
}

func (g *group) prepare(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(cmd.SysProcAttr)
}

func (g *group) began(cmd *exec.Cmd) error {
	g.leader = cmd.Process.Pid
	return nil
}

func (g *group) terminate() { g.signal(syscall.SIGTERM) }

func (g *group) kill() { g.signal(syscall.SIGKILL) }

func (g *group) signal(s syscall.Signal) {
	if g.leader > 1 {
		_ = syscall.Kill(-g.leader, s) // all may have ended
	}
	for _, pid := range g.strays() {
		_ = syscall.Kill(pid, s)
	}
}

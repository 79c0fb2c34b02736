//go:build unix && !linux

package command

import "syscall"

func dieWithParent(*syscall.SysProcAttr) {}

func (g *group) alive() bool { return g.leader > 1 && syscall.Kill(-g.leader, 0) != syscall.ESRCH }

// strays is for systems that show the environment of processes.
func (g *group) strays() []int { return nil }

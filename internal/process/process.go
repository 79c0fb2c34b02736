// Package process names processes so that others on the same machine can check
// whether one is alive.
package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// Self names the calling process: its machine, a space, its number and its start
// time, because numbers are reused.
var Self = sync.OnceValue(func() string {
	self, _ := id(os.Getpid())
	return Machine() + " " + self
})

// Gone reports whether the process whose Self was name is known to have ended. It
// is false for a process of another machine or container or from before a reboot,
// about which nothing can be known here.
func Gone(name string) bool {
	i := strings.LastIndexByte(name, ' ')
	if i < 0 || name[:i] != Machine() {
		return false
	}
	number, _, _ := strings.Cut(name[i+1:], "@")
	pid, err := strconv.Atoi(number)
	if err != nil {
		return false
	}
	if !alive(pid) {
		return true
	}
	now, known := id(pid)
	return known && now != name[i+1:]
}

// Parse returns the host and the number of the process whose Self is name. The host
// is empty if name is no such name.
func Parse(name string) (host string, pid int) {
	quoted, err := strconv.QuotedPrefix(name)
	if err != nil {
		return "", 0
	}
	number, _, _ := strings.Cut(name[strings.LastIndexByte(name, ' ')+1:], "@")
	if pid, err = strconv.Atoi(number); err != nil {
		return "", 0
	}
	host, _ = strconv.Unquote(quoted) // QuotedPrefix has checked it
	return host, pid
}

// Machine names the host, the boot of its kernel and the namespace of process
// numbers that this process sees.
var Machine = sync.OnceValue(func() string {
	host, _ := os.Hostname()
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	namespace, _ := os.Readlink("/proc/self/ns/pid")
	return fmt.Sprintf("%q %s %s", host, bytes.TrimSpace(boot), namespace)
})

func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	defer func() { _ = p.Release() }()
	if runtime.GOOS == "windows" {
		return true // FindProcess fails if there is none
	}
	err = p.Signal(syscall.Signal(0))
	return err == nil || errors.Is(err, os.ErrPermission)
}

// id is "pid@start", where start is the start time of the process in ticks since
// the boot. known is false if the system does not tell.
func id(pid int) (id string, known bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return fmt.Sprintf("%d@", pid), false
	}
	// "pid (command) state …": the command may contain anything, so count from
	// its end. The start time is field 22, the state field 3.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 || string(fields[0]) == "Z" { // a zombie has ended
		return fmt.Sprintf("%d@", pid), true
	}
	return fmt.Sprintf("%d@%s", pid, fields[19]), true
}

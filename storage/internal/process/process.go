// Package process names processes so that others on the same machine can tell
// whether one is still alive.
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

// Self names the calling process: its machine, a space, its number, and when it
// was started, because numbers are used again.
var Self = sync.OnceValue(func() string {
	self, _ := id(os.Getpid())
	return Machine() + " " + self
})

// Gone reports whether the process called name, as Self said there, is known
// to have ended. It is false for a process of another machine, of another
// container or from before a reboot: nobody can tell from here.
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

// Machine names the running kernel and, where there are containers, the set
// of process numbers that this process sees.
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
	defer p.Release()
	if runtime.GOOS == "windows" {
		return true // FindProcess has looked
	}
	err = p.Signal(syscall.Signal(0))
	return err == nil || errors.Is(err, os.ErrPermission)
}

// id is "pid@start", where start is when the process began in ticks since the
// boot. It is not known where the system does not say, or not to us.
func id(pid int) (id string, known bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return fmt.Sprintf("%d@", pid), false
	}
	// "pid (command) state …": the command may hold anything, so count from
	// its end; the start time is field 22, the state is field 3.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 || string(fields[0]) == "Z" { // a zombie has ended
		return fmt.Sprintf("%d@", pid), true
	}
	return fmt.Sprintf("%d@%s", pid, fields[19]), true
}

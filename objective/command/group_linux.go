package command

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"

	proc "github.com/bluefin-hpo/bluefin/internal/process"
)

func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }

// alive reports whether a process of the group still runs. Zombies do not: their
// parent may never collect them, as in a container without an init.
func (g *group) alive() bool {
	return g.leader > 1 && syscall.Kill(-g.leader, 0) != syscall.ESRCH && g.find(g.inGroup) != nil || g.strays() != nil
}

// strays returns the processes that have the token in their environment.
func (g *group) strays() []int {
	if g.token == "" {
		return nil
	}
	return g.find(func(pid string) bool {
		env, err := os.ReadFile("/proc/" + pid + "/environ") // empty for zombies
		return err == nil && bytes.Contains(env, []byte(g.token)) && pid != strconv.Itoa(os.Getpid())
	})
}

func (g *group) inGroup(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return false
	}
	// "pid (command) state parent group …", where the command may hold anything.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 3 || string(fields[2]) != strconv.Itoa(g.leader) {
		return false
	}
	state := string(fields[0])
	return state != "Z" && state != "X"
}

func (g *group) find(belongs func(pid string) bool) []int {
	all, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var found []int
	for _, p := range all {
		if pid, err := strconv.Atoi(p.Name()); err == nil && belongs(p.Name()) {
			found = append(found, pid)
		}
	}
	return found
}

// sweep ends the processes of trials in a folder whose owner was killed, and returns how many
// there were. Those of other namespaces, such as a container's, are left alone.
func sweep(folder string) int {
	found := (&group{}).find(func(pid string) bool {
		env, err := os.ReadFile("/proc/" + pid + "/environ")
		if err != nil || !bytes.Contains(env, []byte("BLUEFIN_TRIAL_DIR="+folder+"/")) {
			return false
		}
		for v := range bytes.SplitSeq(env, []byte{0}) {
			if token, ok := strings.CutPrefix(string(v), runName); ok {
				return proc.Gone(token[:max(0, strings.LastIndexByte(token, ' '))])
			}
		}
		return false
	})
	for _, pid := range found {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
	}
	return len(found)
}

//go:build unix

package pgtest

import (
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// account returns the user that runs servers in place of root, which PostgreSQL refuses: postgres, or
// nobody where there is none.
func account() (uid, gid int) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err1 == nil && err2 == nil {
			return uid, gid
		}
	}
	return 65534, 65534
}

// ordinary returns the attributes of a process in a group of its own, and never of root.
func ordinary() *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() == 0 {
		uid, gid := account()
		a.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), NoSetGroups: false}
	}
	return a
}

// own gives a path to the user that runs servers.
func own(path string) error {
	if os.Getuid() != 0 {
		return nil
	}
	uid, gid := account()
	return os.Chown(path, uid, gid)
}

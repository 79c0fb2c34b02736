package sqlite

import (
	"errors"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// networkFileSystem returns the name of the file system of dir if machines share
// it, else "". The numbers are from statfs(2).
func networkFileSystem(dir string) string {
	var s syscall.Statfs_t
	// If the system cannot tell, the file is taken to be local.
	if syscall.Statfs(dir, &s) != nil {
		return ""
	}
	return map[uint32]string{
		0x6969:     "NFS",
		0x517b:     "SMB",
		0xff534d42: "CIFS",
		0xfe534d42: "SMB2",
		0x0bd00bd0: "Lustre",
		0x47504653: "GPFS",
		0x00c36400: "Ceph",
		0x19830326: "BeeGFS",
		0x01161970: "GFS2",
		0x7461636f: "OCFS2",
		0x5346414f: "AFS",
		0x6b414653: "AFS",
		0x73757245: "Coda",
		0x01021997: "9P",
	}[uint32(s.Type)]
}

// moveTo renames the file at from unless there is one at to.
func moveTo(from, to string) error {
	// RENAME_NOREPLACE checks and renames in one step; Link and Remove are two.
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	switch {
	case errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS): // this file system cannot
		return linkTo(from, to)
	case err != nil:
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

// mountPoint reports whether the file itself is a mount point.
func mountPoint(abs string) bool {
	var s unix.Statx_t
	// The mask says whether this kernel fills the attribute in.
	if unix.Statx(unix.AT_FDCWD, abs, 0, 0, &s) == nil && s.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0 {
		return s.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0
	}
	table, _ := os.ReadFile("/proc/self/mountinfo") // Linux before 5.8
	return listed(string(table), abs)
}

// listed reports whether a table of proc_pid_mountinfo(5) has a mount at path.
func listed(table, path string) bool {
	// The kernel writes these four characters as octal escapes.
	path = strings.NewReplacer(" ", `\040`, "\t", `\011`, "\n", `\012`, `\`, `\134`).Replace(path)
	for line := range strings.Lines(table) {
		if f := strings.Fields(line); len(f) > 4 && f[4] == path {
			return true
		}
	}
	return false
}

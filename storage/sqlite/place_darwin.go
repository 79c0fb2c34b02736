package sqlite

import "syscall"

// mntLocal marks a file system that is stored on this machine, by statfs(2).
const mntLocal = 0x1000

// networkFileSystem returns the name of the file system of dir if it is not local,
// else "".
func networkFileSystem(dir string) string {
	var s syscall.Statfs_t
	// If the system cannot tell, the file is taken to be local.
	if syscall.Statfs(dir, &s) != nil || s.Flags&mntLocal != 0 {
		return ""
	}
	var name []byte
	for _, c := range s.Fstypename {
		if c == 0 {
			break
		}
		name = append(name, byte(c))
	}
	return string(name)
}

// mountPoint is always false: macOS mounts folders only.
func mountPoint(string) bool { return false }

// moveTo renames the file at from unless there is one at to.
func moveTo(from, to string) error { return linkTo(from, to) }

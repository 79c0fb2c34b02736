//go:build !linux && !darwin

package sqlite

// networkFileSystem knows no file systems here.
func networkFileSystem(string) string { return "" }

// mountPoint cannot tell here.
func mountPoint(string) bool { return false }

// moveTo renames the file at from unless there is one at to.
func moveTo(from, to string) error { return linkTo(from, to) }

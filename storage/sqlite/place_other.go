//go:build !linux && !darwin

package sqlite

// networkFileSystem knows no file systems here.
func networkFileSystem(string) string { return "" }

// mountPoint cannot tell here.
func mountPoint(string) bool { return false }

//go:build !linux

package sqlite

// networkFileSystem knows no file systems here.
func networkFileSystem(string) string { return "" }

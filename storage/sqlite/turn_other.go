//go:build !unix || solaris || aix

package sqlite

import "os"

// Without such locks the processes compete by SQLite's.

func tryLock(*os.File) bool { return true }

func lock(*os.File) error { return nil }

func unlock(*os.File) {}

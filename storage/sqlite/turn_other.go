//go:build !unix || solaris || aix

package sqlite

import "os"

// Without flock, processes compete for SQLite's locks.

func tryLock(*os.File) bool { return true }

func lock(*os.File) error { return nil }

func unlock(*os.File) {}

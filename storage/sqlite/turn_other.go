//go:build !unix || solaris || aix

package sqlite

import "os"

// Without flock, processes compete for SQLite's locks.

// tryLock always succeeds: there are no turns.
func tryLock(*os.File) bool { return true }

// lock is never called, since tryLock succeeds.
func lock(*os.File) error { return nil }

// unlock has nothing to release.
func unlock(*os.File) {}

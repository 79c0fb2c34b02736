//go:build !unix

package serve

// openFiles is how many files this process may open.
func openFiles() int { return 4096 }

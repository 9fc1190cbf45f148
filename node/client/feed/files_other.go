//go:build !unix

package feed

// openFiles is how many files the process may have open at once, where the system does not say.
func openFiles() int { return 2 * maxConnections }

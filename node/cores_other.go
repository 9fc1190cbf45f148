//go:build !unix

package node

// forbidCores does nothing where processes leave no cores.
func forbidCores() error { return nil }

//go:build !unix

package durable

// SyncDir does nothing: names in a directory are durable with their files on this system.
func SyncDir(string) error { return nil }

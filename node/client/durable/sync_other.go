//go:build !unix

package durable

// syncDirectory does nothing: names in a directory are durable with the file here.
func syncDirectory(string) error { return nil }

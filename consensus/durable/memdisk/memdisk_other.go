//go:build !linux

package memdisk

func newDirectory() (dir string, ok bool) { return "", false }

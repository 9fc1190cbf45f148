//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package segment

import "os"

// mapFile maps nothing: bytes are read into memory.
func mapFile(*os.File, int64) ([]byte, error) { return nil, nil }

func unmap([]byte) error { return nil }

// WillNeed does nothing here.
func WillNeed([]byte) {}

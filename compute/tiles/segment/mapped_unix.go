//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package segment

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapFile maps the first n bytes of a file for reading. The mapping outlives the descriptor.
func mapFile(f *os.File, n int64) ([]byte, error) {
	return unix.Mmap(int(f.Fd()), 0, int(n), unix.PROT_READ, unix.MAP_SHARED) //nolint:gosec // G115: a descriptor
}

func unmap(b []byte) error { return unix.Munmap(b) }

// WillNeed has the bytes, which are of a mapped file, read from the disk while the caller does something else.
func WillNeed(b []byte) {
	if len(b) == 0 {
		return
	}
	before := int(uintptr(unsafe.Pointer(&b[0])) % uintptr(os.Getpagesize())) //nolint:gosec // only compared
	// The range must begin with a page. Advice that is not taken changes nothing.
	_ = unix.Madvise(unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(&b[0]), -before)), before+len(b)), unix.MADV_WILLNEED) //nolint:gosec // as said
}

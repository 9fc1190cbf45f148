// Package memdisk puts the temporary directories of tests into memory. Clusters in the
// process of a test write a log, a state and blobs each, and sync them; what is tried there is
// not the disk, and a third of such a test's time went to it.
//
// Tests that damage files, kill processes or fill a disk do the same in memory: what was written is
// there after a killed process, as on a disk.
package memdisk

import "os"

// Use makes os.TempDir a directory in memory for this process and those that it starts, where the
// machine has one with room, and returns what removes it again. Elsewhere it changes nothing.
func Use() (remove func()) {
	dir, ok := newDirectory()
	if !ok {
		return func() {}
	}
	before, had := os.LookupEnv("TMPDIR")
	if err := os.Setenv("TMPDIR", dir); err != nil {
		return func() { _ = os.RemoveAll(dir) } //nolint:errcheck // what is left there the next run removes
	}
	return func() {
		if had {
			_ = os.Setenv("TMPDIR", before) //nolint:errcheck // the process ends
		} else {
			_ = os.Unsetenv("TMPDIR") //nolint:errcheck // the process ends
		}
		_ = os.RemoveAll(dir) //nolint:errcheck // what is left there the next run removes
	}
}

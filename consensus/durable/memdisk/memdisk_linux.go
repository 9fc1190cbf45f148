package memdisk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	memory = "/dev/shm"
	prefix = "weir-test-"
	// room is what has to be free there and in memory: the tests of package node have 2.1 GB of
	// files at their peak, and those of another package run beside them.
	room = 8 << 30
)

func newDirectory() (dir string, ok bool) {
	var fs unix.Statfs_t
	if err := unix.Statfs(memory, &fs); err != nil || fs.Type != unix.TMPFS_MAGIC {
		return "", false
	}
	removeLeft()
	if fs.Bavail*uint64(fs.Bsize) < room || available() < room {
		return "", false
	}
	dir = filepath.Join(memory, fmt.Sprintf("%s%d", prefix, os.Getpid()))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", false
	}
	return dir, true
}

// available is how many bytes of memory processes can have before others have to go.
func available() uint64 {
	info, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(info)) {
		var kib uint64
		if n, _ := fmt.Sscanf(line, "MemAvailable: %d kB", &kib); n == 1 { //nolint:errcheck // another line
			return kib << 10
		}
	}
	return 0
}

// removeLeft removes the directories of processes that were killed.
func removeLeft() {
	left, err := filepath.Glob(filepath.Join(memory, prefix+"*"))
	if err != nil {
		return
	}
	for _, dir := range left {
		pid, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(dir), prefix))
		if err == nil && errors.Is(unix.Kill(pid, 0), unix.ESRCH) {
			_ = os.RemoveAll(dir) //nolint:errcheck // another user's
		}
	}
}

package memdisk

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestUseIsUndone(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	before := os.TempDir()
	remove := Use()
	in := os.TempDir()
	if in == before {
		t.Skip("this machine has no directory in memory with room")
	}
	if err := os.WriteFile(filepath.Join(in, "file"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	remove()
	if got := os.TempDir(); got != before {
		t.Errorf("afterwards directories are in %s, before in %s", got, before)
	}
	if _, err := os.Stat(in); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", in, err)
	}
}

func TestDirectoriesOfKilledProcessesGo(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has directories in memory")
	}
	const nobody = 1 << 30 // above the largest process id
	left := filepath.Join("/dev/shm", "weir-test-1073741824")
	if err := os.MkdirAll(left, 0o700); err != nil {
		t.Skipf("this machine has no directory in memory: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(left) })
	t.Setenv("TMPDIR", t.TempDir())
	remove := Use()
	defer remove()
	if !strings.HasPrefix(os.TempDir(), "/dev/shm/") {
		t.Skip("this machine has no directory in memory with room")
	}
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("%s of process %d is still there: %v", left, nobody, err)
	}
}

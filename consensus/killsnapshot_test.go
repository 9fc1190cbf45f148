package consensus

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// killAtEnv says what TestKilledAtASnapshotChild does until it is killed.
const killAtEnv = "WEIR_TEST_KILL_AT"

// TestKilledAtASnapshotChild is not a test of its own: others run it in a process
// that they kill.
func TestKilledAtASnapshotChild(t *testing.T) {
	dir, at := os.Getenv(killEnv), os.Getenv(killAtEnv)
	if at == "" {
		t.Skip("run by others")
	}
	l := openKilled(t, dir) // "restore": the snapshot that is there
	if at != "write" {
		select {} // whoever looks for the file may be late
	}
	for {
		if _, err := l.Propose(t.Context(), []byte("set a 1")); err != nil {
			t.Fatal(err)
		}
		if err := l.Snapshot(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// killWhen runs the child and kills it with SIGKILL when there is a file of that
// pattern that is not empty.
func killWhen(t *testing.T, dir, at, pattern string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledAtASnapshotChild$") //nolint:gosec // ourselves
	cmd.Env = append(os.Environ(), killEnv+"="+dir, killAtEnv+"="+at)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for s := bufio.NewScanner(out); s.Scan(); {
			t.Logf("child: %s", s.Text())
		}
	}()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for written := false; !written; {
		select {
		case <-ended:
			t.Fatalf("the child ended before there was %s", pattern)
		case <-tick.C:
		}
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			info, err := os.Stat(path)
			written = written || err == nil && info.Size() > 0
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-ended
	_ = cmd.Wait() // it was killed
}

// TestKilledInTheMiddleOfASnapshot: what was written of it is removed, the one
// before is there, the state is whole; and killed while that one is restored into
// an empty state, the next start restores it.
func TestKilledInTheMiddleOfASnapshot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := openKilled(t, dir)
	for range 8 { // 48 MB
		if _, err := l.Propose(t.Context(), []byte("big")); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Snapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	killWhen(t, dir, "write", "snapshots/*"+unfinishedEnd+"/state.bin")
	l = openKilled(t, dir)
	names, err := filepath.Glob(filepath.Join(dir, "snapshots", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if filepath.Ext(name) == unfinishedEnd {
			t.Errorf("%s is left", name)
		}
	}
	sound, err := l.disk.snaps.List()
	if err != nil || len(sound) == 0 {
		t.Fatalf("%d snapshots, %v", len(sound), err)
	}
	if _, err := l.Propose(t.Context(), []byte("set b 2")); err != nil {
		t.Fatal(err)
	}
	if err := l.Snapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	size, root, err := l.TreeHead()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}

	if err := os.RemoveAll(filepath.Join(dir, "state")); err != nil {
		t.Fatal(err)
	}
	killWhen(t, dir, "restore", "state/"+generationName(2)+"/*.sst")
	if b, err := os.ReadFile(filepath.Join(dir, "state", currentFile)); err != nil || string(b) != generationName(1)+"\n" {
		t.Logf("it was killed when the restore was over: %q, %v", b, err)
	}
	l = openKilled(t, dir)
	if n, h, err := l.TreeHead(); err != nil || n != size || h != root {
		t.Errorf("restored (%d, %x), %v; want (%d, %x)", n, h, err, size, root)
	}
	if got := get(t, l, "b"); got != "2" {
		t.Errorf("b is %q, want 2", got)
	}
	l.disk.state.retired.Wait()
	if left, err := filepath.Glob(filepath.Join(dir, "state", generationPrefix+"*")); err != nil || len(left) != 1 {
		t.Errorf("%v is left, %v", left, err)
	}
}

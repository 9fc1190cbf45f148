//go:build unix

package consensus

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// hookReader calls hook once, after n bytes.
type hookReader struct {
	r    io.Reader
	n    int
	hook func()
}

func (h *hookReader) Read(b []byte) (int, error) {
	if h.n <= 0 && h.hook != nil {
		h.hook()
		h.hook = nil
	}
	n, err := h.r.Read(b[:min(len(b), 1<<10)])
	h.n -= n
	return n, err
}

// TestCrashInTheMiddleOfARestore takes an image of a node's directory while it
// restores the leader's snapshot, as a crash would leave it, and starts from
// that, alone.
func TestCrashInTheMiddleOfARestore(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := startCluster(t, 3, smallLog)
		c.propose("set a 1")
		c.settle()
		late := c.running()[0].opts.ID
		if c.leader().opts.ID == late {
			late = c.running()[1].opts.ID
		}
		c.stop(late)
		for i := range 10 {
			c.propose(fmt.Sprintf("set a %d", i+2))
		}
		leader := c.leader()
		if err := leader.Snapshot(t.Context()); err != nil {
			t.Fatal(err)
		}
		size, root, err := leader.TreeHead()
		if err != nil {
			t.Fatal(err)
		}
		snaps, err := leader.disk.snaps.List()
		if err != nil || len(snaps) == 0 {
			t.Fatalf("no snapshot: %v", err)
		}
		// Raft stores the snapshot that it receives before it restores it.
		dir := filepath.Join(c.dir, late)
		id := snaps[0].ID
		if err := os.CopyFS(filepath.Join(dir, "snapshots", id),
			os.DirFS(filepath.Join(leader.opts.Dir, "snapshots", id))); err != nil {
			t.Fatal(err)
		}
		image := filepath.Join(t.TempDir(), late)
		s, err := openState(stateIn(filepath.Join(dir, "state"), false, discard), discard)
		if err != nil {
			t.Fatal(err)
		}
		stream, err := os.ReadFile(filepath.Join(dir, "snapshots", id, "state.bin"))
		if err != nil {
			t.Fatal(err)
		}
		crash := &hookReader{r: bytes.NewReader(stream), n: len(stream) / 2, hook: func() {
			copyTree(t, image, dir)
		}}
		if err := s.restore(crash, 0); err != nil {
			t.Fatal(err)
		}
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
		if left, err := filepath.Glob(filepath.Join(image, "state", generationPrefix+"*")); err != nil || len(left) != 2 {
			t.Fatalf("the image holds %v (%v), not a restore that was cut short", left, err)
		}
		for _, m := range c.members {
			c.stop(m.ID)
		}
		o := c.options(late)
		o.Dir, o.Transport = image, c.listen("")
		l, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}()
		if n, h, err := l.TreeHead(); err != nil || n != size || h != root {
			t.Errorf("after the crash: (%d, %x), %v; want (%d, %x)", n, h, err, size, root)
		}
		if got := get(t, l, "a"); got != "11" {
			t.Errorf("after the crash a is %q, want 11", got)
		}
		if last, err := l.disk.wal.LastIndex(); err != nil || last != 0 {
			t.Errorf("the log before the snapshot is still there, to %d (%v)", last, err)
		}
	})
}

// TestCrashAfterASnapshot: raft cuts its log behind a snapshot, so the state on the disk is as far by then.
func TestCrashAfterASnapshot(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := startCluster(t, 1, smallLog)
		for i := range 3 {
			c.propose(fmt.Sprintf("set a %d", i))
		}
		leader := c.leader()
		if err := leader.Snapshot(t.Context()); err != nil {
			t.Fatal(err)
		}
		index, err := leader.disk.snaps.newestIndex()
		if err != nil || index == 0 {
			t.Fatalf("a snapshot at %d, %v", index, err)
		}
		image := t.TempDir()
		copyTree(t, filepath.Join(image, "state"), filepath.Join(leader.opts.Dir, "state"))
		s := openTestState(t, filepath.Join(image, "state"))
		if at := s.position(); at.Applied < index {
			t.Errorf("the state on the disk is at %d, the snapshot at %d", at.Applied, index)
		}
	})
}

// TestCrashBeforeTheOldStateIsRemoved: CURRENT already names the new one.
func TestCrashBeforeTheOldStateIsRemoved(t *testing.T) {
	dir := t.TempDir()
	s, err := openState(smallStateIn(dir), discard)
	if err != nil {
		t.Fatal(err)
	}
	apply(t, s, kv{}, "set a 1")
	stream := streamOf(t, s)
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	copyTree(t, filepath.Join(dir, generationName(1)+"x"), filepath.Join(dir, generationName(1)))
	s = openTestState(t, dir)
	if err := s.restore(bytes.NewReader(stream), 0); err != nil {
		t.Fatal(err)
	}
	s.retired.Wait()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if want := []string{currentFile, generationName(2)}; !slices.Equal(names, want) {
		t.Errorf("the directory holds %v, want %v", names, want)
	}
}

// copyTree copies a directory and leaves out the holes of its files, which make
// up nearly all of what badger and the log reserve.
func copyTree(tb testing.TB, to, from string) {
	tb.Helper()
	err := filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if d.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		return copySparse(target, path)
	})
	if err != nil {
		tb.Fatalf("copying %s: %v", from, err)
	}
}

func copySparse(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	out, err := os.Create(to)
	if err != nil {
		return errors.Join(err, in.Close())
	}
	info, err := in.Stat()
	for off := int64(0); err == nil; {
		var data, hole int64
		data, err = in.Seek(off, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) { // nothing but a hole is left
			err = nil
			break
		}
		if err == nil {
			hole, err = in.Seek(data, unix.SEEK_HOLE)
		}
		if err == nil {
			_, err = io.Copy(io.NewOffsetWriter(out, data), io.NewSectionReader(in, data, hole-data))
			off = hole
		}
	}
	if err == nil {
		err = out.Truncate(info.Size())
	}
	return errors.Join(err, in.Close(), out.Close())
}

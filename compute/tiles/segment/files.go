package segment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// Extension ends the names of the files.
const Extension = ".seg"

const (
	// align is what offsets are multiples of: a line of the cache, so that numbers of 8 bytes are aligned too.
	align = 64
	// maxFile bounds a file; with an offset below it nothing overflows.
	maxFile = 1 << 40
)

func aligned(n int64) int64 { return (n + align - 1) / align * align }

// Errors.
var (
	// ErrGone is returned for a pointer into a file that is not there, or not so long.
	ErrGone = errors.New("the file of a blob is gone, or too short")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("segment files are closed")
)

// Options configure Files. FileBytes is needed.
type Options struct {
	FileBytes int64 // a file that has as many is appended to no more
	// Write writes at an offset of a file; nil: os.File.WriteAt.
	Write func(f *os.File, b []byte, at int64) (int, error)
	// Sync has what was written to a file on the disk; nil: os.File.Sync.
	Sync func(f *os.File) error
}

// Files are the segment files of a directory. They are safe for concurrent use.
type Files struct {
	dir string
	o   Options

	appending sync.Mutex // one Append at a time; taken before mu
	syncing   sync.Mutex // one Sync at a time; taken before mu

	mu      sync.Mutex
	files   map[uint32]*file
	last    uint32 // the highest number that was ever given
	current *file  // what is appended to; nil: begin another
	newName bool   // a name is not known to be on the disk
	failed  error  // of a Sync that failed
	closed  bool
}

// file is one segment. Its fields are under Files.mu, but for what current's f and end are to Append alone.
type file struct {
	number  uint32
	f       *os.File // nil when nothing is written any more, and reading goes by the mapping
	mapping []byte
	end     int64 // behind the last bytes that were appended
	live    int64 // room of what pointers name
	holders int
	removed bool
	dirty   bool // since it was synced
}

// Open opens the files of a directory, of which pointers are all that is still known. Files that none of
// them names are removed.
func Open(dir string, pointers []Pointer, o Options) (*Files, error) {
	if o.FileBytes <= 0 || o.FileBytes > maxFile/2 {
		return nil, fmt.Errorf("open segment files: FileBytes is %d, want 1 to %d", o.FileBytes, int64(maxFile/2))
	}
	if o.Write == nil {
		o.Write = (*os.File).WriteAt
	}
	if o.Sync == nil {
		o.Sync = (*os.File).Sync
	}
	x := &Files{dir: dir, o: o, files: map[uint32]*file{}, newName: true}
	for _, p := range pointers {
		f := x.files[p.File]
		if f == nil {
			f = &file{number: p.File}
			x.files[p.File] = f
		}
		f.end, f.live = max(f.end, aligned(p.end())), f.live+p.room()
		x.last = max(x.last, p.File)
	}
	if err := x.openAll(); err != nil {
		return nil, errors.Join(fmt.Errorf("open segment files in %s: %w", dir, err), x.unmapAll())
	}
	return x, nil
}

func (x *Files) path(number uint32) string {
	return filepath.Join(x.dir, fmt.Sprintf("%08d%s", number, Extension))
}

func (x *Files) openAll() error {
	entries, err := os.ReadDir(x.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		var number uint32
		name, is := strings.CutSuffix(e.Name(), Extension)
		if _, err := fmt.Sscanf(name, "%d", &number); !is || err != nil || filepath.Base(x.path(number)) != e.Name() {
			continue
		}
		x.last = max(x.last, number)
		if x.files[number] == nil {
			if err := os.Remove(x.path(number)); err != nil {
				return err
			}
		}
	}
	for number, f := range x.files {
		err := x.openFile(f)
		if err == nil && !x.resumes(f) {
			err = x.finish(f)
		}
		if errors.Is(err, fs.ErrNotExist) {
			delete(x.files, number) // its pointers lead nowhere: ErrGone
			continue
		}
		if err != nil {
			return err
		}
	}
	if f := x.files[x.last]; f != nil && x.resumes(f) {
		return x.resume(f)
	}
	return nil
}

// resumes reports whether a file that is opened is appended to.
func (x *Files) resumes(f *file) bool { return f.number == x.last && f.end < x.o.FileBytes }

// finish syncs a file that has more room than it needs, and takes that: the process before may have ended before it did,
// and what it wrote is known to be on the disk no other way.
func (x *Files) finish(f *file) error {
	path := x.path(f.number)
	if st, err := os.Stat(path); err != nil || st.Size() <= f.end {
		return err
	}
	w, err := os.OpenFile(filepath.Clean(path), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err = x.o.Sync(w); err == nil {
		err = w.Truncate(f.end)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		return fmt.Errorf("sync %s: %w", path, err)
	}
	return nil
}

// openFile maps a file that is only read.
func (x *Files) openFile(f *file) (err error) {
	if f.f, err = os.Open(x.path(f.number)); err != nil {
		return err
	}
	if f.mapping, err = mapFile(f.f, max(f.end, 1)); err != nil {
		return errors.Join(fmt.Errorf("map %s: %w", f.f.Name(), err), f.f.Close())
	}
	return f.settle()
}

// settle closes the descriptor where the mapping does for reading.
func (f *file) settle() error {
	if f.mapping == nil || f.f == nil {
		return nil
	}
	err := f.f.Close()
	f.f = nil
	return err
}

// resume has a file appended to that was opened for reading.
func (x *Files) resume(f *file) error {
	if err := f.close(); err != nil {
		return err
	}
	f.dirty = true // whether the process before synced it is not known
	return x.begin(f, os.O_RDWR)
}

// begin opens a file to be appended to, and makes it as long as it may become: nothing is on the disk yet of
// what is not written, and the mapping never has to move.
func (x *Files) begin(f *file, flag int) (err error) {
	if f.f, err = os.OpenFile(x.path(f.number), flag, 0o600); err != nil {
		return err
	}
	size := x.capacity()
	if err = f.f.Truncate(size); err == nil {
		f.mapping, err = mapFile(f.f, size)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("make segment file %s: %w", f.f.Name(), err), f.f.Close())
	}
	x.current, x.newName = f, true
	return nil
}

// capacity is the length of a file that is appended to: what begins before FileBytes may end behind.
func (x *Files) capacity() int64 { return 2 * aligned(x.o.FileBytes) }

// Append writes b behind everything else. An error leaves no trace but bytes that nothing names. The
// bytes survive the process, and a power cut after Sync.
func (x *Files) Append(b []byte) (Pointer, error) {
	x.appending.Lock()
	defer x.appending.Unlock()
	if int64(len(b)) > x.o.FileBytes {
		return Pointer{}, fmt.Errorf("append to segment files: %d bytes, at most %d", len(b), x.o.FileBytes)
	}
	f, err := x.appendTo()
	if err != nil {
		return Pointer{}, fmt.Errorf("append to segment files in %s: %w", x.dir, err)
	}
	p := Pointer{File: f.number, Length: uint32(len(b)), Offset: f.end} // #nosec G115 -- at most FileBytes
	if _, err := x.o.Write(f.f, b, p.Offset); err != nil {
		return Pointer{}, fmt.Errorf("append to %s: %w", f.f.Name(), err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	f.end += p.room()
	f.live += p.room()
	f.dirty = true
	return p, nil
}

// appendTo returns the file to append to, and begins another where it is full. appending is held.
func (x *Files) appendTo() (*file, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return nil, ErrClosed
	}
	if x.current != nil && x.current.end < x.o.FileBytes {
		return x.current, nil
	}
	x.seal()
	f := &file{number: x.last + 1}
	if err := x.begin(f, os.O_RDWR|os.O_CREATE|os.O_EXCL); err != nil {
		return nil, errors.Join(err, removeIfThere(x.path(f.number)))
	}
	x.last, x.files[f.number] = f.number, f
	return f, nil
}

// seal has current appended to no more. Its descriptor is closed when it is synced. mu is held.
func (x *Files) seal() {
	if x.current != nil {
		x.current.dirty = true
		x.current = nil
	}
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Sync returns when everything that was appended before is on the disk. After an error it returns that one
// always: the kernel takes pages that it could not write for written, so that another fsync would say that all is well
// (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020).
func (x *Files) Sync() error {
	x.syncing.Lock()
	defer x.syncing.Unlock()
	dirty, name, err := x.unsynced()
	if err != nil {
		return err
	}
	for _, f := range dirty {
		if err = x.syncFile(f); err != nil {
			err = fmt.Errorf("sync segment file %08d: %w", f.number, err)
			break
		}
	}
	if err == nil && name {
		err = syncDir(x.dir)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if err != nil {
		x.failed = err
	}
	x.newName = x.newName || name && err != nil
	for _, f := range dirty {
		f.dirty = f.dirty || err != nil
		err = errors.Join(err, x.letGo(f))
	}
	return err
}

// unsynced lists what to sync, and holds it.
func (x *Files) unsynced() (dirty []*file, name bool, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return nil, false, ErrClosed
	}
	if x.failed != nil {
		return nil, false, x.failed
	}
	for _, f := range x.files {
		if f.dirty && f.f != nil {
			f.holders++
			f.dirty = false
			dirty = append(dirty, f)
		}
	}
	name, x.newName = x.newName, false
	return dirty, name, nil
}

func (x *Files) syncFile(f *file) error {
	if err := x.o.Sync(f.f); err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if f == x.current || f.dirty {
		return nil
	}
	if err := f.f.Truncate(f.end); err != nil { // without the room that it was given; nobody reads behind the end
		return err
	}
	return f.settle()
}

func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(filepath.Clean(dir))
	if err != nil {
		return err
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync directory %s: %w", dir, err)
	}
	return nil
}

// Hold returns the bytes of a pointer in place, which nobody may change, and release, which has to be called when they are
// not read any more. Where files cannot be mapped they are a copy.
func (x *Files) Hold(p Pointer) (b []byte, release func(), err error) {
	x.mu.Lock()
	f := x.files[p.File]
	switch {
	case x.closed:
		x.mu.Unlock()
		return nil, nil, ErrClosed
	case f == nil || f.removed || p.end() > f.end:
		x.mu.Unlock()
		return nil, nil, fmt.Errorf("%w: %08d%s", ErrGone, p.File, Extension)
	}
	f.holders++
	x.mu.Unlock()
	release = func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		_ = x.letGo(f) // a file that is removed later is removed at the next start at last
	}
	if f.mapping != nil {
		return f.mapping[p.Offset:p.end():p.end()], release, nil
	}
	b = make([]byte, p.Length)
	if _, err := f.f.ReadAt(b, p.Offset); err != nil {
		release()
		return nil, nil, fmt.Errorf("%w: %w", ErrGone, err)
	}
	return b, release, nil
}

// letGo ends what Hold began. mu is held.
func (x *Files) letGo(f *file) error {
	f.holders--
	return x.removeUnheld(f)
}

// removeUnheld removes a file that is to be removed when nobody holds it. mu is held.
func (x *Files) removeUnheld(f *file) error {
	if !f.removed || f.holders > 0 {
		return nil
	}
	if err := f.close(); err != nil {
		return err
	}
	return removeIfThere(x.path(f.number))
}

// close unmaps and closes a file that nobody holds.
func (f *file) close() error {
	var errs []error
	if f.mapping != nil {
		errs = append(errs, unmap(f.mapping))
		f.mapping = nil
	}
	if f.f != nil {
		errs = append(errs, f.f.Close())
		f.f = nil
	}
	return errors.Join(errs...)
}

// Forget says that a pointer is known no more.
func (x *Files) Forget(p Pointer) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if f := x.files[p.File]; f != nil {
		f.live -= p.room()
	}
}

// Sparse lists the files of which pointers name less than a share, in ascending order; none of them is
// appended to any more.
func (x *Files) Sparse(share float64) (numbers []uint32) {
	x.appending.Lock()
	defer x.appending.Unlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	for n, f := range x.files {
		if f.end == 0 || float64(f.live) >= share*float64(f.end) {
			continue
		}
		if f == x.current {
			x.seal()
		}
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	return numbers
}

// Remove removes a file that Sparse listed and that no pointer names any more, as soon as nobody holds bytes of it.
func (x *Files) Remove(number uint32) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	f := x.files[number]
	if f == nil {
		return nil
	}
	delete(x.files, number)
	f.removed = true
	if err := x.removeUnheld(f); err != nil {
		return fmt.Errorf("remove segment file %08d: %w", number, err)
	}
	return nil
}

// Close syncs, and unmaps the files. Nobody may hold bytes any more.
func (x *Files) Close() error {
	x.appending.Lock()
	defer x.appending.Unlock()
	err := x.Sync()
	if errors.Is(err, ErrClosed) {
		return nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closed = true
	if x.current != nil && err == nil { // without the room that it was given, which says that it is synced (finish)
		err = x.current.f.Truncate(x.current.end)
	}
	return errors.Join(err, x.unmapAll())
}

func (x *Files) unmapAll() error {
	var errs []error
	for _, f := range x.files {
		errs = append(errs, f.close())
	}
	return errors.Join(errs...)
}

package feed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client/feed/spool"
	"github.com/weirdata/weir/node/client/publish"
)

// Folders of a directory that is a source.
const (
	doneFolder   = "done"
	failedFolder = "failed"
)

// seen is a file as it was when it was looked at last.
type seen struct {
	size     int64
	modified time.Time
	since    time.Time
}

// directory is a directory into which files are put.
type directory struct {
	rows
	known map[string]seen
}

// watchDirectory watches a directory.
func watchDirectory(r rows) (func(context.Context) error, error) {
	s := r.source
	for _, dir := range []string{s.Path, filepath.Join(s.Path, doneFolder), filepath.Join(s.Path, failedFolder)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("source %s: %w", s.Name, err)
		}
	}
	return func(ctx context.Context) error {
		x := &directory{rows: r, known: map[string]seen{}}
		return every(ctx, min(max(s.Settle/3, 10*time.Millisecond), 5*time.Second), func() error { return x.look(ctx) })
	}, nil
}

// look takes the files that have settled. An error ends the feed.
func (x *directory) look(ctx context.Context) error {
	entries, err := os.ReadDir(x.source.Path)
	if err != nil {
		return err
	}
	now := time.Now() // as the file system's
	here := map[string]bool{}
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) || err == nil && (!info.Mode().IsRegular() || strings.HasPrefix(e.Name(), ".")) {
			continue
		}
		if err != nil {
			return err
		}
		here[e.Name()] = true
		was, again := x.known[e.Name()]
		if !again || was.size != info.Size() || !was.modified.Equal(info.ModTime()) {
			x.known[e.Name()] = seen{info.Size(), info.ModTime(), now}
			continue
		}
		if now.Sub(was.since) < x.source.Settle {
			continue
		}
		if err := x.takeFile(ctx, e.Name()); err != nil {
			return err
		}
	}
	for name := range x.known {
		if !here[name] {
			delete(x.known, name)
		}
	}
	return nil
}

// takeFile keeps what a file has, and moves it. One that cannot be read now stays.
func (x *directory) takeFile(ctx context.Context, name string) error {
	path := filepath.Join(x.source.Path, name)
	before, err := os.Lstat(path)
	if err != nil {
		return nil //nolint:nilerr // it is gone, or comes again
	}
	file := publish.DataFiles([]string{path})[0]
	header, err := panel.Header(ctx, x.files, file)
	var marks []spool.Mark
	if err == nil {
		marks, err = x.sameHeader(name, header)
	}
	rows := 0
	if err == nil {
		rows, err = x.take(ctx, file, func() []spool.Mark { return marks })
	}
	if err == nil || !isFatal(err) { // whatever was read, it may have been of two files
		if after, now := os.Lstat(path); now != nil || !isSame(before, after) {
			return nil //nolint:nilerr // it is looked at again
		}
	}
	if faults, wrong := errors.AsType[*panel.Errors](err); wrong {
		reason := filepath.Join(x.source.Path, failedFolder, name+".reason.txt")
		if err := os.WriteFile(reason, []byte(faults.Error()+"\n"), 0o600); err != nil { //nolint:gosec // G703: the directory is the operator's to name
			return err
		}
		x.tell(func(s *SourceState) {
			s.Faults["file"]++
			s.Error = &Happened{x.now(), name + " is in " + failedFolder + "/, with the reason"}
		})
		return x.move(before, name, failedFolder)
	}
	if isFatal(err) || ctx.Err() != nil {
		return err
	}
	if err != nil {
		x.failed(err)
		return nil
	}
	x.took(1)
	x.tell(func(s *SourceState) {
		s.Commands["rows"] += int64(rows)
		s.Error = nil
	})
	return x.move(before, name, doneFolder)
}

// isSame reports whether a file is the one that it was, and as it was.
func isSame(before, after fs.FileInfo) bool {
	return os.SameFile(before, after) && before.Size() == after.Size() && before.ModTime().Equal(after.ModTime())
}

// move moves a file that was read into a folder, under another name where there is one of its own.
// What took its place meanwhile was not read, and is put back.
func (x *directory) move(read fs.FileInfo, name, folder string) error {
	from := filepath.Join(x.source.Path, name)
	to := free(filepath.Join(x.source.Path, folder, name))
	if err := os.Rename(from, to); err != nil {
		return err
	}
	moved, err := os.Lstat(to)
	if err != nil || isSame(read, moved) {
		return err
	}
	return os.Rename(to, free(from))
}

// free is a name of a file that there is none of yet.
func free(name string) string {
	ext := filepath.Ext(name)
	out := name
	for n := 2; ; n++ {
		if _, err := os.Lstat(out); errors.Is(err, fs.ErrNotExist) {
			return out
		}
		out = strings.TrimSuffix(name, ext) + fmt.Sprintf("-%d", n) + ext
	}
}

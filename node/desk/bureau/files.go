package bureau

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog/shown"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/table"
	"github.com/weirdata/weir/node/desk/route"
)

const (
	// maxPart is the most bytes of a file that come in one request.
	maxPart = 4 << 20
	// maxStored is the most bytes of all files that were dropped.
	maxStored = 1 << 30
	// maxFiles is the most files of a draft.
	maxFiles = 200
	// maxFileName is the most bytes of a file's name.
	maxFileName = 200
)

// DroppedFile is a file that was dropped.
type DroppedFile struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
	Have int64  `json:"have"` // bytes that have come
}

// dropped is where it is.
type dropped struct {
	DroppedFile
	path string
}

// Part is a part of a file. Parts come in their order; the first one takes the place of a file of that name.
type Part struct {
	Name  string `json:"name"`
	Size  int64  `json:"size"` // of the file
	At    int64  `json:"at"`
	Bytes []byte `json:"bytes"` // in base64
}

// receive takes a part of a file in.
func (s *drafts) receive(ctx context.Context, id string, p Part) (Draft, error) {
	name := path.Base(filepath.ToSlash(p.Name))
	switch {
	case name == "." || name == ".." || name == "/" || name != shown.Text(name) || len(name) > maxFileName:
		return Draft{}, route.BadField("name", "the file's name cannot be read", fmt.Sprintf("call it by letters, digits and signs, at most %d bytes", maxFileName))
	case p.Size <= 0:
		return Draft{}, route.BadField("size", "the file "+name+" is empty", "drop a file with readings in it")
	case len(p.Bytes) > maxPart || p.At < 0 || p.At > p.Size-int64(len(p.Bytes)) || len(p.Bytes) == 0:
		return Draft{}, route.BadField("bytes", "the part does not fit the file", fmt.Sprintf("send the file in parts of at most %d bytes, from its begin to its end", maxPart))
	}
	whole := false
	out, err := s.change(id, func(d *draft) error {
		f, err := s.target(d, name, p)
		if err != nil {
			return err
		}
		if err := write(f, p); err != nil {
			return err
		}
		f.Have += int64(len(p.Bytes))
		whole = f.Have == f.Size
		d.Faults = nil
		d.list()
		return nil
	})
	if err != nil || !whole {
		return out, err
	}
	return s.propose(ctx, id)
}

// target is the file that a part belongs to. The caller holds mu.
func (s *drafts) target(d *draft, name string, p Part) (*dropped, error) {
	at := slices.IndexFunc(d.files, func(f *dropped) bool { return f.Name == name })
	if p.At > 0 {
		if at < 0 || d.files[at].Have != p.At || d.files[at].Size != p.Size {
			return nil, route.BadField("at", "a part of "+name+" is missing before it", "drop the file again")
		}
		return d.files[at], nil
	}
	if at >= 0 { // it was dropped again
		if err := s.remove(d.files[at]); err != nil {
			return nil, err
		}
		d.files = slices.Delete(d.files, at, at+1)
		d.Mends = slices.DeleteFunc(slices.Clone(d.Mends), func(m Mend) bool { return m.File == name || strings.HasPrefix(m.File, name+"/") })
	}
	switch {
	case len(d.files) == maxFiles:
		return nil, route.BadField("name", fmt.Sprintf("%d files were dropped already", maxFiles), "put them into a zip archive")
	case p.Size > maxStored-s.stored:
		return nil, route.BadField("size", fmt.Sprintf("the files that were dropped would have more than %d MB together", maxStored>>20),
			"use `weir dataset publish` in a terminal, which reads files where they are; or give up another publication")
	}
	if s.closed { // nobody would remove it
		return nil, route.Ending("start it again, and drop the file again")
	}
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "weir-desk-files-") // mode 0700
		if err != nil {
			return nil, fmt.Errorf("make a directory for the files: %w", err)
		}
		s.dir = dir
	}
	f := &dropped{DroppedFile: DroppedFile{Name: name, Size: p.Size}, path: filepath.Join(s.dir, rand.Text())}
	d.files = append(d.files, f)
	s.stored += p.Size
	return f, nil
}

// write appends a part to its file.
func write(f *dropped, p Part) error {
	out, err := os.OpenFile(f.path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("keep %s: %w", f.Name, err)
	}
	_, err = out.WriteAt(p.Bytes, p.At)
	if err := errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("keep %s: %w", f.Name, err)
	}
	return nil
}

// remove removes a file. The caller holds mu.
func (s *drafts) remove(f *dropped) error {
	if err := os.Remove(f.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", f.Name, err)
	}
	s.stored -= f.Size
	return nil
}

// takeAway removes a file of a draft.
func (s *drafts) takeAway(id, name string) (Draft, error) {
	return s.change(id, func(d *draft) error {
		at := slices.IndexFunc(d.files, func(f *dropped) bool { return f.Name == name })
		if at < 0 {
			return route.NotFound("no such file was dropped", "look at the list of files")
		}
		if err := s.remove(d.files[at]); err != nil {
			return err
		}
		d.files = slices.Delete(d.files, at, at+1)
		d.Mends = slices.DeleteFunc(slices.Clone(d.Mends), func(m Mend) bool { return m.File == name || strings.HasPrefix(m.File, name+"/") })
		d.Faults = nil
		d.list()
		return nil
	})
}

// list tells the page of the files.
func (d *draft) list() {
	d.Files = []DroppedFile{}
	for _, f := range d.files {
		d.Files = append(d.Files, f.DroppedFile)
	}
}

// whole says what is missing before the files can be read; nil: nothing.
func (d *draft) whole() error {
	if len(d.files) == 0 {
		return route.BadField("files", "no file was dropped", "drop the files with the readings")
	}
	for _, f := range d.files {
		if f.Have < f.Size {
			return route.BadField("files", f.Name+" has not come as a whole", "wait for it, or drop it again")
		}
	}
	return nil
}

// opened are the files for reading, archives taken apart, with mends laid over them. The caller holds mu, or nobody
// changes the draft.
func (d *draft) opened(o table.Options) ([]panel.File, error) {
	var files []panel.File
	for _, f := range d.files {
		files = append(files, panel.File{Name: f.Name, Size: f.Size, Open: func() (io.ReadCloser, error) { return os.Open(f.path) }})
	}
	files, err := table.Expand(files)
	if err != nil {
		return nil, err
	}
	for i, f := range files {
		if mends := mendsOf(d.Mends, f.Name); len(mends) > 0 {
			files[i] = mended(f, o, mends)
		}
	}
	return files, nil
}

package table

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// zipped reads a workbook. Archives of several files are taken apart by Expand.
func (r *reader) zipped(raw io.ReadCloser, in io.Reader) error {
	at, size, err := whole(raw, in)
	if err != nil {
		return r.fault(err, 0)
	}
	archive, err := zip.NewReader(at, size)
	if err != nil {
		r.sink.Fault(0, "is a damaged zip archive or workbook: "+err.Error(), "copy it again")
		return nil
	}
	if !isWorkbook(archive) {
		if twice := repeated(archive); twice != "" {
			r.sink.Fault(0, fmt.Sprintf("the archive has two files of the name %.80q", twice),
				"nobody can tell which is meant: pack each under its own name")
			return nil
		}
		return r.fault(fmt.Errorf("%w but a zip archive in an archive, or from a pipe: unpack it", errForeign), 0)
	}
	unfolded := uint64(0)
	for _, f := range archive.File {
		unfolded += min(f.UncompressedSize64, mostInMemory+1)
	}
	if unfolded > mostInMemory {
		r.sink.Fault(0, fmt.Sprintf("the workbook unfolds to more than %d bytes", mostInMemory), "save its sheet as CSV")
		return nil
	}
	return r.workbook(io.NewSectionReader(at, 0, size))
}

// zipMagic begins an archive, and so a workbook.
var zipMagic = []byte("PK\x03\x04")

func isWorkbook(a *zip.Reader) bool {
	return slices.ContainsFunc(a.File, func(f *zip.File) bool { return f.Name == "xl/workbook.xml" })
}

// repeated is a name that several files of an archive have; empty: there is none.
func repeated(a *zip.Reader) string {
	seen := map[string]bool{}
	for _, f := range a.File {
		if seen[f.Name] {
			return f.Name
		}
		seen[f.Name] = true
	}
	return ""
}

// Expand puts in the place of each zip archive among the files the files in it, as
// archive.zip/name, in the order of their names. Workbooks stay what they are.
func Expand(files []File) ([]File, error) {
	var out []File
	for _, f := range files {
		inner, err := expand(f)
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", f.Name, err)
		}
		out = append(out, inner...)
	}
	return out, nil
}

func expand(f File) (inner []File, err error) {
	same := []File{f}
	if f.Size == 0 || f.Open == nil { // a pipe, which can be read once, or none
		return same, nil
	}
	archive, raw, err := openZip(f)
	if archive == nil {
		return same, nil //nolint:nilerr // whoever reads the file says what is wrong with it
	}
	defer func() { err = errors.Join(err, raw.Close()) }()
	if isWorkbook(archive) {
		return same, nil
	}
	seen := map[string]bool{}
	for _, entry := range archive.File {
		name := entry.Name
		base := path.Base(name)
		if strings.HasSuffix(name, "/") || strings.HasPrefix(base, ".") || strings.HasPrefix(name, "__MACOSX/") {
			continue
		}
		if seen[name] {
			return same, nil // whoever reads the archive says so
		}
		seen[name] = true
		inner = append(inner, File{
			Name: f.Name + "/" + name, Size: int64(entry.UncompressedSize64), //nolint:gosec // for show
			Open: func() (io.ReadCloser, error) { return openEntry(f, name) },
		})
	}
	slices.SortFunc(inner, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return inner, nil
}

// openZip opens an archive; nil where the file is none.
func openZip(f File) (*zip.Reader, io.Closer, error) {
	raw, err := f.Open()
	if err != nil {
		return nil, nil, err
	}
	none := func(err error) (*zip.Reader, io.Closer, error) { return nil, nil, errors.Join(err, raw.Close()) }
	var head [4]byte
	if _, err := io.ReadFull(raw, head[:]); err != nil || !bytes.Equal(head[:], zipMagic) {
		return none(err)
	}
	at, size, err := whole(raw, io.MultiReader(bytes.NewReader(head[:]), raw))
	if err != nil {
		return none(err)
	}
	archive, err := zip.NewReader(at, size)
	if err != nil {
		return none(err)
	}
	return archive, raw, nil
}

// entryReader closes the archive with the entry.
type entryReader struct {
	io.ReadCloser
	archive io.Closer
}

// Close implements io.Closer.
func (e *entryReader) Close() error { return errors.Join(e.ReadCloser.Close(), e.archive.Close()) }

func openEntry(f File, name string) (io.ReadCloser, error) {
	archive, raw, err := openZip(f)
	if err != nil {
		return nil, err
	}
	if archive == nil {
		return nil, errors.New("is no zip archive any more")
	}
	for _, entry := range archive.File {
		if entry.Name == name {
			in, err := entry.Open()
			if err != nil {
				return nil, errors.Join(err, raw.Close())
			}
			return &entryReader{in, raw}, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("the archive has no %s any more", name), raw.Close())
}

// Package objects keeps objects under names: in a directory, or in a bucket of an S3-compatible
// service. Whoever keeps something in it seals what is secret, and compares what comes back with a
// digest.
package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/weirdata/weir/consensus/durable"
)

// Store keeps objects under names of lower-case letters, digits, dots, hyphens and slashes.
type Store interface {
	// Put stores an object, whole or not at all, in the place of one that was there.
	Put(ctx context.Context, name string, b []byte) error
	// Get reads an object of at most so many bytes; fs.ErrNotExist where there is none.
	Get(ctx context.Context, name string, limit int64) ([]byte, error)
	// List calls fn with the names that begin with prefix, which ends at a slash.
	List(ctx context.Context, prefix string, fn func(name string) error) error
	// Remove removes an object; one that is not there is no error.
	Remove(ctx context.Context, name string) error
	// String says where it is, for people.
	String() string
}

// Directory is a store in a directory of this machine.
type Directory string

var _ Store = Directory("")

// halfFile is what the name of a file has that a crash left unfinished (durable.Replace).
const halfFile = ".half-"

func (d Directory) String() string { return string(d) }

func (d Directory) path(name string) (string, error) {
	if !filepath.IsLocal(filepath.FromSlash(name)) || strings.Contains(name, halfFile) {
		return "", fmt.Errorf("%q is no name of an object", name)
	}
	return filepath.Join(string(d), filepath.FromSlash(name)), nil
}

// Put implements Store.
func (d Directory) Put(_ context.Context, name string, b []byte) error {
	file, err := d.path(name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("make the directory of %s: %w", name, err)
	}
	if err := durable.WriteFile(file, b, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// Get implements Store.
func (d Directory) Get(_ context.Context, name string, limit int64) ([]byte, error) {
	file, err := d.path(name)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(file) //nolint:gosec // G304: local, as path says
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	b, err := ReadAll(f, limit)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return b, nil
}

// ReadAll reads no more than so many bytes, and fails where there are more.
func ReadAll(r io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(b)) > limit {
		return nil, fmt.Errorf("it has more than the %d bytes that it can have", limit)
	}
	return b, err
}

// List implements Store.
func (d Directory) List(ctx context.Context, prefix string, fn func(string) error) error {
	root, err := d.path(strings.TrimSuffix(prefix, "/"))
	if err != nil {
		return err
	}
	err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) && path == root:
			return nil
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case e.IsDir() || strings.Contains(e.Name(), halfFile):
			return nil
		}
		rel, err := filepath.Rel(string(d), path)
		if err != nil {
			return err
		}
		return fn(filepath.ToSlash(rel))
	})
	if err != nil {
		return fmt.Errorf("list %s of %s: %w", prefix, d, err)
	}
	return nil
}

// Remove implements Store.
func (d Directory) Remove(_ context.Context, name string) error {
	file, err := d.path(name)
	if err != nil {
		return err
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	return durable.SyncDir(filepath.Dir(file))
}

// Names lists what there is under a prefix, ascending.
func Names(ctx context.Context, s Store, prefix string) (list []string, err error) {
	err = s.List(ctx, prefix, func(name string) error {
		list = append(list, name)
		return nil
	})
	slices.Sort(list)
	return list, err
}

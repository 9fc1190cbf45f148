// Package durable puts files into the place of others in one step: whoever reads one, or
// finds it after a crash, has the old bytes or the new ones, whole.
package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Replace has write fill a file of the mode and puts it into the place of name, durably:
// the file first, then the directory that names it. Until then only its owner can read it;
// it is removed where anything fails.
func Replace(name string, mode fs.FileMode, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".half-") // of mode 0600
	if err != nil {
		return err
	}
	if err = write(f); err == nil && mode != 0o600 {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return SyncDir(filepath.Dir(name))
}

// WriteFile is Replace with the bytes at hand.
func WriteFile(name string, b []byte, mode fs.FileMode) error {
	return Replace(name, mode, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// WriteNew writes a file of the mode that is not there yet, and syncs it; one that is there is an
// fs.ErrExist. One that could not be written whole is removed again. Its name is durable after SyncDir.
func WriteNew(name string, b []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(filepath.Clean(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// SyncDir makes the names in a directory durable: what was created, renamed or removed there. On
// Windows they are with their files.
func SyncDir(dir string) error {
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

// Overwrite is WriteFile of mode 0600 for a file that has one writer: what a crash leaves is one
// file beside it, which the next write replaces.
func Overwrite(name string, b []byte) error {
	half := name + ".new"
	f, err := os.OpenFile(filepath.Clean(half), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(half, name); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(name))
}

// SyncTree makes the files of a flat directory, and their names, durable.
func SyncTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		f, err := os.OpenFile(filepath.Join(dir, e.Name()), os.O_RDWR, 0) //nolint:gosec // G304: of the directory that is given
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return errors.Join(SyncDir(dir), SyncDir(filepath.Dir(dir)))
}

package vault

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/weirdata/weir/consensus/durable"
)

// markerFile binds a directory to its key. No secret's file can have its name,
// and its own "name" in the cipher is one that no secret can have.
const (
	markerFile = ".vault"
	markerName = "\x00vault"
)

var (
	// ErrNotFound is returned when there is no secret of that name.
	ErrNotFound = errors.New("no such secret")
	// ErrSealed is returned when a file does not open: it was changed or
	// renamed, or the vault's key is another one. The message names the file.
	ErrSealed = errors.New("sealed file does not open")
	// ErrClosed is returned by every method of a closed vault.
	ErrClosed = errors.New("vault is closed")
	// ErrTooLong is returned by Put for a secret longer than MaxSecret.
	ErrTooLong = errors.New("secret too long")
)

// Vault is a directory of sealed secrets. Its methods are safe for concurrent
// use.
type Vault struct {
	dir string

	// mu orders Delete, which overwrites in place, against Get; the rest is
	// atomic by rename. It also guards key, which Close wipes.
	mu  sync.RWMutex
	key []byte // nil once closed
}

// Open opens the vault in dir, which it makes with mode 0700 if need be, under
// the key in keyFile. A new vault is bound to that key; for another key than
// the one it was made with it returns ErrSealed, and for a key file under a passphrase ErrLocked.
func Open(dir, keyFile string) (*Vault, error) {
	key, err := Unlock(keyFile, nil)
	if err != nil {
		return nil, err
	}
	return openUnder(dir, key)
}

// openUnder takes the key over.
func openUnder(dir string, key []byte) (*Vault, error) {
	v := &Vault{dir: dir, key: key}
	if err := v.prepare(); err != nil {
		Wipe(key)
		return nil, fmt.Errorf("open vault: %w", err)
	}
	return v, nil
}

// prepare makes and checks the directory, clears what a crash left, and checks
// or writes the marker.
func (v *Vault) prepare() error {
	if err := os.MkdirAll(v.dir, 0o700); err != nil {
		return err
	}
	info, err := os.Stat(v.dir)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(v.dir, 0o700); err != nil { //nolint:gosec // G302: a directory needs its x bit
			return err
		}
	}
	entries, err := os.ReadDir(v.dir)
	if err != nil {
		return err
	}
	secrets := 0
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), tempPrefix) {
			if err := removeIfThere(filepath.Join(v.dir, e.Name())); err != nil {
				return err
			}
		}
		if _, ok := secretName(e.Name()); ok {
			secrets++
		}
	}
	_, err = v.read(markerFile, markerName)
	switch {
	case errors.Is(err, ErrNotFound) && secrets == 0:
		return v.write(markerFile, markerName, nil, true)
	case errors.Is(err, ErrNotFound):
		return fmt.Errorf("%w: %s is missing though there are %d secrets", ErrSealed, filepath.Join(v.dir, markerFile), secrets)
	default:
		return err
	}
}

// Put stores a secret of at most MaxSecret bytes under name, replacing the one
// that was there. When it returns nil the secret is durable; when it fails the
// old one is still there, or the new one, whole. The caller keeps the slice and
// should Wipe it. The replaced file's blocks are not overwritten: Delete first
// where that matters.
func (v *Vault) Put(name string, secret []byte) error { return v.put(name, secret, true) }

// PutCached is Put for what can be had again: a crash of the machine may lose the secret, or leave a
// file that Get says is sealed. It costs no sync.
func (v *Vault) PutCached(name string, secret []byte) error {
	return v.put(name, secret, false)
}

func (v *Vault) put(name string, secret []byte, synced bool) error {
	file, err := fileName(name)
	if err != nil {
		return err
	}
	if len(secret) > MaxSecret {
		return fmt.Errorf("put %s: %w: %d bytes, the limit is %d", name, ErrTooLong, len(secret), MaxSecret)
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	if err := v.write(file, name, secret, synced); err != nil {
		return fmt.Errorf("put %s: %w", name, err)
	}
	return nil
}

// Get returns the secret of that name; the caller should Wipe it after use.
func (v *Vault) Get(name string) ([]byte, error) {
	file, err := fileName(name)
	if err != nil {
		return nil, err
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	secret, err := v.read(file, name)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", name, err)
	}
	return secret, nil
}

// Has reports whether the vault in dir has a secret of that name. It needs no key, and does not
// know whether the secret opens.
func Has(dir, name string) (bool, error) {
	file, err := fileName(name)
	if err != nil {
		return false, err
	}
	_, err = os.Stat(filepath.Join(dir, file))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for %s: %w", name, err)
	}
	return true, nil
}

// List returns the names that begin with prefix, ascending. It does not open
// them.
func (v *Vault) List(prefix string) ([]string, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.key == nil {
		return nil, ErrClosed
	}
	entries, err := os.ReadDir(v.dir)
	if err != nil {
		return nil, fmt.Errorf("list vault: %w", err)
	}
	var names []string
	for _, e := range entries {
		if name, ok := secretName(e.Name()); ok && strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// Delete removes a secret durably; it returns ErrNotFound when there is none.
// It first overwrites the file with random bytes, which is all that can be done
// from here: journals, copy-on-write, wear levelling, snapshots and backups may
// keep old blocks. Erasure cannot be proven. What does help is to destroy the
// key file along with a retired node.
func (v *Vault) Delete(name string) error {
	file, err := fileName(name)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.key == nil {
		return ErrClosed
	}
	path := filepath.Join(v.dir, file)
	if err = overwrite(path); err == nil {
		err = os.Remove(path)
	}
	if err == nil {
		err = durable.SyncDir(v.dir)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("delete %s: %w", name, err)
	}
	return nil
}

// Close wipes the key from memory. The vault cannot be used afterwards.
func (v *Vault) Close() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	Wipe(v.key)
	v.key = nil
	return nil
}

// write seals and replaces a file atomically, and durably where it is to be synced. The caller holds mu.
func (v *Vault) write(file, name string, secret []byte, synced bool) error {
	if v.key == nil {
		return ErrClosed
	}
	sealed, err := sealFile(v.key, name, secret)
	if err != nil {
		return err
	}
	writeNew := os.WriteFile
	if synced {
		writeNew = durable.WriteNew
	}
	temp := filepath.Join(v.dir, tempPrefix+rand.Text())
	if err := writeNew(temp, sealed, 0o600); err != nil {
		return errors.Join(err, removeIfThere(temp))
	}
	if err := os.Rename(temp, filepath.Join(v.dir, file)); err != nil {
		return errors.Join(err, removeIfThere(temp))
	}
	if !synced {
		return nil
	}
	return durable.SyncDir(v.dir)
}

// read opens a file. The caller holds mu.
func (v *Vault) read(file, name string) ([]byte, error) {
	if v.key == nil {
		return nil, ErrClosed
	}
	path := filepath.Join(v.dir, file)
	f, err := os.Open(path) //nolint:gosec // G304: file comes from fileName
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	sealed, err := io.ReadAll(io.LimitReader(f, Overhead+MaxSecret+1))
	if err != nil {
		return nil, err
	}
	secret, err := openFile(v.key, name, sealed)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrSealed, path, err)
	}
	return secret, nil
}

// overwrite replaces a file's bytes in place by random ones and syncs them.
func overwrite(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		_, err = io.CopyN(f, rand.Reader, info.Size())
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// Wipe zeroes b. It clears this copy only: the runtime may have made others
// when it grew or moved the slice, so size secrets once and wipe them early.
func Wipe(b []byte) {
	clear(b)
	runtime.KeepAlive(b)
}

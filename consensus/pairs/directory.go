package pairs

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dgraph-io/badger/v4"

	"github.com/weirdata/weir/consensus/damage"
	"github.com/weirdata/weir/consensus/durable"
)

const (
	currentFile      = "CURRENT"
	generationPrefix = "gen-"
)

// directory keeps generations in a directory.
type directory struct {
	dir     string
	options Options
	current uint64 // the generation that counts
}

// In returns the generations in a directory, which need not be there.
func In(dir string, o Options) Generations { return &directory{dir: dir, options: o} }

// Open implements Generations. A state that it fails on holds nothing.
func (d *directory) Open() (Store, error) {
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the state directory: %w", err)
	}
	name, err := d.readCurrent()
	if err != nil {
		return nil, err
	}
	if err := d.dropOthers(name); err != nil {
		return nil, err
	}
	s, err := openStore(d.options.badger(filepath.Join(d.dir, name)))
	if err != nil {
		return nil, fmt.Errorf("open the state %s: %w", name, err)
	}
	d.current, err = generationNumber(name)
	return s, err
}

// readCurrent reads CURRENT, or creates it for a new directory.
func (d *directory) readCurrent() (string, error) {
	b, err := os.ReadFile(filepath.Join(d.dir, currentFile))
	if errors.Is(err, os.ErrNotExist) {
		name := generationName(1)
		return name, d.setCurrent(name)
	}
	if err != nil {
		return "", fmt.Errorf("read which state counts: %w", err)
	}
	name := strings.TrimSuffix(string(b), "\n")
	if _, err := generationNumber(name); err != nil {
		return "", damage.Of(damage.State, fmt.Errorf("read %s: %w", currentFile, err))
	}
	return name, nil
}

func generationName(n uint64) string { return fmt.Sprintf("%s%08d", generationPrefix, n) }

func generationNumber(name string) (uint64, error) {
	var n uint64
	if _, err := fmt.Sscanf(name, generationPrefix+"%d", &n); err != nil || generationName(n) != name {
		return 0, fmt.Errorf("%q is not the name of a state", name)
	}
	return n, nil
}

// setCurrent replaces CURRENT durably.
func (d *directory) setCurrent(name string) error {
	if err := durable.Overwrite(filepath.Join(d.dir, currentFile), []byte(name+"\n")); err != nil {
		return fmt.Errorf("name the state that counts: %w", err)
	}
	return nil
}

// dropOthers removes generations that do not count: a restore that a crash cut
// short, or a state that a restore replaced.
func (d *directory) dropOthers(keep string) error {
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return fmt.Errorf("list the states: %w", err)
	}
	other := func(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), generationPrefix) && e.Name() != keep }
	if _, err := os.Stat(filepath.Join(d.dir, keep)); errors.Is(err, os.ErrNotExist) && slices.ContainsFunc(entries, other) {
		return damage.Of(damage.State, fmt.Errorf("%s names %s, which is not there, while another is", currentFile, keep))
	}
	for _, e := range entries {
		if !other(e) {
			continue
		}
		d.options.Logger.Warn("removing a state that does not count", slog.String("generation", e.Name()))
		if err := os.RemoveAll(filepath.Join(d.dir, e.Name())); err != nil {
			return fmt.Errorf("remove an old state: %w", err)
		}
	}
	return nil
}

// Fill implements Generations.
func (d *directory) Fill(load func(put func(key, value []byte) error) error) (Store, error) {
	dir := filepath.Join(d.dir, generationName(d.current+1))
	s, err := d.fill(dir, load)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

func (d *directory) fill(dir string, load func(put func(key, value []byte) error) error) (Store, error) {
	if err := os.RemoveAll(dir); err != nil {
		return nil, fmt.Errorf("make room for the restored state: %w", err)
	}
	// Until all of it is there nothing of it counts, so that one sync at
	// the end is enough.
	db, err := badger.Open(d.options.filling(dir))
	if err != nil {
		return nil, fmt.Errorf("open the state to restore into: %w", err)
	}
	if err = write(db, load); err == nil {
		err = db.Sync()
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return nil, fmt.Errorf("restore a snapshot: %w", err)
	}
	if err := durable.SyncTree(dir); err != nil {
		return nil, fmt.Errorf("restore a snapshot: %w", err)
	}
	s, err := openStore(d.options.badger(dir))
	if err != nil {
		return nil, fmt.Errorf("open the restored state: %w", err)
	}
	return s, nil
}

// write writes pairs in as many transactions as they need.
func write(db *badger.DB, load func(put func(key, value []byte) error) error) error {
	wb := db.NewWriteBatch()
	defer wb.Cancel()
	err := load(func(key, value []byte) error {
		if err := wb.Set(slices.Clone(key), slices.Clone(value)); err != nil {
			return fmt.Errorf("write the restored state: %w", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := wb.Flush(); err != nil {
		return fmt.Errorf("write the restored state: %w", err)
	}
	return nil
}

// Adopt implements Generations. After an error CURRENT may or may not have been replaced: both
// directories stay.
func (d *directory) Adopt(s Store) error {
	name := filepath.Base(s.(*store).dir)
	n, err := generationNumber(name)
	if err != nil {
		return err
	}
	if err := d.setCurrent(name); err != nil {
		return err
	}
	d.current = n
	return nil
}

// Remove implements Generations.
func (d *directory) Remove(s Store) error {
	return errors.Join(s.Close(), os.RemoveAll(s.(*store).dir))
}

// Package tablecheck verifies the tables of a badger's directory, before badger opens them and
// while it has them open.
//
// Badger verifies a table's checksums when it opens it, if it is told to, in goroutines of its
// own: at the first block that does not match it dereferences a nil pointer, and at a footer
// that makes no sense it ends the process (badger v4.9.6, Table.VerifyChecksum and
// readNoFail). When it reads a block that does not match later, its iterators take that for
// the end of the table: keys are not there, and a compaction writes them off. So tables are
// verified here.
//
// It does not verify what badger reads when it opens a directory and does not need to find
// whole: the logs of memtables and the end of the MANIFEST. What these lose is gone without a
// word, and has to be noticed by what the pairs are.
package tablecheck

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/table"
)

// ErrDamaged is returned when a file's bytes are not what was written there, or make no sense.
var ErrDamaged = errors.New("damaged")

// All verifies every table that the MANIFEST of a directory names. A directory without one
// has none. It reads all of them, one after the other.
func All(dir string) error {
	f, err := os.Open(filepath.Join(dir, badger.ManifestFilename))
	if errors.Is(err, os.ErrNotExist) {
		return nil // badger makes a new one, or says what is wrong
	}
	if err != nil {
		return fmt.Errorf("open a manifest: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	manifest, _, err := badger.ReplayManifestFile(f, 0, badger.DefaultOptions(dir).WithLogger(nil))
	if err != nil {
		return fmt.Errorf("%w: read %s: %w", ErrDamaged, f.Name(), err)
	}
	for _, id := range slices.Sorted(maps.Keys(manifest.Tables)) {
		err := One(dir, id, manifest.Tables[id].Compression)
		if errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%w: the manifest names a table that is not there: %w", ErrDamaged, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// One reads a table and compares all of its blocks with their checksums.
func One(dir string, id uint64, compression options.CompressionType) error {
	path := table.NewFilename(id, dir)
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read a table: %w", err)
	}
	if err := check(b, compression); err != nil {
		return fmt.Errorf("%w: table %s: %w", ErrDamaged, filepath.Base(path), err)
	}
	return nil
}

// check recovers: badger goes by the numbers in a block before it compares its checksum.
func check(b []byte, compression options.CompressionType) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("a block makes no sense: %v", p)
		}
	}()
	if err := checkFooter(b); err != nil {
		return err
	}
	return checkBlocks(b, compression)
}

// checkFooter checks the lengths at a table's end, which badger goes by before it has
// compared anything: index, its length, its checksum, and the checksum's length.
func checkFooter(b []byte) error {
	const word = 4
	rest := len(b)
	for _, what := range []string{"checksum", "index"} {
		if rest < word {
			return fmt.Errorf("it has %d bytes, its footer is cut off", len(b))
		}
		rest -= word
		length := int64(binary.BigEndian.Uint32(b[rest:]))
		if length > int64(rest) {
			return fmt.Errorf("its %s has %d bytes of %d", what, length, rest)
		}
		rest -= int(length)
	}
	return nil
}

// blockSize is of no account for tables that are read, and must not be zero.
const blockSize = 4 << 10

// checkBlocks goes through a whole table. Badger's iterator ends alike at the end and at a
// block that does not match; which it was, the number of keys tells.
func checkBlocks(b []byte, compression options.CompressionType) error {
	t, err := table.OpenInMemoryTable(b, 0, &table.Options{
		ChkMode: options.OnBlockRead, BlockSize: blockSize, Compression: compression,
	})
	if err != nil {
		return fmt.Errorf("read its index: %w", err)
	}
	it := t.NewIterator(table.NOCACHE)
	defer func() { _ = it.Close() }() // it gives memory back
	var keys uint32
	for it.Rewind(); it.Valid(); it.Next() {
		keys++
	}
	if keys != t.KeyCount() {
		return fmt.Errorf("%d of %d keys can be read, then a block does not match its checksum", keys, t.KeyCount())
	}
	return nil
}

// Kept tells whether badger did not open a directory because something keeps it from it, such
// as another process that has it open, rights, or want of space; and not because of what is
// in it.
func Kept(err error) bool {
	for _, cause := range []error{fs.ErrPermission, syscall.ENOSPC, syscall.EMFILE, syscall.ENFILE} {
		if errors.Is(err, cause) {
			return true
		}
	}
	return err != nil && strings.Contains(err.Error(), "Cannot acquire directory lock") // badger has no value for it
}

package blobcache

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/consensus/durable"
)

// An index file is a line with its format and the object store's address, then records of 33 bytes:
// added or removed, and the digest. A record that a crash cut short is not read.
const (
	indexFormat = "weir blobs 1 "
	added       = '+'
	removed     = '-'
	recordSize  = 1 + len(catalog.Digest{})
)

// index lists the blobs that an object store has.
type index struct {
	mu      sync.Mutex
	digests map[catalog.Digest]struct{}
	file    *os.File
}

// openIndex reads the index of a store, or makes it of a listing where there is none.
func openIndex(name, address string, list func() ([]catalog.Digest, error)) (*index, error) {
	x := &index{}
	header := []byte(indexFormat + address + "\n")
	b, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the index of uploaded blobs: %w", err)
	}
	if records, whole := bytes.CutPrefix(b, header); err == nil && whole {
		x.digests = readRecords(records)
	} else {
		digests, err := list()
		if err != nil {
			return nil, err
		}
		x.digests = map[catalog.Digest]struct{}{}
		for _, d := range digests {
			x.digests[d] = struct{}{}
		}
	}
	for d := range x.digests { // without what was removed
		header = appendRecord(header, added, d)
	}
	if err := durable.WriteFile(name, header, 0o600); err != nil {
		return nil, fmt.Errorf("write the index of uploaded blobs: %w", err)
	}
	if x.file, err = os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0); err != nil {
		return nil, fmt.Errorf("open the index of uploaded blobs: %w", err)
	}
	return x, nil
}

func appendRecord(b []byte, kind byte, d catalog.Digest) []byte {
	return append(append(b, kind), d[:]...)
}

// readRecords reads records to the first that is none.
func readRecords(b []byte) map[catalog.Digest]struct{} {
	digests := map[catalog.Digest]struct{}{}
	for ; len(b) >= recordSize; b = b[recordSize:] {
		d := catalog.Digest(b[1:recordSize])
		switch b[0] {
		case added:
			digests[d] = struct{}{}
		case removed:
			delete(digests, d)
		default:
			return digests
		}
	}
	return digests
}

func (x *index) has(d catalog.Digest) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	_, has := x.digests[d]
	return has
}

func (x *index) len() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.digests)
}

func (x *index) all() []catalog.Digest {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.AppendSeq(make([]catalog.Digest, 0, len(x.digests)), maps.Keys(x.digests))
}

func (x *index) add(d catalog.Digest) error { return x.change(added, d) }

func (x *index) remove(d catalog.Digest) error { return x.change(removed, d) }

func (x *index) change(kind byte, d catalog.Digest) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if _, has := x.digests[d]; has == (kind == added) {
		return nil
	}
	if _, err := x.file.Write(appendRecord(nil, kind, d)); err != nil {
		return fmt.Errorf("write the index of uploaded blobs: %w", err)
	}
	if kind == added {
		x.digests[d] = struct{}{}
	} else {
		delete(x.digests, d)
	}
	return nil
}

// sync makes durable what was added and removed.
func (x *index) sync() error {
	if err := x.file.Sync(); err != nil {
		return fmt.Errorf("sync the index of uploaded blobs: %w", err)
	}
	return nil
}

func (x *index) close() error {
	return errors.Join(x.file.Sync(), x.file.Close())
}

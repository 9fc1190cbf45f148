package blobs

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/weirdata/weir/consensus/durable"
)

// A file begins with the magic, the SHA-256 and the CRC-32C of what follows; both are over the file's
// name too.
const (
	rollupMagic  = "weirsum1"
	rollupHeader = len(rollupMagic) + sha256.Size + crc32.Size
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errRollup is what a file that is not as it was written is.
var errRollup = errors.New("the rollup is damaged")

// read reads a file into the buffer and compares its checksums: the SHA-256 where it is asked to.
func (r *Rollups) read(k rollupKey, size int64, whole bool, buffer *[]byte) error {
	if size <= int64(rollupHeader) {
		return fmt.Errorf("%w: of %d bytes", errRollup, size)
	}
	f, err := os.Open(r.path(k))
	if err != nil {
		return err
	}
	b := slices.Grow((*buffer)[:0], int(size))[:size]
	*buffer = b
	_, err = io.ReadFull(f, b)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	head := rollupHead(k, b[rollupHeader:], whole)
	if !whole {
		copy(head[len(rollupMagic):], b[len(rollupMagic):][:sha256.Size])
	}
	if string(b[:rollupHeader]) != string(head) {
		return fmt.Errorf("%w: its checksums are of other bytes", errRollup)
	}
	return nil
}

// rollupHead is how the file of a sum begins; with room for the SHA-256 where it is not wanted.
func rollupHead(k rollupKey, sum []byte, whole bool) []byte {
	name := k.manifest.String() + "/" + k.name + "\n"
	head := append(make([]byte, 0, rollupHeader), rollupMagic...)
	if whole {
		h := sha256.New()
		io.WriteString(h, name) //nolint:errcheck,gosec // a hash takes everything
		h.Write(sum)            //nolint:errcheck,gosec // likewise
		head = h.Sum(head)
	} else {
		head = head[:len(head)+sha256.Size]
	}
	crc := crc32.Update(crc32.Checksum([]byte(name), castagnoli), castagnoli, sum)
	return append(head, byte(crc), byte(crc>>8), byte(crc>>16), byte(crc>>24))
}

// write puts a rollup's file into its place, durably.
func (r *Rollups) write(k rollupKey, sum []byte) error {
	if err := os.MkdirAll(filepath.Dir(r.path(k)), 0o700); err != nil {
		return err
	}
	head := rollupHead(k, sum, true)
	return durable.Replace(r.path(k), 0o600, func(w io.Writer) error {
		_, err := w.Write(head)
		if err == nil {
			_, err = w.Write(sum)
		}
		return err
	})
}

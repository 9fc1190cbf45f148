package panel

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
)

// contentHash hashes a file's header and rows as they are read, so that the same table is
// found again under another name, compressed, or as another kind of file.
type contentHash struct{ hash maphash.Hash }

// newContentHash makes a hash for one file; those of one reading share a seed, which nobody
// else knows.
func newContentHash(seed maphash.Seed) *contentHash {
	h := &contentHash{}
	h.hash.SetSeed(seed)
	return h
}

func (h *contentHash) begin() { h.hash.Reset() }

// add adds a row, each field with its length before it.
func (h *contentHash) add(fields []string) {
	var n [8]byte
	for _, f := range fields {
		binary.LittleEndian.PutUint64(n[:], uint64(len(f)))
		_, _ = h.hash.Write(n[:]) // it never fails
		_, _ = h.hash.WriteString(f)
	}
	_, _ = h.hash.WriteString("\n")
}

func (h *contentHash) end(f *rows) { f.content = h.hash.Sum64() | 1 }

// sameContent reports files whose rows are those of an earlier one: in a mean they would
// count twice.
func sameContent(files []*rows, faults *Errors) {
	seen := map[uint64]string{}
	for _, f := range files {
		if f.content == 0 || f.count == 0 {
			continue
		}
		first, again := seen[f.content]
		if !again {
			seen[f.content] = f.file
			continue
		}
		faults.add(&DataError{
			File: f.file, Message: fmt.Sprintf("has the same rows as %s, which would count twice in means (replicates: mean)", first),
			Want: "give every file once; replicates: last, or first, takes the same reading again for what it is",
		})
	}
}

package catalog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// assignFormat begins a packed assignment.
const assignFormat = 1

// PackAssign writes an assignment of entities to groups (−1: none) as runs: per
// run its length and the zigzag difference of its group to the one before (the
// first: to −1), as unsigned varints. Sorted registries give a few bytes, the
// worst case two to six bytes an entity.
func PackAssign(assign []int32) []byte {
	out := []byte{assignFormat}
	last := int64(-1)
	for i := 0; i < len(assign); {
		end := i + 1
		for end < len(assign) && assign[end] == assign[i] {
			end++
		}
		out = binary.AppendUvarint(out, uint64(end-i)) //nolint:gosec // positive
		out = binary.AppendVarint(out, int64(assign[i])-last)
		last, i = int64(assign[i]), end
	}
	return out
}

// UnpackAssign reads what PackAssign wrote for n entities. Any other bytes are
// an error, other encodings of the same assignment included.
func UnpackAssign(b []byte, n int) ([]int32, error) {
	if n < 0 || n > MaxRegistryRows {
		return nil, fmt.Errorf("assignment of %d entities, at most %d are accepted", n, MaxRegistryRows)
	}
	if len(b) == 0 || b[0] != assignFormat {
		return nil, errors.New("assignment of an unknown version")
	}
	assign := make([]int32, 0, n)
	last := int64(-1)
	for rest := b[1:]; len(rest) > 0; {
		run, k := binary.Uvarint(rest)
		if k <= 0 || run == 0 || run > uint64(n-len(assign)) { //nolint:gosec // never negative
			return nil, fmt.Errorf("assignment: bad run after %d of %d entities", len(assign), n)
		}
		diff, l := binary.Varint(rest[k:])
		group := last + diff
		if l <= 0 || diff < -MaxRegistryRows-1 || diff > MaxRegistryRows+1 || group < -1 || group >= MaxRegistryRows {
			return nil, fmt.Errorf("assignment: bad group after %d of %d entities", len(assign), n)
		}
		for range run {
			assign = append(assign, int32(group)) //nolint:gosec // bounded above
		}
		last, rest = group, rest[k+l:]
	}
	if len(assign) != n {
		return nil, fmt.Errorf("assignment of %d entities, want %d", len(assign), n)
	}
	if !bytes.Equal(PackAssign(assign), b) {
		return nil, errors.New("assignment is not in canonical form")
	}
	return assign, nil
}

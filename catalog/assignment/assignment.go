// Package assignment packs which group each entity of a registry is in.
package assignment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// assignFormat begins a packed assignment. Format 1 had a length for every run.
const assignFormat = 2

// Pack writes an assignment of entities to groups (−1: none) as runs: per run the
// zigzag difference of its group to the one before (the first: to −1), doubled, and one
// more where the run is longer than 1, which its length less 2 then follows, as unsigned
// varints. Sorted registries give a few bytes, the worst case three bytes an
// entity.
func Pack(assign []int32) []byte {
	out := append(make([]byte, 0, 2*len(assign)+16), assignFormat)
	last := int64(-1)
	for i := 0; i < len(assign); {
		end := i + 1
		for end < len(assign) && assign[end] == assign[i] {
			end++
		}
		diff := int64(assign[i]) - last
		token := uint64(diff<<1^diff>>63) << 1 //nolint:gosec // as zigzag is defined
		if end-i > 1 {
			token |= 1
		}
		if token >= 0x80 && token < 1<<14 {
			out = append(out, byte(token)|0x80, byte(token>>7)) //nolint:gosec // what AppendUvarint would write
		} else {
			out = binary.AppendUvarint(out, token)
		}
		if end-i > 1 {
			out = binary.AppendUvarint(out, uint64(end-i-2)) //nolint:gosec // not negative
		}
		last, i = int64(assign[i]), end
	}
	return out
}

// Unpack reads what Pack wrote for n entities, of most that there may be, in fewer than so many
// groups. Any other bytes are an error, other encodings of the same assignment included.
func Unpack(b []byte, n, most int) ([]int32, error) {
	if n < 0 || n > most {
		return nil, fmt.Errorf("assignment of %d entities, at most %d are accepted", n, most)
	}
	if len(b) == 0 || b[0] != assignFormat {
		return nil, errors.New("assignment of an unknown version")
	}
	assign := make([]int32, 0, n)
	last := int64(-1)
	for rest := b[1:]; len(rest) > 0; {
		token, k := binary.Uvarint(rest)
		zigzag := token >> 1
		diff := int64(zigzag>>1) ^ -int64(zigzag&1) //nolint:gosec // as zigzag is defined
		group := last + diff
		if k <= 0 || diff < -int64(most)-1 || diff > int64(most)+1 || group < -1 || group >= int64(most) {
			return nil, fmt.Errorf("assignment: bad group after %d of %d entities", len(assign), n)
		}
		run, l := uint64(0), 0
		if token&1 != 0 {
			if run, l = binary.Uvarint(rest[k:]); l <= 0 || run > uint64(most) { //nolint:gosec // never negative
				return nil, fmt.Errorf("assignment: bad run after %d of %d entities", len(assign), n)
			}
			run++
		}
		if run++; run > uint64(n-len(assign)) { //nolint:gosec // never negative
			return nil, fmt.Errorf("assignment: bad run after %d of %d entities", len(assign), n)
		}
		for range run {
			assign = append(assign, int32(group)) //nolint:gosec // bounded above
		}
		last, rest = group, rest[k+l:]
	}
	if len(assign) != n {
		return nil, fmt.Errorf("assignment of %d entities, want %d", len(assign), n)
	}
	if !bytes.Equal(Pack(assign), b) {
		return nil, errors.New("assignment is not in canonical form")
	}
	return assign, nil
}

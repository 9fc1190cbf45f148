package segment

import (
	"encoding/binary"
	"fmt"
)

// PointerBytes is the length of an encoded Pointer.
const PointerBytes = 16

// Pointer says where bytes lie.
type Pointer struct {
	File   uint32
	Length uint32
	Offset int64
}

// end is the offset behind the bytes.
func (p Pointer) end() int64 { return p.Offset + int64(p.Length) }

// room is what the bytes take of a file.
func (p Pointer) room() int64 { return aligned(int64(p.Length)) }

// Encode returns the pointer in PointerBytes bytes.
func (p Pointer) Encode() []byte {
	b := binary.LittleEndian.AppendUint32(nil, p.File)
	b = binary.LittleEndian.AppendUint32(b, p.Length)
	return binary.LittleEndian.AppendUint64(b, uint64(p.Offset)) // #nosec G115 -- not negative
}

// DecodePointer reads what Encode returned.
func DecodePointer(b []byte) (Pointer, error) {
	if len(b) != PointerBytes {
		return Pointer{}, fmt.Errorf("a pointer of %d bytes, want %d", len(b), PointerBytes)
	}
	p := Pointer{
		File: binary.LittleEndian.Uint32(b), Length: binary.LittleEndian.Uint32(b[4:]),
		Offset: int64(binary.LittleEndian.Uint64(b[8:])), // #nosec G115 -- looked at below
	}
	if p.Offset < 0 || p.Offset > maxFile {
		return Pointer{}, fmt.Errorf("a pointer to offset %d, at most %d", p.Offset, int64(maxFile))
	}
	return p, nil
}

package modular

import "encoding/binary"

// PackedBytes is the length of n packed numbers.
func PackedBytes(n int, width uint) int { return (n*int(width) + 7) / 8 }

// Pack writes numbers of the given width below 64 one after the other,
// lowest bit first, fills the last byte with zeros, and returns what is left of dst.
func Pack(dst []byte, src []uint64, width uint) []byte {
	var acc uint64
	var fill uint
	for _, x := range src {
		acc |= x << fill
		fill += width
		if fill >= 64 {
			binary.LittleEndian.PutUint64(dst, acc)
			dst = dst[8:]
			fill -= 64
			acc = x >> (width - fill)
		}
	}
	for ; fill > 0; fill -= min(fill, 8) {
		dst[0] = byte(acc)
		dst, acc = dst[1:], acc>>8
	}
	return dst
}

// Unpack is the inverse of Pack, and returns what is left of src.
func Unpack(dst []uint64, src []byte, width uint) []byte {
	rest := src[PackedBytes(len(dst), width):]
	src = src[:len(src)-len(rest)]
	mask := uint64(1)<<width - 1
	var acc uint64
	var have uint
	for i := range dst {
		if have >= width {
			dst[i] = acc & mask
			acc >>= width
			have -= width
			continue
		}
		var next uint64
		if len(src) >= 8 {
			next, src = binary.LittleEndian.Uint64(src), src[8:]
		} else {
			var last [8]byte
			copy(last[:], src)
			next, src = binary.LittleEndian.Uint64(last[:]), nil
		}
		dst[i] = (acc | next<<have) & mask
		used := width - have
		acc, have = next>>used, 64-used
	}
	return rest
}

package wellformed

import (
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
)

const (
	maxWeightDecimals = 9

	// MaxModulus bounds the plaintext modulus: sums of MaxNodes shares fit.
	MaxModulus = 1 << 59
)

// Vector refuses a commitment of the wrong form.
func Vector(b catalog.VectorRegister) *catalog.Refusal {
	switch {
	case !catalog.IsName(b.Name):
		return catalog.Invalid("name", "vector.name", b.Name)
	case b.Pieces < 0 || b.Pieces > catalog.MaxPieces:
		return catalog.Invalid("pieces", "vector.pieces", b.Pieces, catalog.MaxPieces).
			WithNumber("pieces", int64(b.Pieces)).WithNumber("max_pieces", catalog.MaxPieces)
	case b.Selects() && b.Bits != b.Pieces:
		return catalog.Invalid("bits", "vector.piece_bits", b.Bits, b.Pieces)
	case b.Bits < 1 || b.Bits > catalog.MaxVectorBits:
		return catalog.Invalid("bits", "vector.bits", b.Bits, catalog.MaxVectorBits).WithNumber("bits", int64(b.Bits)).WithNumber("max_bits", catalog.MaxVectorBits)
	case b.Decimals < 0 || b.Decimals > maxWeightDecimals || b.Selects() && b.Decimals != 0:
		return catalog.Invalid("decimals", "vector.decimals", b.Decimals, b.Bits, maxWeightDecimals).
			WithNumber("decimals", int64(b.Decimals)).WithNumber("max_decimals", maxWeightDecimals)
	case b.Entities < 1 || b.Entities > catalog.MaxVectorEntries/checkedBits(b):
		return catalog.Invalid("entities", "vector.entities", b.Entities, checkedBits(b), catalog.MaxVectorEntries).
			WithFixes(fewerEntities(b)).WithNumber("entities", int64(b.Entities)).WithNumber("bits", int64(b.Bits)).WithNumber("max_entries", catalog.MaxVectorEntries)
	case b.Modulus < 3 || b.Modulus >= MaxModulus || b.Modulus%2 == 0:
		return catalog.Invalid("modulus", "vector.modulus", b.Modulus)
	}
	if bits, err := b.LimitBits(); err != nil || bits != nil && b.Selects() {
		return catalog.Invalid("limits", "vector.limits", b.Entities, b.Bits)
	}
	for i, d := range b.Shares {
		if d.IsZero() || slices.Contains(b.Shares[:i], d) {
			return catalog.Invalid(fmt.Sprintf("shares[%d]", i), "vector.share")
		}
	}
	return nil
}

// checkedBits is how many numbers of an entity are checked: its bits, and of a partition
// their sum.
func checkedBits(b catalog.VectorRegister) int {
	if b.Pieces > 1 {
		return b.Bits + 1
	}
	return b.Bits
}

// Groups refuses groups that a registry with those attributes cannot make.
func Groups(b catalog.VectorRegister, columns []string) *catalog.Refusal {
	if len(b.By) > 0 && !b.Selects() {
		return catalog.Invalid("by", "vector.by_weights")
	}
	for i, name := range b.By {
		at := fmt.Sprintf("by[%d]", i)
		if !slices.Contains(columns, name) {
			return catalog.Invalid(at, "registry.no_attribute", name, columns)
		}
		if i > 0 && name <= b.By[i-1] {
			return catalog.Invalid(at, "vector.by_order", name)
		}
	}
	return nil
}

// fewerEntities says how the entities fit.
func fewerEntities(b catalog.VectorRegister) catalog.Reason {
	if most := catalog.MaxVectorEntries/max(b.Entities, 1) - 1; b.Pieces > 1 && most > 1 {
		return catalog.Why("fix.vector_pieces", most)
	}
	return fewerBits(b.Entities)
}

// fewerBits says in how many bits so many entities can be weighed.
func fewerBits(entities int) catalog.Reason {
	switch most := catalog.MaxVectorEntries / max(entities, 1); {
	case entities < 1:
		return catalog.Why("fix.vector_rows")
	case most == 0:
		return catalog.Why("fix.vector_most", catalog.MaxVectorEntries)
	case most == 1:
		return catalog.Why("fix.vector_no_weights")
	default:
		return catalog.Why("fix.vector_bits", most)
	}
}

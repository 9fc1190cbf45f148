package consensus

import "github.com/weirdata/weir/consensus/damage"

// Part is a part of a ledger's directory, by its name there.
type Part = damage.Part

// The parts that can be damaged by themselves. Where they do not belong together the error
// is [ErrInconsistent].
const (
	PartState = damage.State
	PartLog   = damage.Log
)

// DamageError is returned when the bytes on the disk are not what was written there.
type DamageError = damage.Error

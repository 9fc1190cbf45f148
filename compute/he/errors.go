package he

import (
	"errors"
	"fmt"
	"math/big"
)

var (
	// ErrMalformed is returned when bytes from outside are not exactly what
	// the fixed layout prescribes: kind, version, ring, length, or a
	// coefficient that is not below its prime.
	ErrMalformed = errors.New("malformed bytes")
	// ErrParameters is returned when parameters are unusable: insecure,
	// inconsistent, or of the zero value.
	ErrParameters = errors.New("unusable parameters")
	// ErrPoint is returned when a Shamir point is not one of 1..n. A point of
	// 0 would be the secret itself.
	ErrPoint = errors.New("not a point of the roster")
	// ErrActiveSet is returned when an active set is not a sorted list of
	// exactly t distinct points, or its root is not a member.
	ErrActiveSet = errors.New("not an active set")
	// ErrNotActive is returned when a node is asked for a part in an opening
	// that is not its own: it is no member, or the root's and the others'
	// parts are mixed up.
	ErrNotActive = errors.New("not this node's part")
	// ErrAccumulator is returned when the accumulator a node computed is not
	// the one that the opening names. A node never opens anything else.
	ErrAccumulator = errors.New("not the accumulator that the opening names")
	// ErrForeignShare is returned when a contribution was made for another
	// opening (another key, epoch, query, attempt, set, root, accumulator) or
	// for another place in it.
	ErrForeignShare = errors.New("share of another opening")
	// ErrForeignDealing is returned when a piece of a key ceremony belongs to
	// another attempt, another dealer or another recipient.
	ErrForeignDealing = errors.New("piece of another ceremony")
	// ErrMissing is returned when a combination lacks a member's piece.
	ErrMissing = errors.New("piece missing")
	// ErrErased is returned when a key is used after its erasure.
	ErrErased = errors.New("key was erased")
	// ErrEmpty is returned when an accumulator without tiles is opened.
	ErrEmpty = errors.New("accumulator holds no tile")
	// ErrValues is returned when values do not fit a tile: too many of them, or
	// one beyond ±(T-1)/2.
	ErrValues = errors.New("values do not fit the tile")
	// ErrSlotMap is returned when a slot map does not fit the slots or the
	// groups, or selects the parity slot.
	ErrSlotMap = errors.New("slot map does not fit")
	// ErrFold is returned when the folded sums do not add up to the slots: the
	// machine miscalculated.
	ErrFold = errors.New("folded groups do not add up to the slots")
	// ErrKeyUsed is returned when a throw-away key, or an answer under one, is
	// asked for a second use.
	ErrKeyUsed = errors.New("throw-away key was used before")
	// ErrForeignMessage is returned when a product's message belongs to another
	// session, step, sender or recipient, or was not asked for.
	ErrForeignMessage = errors.New("message of another product")
	// ErrUnfinished is returned when a result is read before every message has
	// arrived, or after the exchange failed.
	ErrUnfinished = errors.New("exchange is not finished")
	// ErrVector is returned when a private vector does not fit its
	// specification: its length, its values, the roster.
	ErrVector = errors.New("vector does not fit its specification")
	// ErrStructure is returned when the structure of a piece test is malformed.
	ErrStructure = errors.New("not a structure of a piece test")
	// ErrWitness is returned when a check of a piece test is not 0: a witness is not
	// what it should be, or missing.
	ErrWitness = errors.New("witnesses of a piece test are wrong")
	// ErrInternal is returned when the library underneath panicked.
	ErrInternal = errors.New("internal error of the encryption library")
)

// OverflowError is returned when the worst case of a plan exceeds what the
// plaintext modulus can hold: sums would wrap around silently.
type OverflowError struct {
	Magnitude *big.Int // largest |sum| that the plan may reach
	Limit     *big.Int // largest that is exact, (T-1)/2
}

func (e *OverflowError) Error() string {
	return fmt.Sprintf("worst-case sum %v exceeds %v, the largest exact one", e.Magnitude, e.Limit)
}

// NoiseError is returned when tiles, smudging and threshold together exceed
// what the ciphertext modulus can hold: every slot would be silently wrong.
type NoiseError struct {
	Tiles       int // tiles in the accumulator
	Threshold   int
	LogSmudging int
	Used        float64 // log2 of the worst-case phase, times T
	Available   float64 // log2 of the largest decodable one
}

func (e *NoiseError) Error() string {
	return fmt.Sprintf("%d tiles under threshold %d with smudging 2^%d need %.3f bits of noise, and %.3f are there",
		e.Tiles, e.Threshold, e.LogSmudging, e.Used, e.Available)
}

// guard is deferred at the package's boundary. It turns a panic of the library into an
// error, and says of every error what was being done:
//
//	defer guard("add tiles", &err)
func guard(doing string, err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%w: %v", ErrInternal, r)
	}
	if *err != nil {
		*err = fmt.Errorf("%s: %w", doing, *err)
	}
}

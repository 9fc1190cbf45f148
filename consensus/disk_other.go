//go:build !unix

package consensus

import "math"

// FreeBytes is not known on this system: never short.
func FreeBytes(string) (uint64, error) { return math.MaxUint64, nil }

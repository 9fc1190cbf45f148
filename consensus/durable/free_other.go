//go:build !unix

package durable

import "math"

// FreeBytes is not known on this system: never short.
func FreeBytes(string) (uint64, error) { return math.MaxUint64, nil }

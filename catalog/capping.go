package catalog

import (
	"maps"
	"slices"
)

// AboveCap is what becomes of a reading that exceeds its entity's cap, at its publisher's.
type AboveCap string

// The two rules for a reading above its cap.
const (
	AboveCapRefuse AboveCap = "refuse" // nothing is published
	AboveCapClip   AboveCap = "clip"   // the cap stands for it
)

// Capped are the measures that have caps, ascending.
func (p Policy) Capped() []string { return slices.Sorted(maps.Keys(p.Caps)) }

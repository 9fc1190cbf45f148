package catalog

import (
	"fmt"
	"slices"
)

// poolClass is the class that entities enter when they are appended to the
// registry. No other class ever gains a member.
const poolClass = 0

// partition cuts a family's entities into classes (DESIGN section 8, point 1).
// It never changes; cutting makes another one.
type partition struct {
	assign  []int32  // entity → class; entities behind the last are in the pool
	classes int      // numbered from 0, the pool; the pool may be empty, no other is
	frozen  []frozen // ascending class and commitment
}

// partitionRecord is how a partition is stored.
type partitionRecord struct {
	Format   int      `json:"v"`
	Entities int      `json:"entities"`
	Classes  int      `json:"classes"`
	Assign   []byte   `json:"assign"` // PackAssign
	Frozen   []frozen `json:"frozen,omitempty"`
}

const partitionFormat = 1

// newPartition puts the first entities of a registry into one class.
func newPartition(entities int) *partition {
	p := &partition{assign: make([]int32, entities), classes: 2}
	for e := range p.assign {
		p.assign[e] = 1
	}
	return p
}

func (p *partition) encode() []byte {
	return encode(partitionRecord{
		Format: partitionFormat, Entities: len(p.assign), Classes: p.classes, Assign: PackAssign(p.assign), Frozen: p.frozen,
	})
}

func decodePartition(r partitionRecord) (*partition, error) {
	if r.Format != partitionFormat {
		return nil, fmt.Errorf("partition of format %d", r.Format)
	}
	assign, err := UnpackAssign(r.Assign, r.Entities)
	if err != nil {
		return nil, fmt.Errorf("partition: %w", err)
	}
	for e, c := range assign {
		if c < 0 || int(c) >= r.Classes {
			return nil, fmt.Errorf("partition: entity %d is in class %d of %d", e, c, r.Classes)
		}
	}
	return &partition{assign: assign, classes: r.Classes, frozen: r.Frozen}, nil
}

// class is the class of an entity of the registry.
func (p *partition) class(entity int) int32 {
	if entity < len(p.assign) {
		return p.assign[entity]
	}
	return poolClass
}

// grown is the partition with its assignment written out for so many entities.
func (p *partition) grown(entities int) *partition {
	if entities <= len(p.assign) {
		return p
	}
	q := *p
	q.assign = slices.Grow(slices.Clone(p.assign), entities-len(p.assign))
	for len(q.assign) < entities {
		q.assign = append(q.assign, poolClass)
	}
	return &q
}

package disclosure

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
)

const treeFormat = 1

// maxEntities bounds a registry in bytes from outside.
const maxEntities = 1 << 28

// Encode is the tree in bytes, the same for equal trees: a format byte, k, the
// number of attributes, the order, nodes (parent, code), classes (node, entities
// at birth, codes at birth plus one or zero), and each entity's class plus one.
func (t *Tree) Encode() []byte {
	b := []byte{treeFormat}
	b = appendUint(b, t.k, t.attributes, len(t.order))
	b = appendUint(b, t.order...)
	b = appendUint(b, len(t.nodes)-1)
	for _, n := range t.nodes[1:] {
		b = appendUint(b, n.parent)
		b = appendUint(b, n.code)
	}
	b = appendUint(b, len(t.classes))
	for _, c := range t.classes {
		b = appendUint(b, c.node)
		b = appendUint(b, c.born)
		for _, code := range c.birth {
			b = appendUint(b, code+1)
		}
	}
	b = appendUint(b, len(t.classOf))
	for _, c := range t.classOf {
		b = appendUint(b, c+1)
	}
	return b
}

// ParseTree reads what Encode wrote. It is strict: any other bytes are an error.
func ParseTree(data []byte) (*Tree, error) {
	r := &reader{rest: data}
	if f := r.byte(); f != treeFormat {
		return nil, fmt.Errorf("tree of format %d, this program reads %d", f, treeFormat)
	}
	t := &Tree{k: r.uint(math.MaxInt32), attributes: r.count()}
	t.order = make([]int, 0, r.count())
	for range cap(t.order) {
		t.order = append(t.order, r.uint(max(t.attributes-1, 0)))
	}
	t.nodes = append(t.nodes, node{parent: -1})
	for range r.count() {
		n := node{parent: int32(r.uint(len(t.nodes) - 1)), code: uint32(r.uint(math.MaxUint32))}
		n.level = t.nodes[n.parent].level + 1
		t.nodes = append(t.nodes, n)
	}
	for range r.count() {
		c := class{node: int32(r.uint(len(t.nodes) - 1)), born: r.uint(maxEntities)}
		for range t.attributes {
			if c.birth = append(c.birth, int64(r.uint(math.MaxUint32+1))-1); r.err != nil {
				break
			}
		}
		if t.classes = append(t.classes, c); r.err != nil {
			break
		}
	}
	t.classOf = make([]int32, r.count())
	for e := range t.classOf {
		t.classOf[e] = int32(r.uint(len(t.classes))) - 1
	}
	if err := r.done(); err != nil {
		return nil, fmt.Errorf("tree: %w", err)
	}
	if err := t.check(); err != nil {
		return nil, fmt.Errorf("tree: %w", err)
	}
	if !bytes.Equal(t.Encode(), data) {
		return nil, errors.New("tree: not in its canonical form")
	}
	return t, nil
}

// check looks for what no tree of ours is like, and derives the rest.
func (t *Tree) check() error {
	if t.k < 1 {
		return errors.New("min_cohort is 0")
	}
	for i, a := range t.order {
		if slices.Contains(t.order[:i], a) || a >= t.attributes {
			return fmt.Errorf("attribute %d of %d is no level or is one twice", a, t.attributes)
		}
	}
	for i, n := range t.nodes {
		if n.level > len(t.order) {
			return fmt.Errorf("node %d lies on level %d of %d", i, n.level, len(t.order))
		}
	}
	t.derive()
	for c := range t.classes {
		members := t.members[c]
		switch {
		case len(members) < t.k:
			return fmt.Errorf("class %d has %d entities, fewer than %d", c, len(members), t.k)
		case t.classes[c].born > len(t.classOf) || int(members[len(members)-1]) >= t.classes[c].born:
			return fmt.Errorf("class %d came to be before its last entity", c)
		case c > 0 && t.classes[c].born < t.classes[c-1].born:
			return fmt.Errorf("class %d came to be before class %d", c, c-1)
		}
	}
	return nil
}

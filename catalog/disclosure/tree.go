package disclosure

import (
	"cmp"
	"fmt"
	"slices"
)

// Tree is a family's tree of classes (RELEASE.md section 1): a trie over the
// values of attributes, in whose leaves the entities lie. Classes are numbered
// from 0 in the order in which they came to be, so that those of an earlier day
// are a prefix. Nothing cuts, joins or moves a class once it is there, and no
// class gains a member; entities in no class are in the pool. A Tree does not
// change: Extend makes another one.
type Tree struct {
	k          int
	attributes int     // of the registry
	order      []int   // attributes by level: level 1 is order[0]
	nodes      []node  // node 0 is the root; a parent comes before its children
	classes    []class // by number
	classOf    []int32 // entity → class, −1 the pool

	// Derived.
	members [][]int32 // class → entities, ascending
	numbers []int32   // 0, 1, …: numbers[c:c+1] is class c alone
}

// node is a value of an attribute under another node.
type node struct {
	parent int32 // −1 of the root
	level  int   // 0 of the root
	code   uint32
}

// class is a leaf, or several that were joined.
type class struct {
	node  int32   // the deepest node that contains all of its leaves
	born  int     // entities of the registry when it came to be
	birth []int64 // attribute of the registry → code that all members had then, −1 when they differed
}

// Order is the order of attributes that a family's cubes give: those of the
// first cube, then new ones of the second, and so on, as indexes of attributes.
// It is nil when no cube is declared, and Grow then finds the order itself. A
// name that is no attribute is an error.
func Order(cubes [][]string, attributes []string) ([]int, error) {
	var order []int
	for _, cube := range cubes {
		for _, name := range cube {
			a := slices.Index(attributes, name)
			if a < 0 {
				return nil, fmt.Errorf("cubes name %q, the registry's attributes are %q", name, attributes)
			}
			if !slices.Contains(order, a) {
				order = append(order, a)
			}
		}
	}
	return order, nil
}

// Entities is the length of the registry that the tree knows.
func (t *Tree) Entities() int { return len(t.classOf) }

// Classes is the number of classes.
func (t *Tree) Classes() int { return len(t.classes) }

// ClassesBy is how many classes had come to be when the registry had so many
// entities: classes 0 to ClassesBy−1.
func (t *Tree) ClassesBy(entities int) int {
	n, _ := slices.BinarySearchFunc(t.classes, entities+1, func(c class, born int) int { return c.born - born })
	return n
}

// Levels are the attributes of the levels below the root, as indexes of the
// registry's attributes.
func (t *Tree) Levels() []int { return slices.Clone(t.order) }

// Class is the class of entity e, −1 while it is in the pool.
func (t *Tree) Class(e int) int32 {
	if e < 0 || e >= len(t.classOf) {
		return -1
	}
	return t.classOf[e]
}

// Members are the entities of a class, ascending. The caller does not change
// them.
func (t *Tree) Members(c int32) []int32 { return t.members[c] }

// Assign are numbers of classes, class → number, as numbers of the first entities: entity
// → number of its class, −1 in the pool.
func (t *Tree) Assign(entities int, number []int32) []int32 {
	out := make([]int32, entities)
	for e := range out {
		if out[e] = -1; e < len(t.classOf) && t.classOf[e] >= 0 {
			out[e] = number[t.classOf[e]]
		}
	}
	return out
}

// Groups turns groups of entities (entity → group, −1 none) into groups of
// classes: class → the group in which it lies whole, else −1.
func (t *Tree) Groups(assign []int32) []int32 {
	out := make([]int32, len(t.classes))
	for c, members := range t.members { // each has the group of its first member, until another member has another
		if out[c] = -1; int(members[len(members)-1]) < len(assign) {
			out[c] = assign[members[0]]
		}
	}
	for e, class := range t.classOf[:min(len(t.classOf), len(assign))] {
		if class >= 0 && assign[e] != out[class] {
			out[class] = -1
		}
	}
	return out
}

// BirthGroups groups classes by the values of attributes at their birth (RELEASE.md
// section 6): class → group, −1 when its members had several values, and the
// codes of each group, ascending. Without attributes there is one group. It
// panics when an attribute is none of the registry's.
func (t *Tree) BirthGroups(attributes []int) (groups []int32, codes [][]uint32) {
	keys := make([][]uint32, len(t.classes))
	for c := range t.classes {
		key := make([]uint32, 0, len(attributes))
		for _, a := range attributes {
			if code := t.classes[c].birth[a]; code >= 0 {
				key = append(key, uint32(code))
			}
		}
		if len(key) == len(attributes) {
			keys[c] = key
			codes = append(codes, key)
		}
	}
	slices.SortFunc(codes, slices.Compare)
	codes = slices.CompactFunc(codes, slices.Equal)
	groups = make([]int32, len(t.classes))
	for c, key := range keys {
		groups[c] = -1
		if key != nil {
			g, _ := slices.BinarySearchFunc(codes, key, slices.Compare)
			groups[c] = int32(g)
		}
	}
	return groups, codes
}

// derive fills in what follows from the rest.
func (t *Tree) derive() {
	t.members = make([][]int32, len(t.classes))
	t.numbers = make([]int32, len(t.classes))
	for c := range t.numbers {
		t.numbers[c] = int32(c)
	}
	for e, c := range t.classOf {
		if c >= 0 {
			t.members[c] = append(t.members[c], int32(e))
		}
	}
}

// under reports whether node a is node b or below it.
func (t *Tree) under(a, b int32) bool {
	for t.nodes[a].level > t.nodes[b].level {
		a = t.nodes[a].parent
	}
	return a == b
}

// child finds a node's child by its code, −1 when there is none.
func (t *Tree) child(n int32, code uint32) int32 {
	for i := int(n) + 1; i < len(t.nodes); i++ {
		if t.nodes[i].parent == n && t.nodes[i].code == code {
			return int32(i)
		}
	}
	return -1
}

// byPath sorts entities by their codes, level by level, then by index.
func byPath(entities []int32, codes [][]uint32, order []int) {
	slices.SortFunc(entities, func(x, y int32) int {
		for _, a := range order {
			if c := cmp.Compare(codes[a][x], codes[a][y]); c != 0 {
				return c
			}
		}
		return cmp.Compare(x, y)
	})
}

// runs cuts sorted entities where the code of an attribute changes.
func runs(entities []int32, codes []uint32) [][]int32 {
	var out [][]int32
	for from, i := 0, 1; i <= len(entities); i++ {
		if i == len(entities) || codes[entities[i]] != codes[entities[from]] {
			out = append(out, entities[from:i])
			from = i
		}
	}
	return out
}

// births are the codes that all the members have, by attribute.
func births(members []int32, codes [][]uint32) []int64 {
	out := make([]int64, len(codes))
	for a, column := range codes {
		out[a] = int64(column[members[0]])
		if slices.ContainsFunc(members, func(e int32) bool { return column[e] != column[members[0]] }) {
			out[a] = -1
		}
	}
	return out
}

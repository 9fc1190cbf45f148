package disclosure

import (
	"container/heap"
	"fmt"
	"slices"
)

// Grow makes the tree of a registry of so many entities. codes[a][e] is the
// code of entity e's value of attribute a: equal codes, equal values. order are
// the attributes of the levels, nil for the registry's in their order, each as
// long as every node still has k entities. A leaf with fewer than k entities
// joins the smallest class under the same parent (ties: the lower index), the
// result again if need be, and upward. A registry with fewer than k entities has
// no class.
func Grow(k int, codes [][]uint32, order []int, entities int) (*Tree, error) {
	if k < 1 {
		return nil, fmt.Errorf("min_cohort %d, at least 1 is needed", k)
	}
	if err := checkCodes(codes, entities); err != nil {
		return nil, err
	}
	all := make([]int32, entities)
	for e := range all {
		all[e] = int32(e)
	}
	if order == nil {
		order = defaultOrder(k, codes, all)
	}
	for i, a := range order {
		if a < 0 || a >= len(codes) || slices.Contains(order[:i], a) {
			return nil, fmt.Errorf("attribute %d is none of the registry's %d, or comes twice", a, len(codes))
		}
	}
	t := &Tree{k: k, attributes: len(codes), order: slices.Clone(order), nodes: []node{{parent: -1}}, classOf: slices.Repeat([]int32{-1}, entities)}
	byPath(all, codes, order)
	leaves := t.plant(0, all, codes)
	if len(leaves) == 1 && len(leaves[0].members) < k || entities == 0 {
		leaves = nil
	}
	for _, l := range leaves {
		t.enrol(l.node, l.members, codes)
	}
	t.derive()
	return t, nil
}

func checkCodes(codes [][]uint32, entities int) error {
	for a, column := range codes {
		if len(column) != entities {
			return fmt.Errorf("attribute %d has codes of %d entities, want %d", a, len(column), entities)
		}
	}
	return nil
}

// defaultOrder takes attributes in the registry's order up to the first with
// which a node would have fewer than k entities.
func defaultOrder(k int, codes [][]uint32, all []int32) []int {
	order := []int{}
	nodes := [][]int32{slices.Clone(all)}
	for a, column := range codes {
		var next [][]int32
		for _, n := range nodes {
			byPath(n, codes, []int{a})
			next = append(next, runs(n, column)...)
		}
		if slices.ContainsFunc(next, func(n []int32) bool { return len(n) < k }) {
			break
		}
		order, nodes = append(order, a), next
	}
	return order
}

// leaf is a class in the making.
type leaf struct {
	node    int32
	members []int32
}

// plant makes the nodes below node n, whose entities are sorted by path, and
// returns the classes there. At most one of them, then the only one, has fewer
// than k members.
func (t *Tree) plant(n int32, entities []int32, codes [][]uint32) []leaf {
	level := t.nodes[n].level
	if level == len(t.order) || len(entities) == 0 {
		return []leaf{{n, slices.Clone(entities)}}
	}
	column := codes[t.order[level]]
	var leaves []leaf
	for _, run := range runs(entities, column) {
		child := int32(len(t.nodes))
		t.nodes = append(t.nodes, node{parent: n, level: level + 1, code: column[run[0]]})
		leaves = append(leaves, t.plant(child, run, codes)...)
	}
	return joinSmall(leaves, t.k, n)
}

// joinSmall joins classes under node n until none has fewer than k members or
// only one is left: always the smallest with the smallest other, ties the lower
// index. A joined class takes the lower index.
func joinSmall(leaves []leaf, k int, n int32) []leaf {
	q := &smallest{leaves: leaves}
	for i := range leaves {
		q.order = append(q.order, i)
	}
	heap.Init(q)
	for q.Len() > 1 && len(leaves[q.order[0]].members) < k {
		a := heap.Pop(q).(int)
		b := heap.Pop(q).(int)
		into, from := min(a, b), max(a, b)
		leaves[into] = leaf{n, append(leaves[into].members, leaves[from].members...)}
		leaves[from].members = nil
		heap.Push(q, into)
	}
	return slices.DeleteFunc(leaves, func(l leaf) bool { return len(l.members) == 0 })
}

// smallest is a heap of indexes of leaves by size, then index.
type smallest struct {
	leaves []leaf
	order  []int
}

func (s *smallest) Len() int { return len(s.order) }
func (s *smallest) Less(i, j int) bool {
	a, b := s.order[i], s.order[j]
	if x, y := len(s.leaves[a].members), len(s.leaves[b].members); x != y {
		return x < y
	}
	return a < b
}
func (s *smallest) Swap(i, j int) { s.order[i], s.order[j] = s.order[j], s.order[i] }
func (s *smallest) Push(x any)    { s.order = append(s.order, x.(int)) }
func (s *smallest) Pop() any {
	last := s.order[len(s.order)-1]
	s.order = s.order[:len(s.order)-1]
	return last
}

// enrol makes a class of entities of the pool.
func (t *Tree) enrol(n int32, members []int32, codes [][]uint32) {
	for _, e := range members {
		t.classOf[e] = int32(len(t.classes))
	}
	t.classes = append(t.classes, class{node: n, born: len(t.classOf), birth: births(members, codes)})
}

// Extend takes in the entities that were appended to the registry, which now
// has so many, and returns the tree with the classes that the pool has become
// able to form: deepest nodes first, each with k of the pool's entities, and
// none that spans several values of the first attribute. Codes are those of now.
func (t *Tree) Extend(codes [][]uint32, entities int) (*Tree, error) {
	switch {
	case entities < len(t.classOf):
		return nil, fmt.Errorf("a registry of %d entities, the tree knows %d", entities, len(t.classOf))
	case len(codes) != t.attributes:
		return nil, fmt.Errorf("codes of %d attributes, the registry has %d", len(codes), t.attributes)
	}
	if err := checkCodes(codes, entities); err != nil {
		return nil, err
	}
	u := &Tree{
		k: t.k, attributes: t.attributes, order: t.order,
		nodes: slices.Clone(t.nodes), classes: slices.Clone(t.classes),
		classOf: append(slices.Clone(t.classOf), slices.Repeat([]int32{-1}, entities-len(t.classOf))...),
	}
	var pool []int32
	for e, c := range u.classOf {
		if c < 0 {
			pool = append(pool, int32(e))
		}
	}
	byPath(pool, codes, u.order)
	u.gather(pool, nil, codes)
	u.derive()
	return u, nil
}

// gather makes classes of the pool's entities whose codes begin with path, and
// returns those that are left over.
func (t *Tree) gather(pool []int32, path []uint32, codes [][]uint32) []int32 {
	rest := pool
	if level := len(path); level < len(t.order) {
		column := codes[t.order[level]]
		rest = nil
		for _, run := range runs(pool, column) {
			rest = append(rest, t.gather(run, append(slices.Clone(path), column[run[0]]), codes)...)
		}
	}
	spans := len(path) == 0 && len(t.order) > 0
	if spans || len(rest) < t.k {
		return rest
	}
	n := int32(0)
	for _, code := range path {
		next := t.child(n, code)
		if next < 0 {
			next = int32(len(t.nodes))
			t.nodes = append(t.nodes, node{parent: n, level: t.nodes[n].level + 1, code: code})
		}
		n = next
	}
	t.enrol(n, rest, codes)
	return nil
}

package disclosure

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// codesOf are rows of letters, an attribute each.
func codesOf(attributes ...string) (codes [][]uint32, entities int) {
	for _, text := range attributes {
		var column []uint32
		for _, c := range letters(text) {
			column = append(column, uint32(c))
		}
		codes, entities = append(codes, column), len(column)
	}
	return codes, entities
}

func grown(t *testing.T, k int, order []int, attributes ...string) *Tree {
	t.Helper()
	codes, entities := codesOf(attributes...)
	tree, err := Grow(k, codes, order, entities)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// classesText is the classes' members.
func classesText(tree *Tree) string {
	var out []string
	for c := range tree.Classes() {
		out = append(out, fmt.Sprint(tree.Members(int32(c))))
	}
	return fmt.Sprint(out)
}

func TestASmallLeafJoinsItsSmallestSibling(t *testing.T) {
	for _, c := range []struct {
		about, county, industry string
		k                       int
		want                    string
	}{
		{"all are large", "AAABBB", "pppqqq", 3, "[[0 1 2] [3 4 5]]"},
		{"a small industry joins the smallest of its county", "AAAAAAAA BB", "pppqqqqr ss", 2, "[[0 1 2 7] [3 4 5 6] [8 9]]"},
		{"two small ones join each other first", "AAAAAAA", "pppqqrs", 2, "[[0 1 2] [3 4] [5 6]]"},
		{"the result joins again", "AAAAAAAAA", "ppppqqqrs", 3, "[[0 1 2 3] [4 5 6 7 8]]"},
		{"ties take the lower index", "AAAAA", "ppqqr", 2, "[[0 1 4] [2 3]]"},
		{"a small county joins the smallest class beside it", "AAAAA B", "ppqqq p", 2, "[[0 1 5] [2 3 4]]"},
		{"a registry of fewer than k has no class", "AAB", "ppp", 4, "[]"},
	} {
		t.Run(c.about, func(t *testing.T) {
			tree := grown(t, c.k, []int{0, 1}, c.county, c.industry)
			if got := classesText(tree); got != c.want {
				t.Errorf("classes %s, want %s", got, c.want)
			}
		})
	}
}

func TestAClassOfTwoCountiesLiesUnderTheRoot(t *testing.T) {
	tree := grown(t, 2, []int{0, 1}, "AAAAA B", "ppqqq p")
	if n := tree.classes[0].node; n != 0 {
		t.Errorf("the class of two counties lies under node %d", n)
	}
	groups, codes := tree.BirthGroups([]int{0})
	if !slices.Equal(groups, []int32{-1, 0}) || len(codes) != 1 || codes[0][0] != 'A' {
		t.Errorf("groups %v of %v", groups, codes)
	}
	if groups, codes = tree.BirthGroups(nil); !slices.Equal(groups, []int32{0, 0}) || len(codes) != 1 {
		t.Errorf("in total: groups %v of %v", groups, codes)
	}
}

func TestTheOrderOfAttributesComesFromCubes(t *testing.T) {
	attributes := []string{"county", "industry", "basin"}
	order, err := Order([][]string{{"basin", "county"}, {"county", "industry"}}, attributes)
	if err != nil || !slices.Equal(order, []int{2, 0, 1}) {
		t.Errorf("order %v, %v", order, err)
	}
	if order, err = Order(nil, attributes); order != nil || err != nil {
		t.Errorf("without cubes: %v, %v", order, err)
	}
	if _, err = Order([][]string{{"river"}}, attributes); err == nil {
		t.Error("an attribute that is not there makes an order")
	}
}

func TestWithoutCubesAttributesAreTakenWhileEveryNodeHasK(t *testing.T) {
	for _, c := range []struct {
		attributes []string
		want       []int
	}{
		{[]string{"AAAABBBB", "ppqqppqq", "rsrsrsrs"}, []int{0, 1}},
		{[]string{"AAAAAAAB", "ppqqppqq"}, []int{}},
		{[]string{"AAAABBBB"}, []int{0}},
	} {
		tree := grown(t, 2, nil, c.attributes...)
		if got := tree.Levels(); !slices.Equal(got, c.want) {
			t.Errorf("%v: levels %v, want %v", c.attributes, got, c.want)
		}
	}
}

func TestThePoolBecomesClassesAtTheDeepestNodeThatHasK(t *testing.T) {
	tree := grown(t, 2, []int{0, 1}, "AABB", "pppp")
	extend := func(tree *Tree, attributes ...string) *Tree {
		t.Helper()
		codes, entities := codesOf(attributes...)
		out, err := tree.Extend(codes, entities)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	one := extend(tree, "AABB A", "pppp p")
	if got := classesText(one); got != "[[0 1] [2 3]]" || one.Class(4) != -1 {
		t.Errorf("one entity waits: %s", got)
	}
	// One more industry of the county: not the industry, but the county has two.
	county := extend(one, "AABB AA", "pppp pq")
	if got := classesText(county); got != "[[0 1] [2 3] [4 5]]" || county.nodes[county.classes[2].node].level != 1 {
		t.Errorf("a class of a county: %s", got)
	}
	industries := extend(one, "AABB AAA", "pppp pqq")
	if got := classesText(industries); got != "[[0 1] [2 3] [5 6]]" || industries.Class(4) != -1 {
		t.Errorf("a class of an industry: %s", got)
	}
	// Two counties never make one.
	counties := extend(one, "AABB ACD", "pppp ppp")
	if counties.Classes() != 2 {
		t.Errorf("classes of several counties from the pool: %s", classesText(counties))
	}
	if n := county.ClassesBy(5); n != 2 {
		t.Errorf("%d classes of a registry of 5, want 2", n)
	}
	if _, err := county.Extend(nil, 6); err == nil {
		t.Error("codes of no attribute extend a tree of two")
	}
	codes, _ := codesOf("AABB", "pppp")
	if _, err := county.Extend(codes, 4); err == nil {
		t.Error("a shorter registry extends a tree")
	}
}

func TestACorrectedAttributeTakesTheClassOutOfItsGroup(t *testing.T) {
	tree := grown(t, 2, []int{0}, "AABB")
	if got := tree.Groups([]int32{0, 0, 1, 1}); !slices.Equal(got, []int32{0, 1}) {
		t.Errorf("groups %v", got)
	}
	if got := tree.Groups([]int32{0, 1, 1, 1}); !slices.Equal(got, []int32{-1, 1}) {
		t.Errorf("after a correction: %v", got)
	}
}

// drawTree draws a tree and extends it now and then.
func drawTree(t *rapid.T) *Tree {
	attributes := rapid.IntRange(0, 3).Draw(t, "attributes")
	draw := func(n int) [][]uint32 {
		codes := make([][]uint32, attributes)
		for a := range codes {
			codes[a] = rapid.SliceOfN(rapid.Uint32Range(0, 4), n, n).Draw(t, "codes")
		}
		return codes
	}
	n := rapid.IntRange(0, 60).Draw(t, "entities")
	codes := draw(n)
	var order []int
	if rapid.Bool().Draw(t, "cubes") {
		order = rapid.Permutation(slices.Collect(func(yield func(int) bool) {
			for a := range attributes {
				if !yield(a) {
					return
				}
			}
		})).Draw(t, "order")
	}
	tree, err := Grow(rapid.IntRange(1, 6).Draw(t, "k"), codes, order, n)
	if err != nil {
		t.Fatal(err)
	}
	for range rapid.IntRange(0, 3).Draw(t, "extensions") {
		more := rapid.IntRange(0, 20).Draw(t, "more")
		next := draw(more)
		for a := range codes {
			codes[a] = append(codes[a], next[a]...)
		}
		n += more
		before := classesText(tree)
		bigger, err := tree.Extend(codes, n)
		if err != nil {
			t.Fatal(err)
		}
		if classesText(tree) != before || before[:len(before)-1] != classesText(bigger)[:len(before)-1] {
			t.Fatalf("extending changed classes: %s, then %s", before, classesText(bigger))
		}
		tree = bigger
	}
	return tree
}

func TestClassesAreDisjointAndOfKAndComeBackFromTheirBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree := drawTree(t)
		seen := map[int32]bool{}
		for c := range tree.Classes() {
			members := tree.Members(int32(c))
			if len(members) < tree.k {
				t.Fatalf("class %d has %d entities, fewer than %d", c, len(members), tree.k)
			}
			for _, e := range members {
				if seen[e] || tree.Class(int(e)) != int32(c) {
					t.Fatalf("entity %d is in class %d too", e, c)
				}
				seen[e] = true
			}
		}
		data := tree.Encode()
		back, err := ParseTree(data)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(back.Encode(), data) || classesText(back) != classesText(tree) {
			t.Fatal("another tree came back")
		}
	})
}

func FuzzParseTree(f *testing.F) {
	codes, entities := codesOf("AABBC", "ppqqp")
	tree, err := Grow(2, codes, []int{0, 1}, entities)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(tree.Encode())
	f.Add([]byte{treeFormat, 2})
	f.Fuzz(func(t *testing.T, data []byte) {
		tree, err := ParseTree(data)
		if err == nil && !bytes.Equal(tree.Encode(), data) {
			t.Error("bytes that are not canonical were read")
		}
	})
}

func TestBytesThatAreNoTreeAreRefused(t *testing.T) {
	data := grown(t, 2, []int{0, 1}, "AABBC", "ppqqp").Encode()
	for i := range data {
		if _, err := ParseTree(data[:i]); err == nil {
			t.Errorf("the first %d bytes were read", i)
		}
		for _, b := range []byte{0, 1, 0x7f, 0x80, 0xff} {
			changed := slices.Clone(data)
			changed[i] = b
			if tree, err := ParseTree(changed); err == nil && !bytes.Equal(tree.Encode(), changed) {
				t.Errorf("byte %d as %d: another tree was read", i, b)
			}
		}
	}
	if _, err := ParseTree(append(slices.Clone(data), 0)); err == nil {
		t.Error("bytes behind the tree were read over")
	}
}

func TestGrowRefusesWhatIsNoRegistry(t *testing.T) {
	codes, n := codesOf("AABB")
	for about, grow := range map[string]func() (*Tree, error){
		"k of 0":                   func() (*Tree, error) { return Grow(0, codes, nil, n) },
		"codes of too few":         func() (*Tree, error) { return Grow(2, codes, nil, n+1) },
		"an attribute not there":   func() (*Tree, error) { return Grow(2, codes, []int{1}, n) },
		"an attribute named twice": func() (*Tree, error) { return Grow(2, codes, []int{0, 0}, n) },
	} {
		if _, err := grow(); err == nil {
			t.Errorf("%s grows a tree", about)
		}
	}
}

package judge

import (
	"fmt"
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/catalog/statetest"
	"github.com/weirdata/weir/catalog/tables"
	"pgregory.net/rapid"
)

// TestGroupsAreSplitAtOnceAsOneByOne: by several attributes in one pass, and by their
// values row by row.
func TestGroupsAreSplitAtOnceAsOneByOne(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(rt, "rows")
		rows, assign := make([][]string, n), make([]int32, n)
		for i := range rows {
			rows[i] = []string{fmt.Sprintf("e%02d", i)}
			for range 3 {
				rows[i] = append(rows[i], rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "value"))
			}
			assign[i] = rapid.Int32Range(-1, 0).Draw(rt, "selected")
		}
		table, err := tables.New([]string{"x", "y", "z"}, rows)
		if err != nil {
			rt.Fatal(err)
		}
		dims := []catalog.Dimension{statetest.Attribute("y"), statetest.Attribute("z"), statetest.Attribute("x")}[:rapid.IntRange(2, 3).Draw(rt, "dimensions")]
		var keys []string // of selected rows
		key := func(i int) string { return fmt.Sprint(table.Values(i, dims)) }
		for i, g := range assign {
			if g == 0 {
				keys = append(keys, key(i))
			}
		}
		slices.Sort(keys)
		keys = slices.Compact(keys)
		at, one := slices.Clone(assign), slices.Clone(assign)
		if !refineAtOnce(at, table, dims) {
			rt.Fatal("so few values are not split at once")
		}
		for _, d := range dims {
			refine(one, table.Codes(d))
		}
		for i, g := range assign {
			want := int32(-1)
			if g == 0 {
				want = int32(slices.Index(keys, key(i)))
			}
			if at[i] != want || one[i] != want {
				rt.Fatalf("row %d %v is in group %d at once and %d one by one, want %d", i, rows[i], at[i], one[i], want)
			}
		}
	})
}

func TestBitsAreCopiedOneByOne(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		set := disclosure.Bits(rapid.SliceOfN(rapid.Uint64(), 0, 5).Draw(rt, "set"))
		from := rapid.IntRange(0, 300).Draw(rt, "from")
		to, at := from+rapid.IntRange(0, 200).Draw(rt, "length"), rapid.IntRange(0, 200).Draw(rt, "at")
		got, want := make(disclosure.Bits, 8), make(disclosure.Bits, 8)
		copyBits(got, at, set, from, to)
		for i := from; i < to; i++ {
			if set.Has(i) {
				want = want.Set(at + i - from)
			}
		}
		if !slices.Equal(got, want) {
			rt.Fatalf("%x, want %x", got, want)
		}
	})
}

package tables

import (
	"fmt"
	"testing"

	"github.com/weirdata/weir/catalog"
)

func TestDigestsTellChunksAndCellsApart(t *testing.T) {
	seen := map[catalog.Digest]string{}
	for name, rows := range map[string][][]string{
		"none": nil, "one empty row": {{}}, "ab": {{"ab"}}, "a b": {{"a", "b"}}, "a, b": {{"a"}, {"b"}}, "empty cell": {{"ab", ""}},
	} {
		d := RowsDigest(rows)
		if other, same := seen[d]; same {
			t.Fatalf("%s and %s have the same digest", name, other)
		}
		seen[d] = name
	}
	b := [][][]byte{{{1}, {2}}, {{3}, {4}}}
	base := CountsDigest(8, 5, []string{"a", "b"}, b, nil)
	for i, d := range []catalog.Digest{
		CountsDigest(7, 5, []string{"a", "b"}, b, nil), CountsDigest(8, 6, []string{"a", "b"}, b, nil),
		CountsDigest(8, 5, []string{"b", "a"}, b, nil), CountsDigest(8, 5, []string{"a"}, b[:1], nil),
		CountsDigest(8, 5, []string{"a", "b"}, [][][]byte{{{1}, {3}}, {{2}, {4}}}, nil),
	} {
		if d == base {
			t.Fatal(fmt.Sprint("case ", i, " has the same digest"))
		}
	}
}

package catalog

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestDigestText(t *testing.T) {
	d := Sum([]byte("x"))
	var back struct{ D Digest }
	b, err := json.Marshal(struct{ D Digest }{d})
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &back); err != nil || back.D != d {
		t.Fatal(err, back)
	}
	for _, s := range []string{"", "00", strings.ToUpper(d.String()), strings.Repeat("g", 64), d.String() + "0"} {
		if _, err := ParseDigest(s); err == nil {
			t.Errorf("%q is accepted", s)
		}
		if err := json.Unmarshal([]byte(`{"D":"`+s+`"}`), &back); err == nil {
			t.Errorf("%q is unmarshalled", s)
		}
	}
}

func TestDigestsTellChunksAndCellsApart(t *testing.T) {
	seen := map[Digest]string{}
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
	for i, d := range []Digest{
		CountsDigest(7, 5, []string{"a", "b"}, b, nil), CountsDigest(8, 6, []string{"a", "b"}, b, nil),
		CountsDigest(8, 5, []string{"b", "a"}, b, nil), CountsDigest(8, 5, []string{"a"}, b[:1], nil),
		CountsDigest(8, 5, []string{"a", "b"}, [][][]byte{{{1}, {3}}, {{2}, {4}}}, nil),
	} {
		if d == base {
			t.Fatal(fmt.Sprint("case ", i, " has the same digest"))
		}
	}
}

package statetest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/disclosure"
)

func TestDeclaredNewsComesBackFromTheLedger(t *testing.T) {
	declared := []disclosure.SourceNews{
		{Column: 0, Period: 3, News: disclosure.Bits{}.Set(0).Set(9).Set(70)},
		{Column: 0, Period: 4}, // nothing: left out
		{Column: 1, Period: 3, News: disclosure.Bits{}.Set(77), Equal: []disclosure.EqualClasses{{Version: 1, Classes: []int32{0, 5}}, {Version: 2}}},
	}
	written := WriteNews(declared, 78)
	want := []catalog.SourceNews{
		{Column: 0, Period: 3, News: []byte{1, 2, 0, 0, 0, 0, 0, 0, 64, 0}},
		{Column: 1, Period: 3, News: []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 32}, Equal: []catalog.EqualClasses{{Version: 1, Classes: []int32{0, 5}}}},
	}
	if d := cmp.Diff(want, written); d != "" {
		t.Fatalf("(-want +written)\n%s", d)
	}
	back := disclosure.ReadNews(written)
	if len(back) != 2 || !back[0].News.Has(0) || !back[0].News.Has(9) || !back[0].News.Has(70) || back[0].News.Count() != 3 || back[1].News.Count() != 1 || !back[1].News.Has(77) {
		t.Errorf("read %+v", back)
	}
	if d := cmp.Diff([]disclosure.EqualClasses{{Version: 1, Classes: []int32{0, 5}}}, back[1].Equal); d != "" {
		t.Errorf("(-want +read)\n%s", d)
	}
	for i, n := range written {
		if r := n.Check("news", 78, 3); r != nil {
			t.Errorf("source %d: %v", i, r)
		}
	}
}

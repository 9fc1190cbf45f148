package panel_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"github.com/weirdata/weir/compute/panel"
)

// A bureau's workbook with a station merged over its months is refused, and read where the
// descriptor says merged: fill; a reading that is merged over rows is refused in any case.
func TestMergedIdsAreFilledWhereTheDescriptorSaysSo(t *testing.T) {
	book := func(merged ...string) string {
		f := excelize.NewFile()
		defer f.Close() //nolint:errcheck // of the test's own
		for i, r := range [][]any{{"s", "m", "X"}, {"a", "2024-01", 1}, {nil, "2024-02", 2}, {nil, "2024-03", 3}, {"b", "2024-01", 4}} {
			if err := f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &r); err != nil {
				t.Fatal(err)
			}
		}
		for _, m := range merged {
			from, to, _ := strings.Cut(m, ":")
			if err := f.MergeCell("Sheet1", from, to); err != nil {
				t.Fatal(err)
			}
		}
		var out bytes.Buffer
		if err := f.Write(&out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	fill := descriptor(byStation, byMonth, aMeasure, "merged: fill\n")
	for _, c := range []struct{ descriptor, content, want string }{
		{fill, book("A2:A4"), "a@2024-01 x=10; a@2024-02 x=20; a@2024-03 x=30; b@2024-01 x=40"},
		{descriptor(byStation, byMonth, aMeasure, ""), book("A2:A4"), "cell A3 of sheet"},
		{descriptor(byStation, byMonth, aMeasure, "merged: refuse\n"), book("A2:A4"), "cell A3 of sheet"},
		{fill, book("A2:A4", "C2:C3"), "cell C3 of sheet"},
		{descriptor(byStation, byMonth, aMeasure, "merged: copy\n"), book(), `"copy" is not known; want refuse, fill`},
	} {
		if got := read(t, c.descriptor, mem("f.xlsx", c.content)); got != c.want && !strings.Contains(got, c.want) {
			t.Errorf("%q\nwant %q", got, c.want)
		}
	}
	src, err := panel.ReadDescriptor("d.yaml", strings.NewReader(fill))
	if err != nil {
		t.Fatal(err)
	}
	p, _, err := panel.Read(t.Context(), src, nil, []panel.File{mem("f.xlsx", book("A2:A4"))}, panel.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if n := p.Report.Files[0].Filled; n != 2 {
		t.Errorf("%d cells filled, want 2", n)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

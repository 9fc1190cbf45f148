package result

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/weirdata/weir/compute/suggest"
)

func drawn(t *testing.T, table *Table, columns int) string {
	t.Helper()
	var b bytes.Buffer
	if err := table.Plot(&b, columns); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if n := suggest.TextWidth(strings.TrimSuffix(line, "\n")); n > columns {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	return b.String()
}

// TestBarsAreAsLongAsTheirFigures, from zero, to an eighth of a column.
func TestBarsAreAsLongAsTheirFigures(t *testing.T) {
	table := &Table{
		Columns: []Column{{Name: "区", Type: TypeText}, {Name: "sum(x)", Type: TypeDecimal, Unit: "kg"}, {Name: "count(*)", Type: TypeInteger}},
		Rows:    [][]any{{"桃城", "10.0", int64(3)}, {"a", "-10.0", int64(0)}, {"b", nil, int64(1)}, {"c", "2.5", int64(3)}},
	}
	want := "sum(x) (kg)\n" +
		"桃城   10.0            ██████████\n" +
		"a     -10.0  ██████████\n" +
		"b      NULL\n" +
		"c       2.5            ██▌\n" +
		"\ncount(*)\n" +
		"桃城  3  ████████████████████████\n" +
		"a     0\n" +
		"b     1  ████████\n" +
		"c     3  ████████████████████████\n"
	if got := drawn(t, table, 33); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestALineHasAPointForEveryFigure, higher for greater ones.
func TestALineHasAPointForEveryFigure(t *testing.T) {
	table := &Table{Columns: []Column{{Name: "period", Type: TypePeriod}, {Name: "avg(x)", Type: TypeDecimal}}}
	for m := range 12 {
		table.Rows = append(table.Rows, []any{fmt.Sprintf("2024-%02d", m+1), fmt.Sprint(m * m)})
	}
	table.Rows[5][1] = nil
	lines := strings.Split(drawn(t, table, 60), "\n")
	if len(lines) != lineHeight+3 || !strings.HasPrefix(lines[1], "121 ┤") || !strings.HasPrefix(lines[lineHeight], "  0 ┤●") ||
		!strings.HasPrefix(lines[lineHeight+1], "     2024-01") || !strings.HasSuffix(lines[lineHeight+1], "2024-12") {
		t.Errorf("drawn\n%s", strings.Join(lines, "\n"))
	}
	if n := strings.Count(strings.Join(lines, ""), "●"); n != 11 {
		t.Errorf("%d points of 11 figures", n)
	}
	for m := range 1000 { // more than there are columns
		table.Rows = append(table.Rows, []any{fmt.Sprintf("%04d", 3000+m), "1"})
	}
	drawn(t, table, 60)
	table.Rows = [][]any{{"2024", nil}, {"2025", nil}, {"2026", nil}}
	if got := drawn(t, table, 60); !strings.Contains(got, "no figures") {
		t.Errorf("drawn\n%s", got)
	}
	if err := table.Plot(fullDisk{}, 60); !errors.Is(err, errFull) {
		t.Errorf("error %v, want %v", err, errFull)
	}
}

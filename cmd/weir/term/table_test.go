package term

import (
	"slices"
	"strings"
	"testing"
)

// contracts is a table that is far wider than a terminal.
func contracts() Table {
	t := Table{
		Head:     []string{"contract", "dataset", "buyer", "state", "until", "used", "queries", "purpose", "reason"},
		Optional: []string{"reason", "until", "buyer"},
	}
	t.Add("c-2792dec8", "beijing_air", "p-9e32aa10", "active", "2027-11-30 16:00:00Z", "3", "any", "sector risk, annual review of the county's plants", "")
	t.Add("c-245a0b1c", "plants", "p-9e32aa10", "suspended", "2027-11-30 16:00:00Z", "12", "100", "credit risk", "as agreed")
	return t
}

func TestColumnsThatHaveNoRoomAreLeftOutTheLeastImportantFirst(t *testing.T) {
	for _, c := range []struct {
		columns int
		want    []string
	}{
		{0, nil},
		{200, nil},
		{116, nil},
		{110, []string{"reason"}},
		{90, []string{"reason", "until"}},
		{40, []string{"reason", "until", "buyer"}},
	} {
		fitted, leftOut := contracts().Fit(c.columns)
		if !slices.Equal(leftOut, c.want) {
			t.Errorf("%d columns leave out %q, want %q", c.columns, leftOut, c.want)
		}
		for _, name := range leftOut {
			if slices.Contains(fitted.Head, name) {
				t.Errorf("%d columns: %s is still there", c.columns, name)
			}
		}
	}
}

// A column without any text is the first to make room, whatever its importance.
func TestColumnsWithoutTextAreLeftOutFirst(t *testing.T) {
	x := contracts()
	for _, row := range x.Rows {
		row[2] = "" // buyer
	}
	if _, leftOut := x.Fit(100); !slices.Equal(leftOut, []string{"buyer", "reason"}) {
		t.Errorf("left out %q", leftOut)
	}
}

// No line is wider than the terminal, and no word is broken as long as blanks do.
func TestWideTableFitsTheTerminalWithItsWordsWhole(t *testing.T) {
	for _, columns := range []int{200, 120, 100, 80} {
		fitted, _ := contracts().Fit(columns)
		var b strings.Builder
		if err := fitted.Write(&b, columns); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if n := Width(strings.TrimSuffix(line, "\n")); n > columns {
				t.Errorf("%d columns: a line has %d: %s", columns, n, line)
			}
		}
		for _, word := range []string{"c-2792dec8", "beijing_air", "suspended", "review"} {
			if !strings.Contains(b.String(), word) {
				t.Errorf("%d columns: %s is broken in\n%s", columns, word, b.String())
			}
		}
	}
}

// A file or pipe gets a row as a line.
func TestTableWithoutATerminalIsAsWideAsItsCells(t *testing.T) {
	var b strings.Builder
	if err := contracts().Write(&b, 0); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "\n"); n != 3 {
		t.Errorf("%d lines, want 3:\n%s", n, b.String())
	}
}

func TestTurnedTableHasARowForEveryColumn(t *testing.T) {
	x := Table{Head: []string{"node", "ready", "blobs"}, Rows: [][]string{{"n1", "yes", "4"}, {"n2", "no", "3"}}}
	var b strings.Builder
	if err := x.Turned().Write(&b, 80); err != nil {
		t.Fatal(err)
	}
	if want := "node   n1   n2\nready  yes  no\nblobs  4    3\n"; b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestWidthCountsColumnsOfATerminal(t *testing.T) {
	for text, want := range map[string]int{"": 0, "µg/m³": 5, "衡水湖": 6, "e\u0301": 1, "a—b…": 4, "█": 1, "（": 2} {
		if got := Width(text); got != want {
			t.Errorf("%q is %d wide, want %d", text, got, want)
		}
	}
	if got := Cut("衡水湖", 6); got != "衡水" {
		t.Errorf("cut to %q", got)
	}
}

func TestTableAlignsChineseAndDisarmsControlCharacters(t *testing.T) {
	var b strings.Builder
	if err := (Table{Head: []string{"title", "n"}, Rows: [][]string{{"水质", "1"}, {"a\x1b[2Jb", "2"}}}).Write(&b, 0); err != nil {
		t.Fatal(err)
	}
	want := "title      n\n水质       1\na\\x1b[2Jb  2\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

package term

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestTextIsWrappedWhereItMayBe(t *testing.T) {
	for _, c := range []struct {
		text    string
		columns int
		want    []string
	}{
		{"", 10, []string{""}},
		{"one two three", 7, []string{"one two", "three"}},
		{"one two three", 80, []string{"one two three"}},
		{"unbreakable", 4, []string{"unbr", "eaka", "ble"}},
		{"衡水湖稳定保持", 6, []string{"衡水湖", "稳定保", "持"}},
		{"衡水湖，稳定", 6, []string{"衡水", "湖，稳", "定"}},
		{"水质（三类）达标", 6, []string{"水质", "（三", "类）达", "标"}},
		{"PM2.5平均 浓度", 9, []string{"PM2.5平均", "浓度"}},
		{"name_zh,name_en,county", 17, []string{"name_zh,name_en,", "county"}},
		{"1,234,567 kg", 9, []string{"1,234,567", "kg"}},
		{"--dir /tmp/weir/x", 9, []string{"--dir", "/tmp/weir", "/x"}},
		{"a\tb\nc", 3, []string{"a b", "c"}},
	} {
		if got := Wrap(c.text, c.columns); !slices.Equal(got, c.want) {
			t.Errorf("%q in %d columns: %q, want %q", c.text, c.columns, got, c.want)
		}
	}
}

// No line is wider than the terminal, and nothing but blanks is lost.
func TestWrappingKeepsTheTextAndTheWidth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune("ab ,（）衡水湖，。µ")), 0, 60, -1).Draw(t, "text")
		columns := rapid.IntRange(4, 30).Draw(t, "columns")
		lines := Wrap(text, columns)
		for _, line := range lines {
			if Width(line) > columns {
				t.Fatalf("%q is %d wide", line, Width(line))
			}
		}
		squeeze := func(s string) string { return strings.ReplaceAll(s, " ", "") }
		if squeeze(strings.Join(lines, "")) != squeeze(text) {
			t.Fatalf("%q is wrapped as %q", text, lines)
		}
	})
}

// A table fits where it can, and its columns line up although cells take several lines.
func TestTableIsFittedIntoTheTerminal(t *testing.T) {
	s := Table{Head: []string{"section", "断面", "what was found there"}}
	s.Add("Hengshui Lake 1", "衡水湖一断面", "within class III on every day of the year")
	s.Add("Canal", "运河", "nothing")
	var b strings.Builder
	if err := s.Write(&b, 44); err != nil {
		t.Fatal(err)
	}
	want := `section          断面          what was
                               found there
Hengshui Lake 1  衡水湖一断面  within class
                               III on every
                               day of the
                               year
Canal            运河          nothing
`
	if got := b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

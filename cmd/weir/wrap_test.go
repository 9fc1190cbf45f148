package main

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
		{"a\tb\nc", 3, []string{"a b", "c"}},
	} {
		if got := wrapped(c.text, c.columns); !slices.Equal(got, c.want) {
			t.Errorf("%q in %d columns: %q, want %q", c.text, c.columns, got, c.want)
		}
	}
}

// No line is wider than the terminal, and nothing but blanks is lost.
func TestWrappingKeepsTheTextAndTheWidth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune("ab ,（）衡水湖，。µ")), 0, 60, -1).Draw(t, "text")
		columns := rapid.IntRange(4, 30).Draw(t, "columns")
		lines := wrapped(text, columns)
		for _, line := range lines {
			if textWidth(line) > columns {
				t.Fatalf("%q is %d wide", line, textWidth(line))
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
	s := sheet{head: []string{"section", "断面", "what was found there"}}
	s.add("Hengshui Lake 1", "衡水湖一断面", "within class III on every day of the year")
	s.add("Canal", "运河", "nothing")
	var b strings.Builder
	if err := writeFitted(&b, s, 44); err != nil {
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

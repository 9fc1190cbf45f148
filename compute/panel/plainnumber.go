package panel

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/decimal"
)

// thousands are digits in groups of three, as spreadsheets print them.
var thousands = regexp.MustCompile(`^[+-]?[1-9][0-9]{0,2}([,' _\x{00a0}][0-9]{3})+(\.[0-9]+)?$`)

// decimalComma is a number with a comma for the point, as much of Europe writes it.
var decimalComma = regexp.MustCompile(`^[+-]?[0-9]+,[0-9]+$`)

// separators are what may stand between such groups.
var separators = strings.NewReplacer(",", "", "'", "", " ", "", "_", "", "\u00a0", "")

// plainNumber is how a number is written plainly that is not: with full-width
// digits, a minus sign that is none, separators between thousands, a comma for the
// point, or an exponent.
// It only says what was probably meant: nothing is read so.
func plainNumber(text string) (string, bool) {
	if len(text) > 80 {
		return "", false
	}
	plain := strings.TrimSpace(strings.Map(func(c rune) rune {
		switch {
		case c >= '！' && c <= '～': // the full-width forms of ASCII
			return c - ('！' - '!')
		case c == '\u2212' || c == '\u2013' || c == '\ufe63': // minus sign, dash, small hyphen
			return '-'
		}
		return c
	}, text))
	switch {
	case thousands.MatchString(plain):
		plain = separators.Replace(plain)
	case decimalComma.MatchString(plain):
		plain = strings.Replace(plain, ",", ".", 1)
	}
	plain, ok := expandExponent(plain)
	return plain, ok && plain != text
}

// wantNumber says what a measure's readings look like: as plain a number as the one
// that was probably meant, where that would do.
func (r *rowReader) wantNumber(x *rule, text string) string {
	measure := x.measure
	if plain, ok := plainNumber(text); ok {
		if v, fault := decimal.ParseUnits(plain, measure.Decimals); fault == decimal.OK && v >= measure.Min && v <= measure.Max {
			return "write " + plain + r.declareNumbers(text)
		}
	}
	want := fmt.Sprintf("want a plain decimal from %s, %s", rangeOf(measure), missingWords(x.texts))
	if trimmed := strings.TrimSpace(text); marksNothing[strings.ToLower(trimmed)] {
		want += fmt.Sprintf("; if %q says that there is none, list it under missing in the descriptor", trimmed)
	}
	if text == "TRUE" || text == "FALSE" {
		want += "; a cell that is true or false is no number: write 1 and 0, if these are meant"
	}
	return want
}

// declareNumbers says how a number with marks between its digits is declared, where there is a
// way: all numbers of a file are mostly written so.
func (r *rowReader) declareNumbers(text string) string {
	if r.src.File.Decimal != "" || r.src.File.Thousands != "" {
		return ""
	}
	for _, f := range []FileForm{{Thousands: ","}, {Decimal: ","}, {Decimal: ",", Thousands: "."}, {Thousands: " "}, {Thousands: "'"}} {
		plain, ok := f.plain(strings.TrimFunc(text, isBlank))
		if _, number := canonicalNumber(plain); !ok || !number {
			continue
		}
		var parts []string
		for _, p := range [][2]string{{"decimal", f.Decimal}, {"thousands", f.Thousands}} {
			if p[1] != "" {
				parts = append(parts, fmt.Sprintf("%s: %q", p[0], p[1]))
			}
		}
		declared := "numbers: {" + strings.Join(parts, ", ") + "}"
		if f.Thousands == "," && strings.Count(text, ",") == 1 && !strings.Contains(text, ".") { // 120,000 is 120 somewhere
			declared += ", or numbers: {decimal: \",\"} if it is " + strings.Replace(text, ",", ".", 1)
		}
		return ", or where all are written so say " + declared
	}
	return ""
}

// marksNothing are texts, in lower case, by which files often say that there is no
// reading.
var marksNothing = map[string]bool{
	"-": true, "--": true, "—": true, "——": true, "/": true, "*": true, ".": true, "?": true,
	"na": true, "n/a": true, "#n/a": true, "nan": true, "null": true, "none": true, "nil": true, "missing": true,
	"无": true, "缺测": true, "缺失": true, "未检出": true,
	"#value!": true, "#div/0!": true, "#ref!": true, "#name?": true, "#num!": true, "#null!": true,
}

// rangeOf is a measure's range with its unit.
func rangeOf(m *catalog.Measure) string {
	text := decimal.Format(m.Min, m.Decimals) + " to " + decimal.Format(m.Max, m.Decimals)
	if m.Unit != "" && m.Unit != "1" {
		text += " " + m.Unit
	}
	return text
}

// missingWords say how a file marks that there is no reading.
func missingWords(texts []string) string {
	words := make([]string, len(texts))
	for i, t := range texts {
		words[i] = fmt.Sprintf("%q", t)
		if t == "" {
			words[i] = "nothing"
		}
	}
	if len(words) == 0 {
		return "and a reading in every row: the descriptor's missing is empty"
	}
	return "or " + strings.Join(words, " or ") + " where there is no reading"
}

// decimals counts them: 1 decimal, 2 decimals.
func decimals(n int) string {
	if n == 1 {
		return "1 decimal"
	}
	return fmt.Sprintf("%d decimals", n)
}

package shown_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/shown"
)

// seen are texts that a person sees as they are.
var seen = []string{"", "credit risk", "信用风险，第一季度", "São Tomé – µg/m³ ± 3 %", "a\u00a0b\u3000c", "\\u202e", "\ufffd", "e\u0301"}

func TestTextWithoutHiddenCharactersIsShownAsItIs(t *testing.T) {
	for _, s := range seen {
		if shown.Text(s) != s || !catalog.IsText(s, 100) {
			t.Errorf("%q is shown as %q, text %t", s, shown.Text(s), catalog.IsText(s, 100))
		}
	}
}

func TestHiddenCharactersAreRefusedAndShownAsEscapes(t *testing.T) {
	for s, want := range map[string]string{
		"a\u202eb": `a\u202eb`, "\x1b[2J": `\x1b[2J`, "a\nweir: b": `a\nweir: b`, "\u200b": `\u200b`, "\U000e0041": `\U000e0041`,
		"\u2066x\u2069": `\u2066x\u2069`, "\u00ad": `\u00ad`, "\u2028": `\u2028`, "\ufeff": `\ufeff`, "\ufe0f": `\ufe0f`, "\ue000": `\ue000`,
		"\x7f\u009b": `\x7f\u009b`, "\u3164": `\u3164`, "a\tb": `a\tb`,
	} {
		if got := shown.Text(s); got != want {
			t.Errorf("%q is shown as %q, want %q", s, got, want)
		}
		if catalog.IsText(s, 100) || catalog.IsCell(s) {
			t.Errorf("%q may stand in the ledger", s)
		}
	}
	if got := shown.Text("a\xffb\xe2\x80"); got != `a\xffb\xe2\x80` {
		t.Errorf("broken bytes are shown as %q", got)
	}
	if got := shown.Lines("a\u202e\n\tb\r\n"); got != "a\\u202e\n\tb\\r\n" {
		t.Errorf("lines are shown as %q", got)
	}
}

// The table is fixed, and has all that the tables of this release of Go name as format,
// control, separator of lines, private use or default-ignorable.
func TestNoHiddenCharacterIsMissing(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		want := unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Cs, unicode.Co,
			unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
		if want && !shown.Hidden(r) {
			t.Errorf("U+%04X is not hidden", r)
		}
		if !want && shown.Hidden(r) && unicode.IsGraphic(r) {
			t.Errorf("U+%04X %q is hidden", r, r)
		}
	}
}

func FuzzShown(f *testing.F) {
	for _, s := range append(seen, "a\u202eb\x1b[2J\u200b\U000e0041", "\xff\xc3", "a\nb\tc") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for name, got := range map[string]string{"in a line": shown.Text(s), "in lines": strings.NewReplacer("\n", "", "\t", "").Replace(shown.Lines(s))} {
			if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return shown.Hidden(r) || r >= utf8.RuneSelf && !unicode.IsGraphic(r) }) {
				t.Fatalf("%s %q is shown as %q", name, s, got)
			}
			if shown.Text(got) != got {
				t.Fatalf("%s %q is shown as %q and then as %q", name, s, got, shown.Text(got))
			}
		}
		if catalog.IsText(s, len(s)) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) }) < 0 && shown.Text(s) != s {
			t.Fatalf("text %q is shown as %q", s, shown.Text(s))
		}
		document, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var want, got string
		escaped := shown.JSON(document)
		if err := json.Unmarshal(document, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(escaped, &got); err != nil || got != want || strings.ContainsFunc(string(escaped), shown.Hidden) {
			t.Fatalf("%q as JSON is %s, read as %q (%v)", s, escaped, got, err)
		}
	})
}

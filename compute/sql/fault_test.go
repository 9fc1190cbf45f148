package sql

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirdata/weir/compute/suggest"
)

// TestFaults compiles the queries of testdata/faults.txt, which are separated by
// lines of ----, and compares each error's Caret with the text below the query's
// line of ====. WEIR_UPDATE=1 rewrites the file.
func TestFaults(t *testing.T) {
	path := filepath.Join("testdata", "faults.txt")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for block := range strings.SplitSeq(strings.TrimSuffix(string(data), "\n"), "\n----\n") {
		sql, want, _ := strings.Cut(block, "\n====\n")
		fault := faultOf(t, sql, beijing())
		got := fault.Caret(sql)
		out = append(out, sql+"\n====\n"+got)
		if got != want && os.Getenv("WEIR_UPDATE") == "" {
			t.Errorf("%s\ngot:\n%s\nwant:\n%s", sql, got, want)
		}
		checkPlace(t, sql, fault)
		if fault.Want == "" || fault.Message == "" {
			t.Errorf("%s: the error %+v does not say what would be accepted", sql, fault)
		}
	}
	if os.Getenv("WEIR_UPDATE") != "" {
		if err := os.WriteFile(path, []byte(strings.Join(out, "\n----\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// checkPlace checks that an error points into its text, at what it says is near.
func checkPlace(t *testing.T, sql string, fault *Error) {
	t.Helper()
	lines := strings.Split(strings.ToValidUTF8(sql, "�"), "\n")
	if fault.Line < 1 || fault.Line > len(lines) {
		t.Fatalf("line %d of %q, which has %d", fault.Line, sql, len(lines))
	}
	line := []rune(lines[fault.Line-1])
	if fault.Column < 1 || fault.Column > len(line)+1 {
		t.Fatalf("column %d of %q, which has %d characters", fault.Column, string(line), len(line))
	}
	rest := strings.Join(append([]string{string(line[fault.Column-1:])}, lines[fault.Line:]...), "\n")
	if len(rest) < len(fault.Near) || !strings.EqualFold(rest[:len(fault.Near)], fault.Near) {
		t.Fatalf("the error %+v of %q stands at %q", fault, sql, rest)
	}
}

func TestErrorTextHasPlaceNearestAndAccepted(t *testing.T) {
	fault := faultOf(t, "SELECT\n  AVG(pm52) FROM beijing_air", beijing())
	want := "line 2, column 7: there is no measure pm52; did you mean pm25? (accepted here: pm25, pm10, no2)"
	if fault.Error() != want {
		t.Fatalf("got  %s\nwant %s", fault, want)
	}
}

// A name that only looks like the one that is meant: a Cyrillic о in no2.
func TestASuggestionNeverLooksLikeWhatWasTyped(t *testing.T) {
	for sql, want := range map[string]string{
		"SELECT AVG(n\u043e2) FROM beijing_air": "did you mean no2? it has U+006F where this has U+043E",
		"SELECT AVG(N\u041e2) FROM beijing_air": "did you mean no2? it has U+006F where this has U+041E",
	} {
		fault := faultOf(t, sql, beijing())
		if !strings.Contains(fault.Error(), want) || !strings.Contains(fault.Caret(sql), want) {
			t.Errorf("%s\n%s\nwant %s", fault, fault.Caret(sql), want)
		}
	}
}

func TestCaretOfALongLineShowsItsSurroundings(t *testing.T) {
	sql := "SELECT COUNT(*) FROM beijing_air WHERE county IN (" + strings.Repeat("'桃城区', ", 200) + "x)"
	lines := strings.Split(faultOf(t, sql, beijing()).Caret(sql), "\n")
	if suggest.TextWidth(lines[0]) > 4*caretWidth || !strings.HasSuffix(lines[0], "x)") || suggest.TextWidth(lines[1]) != suggest.TextWidth(lines[0])-1 {
		t.Fatalf("%s\n%s", lines[0], lines[1])
	}
}

func TestTextBeyondTheLimitsIsRefused(t *testing.T) {
	deep := "SELECT COUNT(*) FROM beijing_air WHERE " + strings.Repeat("(", MaxNesting+1) + "county = 'a'" + strings.Repeat(")", MaxNesting+1)
	if fault := faultOf(t, deep, beijing()); !strings.Contains(fault.Message, "too deep") {
		t.Errorf("nested parentheses: %s", fault)
	}
	nots := "SELECT COUNT(*) FROM beijing_air WHERE " + strings.Repeat("NOT ", 10_000) + "county = 'a'"
	if fault := faultOf(t, nots, beijing()); !strings.Contains(fault.Message, "too deep") {
		t.Errorf("nested NOTs: %s", fault)
	}
	if fault := faultOf(t, "SELECT "+strings.Repeat(" ", MaxSQL), beijing()); !strings.Contains(fault.Message, "too long") {
		t.Errorf("a long text: %s", fault)
	}
	var arms []string
	for i := range 1600 {
		arms = append(arms, fmt.Sprintf("(a='%d' AND b='x%d')", i, i))
	}
	s := beijing()
	s.Columns = []string{"a", "b"}
	if fault := faultOf(t, "SELECT COUNT(*) FROM beijing_air WHERE "+strings.Join(arms, " OR "), s); !strings.Contains(fault.Message, "too large") {
		t.Errorf("many conditions: %s", fault)
	}
}

package cli

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/cmd/weir/term"
)

func TestIDsAreShownByTheBeginningThatTellsThemApart(t *testing.T) {
	id := func(letter, begin string) string { return letter + begin + strings.Repeat("0", 64-len(begin)) }
	a, b, c := id("o-", "aa3ce506"), id("o-", "aa3ce50600f"), id("c-", "aa3ce506")
	got := ShortenIDs(a+" and "+c, "(`"+b+"`)", "no id: o-12, x"+a+", "+a+"0, "+strings.Repeat("a", 64))
	want := []string{"o-aa3ce506000 and c-aa3ce506", "(`o-aa3ce50600f`)", "no id: o-12, x" + a + ", " + a + "0, " + strings.Repeat("a", 64)}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
	// A table has them short, each as long as the table takes; JSON and CSV have them whole.
	for format, want := range map[Format]string{
		Table: "order           contract\no-aa3ce506000  c-aa3ce506\no-aa3ce50600f\n",
		CSV:   "order,contract\n" + a + "," + c + "\n" + b + ",\n",
		JSON:  "\"" + a + "\"\n",
	} {
		var out bytes.Buffer
		app := &App{Stdout: &out, Output: format}
		s := term.Table{Head: []string{"order", "contract"}}
		s.Add(a, c)
		s.Add(b, "")
		if err := app.Print(a, s); err != nil {
			t.Fatal(err)
		}
		if squeeze(out.String()) != squeeze(want) {
			t.Errorf("%s: got\n%s, want\n%s", format, out.String(), want)
		}
	}
	var said bytes.Buffer
	(&App{Stderr: &said}).Note("order %s waits", a)
	if want := "weir: order o-aa3ce506 waits\n"; said.String() != want {
		t.Errorf("said %q, want %q", said.String(), want)
	}
}

// squeeze is a text with single blanks.
func squeeze(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = strings.Join(strings.Fields(line), " ")
	}
	return strings.Join(lines, "\n")
}

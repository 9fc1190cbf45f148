package contract

import (
	"bytes"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/shown"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/client/ask"
)

// hostile turns the line, clears the screen and hides a letter and a tag.
const hostile = "a\u202eb\u2066c\x1b[2Jd\u200be\U000e0041f\u009bg"

// Whatever is printed, and however: nothing of a text that somebody else wrote moves the
// cursor, turns the line, hides or looks like a message of the program.
func TestEveryPrinterShowsHiddenCharactersAsEscapes(t *testing.T) {
	text := hostile + "\nweir: granted"
	order := catalog.Order{ID: text, OrderCreate: catalog.OrderCreate{Dataset: text, Purpose: text, Measures: []string{text}}, Buyer: text, Reason: text}
	for name, print := range map[string]func(*cli.App) error{
		"table": func(a *cli.App) error { return a.Print(order, orderTable([]catalog.Order{order})) },
		"one":   func(a *cli.App) error { return a.PrintOne(order, orderTable([]catalog.Order{order})) },
		"row":   func(a *cli.App) error { return a.PrintRow("order", text) },
		"contract": func(a *cli.App) error {
			return a.Print(nil, contractTable([]ask.Accounted{{Contract: catalog.Contract{Purpose: text, Reason: text}}}))
		},
		"approval": func(a *cli.App) error {
			a.Note("you sign the grant of %s", strings.ReplaceAll(describeOrder(order), "\n", " "))
			return nil
		},
		"proof lines": func(a *cli.App) error {
			return (term.Table{Head: []string{"x"}, Rows: [][]string{{text}}}).Write(a.Stdout, 40)
		},
	} {
		for _, format := range []cli.Format{cli.Table, cli.CSV, cli.JSON} {
			var out, notes bytes.Buffer
			a := &cli.App{Stdout: &out, Stderr: &notes, Output: format}
			if err := print(a); err != nil {
				t.Fatal(err)
			}
			for _, printed := range []string{out.String(), notes.String()} {
				if i := strings.IndexFunc(printed, func(r rune) bool { return r != '\n' && shown.Hidden(r) }); i >= 0 {
					t.Errorf("%s as %s has U+%04X:\n%q", name, format, []rune(printed[i:])[0], printed)
				}
				if strings.Contains(printed, "\nweir: ") {
					t.Errorf("%s as %s has a line of its own:\n%s", name, format, printed)
				}
			}
		}
	}
}

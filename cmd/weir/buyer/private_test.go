package buyer

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/node/client/ask"
)

// What will be in the figures is said before anything is paid, figure by figure.
func TestWhatWillBeInTheFiguresIsSaid(t *testing.T) {
	var out bytes.Buffer
	a := &cli.App{Stderr: &out}
	a.NoteEach("%s", previewLines(nil))
	if out.Len() != 0 {
		t.Errorf("of nothing: %s", out.String())
	}
	a.NoteEach("%s", previewLines(&ask.Preview{AsOf: 2, Outside: 3, Figures: []ask.Figure{
		{Measure: "nox", Group: []string{"c1"}, Piece: "half", Listed: 9, Least: 7, Most: 8},
		{Measure: "so2", Listed: 1, Least: 1, Most: 1},
	}}))
	for _, want := range []string{
		"nox of c1, piece half as of version 2: 7 to 8 of 9 entities of the list will be in the figures",
		"so2 as of version 2: 1 of 1 entity of the list will be in the figures", "3 entities of the list will be in none",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}

func TestPrivateFlagsOfAQuery(t *testing.T) {
	for _, c := range []struct {
		p    privateFlag
		want string // "" for none
	}{
		{privateFlag{}, ""},
		{privateFlag{text: "mine=a=b.csv"}, ""},
		{privateFlag{text: "mine"}, `--private is "mine", want NAME=FILE.csv`},
		{privateFlag{text: "=x.csv"}, `--private is "=x.csv", want NAME=FILE.csv`},
		{privateFlag{text: "mine="}, `--private is "mine=", want NAME=FILE.csv`},
		{privateFlag{ignoreUnknown: true}, "--ignore-unknown needs --private"},
		{privateFlag{idColumn: "code"}, "--id-column needs --private"},
	} {
		err := c.p.check(NewQueryCommand(&cli.App{}))
		var usage *cli.UsageError
		if (err == nil) != (c.want == "") || err != nil && (!errors.As(err, &usage) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: %v, want %q", c.p, err, c.want)
		}
	}
	p := privateFlag{text: "mine=a=b.csv"}
	if err := p.check(NewQueryCommand(&cli.App{})); err != nil || p.name != "mine" || p.path != "a=b.csv" {
		t.Errorf("read as %+v, %v", p, err)
	}
}

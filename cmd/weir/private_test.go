package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/weirdata/weir/node/client"
)

// Entries are left out when the flag says so or the person does, and in all other
// cases they are not.
func TestEntriesAreLeftOutOnlyWhenSomeoneSaysSo(t *testing.T) {
	left := client.LeftOut{IDs: []string{"p1", "p7"}, Why: []string{"2 of 8 entities are selected"}, Stays: 5}
	for _, c := range []struct {
		answer      string
		always, ask bool
		want        bool
		says        string
	}{
		{"", true, false, true, "left out of mine: p1, p7; 5 entities stay"},
		{"", true, true, true, "left out of mine: p1, p7; 5 entities stay"},
		{"y\n", false, true, true, "to leave out of mine: p1, p7; 5 entities stay"},
		{" YES \n", false, true, true, "leave them out? [y/N]"},
		{"yes", false, true, true, "2 of 8 entities are selected"},
		{"\n", false, true, false, "leave them out? [y/N]"},
		{"yesterday\n", false, true, false, "leave them out? [y/N]"},
	} {
		var out bytes.Buffer
		a := &app{stdin: strings.NewReader(c.answer), stderr: &out}
		got, err := a.decideBy("mine", c.always, c.ask)(left)
		if err != nil || got != c.want || !strings.Contains(out.String(), c.says) {
			t.Errorf("%q, always %t: left out %t, error %v, said\n%s", c.answer, c.always, got, err, out.String())
		}
	}
	a := &app{stdin: strings.NewReader(""), stderr: &bytes.Buffer{}}
	if _, err := a.decideBy("mine", false, true)(left); !errors.Is(err, errNoAnswer) {
		t.Errorf("a terminal that is closed: %v", err)
	}
	if a.decideBy("mine", false, false) != nil || a.decide("mine", false) != nil {
		t.Error("with nobody to ask there is something to decide")
	}
}

func TestPrivateFlagsOfAQuery(t *testing.T) {
	for _, c := range []struct {
		p    privateFile
		want string // "" for none
	}{
		{privateFile{}, ""},
		{privateFile{text: "mine=a=b.csv"}, ""},
		{privateFile{text: "mine"}, `--private is NAME=FILE.csv, not "mine"`},
		{privateFile{text: "=x.csv"}, "--private is NAME=FILE.csv"},
		{privateFile{text: "mine="}, "--private is NAME=FILE.csv"},
		{privateFile{leaveOut: true}, "are of --private"},
		{privateFile{ignoreUnknown: true}, "are of --private"},
	} {
		err := c.p.check(newQueryCommand(&app{}))
		var usage *usageError
		if (err == nil) != (c.want == "") || err != nil && (!errors.As(err, &usage) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: %v, want %q", c.p, err, c.want)
		}
	}
	p := privateFile{text: "mine=a=b.csv"}
	if err := p.check(newQueryCommand(&app{})); err != nil || p.name != "mine" || p.path != "a=b.csv" {
		t.Errorf("read as %+v, %v", p, err)
	}
}

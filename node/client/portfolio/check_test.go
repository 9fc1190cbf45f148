package portfolio

import (
	"errors"
	"testing"
)

// Options of which no portfolio can be made are named as the flags of the command, and bare for a form.
func TestOptionsThatMakeNoPortfolioAreNamed(t *testing.T) {
	weights := File{Weights: "loan", Bits: 16}
	with := func(change func(*File)) File {
		f := weights
		change(&f)
		return f
	}
	for _, c := range []struct {
		o     Options
		field string
		want  string // with flags
	}{
		{Options{Registry: "r", File: File{Pieces: "band", By: []string{"county"}}}, "", ""},
		{Options{Registry: "r", File: with(func(f *File) { f.Within, f.Bound = "d.m", "10" })}, "", ""},
		{Options{File: File{}}, "registry", "--registry is needed: the list of entities that the ids are of"},
		{Options{Registry: "r", File: File{Bits: 4}}, "bits", "--bits and --decimals need --weights"},
		{Options{Registry: "r", File: File{Decimals: 1}}, "bits", "--bits and --decimals need --weights"},
		{Options{Registry: "r", File: with(func(f *File) { f.Pieces = "band" })}, "pieces", "--pieces and --by exclude --weights"},
		{Options{Registry: "r", For: "SELECT", File: weights}, "for", "--for excludes --weights: weighted sums are answered with noise, and nothing is tested"},
		{Options{Registry: "r", File: File{Within: "d.m"}}, "within", "--within needs --weights, and --bound needs --within"},
		{Options{Registry: "r", File: with(func(f *File) { f.Bound = "1" })}, "within", "--within needs --weights, and --bound needs --within"},
		{Options{Registry: "r", File: with(func(f *File) { f.Within = "%s" })}, "within", `--within is "%s", want DATASET.MEASURE`},
		{Options{Registry: "r", File: with(func(f *File) { f.Bits = 33 })}, "bits", "--bits is 33 and --decimals is 0, want 1 to 32 and 0 to 9"},
	} {
		err := c.o.Check()
		wrong, is := errors.AsType[*OptionError](err)
		switch {
		case c.want == "" && err == nil:
		case !is || wrong.Named("--") != c.want || wrong.Field != c.field:
			t.Errorf("%+v: %v, want %s", c.o, err, c.want)
		}
	}
	if got := (Options{Registry: "r", File: File{Bits: 4}}).Check().Error(); got != "bits and decimals need weights" {
		t.Errorf("for a form it is %q", got)
	}
}

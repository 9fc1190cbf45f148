package wire_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/weirdata/weir/node/api/wire"
)

func TestProgressIsReadStrictly(t *testing.T) {
	want := wire.Progress{
		Attempt: 2, Stage: wire.StageOpenings, Tiles: 128, TilesTotal: 640, Openings: 64, OpeningsTotal: 100, Products: 0, ProductsTotal: 8192,
	}
	raw, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := wire.ParseProgress(raw); err != nil || *got != want {
		t.Errorf("read %+v, %v", got, err)
	}
	for _, none := range []string{"", "null"} {
		if got, err := wire.ParseProgress([]byte(none)); err != nil || got != nil {
			t.Errorf("%q is read as %+v, %v", none, got, err)
		}
	}
	text := string(raw)
	for what, bad := range map[string]string{
		"an unknown field":     strings.Replace(text, "{", `{"tile_times":[1],`, 1),
		"an unknown stage":     strings.Replace(text, "openings\"", "dreaming\"", 1),
		"more than all":        strings.Replace(text, `"tiles":128`, `"tiles":641`, 1),
		"less than none":       strings.Replace(text, `"openings":64`, `"openings":-1`, 1),
		"more than can be":     strings.Replace(text, `"products_total":8192`, `"products_total":9000000000000000000`, 1),
		"no attempt":           strings.Replace(text, `"attempt":2`, `"attempt":0`, 1),
		"something behind it":  text + "1",
		"something else":       "[]",
		"a count that is none": strings.Replace(text, `"tiles":128`, `"tiles":1.5`, 1),
	} {
		if bad == text {
			t.Fatalf("%s is not bad", what)
		}
		if got, err := wire.ParseProgress([]byte(bad)); err == nil {
			t.Errorf("%s is read as %+v", what, got)
		}
	}
}

func TestFractionGrowsWithEveryCount(t *testing.T) {
	p := wire.Progress{TilesTotal: 100, OpeningsTotal: 10, ProductsTotal: 1000}
	last := p.Fraction()
	if last != 0 {
		t.Errorf("nothing is done, and it is %v", last)
	}
	for _, step := range []func(){func() { p.Tiles = 100 }, func() { p.Openings = 10 }, func() { p.Products = 1000 }} {
		step()
		if f := p.Fraction(); f <= last {
			t.Errorf("%v after %v", f, last)
		} else {
			last = f
		}
	}
	if last != 1 {
		t.Errorf("all is done, and it is %v", last)
	}
	if f := (wire.Progress{}).Fraction(); f != 0 {
		t.Errorf("of nothing %v", f)
	}
}

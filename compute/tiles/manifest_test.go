package tiles_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/tiles"
)

// proposal is a manifest with what was proposed and described with it.
func proposal() (tiles.Manifest, catalog.VersionPropose, catalog.Descriptor) {
	blocks := []catalog.Block{{First: 0, Entities: 8191, Periods: 1}, {First: 8191, Entities: 4, Periods: 2}}
	m := tiles.Manifest{Version: tiles.ManifestVersion, Dataset: "air", Key: "k1", Epoch: 3, Registry: "stations", Entities: 8195, First: -7, Periods: 3,
		Values: 8191, Blocks: blocks, Measures: []string{"nox", "so2"}, Presence: catalog.Sum([]byte("presence"))}
	for measure := range 2 {
		var list [][]catalog.Digest
		for b, block := range blocks {
			var digests []catalog.Digest
			for k := range tiles.PerBlock(block, 3) {
				digests = append(digests, catalog.Sum([]byte{byte(measure), byte(b), byte(k)}))
			}
			list = append(list, digests)
		}
		m.Tiles = append(m.Tiles, list)
	}
	d := catalog.Descriptor{Dataset: "air", Registry: "stations", Measures: []catalog.Measure{{Name: "nox"}, {Name: "so2"}}}
	p := catalog.VersionPropose{Dataset: "air", Key: "k1", Epoch: 3, First: -7, Periods: 3, Entities: 8195, Blocks: blocks, Tiles: 10, Presence: m.Presence}
	return m, p, d
}

func TestManifestSurvivesItsEncoding(t *testing.T) {
	m, p, d := proposal()
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := tiles.ParseManifest(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m, again); diff != "" {
		t.Error(diff)
	}
	digest, err := again.Digest()
	if err != nil || digest != catalog.Sum(b) {
		t.Errorf("digest %s, %v", digest, err)
	}
	if err := again.Check(p, d, 8191); err != nil {
		t.Error(err)
	}
	if got, want := again.Tile(1, 1, 1), catalog.Sum([]byte{1, 1, 1}); got != want {
		t.Errorf("tile %s, want %s", got, want)
	}
	if all := again.Digests(); len(all) != 10 || all[0] != again.Tile(0, 0, 0) || all[3] != again.Tile(0, 1, 0) || all[9] != again.Tile(1, 1, 1) {
		t.Errorf("digests %v", all)
	}
}

// TestManifestOfVersionOneStaysReadable holds the encoding fast.
func TestManifestOfVersionOneStaysReadable(t *testing.T) {
	zeros := strings.Repeat("0", 64)
	golden := `{"v":1,"dataset":"air","key":"k1","epoch":3,"registry":"stations","entities":2,"first":-7,"periods":1,"values":8191,` +
		`"blocks":[{"first":0,"entities":2,"periods":4092}],"measures":["nox"],"presence":"` + zeros + `","tiles":[[["` + zeros + `"]]]}`
	m, err := tiles.ParseManifest([]byte(golden))
	if err != nil {
		t.Fatal(err)
	}
	if m.First != -7 || m.Measures[0] != "nox" || len(m.Tiles[0][0]) != 1 {
		t.Errorf("%+v", m)
	}
}

func TestManifestWithAnotherSpellingIsRefused(t *testing.T) {
	m, _, _ := proposal()
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	replace := func(old, with string) string {
		if !bytes.Contains(b, []byte(old)) {
			t.Fatalf("%s is not in %s", old, b)
		}
		return strings.Replace(string(b), old, with, 1)
	}
	for name, text := range map[string]string{
		"empty":            "",
		"null":             "null",
		"array":            "[]",
		"cut":              string(b[:len(b)-1]),
		"trailing":         string(b) + " ",
		"two":              string(b) + string(b),
		"blank":            replace(`"v":1`, `"v": 1`),
		"other case":       replace(`"dataset"`, `"Dataset"`),
		"field twice":      replace(`"v":1`, `"v":1,"v":1`),
		"unknown field":    replace(`"v":1`, `"v":1,"w":1`),
		"upper case":       replace(m.Presence.String(), strings.ToUpper(m.Presence.String())),
		"short digest":     replace(m.Presence.String(), m.Presence.String()[:62]),
		"version":          replace(`"v":1`, `"v":2`),
		"values":           replace(`"values":8191`, `"values":0`),
		"entities":         replace(`"entities":8195`, `"entities":8196`),
		"periods":          replace(`"periods":3,"values"`, `"periods":4,"values"`),
		"huge":             replace(`"periods":3,"values"`, `"periods":4000000000000000000,"values"`),
		"measure twice":    replace(`"so2"`, `"nox"`),
		"measure missing":  replace(`"nox","so2"`, `"nox"`),
		"no measure":       replace(`["nox","so2"]`, `[]`),
		"a tile too few":   replace(`"`+m.Tile(0, 0, 0).String()+`",`, ``),
		"a block too few":  replace(`,["`+m.Tile(0, 1, 0).String()+`","`+m.Tile(0, 1, 1).String()+`"]`, ``),
		"larger than ever": strings.Repeat(" ", tiles.MaxManifest) + string(b),
	} {
		if _, err := tiles.ParseManifest([]byte(text)); !errors.Is(err, tiles.ErrManifest) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestManifestThatIsNotTheProposedOneIsRefused(t *testing.T) {
	for name, change := range map[string]func(m *tiles.Manifest, p *catalog.VersionPropose, d *catalog.Descriptor){
		"dataset":       func(_ *tiles.Manifest, p *catalog.VersionPropose, _ *catalog.Descriptor) { p.Dataset = "water" },
		"of descriptor": func(_ *tiles.Manifest, _ *catalog.VersionPropose, d *catalog.Descriptor) { d.Dataset = "water" },
		"key":           func(_ *tiles.Manifest, p *catalog.VersionPropose, _ *catalog.Descriptor) { p.Key = "k2" },
		"epoch":         func(_ *tiles.Manifest, p *catalog.VersionPropose, _ *catalog.Descriptor) { p.Epoch++ },
		"registry":      func(_ *tiles.Manifest, _ *catalog.VersionPropose, d *catalog.Descriptor) { d.Registry = "rivers" },
		"first":         func(_ *tiles.Manifest, p *catalog.VersionPropose, _ *catalog.Descriptor) { p.First++ },
		"periods":       func(_ *tiles.Manifest, p *catalog.VersionPropose, _ *catalog.Descriptor) { p.Periods++ },
		"entities":      func(_ *tiles.Manifest, p *catalog.VersionPropose, _ *catalog.Descriptor) { p.Entities++ },
		"blocks":        func(_ *tiles.Manifest, p *catalog.VersionPropose, _ *catalog.Descriptor) { p.Blocks = p.Blocks[:1] },
		"tiles":         func(_ *tiles.Manifest, p *catalog.VersionPropose, _ *catalog.Descriptor) { p.Tiles++ },
		"presence":      func(_ *tiles.Manifest, p *catalog.VersionPropose, _ *catalog.Descriptor) { p.Presence[0]++ },
		"measures":      func(_ *tiles.Manifest, _ *catalog.VersionPropose, d *catalog.Descriptor) { d.Measures = d.Measures[:1] },
		"their order": func(m *tiles.Manifest, _ *catalog.VersionPropose, _ *catalog.Descriptor) {
			m.Measures = []string{"so2", "nox"}
		},
		"values": func(m *tiles.Manifest, _ *catalog.VersionPropose, _ *catalog.Descriptor) { m.Values = 8192 },
		"itself": func(m *tiles.Manifest, _ *catalog.VersionPropose, _ *catalog.Descriptor) { m.Tiles = m.Tiles[:1] },
	} {
		m, p, d := proposal()
		change(&m, &p, &d)
		if err := m.Check(p, d, 8191); !errors.Is(err, tiles.ErrManifest) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestManifestOfMoreTilesThanAVersionMayHaveIsNotMade(t *testing.T) {
	m, _, _ := proposal()
	for i := range 50_000 {
		m.Measures = append(m.Measures, fmt.Sprint("m", i))
		m.Tiles = append(m.Tiles, m.Tiles[0])
	}
	if _, err := m.Encode(); !errors.Is(err, tiles.ErrManifest) {
		t.Error(err)
	}
}

func FuzzParseManifest(f *testing.F) {
	m, _, _ := proposal()
	b, err := m.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"v":1,"tiles":[[[]]],"blocks":[{}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := tiles.ParseManifest(b)
		if err != nil {
			if !errors.Is(err, tiles.ErrManifest) {
				t.Errorf("untyped error %v", err)
			}
			return
		}
		again, err := m.Encode()
		if err != nil || !bytes.Equal(b, again) {
			t.Errorf("read but written as %q, %v", again, err)
		}
	})
}

package versions

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node/failure"
)

// layeredWork is a plan on three versions, of which the second has a key of its own, and
// a dataset that is joined under a third: two sums of each version, and one tile each that
// is opened alone.
func layeredWork() (Sources, *plan.Plan) {
	var w Sources
	planned := &plan.Plan{}
	for i, key := range []string{"k-a", "k-b", "k-a"} {
		one := workUnder(key, i)
		w.layers = append(w.layers, &one)
		planned.Layers = append(planned.Layers, plan.ReadLayer{Version: i + 1, Packed: []int{0, 1}})
		for column := range 2 {
			planned.Accumulators = append(planned.Accumulators, plan.Accumulator{Layer: i, Column: column, Tiles: []int{0, 1}})
		}
		planned.Singles = append(planned.Singles, plan.Single{Layer: i, Packed: 1, Tile: 1})
	}
	second := workUnder("k-c", 3)
	w.seconds = []*Version{&second}
	planned.Singles = append(planned.Singles, plan.Single{Second: true})
	return w, planned
}

// workUnder is a version of two columns of two tiles each.
func workUnder(key string, number int) Version {
	var m tiles.Manifest
	for column := range 2 {
		m.Tiles = append(m.Tiles, [][]catalog.Digest{{tileOf(number, column, 0), tileOf(number, column, 1)}})
	}
	return Version{Key: catalog.Key{ID: key, Epoch: 1}, Manifest: &m}
}

func tileOf(version, column, tile int) catalog.Digest {
	return catalog.Sum([]byte{byte(version), byte(column), byte(tile)})
}

// TestEveryLayerIsOpenedUnderItsKey, whatever the versions are encrypted under: each
// number of the plan once.
func TestEveryLayerIsOpenedUnderItsKey(t *testing.T) {
	w, plan := layeredWork()
	got := map[string][]int{}
	for _, part := range OpeningsByKey(w, plan) {
		got[part.Key.ID] = part.Numbers
	}
	want := map[string][]int{"k-a": {0, 1, 4, 5, 6, 8}, "k-b": {2, 3, 7}, "k-c": {9}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("numbers by key (-want +got)\n%s", d)
	}
}

// TestOpeningsReadTheTilesOfTheirLayer and no other version's.
func TestOpeningsReadTheTilesOfTheirLayer(t *testing.T) {
	w, plan := layeredWork()
	var want [][]catalog.Digest
	for version := range 3 {
		for column := range 2 {
			want = append(want, []catalog.Digest{tileOf(version, column, 0), tileOf(version, column, 1)})
		}
	}
	for version := range 3 {
		want = append(want, []catalog.Digest{tileOf(version, 1, 1)})
	}
	want = append(want, []catalog.Digest{tileOf(3, 0, 0)})
	for number := range plan.Openings() {
		if got := OpeningDigests(w, plan, number); !slices.Equal(got, want[number]) {
			t.Errorf("opening %d reads %v, want %v", number, got, want[number])
		}
	}
}

// A leader that counts too few tiles against either publisher's key is not followed.
func TestAttemptsOfJoinsNameTheTilesOfBothKeys(t *testing.T) {
	w := Sources{versions: []*Version{{Presence: &tiles.Presence{}}}}
	for _, x := range []struct {
		tiles, joined int64
		fits          bool
	}{{3, 2, true}, {4, 5, true}, {2, 2, false}, {3, 1, false}, {3, 0, false}} {
		err := CheckTiles(catalog.Attempt{Tiles: x.tiles, Joined: x.joined}, w, &plan.Plan{Tiles: 3, SecondTiles: 2})
		if (err == nil) != x.fits || err != nil && !failure.Ends(err) {
			t.Errorf("%d and %d tiles named, 3 and 2 opened: %v", x.tiles, x.joined, err)
		}
	}
}

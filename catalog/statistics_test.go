package catalog

import (
	"slices"
	"testing"
)

// statistical are descriptors with squares, buckets and moments.
func statistical(id string, moments ...[2]string) Descriptor {
	d := testDescriptor(id)
	d.Measures[0].Squares, d.Measures[0].Buckets = true, []string{"10", "100.5"}
	d.Measures[1].Buckets = []string{"50"}
	d.Policy.Aggregates = []string{"count", "sum", "avg", "stddev", "corr", "covar", "median"}
	d.Policy.Moments = moments
	return d
}

func TestTileColumnsFollowTheDescriptor(t *testing.T) {
	d := statistical("emissions")
	var names []string
	for _, c := range d.TileColumns() {
		names = append(names, c.Name(d))
	}
	want := []string{"nox", "so2", "nox.square", "nox.bucket.1", "nox.bucket.2", "nox.bucket.3", "so2.bucket.1", "so2.bucket.2"}
	if !slices.Equal(names, want) {
		t.Fatalf("columns %q, want %q", names, want)
	}
	if b := d.Measures[0].BucketBounds(); !slices.Equal(b, []int64{100, 1005}) {
		t.Fatalf("bounds %v", b)
	}
	v := VersionPropose{Periods: 5, Blocks: []Block{{0, 30, 2}, {30, 10, 3}}}
	for _, x := range []struct {
		tiles   int
		refused bool
		columns int
	}{{5 * 8, false, 8}, {5 * 2, false, 2}, {5 * 7, true, 0}, {5*8 + 1, true, 0}} {
		v.Tiles = x.tiles
		if r := v.CheckTiles(d); (r != nil) != x.refused {
			t.Errorf("%d tiles: %v", x.tiles, r)
		}
		if !x.refused && len(v.Columns(d)) != x.columns {
			t.Errorf("%d tiles make %d columns, want %d", x.tiles, len(v.Columns(d)), x.columns)
		}
	}
	d.Measures[0].Min, d.Measures[0].Max = 0, 2*maxSquared+1
	r := d.Check()
	wantRefusal(t, r, RefusedInvalid, "invalid")
	if r.Field != "measures[0].squares" || r.Code != "measure.squares_wide" {
		t.Errorf("refusal %+v", r)
	}
	if h := int64(maxSquared); h*h > MaxSum || (h+1)*(h+1) <= MaxSum {
		t.Errorf("%d² is not the last square below %d", h, int64(MaxSum))
	}
}

func TestEveryNameOfAGroupGrantsTheGroup(t *testing.T) {
	for _, x := range []struct {
		list []string
		fn   string
		want []string
	}{
		{[]string{"stddev", "sum", "var_pop"}, FuncVar, []string{"stddev", "var_pop"}},
		{[]string{"median"}, FuncHistogram, []string{"median"}},
		{[]string{"corr"}, FuncRegr, []string{"corr"}},
		{[]string{"corr"}, FuncCovar, nil},
		{[]string{"var"}, "sum", nil},
		{[]string{"sum"}, "unheard", nil},
	} {
		if got := GrantedBy(x.list, x.fn); !slices.Equal(got, x.want) || Grants(x.list, x.fn) != (x.want != nil) {
			t.Errorf("%v grants %s by %v, want %v", x.list, x.fn, got, x.want)
		}
	}
}

package state

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/assignment"
	"github.com/weirdata/weir/catalog/caps"
	"github.com/weirdata/weir/catalog/statetest"
)

// capRange is a range that can be enumerated.
const capRange = 6

// cappedDescriptor is of readings from 0 to capRange, so2's from −2, whose caps are attributes: of nox
// industry, of so2 county.
func cappedDescriptor() catalog.Descriptor {
	d := statetest.Descriptor("capped")
	for i := range d.Measures {
		d.Measures[i].Max, d.Measures[i].Decimals = capRange, 0
	}
	d.Measures[1].Min = -2
	dp := testDP
	d.Policy.DP, d.Policy.Cubes, d.Policy.Aggregates = &dp, nil, []string{"count", "sum", "var", "covar", "histogram"}
	d.Measures[0].Squares, d.Measures[0].Buckets = true, []string{"3"}
	d.Measures[1].Squares = true
	d.Numbers, d.Policy.Caps = []string{"county", "industry"}, map[string]string{"nox": "industry", "so2": "county"}
	return d
}

// cappedWorld has a version of the rows' readings, checked by their attributes.
func cappedWorld(t statetest.T, rows [][]string) *world {
	body := testInit(3, 2)
	body.Level = FeatureLevel
	w := newWorldOf(t, body).admit().registry("enterprises", rows, 64).key("bureau")
	d := cappedDescriptor()
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
	w.publishCapped(d, rows, 1, 1)
	return w
}

// cappedProposal is a version of all readings that says to have been checked by rows.
func (w *world) cappedProposal(d catalog.Descriptor, rows [][]string, from, to int) (catalog.VersionPropose, [][][]byte) {
	counts := testCounts(2, 2, len(rows), func(_, _, _ int) bool { return true })
	v := w.proposal(d, len(rows), 2, counts)
	v.Tiles = int(v.TilesPerColumn()) * len(d.TileColumns())
	columns := must[[]caps.Column](w.t)(caps.Columns(d, func(name string) (texts []string, err error) {
		for _, row := range rows {
			texts = append(texts, row[map[string]int{"county": 1, "industry": 2}[name]])
		}
		return texts, nil
	}))
	v.Caps = &catalog.CapsHeld{From: from, To: to, Digest: caps.Digest(columns)}
	return v, counts
}

func (w *world) publishCapped(d catalog.Descriptor, rows [][]string, from, to int) {
	v, counts := w.cappedProposal(d, rows, from, to)
	n := w.publish(d, v, counts)
	w.stored(d.Dataset, n, 3)
	w.live(d.Dataset, n)
}

func cappedRows(nox ...string) [][]string {
	rows := statetest.Rows(0, len(nox))
	for i := range rows {
		rows[i][1], rows[i][2] = strconv.Itoa(i%4), nox[i]
	}
	return rows
}

func (w *world) widths(q catalog.Request) []int64 {
	w.t.Helper()
	p := w.ok("bureau", catalog.KindQuerySubmit, catalog.QuerySubmit{Receiving: testReceiving("bureau"), Request: q}).ID
	return must[catalog.Verdict](w.t)(w.view().Verdict(p)).Widths
}

func cappedSum(where *catalog.Predicate) catalog.Request {
	return catalog.Request{Version: 1, Dataset: "capped", Where: where, Select: []catalog.Aggregate{{Func: "sum", Measure: "nox"}}, Noise: &catalog.Noise{Epsilon: "0.01"}}
}

// TestNoiseIsScaledToTheLargestCapOfWhomIsAskedFor, as it was when the readings were published: a
// correction does not change what was promised, and a later version has its own caps.
func TestNoiseIsScaledToTheLargestCapOfWhomIsAskedFor(t *testing.T) {
	rows := cappedRows("1", "1", "2", "2", "3", "3", "5", "0.9", "1", "1", "1", "1")
	w := cappedWorld(t, rows)
	small := statetest.In("enterprise", statetest.IDs(0, 1, 8, 9, 10, 11)...)
	small.Column = ""
	wants := func(when string, q catalog.Request, want ...int64) {
		t.Helper()
		if got := w.widths(q); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: widths %v, want %v", when, got, want)
		}
	}
	wants("of all", cappedSum(nil), 5)
	wants("of those with small caps", cappedSum(small), 1)

	rows[6][2], rows[0][2] = "2", "4" // the permit of one is lowered, and another one's raised
	w.ok("bureau", catalog.KindRegistryCorrect, w.correction(rows[6], rows[0]))
	wants("of all, after a correction", cappedSum(nil), 5)
	wants("of those with small caps, after a correction", cappedSum(small), 1)

	w.publishCapped(cappedDescriptor(), rows, 2, 2)
	wants("of all that are published anew", cappedSum(nil), 4)
	old := cappedSum(nil)
	old.AsOf = 1
	wants("as of the first version", old, 5)

	w.publishCapped(cappedDescriptor(), rows, 1, 2)
	wants("of tiles of both states", cappedSum(nil), 5)
	wants("of few, of tiles of both states", cappedSum(small), 4)

	v, counts := w.cappedProposal(cappedDescriptor(), rows, 1, 2)
	v.Caps = nil // taken over from before there were caps
	n := w.publish(cappedDescriptor(), v, counts)
	w.stored("capped", n, 3)
	w.live("capped", n)
	wants("of a version that says nothing of caps", cappedSum(nil))
}

// TestACapOfNoNumberIsTheRange, and one that is not below the range's end bounds nothing.
func TestACapOfNoNumberIsTheRange(t *testing.T) {
	w := cappedWorld(t, cappedRows("1", "2", "3", "", "1", "1", "1", "1"))
	if got := w.widths(cappedSum(nil)); got != nil {
		t.Errorf("widths %v beside the range", got)
	}
}

func TestAVersionIsHeldToTheCapsOfTheRegistry(t *testing.T) {
	rows := cappedRows("1", "1", "2", "2", "3", "3")
	w := cappedWorld(t, rows)
	d := cappedDescriptor()
	no := func(rule string, change func(v *catalog.VersionPropose)) {
		t.Helper()
		v, _ := w.cappedProposal(d, rows, 1, 1)
		change(&v)
		kind := catalog.RefusedConflict
		if rule == "invalid" {
			kind = catalog.RefusedInvalid
		}
		w.no("bureau", catalog.KindVersionPropose, v, kind, rule)
	}
	no("caps", func(v *catalog.VersionPropose) { v.Caps.Digest = catalog.Digest{1} })
	no("caps", func(v *catalog.VersionPropose) { v.Caps.To = 2 })
	no("invalid", func(v *catalog.VersionPropose) { v.Caps.From = 2 })
	no("invalid", func(v *catalog.VersionPropose) { v.Caps.From = 0 })
	rows[0][2] = "2"
	w.ok("bureau", catalog.KindRegistryCorrect, w.correction(rows[0]))
	no("caps", func(*catalog.VersionPropose) {})
	plain := statetest.Descriptor("plain")
	plain.Policy.Cubes = nil
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: plain})
	v, _ := w.cappedProposal(plain, rows, 2, 2)
	v.Caps = &catalog.CapsHeld{From: 2, To: 2}
	w.no("bureau", catalog.KindVersionPropose, v, catalog.RefusedInvalid, "invalid")
}

// TestWidthsBoundEveryNeighbour enumerates, for drawn caps, conditions and columns, what replacing
// one entity's record within its caps can do to the sums: no cell moves a column farther than the
// verdict says, and where only sums are asked some entity's does move it so far.
func TestWidthsBoundEveryNeighbour(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		some := []string{"0", "1", "2", "3.5", "4", "5", "-1"}
		if rapid.Bool().Draw(t, "unbounded ones") {
			some = append(some, "9", "")
		}
		texts := rapid.SliceOfN(rapid.SampledFrom(some), 8, 14).Draw(t, "caps")
		rows := cappedRows(texts...)
		for i := range rows {
			rows[i][1] = rapid.SampledFrom([]string{"-2", "-1", "0", "1", "3", "6"}).Draw(t, "cap of so2")
		}
		w := cappedWorld(t, rows)
		limit := rapid.SampledFrom([]string{"", "", "1", "3.5"}).Draw(t, "only")
		var where *catalog.Predicate
		if limit != "" {
			where = statetest.In("industry", limit, "0", "2")
		}
		q := cappedSum(where)
		q.Select = []catalog.Aggregate{
			{Func: "covar", Measure: "nox", Other: "so2"}, {Func: "var", Measure: "nox"}, {Func: "var", Measure: "so2"}, {Func: "histogram", Measure: "nox"},
		}
		out := w.do("bureau", catalog.KindQuerySubmit, catalog.QuerySubmit{Receiving: testReceiving("bureau"), Request: q})
		if out.Refusal != nil { // too few are left
			return
		}
		verdict := must[catalog.Verdict](t)(w.view().Verdict(out.ID))
		assign := must[[]int32](t)(assignment.Unpack(verdict.Assign, len(rows), catalog.MaxRegistryRows))
		d := cappedDescriptor()
		nox, so2 := d.Measures[0], d.Measures[1]
		for i, c := range verdict.Columns {
			farthest := int64(0)
			for e, group := range assign {
				if group >= 0 {
					farthest = max(farthest, movedBy(c, nox, so2, caps.Of(nox, rows[e][2]), caps.Of(so2, rows[e][1])))
				}
			}
			width := movedBy(c, nox, so2, nox.Max, so2.Max)
			if verdict.Widths != nil {
				width = verdict.Widths[i]
			}
			if farthest > width || c.Times == "" && c.Bucket == 0 && verdict.Widths != nil && farthest != width {
				t.Fatalf("column %+v of %v: an entity moves a cell by %d, the verdict says %d", c, rows, farthest, width)
			}
		}
	})
}

// TestWeightsAreBoundedByTheirOwnEntitysCap: what noise is scaled to is the most that some entity's
// weight, of the bits that it may have, moves by its own cap; limits that are none are refused.
func TestWeightsAreBoundedByTheirOwnEntitysCap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		caps := rapid.SliceOfN(rapid.SampledFrom([]string{"0", "1", "2", "3", "5", "6"}), 8, 12).Draw(t, "caps")
		w := cappedWorld(t, cappedRows(caps...))
		b := w.vectorOf("loans", 1)
		b.Bits, b.Pieces, b.Decimals = 5, 0, 2
		limits := rapid.SliceOfN(rapid.Int32Range(0, 5), len(caps), len(caps)).Draw(t, "limits")
		bad := b
		for _, wrong := range [][]int32{limits[1:], append([]int32{6}, limits[1:]...), append([]int32{-1}, limits[1:]...)} {
			bad.Limits = assignment.Pack(wrong)
			w.no("bureau", catalog.KindVectorRegister, bad, catalog.RefusedInvalid, "invalid")
		}
		bad = w.vectorOf("mine", 1)
		bad.Limits = assignment.Pack(make([]int32, len(caps)))
		w.no("bureau", catalog.KindVectorRegister, bad, catalog.RefusedInvalid, "invalid") // of a selector
		if rapid.Bool().Draw(t, "limited") {
			b.Limits = assignment.Pack(limits)
		} else {
			limits = slices.Repeat([]int32{5}, len(caps))
		}
		q := cappedSum(nil)
		q.Select = []catalog.Aggregate{{Func: "sum", Measure: "nox", Weight: w.vector("bureau", b).ID}}
		farthest := int64(0)
		for e, text := range caps {
			units, _ := strconv.ParseInt(text, 10, 64)
			farthest = max(farthest, (1<<limits[e]-1)*units)
		}
		got, whole := w.widths(q), int64(31*capRange)
		if farthest == whole && got != nil || farthest < whole && (len(got) != 2 || got[0] != farthest || got[1] != 0) {
			t.Fatalf("caps %v, limits %v: widths %v, an entity moves a cell by %d", caps, limits, got, farthest)
		}
	})
}

// movedBy is the farthest that what a cell adds to a column moves, over all pairs of readings.
func movedBy(c catalog.Column, nox, so2 catalog.Measure, capNox, capSo2 int64) int64 {
	var values []int64
	for x := nox.Min; x <= capNox; x++ {
		for y := so2.Min; y <= capSo2; y++ {
			a, b := x-nox.Mid(), y-so2.Mid()
			if c.Measure == "so2" {
				a, b = b, a
			}
			switch {
			case c.Bucket > 0:
				in := int64(1)
				if x > 3 {
					in = 2
				}
				a = 0
				if in == int64(c.Bucket) {
					a = 1
				}
			case c.Times == c.Measure:
				a *= a
			case c.Times != "":
				a *= b
			}
			values = append(values, a)
		}
	}
	least, most := values[0], values[0]
	for _, v := range values {
		least, most = min(least, v), max(most, v)
	}
	return most - least
}

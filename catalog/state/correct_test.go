package state

import (
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/statetest"
	"github.com/weirdata/weir/catalog/tables"
)

// correct is a correction of rows in one chunk.
func (w *world) correction(rows ...[]string) catalog.RegistryCorrect {
	reg := must[catalog.Registry](w.t)(w.view().Registries().Get("enterprises"))
	return catalog.RegistryCorrect{ID: "enterprises", Base: reg.Digest, Rows: len(rows), Digest: tables.RowsDigest(rows), Chunk: rows}
}

// TestACorrectionChangesAttributesAndNothingElse: places and ids stay, the rows of before
// are kept, and appends go on.
func TestACorrectionChangesAttributesAndNothingElse(t *testing.T) {
	w := newWorld(t, 3, 2).admit().registry("enterprises", statetest.Rows(0, 10), 4)
	before := statetest.Rows(0, 10)
	b := w.correction([]string{"e00007", "county0", "mill"}, []string{"e00002", "county9", "industry2"}, before[4])
	w.no("bank", catalog.KindRegistryCorrect, b, catalog.RefusedForbidden, "role")
	w.no("rival", catalog.KindRegistryCorrect, b, catalog.RefusedForbidden, "owner")
	w.ok("bureau", catalog.KindRegistryCorrect, b)
	want := statetest.Rows(0, 10)
	want[7], want[2] = b.Chunk[0], b.Chunk[1]
	check := func(number int, want [][]string) {
		t.Helper()
		s := must[catalog.RegistryState](t)(w.view().Registries().State("enterprises", number))
		table := must[*tables.Table](t)(w.view().Registries().TableAt("enterprises", number))
		if s.Rows != len(want) || s.Digest != tables.RowsDigest(want) || table.Rows() != len(want) {
			t.Fatalf("state %d is %+v, of %d rows", number, s, table.Rows())
		}
		for i, row := range want {
			if !slices.Equal(table.Row(i), row) {
				t.Fatalf("state %d, row %d is %v, want %v", number, i, table.Row(i), row)
			}
			if at, known := table.Index(row[0]); !known || at != i {
				t.Fatalf("state %d: %s is in place %d", number, row[0], at)
			}
		}
	}
	reg := must[catalog.Registry](t)(w.view().Registries().Get("enterprises"))
	if reg.Rows != 10 || reg.Corrected != 1 || reg.States != 2 || reg.Digest != tables.RowsDigest(want) {
		t.Fatalf("registry %+v", reg)
	}
	check(1, before)
	check(2, want)

	more := statetest.Rows(10, 3)
	create := createEnterprises(more)
	create.Append = true
	w.ok("bureau", catalog.KindRegistryCreate, create)
	w.ok("bureau", catalog.KindRegistryRows, catalog.RegistryRows{ID: "enterprises", From: 10, Rows: more})
	w.ok("bureau", catalog.KindRegistryCorrect, w.correction([]string{"e00002", "county2", "industry2"})) // the draft is not touched
	w.ok("bureau", catalog.KindRegistryCommit, catalog.RegistryCommit{ID: "enterprises"})
	w.ok("bureau", catalog.KindRegistryCorrect, w.correction([]string{"e00011", "county7", "industry7"}))
	check(1, before)
	check(2, want)
	third := slices.Clone(want)
	third[2] = []string{"e00002", "county2", "industry2"}
	check(3, third)
	fourth := append(slices.Clone(third), more...)
	check(4, fourth)
	fifth := slices.Clone(fourth)
	fifth[11] = []string{"e00011", "county7", "industry7"}
	check(5, fifth)
	if rows := must[[][]string](t)(w.view().Rows("enterprises", 11, 12)); !slices.Equal(rows[0], fifth[11]) {
		t.Fatalf("row 11 is %v", rows[0])
	}
	states, _, err := w.view().Registries().StatePage("enterprises", records.Page{Newest: true, Limit: 1})
	if err != nil || len(states) != 1 || states[0].Number != 5 || states[0].Corrected != 3 {
		t.Fatalf("states %+v, %v", states, err)
	}
	sameElsewhere(t, w)
}

// TestHalfACorrectionIsNeverSeen: it holds with its last chunk, and one that was left
// gives way to another.
func TestHalfACorrectionIsNeverSeen(t *testing.T) {
	w := newWorld(t, 3, 2).admit().registry("enterprises", statetest.Rows(0, 10), 4)
	rows := [][]string{{"e00001", "a", "b"}, {"e00003", "c", "d"}, {"e00005", "e", "f"}}
	part := func(from, to int) catalog.RegistryCorrect {
		b := w.correction(rows...)
		b.From, b.Chunk = from, rows[from:to]
		return b
	}
	w.no("bureau", catalog.KindRegistryCorrect, part(1, 2), catalog.RefusedUnknown, "unknown")
	w.ok("bureau", catalog.KindRegistryCorrect, part(0, 2))
	if r := w.no("bureau", catalog.KindRegistryCorrect, part(1, 2), catalog.RefusedConflict, "chunk"); len(r.Numbers) != 1 || r.Numbers[0].Value != "2" {
		t.Fatalf("refusal %+v", r)
	}
	if reg := must[catalog.Registry](t)(w.view().Registries().Get("enterprises")); reg.Corrected != 0 || reg.Digest != tables.RowsDigest(statetest.Rows(0, 10)) {
		t.Fatalf("registry %+v", reg)
	}
	other := part(2, 3)
	other.Digest = catalog.Sum([]byte("other"))
	w.no("bureau", catalog.KindRegistryCorrect, other, catalog.RefusedConflict, "chunk")
	twice := part(2, 3)
	twice.Chunk = [][]string{rows[0], rows[1]}
	w.no("bureau", catalog.KindRegistryCorrect, twice, catalog.RefusedConflict, "rows")
	w.ok("bureau", catalog.KindRegistryCorrect, part(0, 1)) // begins anew
	w.ok("bureau", catalog.KindRegistryCorrect, part(1, 3))
	if table := must[*tables.Table](t)(w.view().Registries().Table("enterprises", -1)); table.Value(5, 0) != "e" || table.Value(1, 1) != "b" {
		t.Fatalf("rows %v, %v", table.Row(1), table.Row(5))
	}
	w.no("bureau", catalog.KindRegistryCorrect, catalog.RegistryCorrect{
		ID: "enterprises", Base: tables.RowsDigest(statetest.Rows(0, 10)), Rows: 1, Digest: tables.RowsDigest(rows[:1]), Chunk: rows[:1],
	}, catalog.RefusedConflict, "registry")
}

// TestACorrectionRefusesWhatIsNone: unknown and doubled ids, rows of another shape, and
// what is there already.
func TestACorrectionRefusesWhatIsNone(t *testing.T) {
	w := newWorld(t, 3, 2).admit()
	rows := statetest.Rows(0, 10)
	w.no("bureau", catalog.KindRegistryCorrect, catalog.RegistryCorrect{ID: "enterprises"}, catalog.RefusedUnknown, "unknown")
	w.ok("bureau", catalog.KindRegistryCreate, createEnterprises(rows))
	w.no("bureau", catalog.KindRegistryCorrect, catalog.RegistryCorrect{ID: "enterprises"}, catalog.RefusedConflict, "empty")
	w.registry("enterprises", rows, 16)
	r := w.no("bureau", catalog.KindRegistryCorrect, w.correction([]string{"e99999", "a", "b"}), catalog.RefusedConflict, "id")
	if r.Field != "chunk[0]" || !strings.Contains(explain.Fix(r), "append") {
		t.Fatalf("refusal %+v", r)
	}
	w.no("bureau", catalog.KindRegistryCorrect, w.correction([]string{"e00001", "a"}), catalog.RefusedInvalid, "invalid")
	w.no("bureau", catalog.KindRegistryCorrect, w.correction([]string{"e00001", "a\n", "b"}), catalog.RefusedInvalid, "invalid")
	w.no("bureau", catalog.KindRegistryCorrect, w.correction([]string{"e00001", "a", "b"}, []string{"e00001", "c", "d"}), catalog.RefusedInvalid, "invalid")
	w.no("bureau", catalog.KindRegistryCorrect, w.correction(rows[1]), catalog.RefusedConflict, "same")
	w.no("bureau", catalog.KindRegistryCorrect, w.correction(), catalog.RefusedInvalid, "invalid")
	wrong := w.correction([]string{"e00001", "a", "b"})
	wrong.Digest = catalog.Sum([]byte("wrong"))
	w.no("bureau", catalog.KindRegistryCorrect, wrong, catalog.RefusedConflict, "digest")
	wrong.Digest = catalog.Digest{}
	w.no("bureau", catalog.KindRegistryCorrect, wrong, catalog.RefusedInvalid, "invalid")
	double := w.correction([]string{"e00001", "a", "b"}, []string{"e00001", "a", "c"})
	first := double
	first.Chunk = double.Chunk[:1]
	w.ok("bureau", catalog.KindRegistryCorrect, first)
	double.From, double.Chunk = 1, double.Chunk[1:]
	w.no("bureau", catalog.KindRegistryCorrect, double, catalog.RefusedConflict, "id")
}

// TestAnswersOfBeforeACorrectionStay: a query keeps its groups, a private vector the
// state that it names.
func TestAnswersOfBeforeACorrectionStay(t *testing.T) {
	w := opened(t)
	contract := w.contract("bank", catalog.OrderCreate{Dataset: "open"})
	q := plainSum("open", "nox")
	q.By = []catalog.Dimension{statetest.Attribute("county")}
	query := w.ok("bank", catalog.KindQuerySubmit, submit(contract, q)).ID
	before := must[catalog.Verdict](t)(w.view().Verdict(query))
	reg := must[catalog.Registry](t)(w.view().Registries().Get("enterprises"))
	vector := catalog.VectorRegister{
		Name: "mine", Version: 1, Registry: "enterprises", Entities: reg.Rows, Rows: reg.Digest, Bits: 1, Modulus: 65537,
		Shares: []catalog.Digest{catalog.Sum([]byte("1")), catalog.Sum([]byte("2")), catalog.Sum([]byte("3"))},
	}
	w.ok("bank", catalog.KindVectorRegister, vector)
	row := must[[][]string](t)(w.view().Rows("enterprises", 1, 2))[0]
	w.ok("bureau", catalog.KindRegistryCorrect, w.correction([]string{row[0], "county0", row[2]}))

	if after := must[catalog.Verdict](t)(w.view().Verdict(query)); after.Digest() != before.Digest() {
		t.Fatal("the verdict of before has changed")
	}
	states, _, err := w.view().Registries().StatePage("enterprises", records.Page{})
	if err != nil || !slices.ContainsFunc(states, func(s catalog.RegistryState) bool { return s.Digest == vector.Rows && s.Rows == vector.Entities }) {
		t.Fatalf("the state that the vector names is gone: %+v, %v", states, err)
	}
	late := vector
	late.Version, late.Shares = 2, []catalog.Digest{catalog.Sum([]byte("4")), catalog.Sum([]byte("5")), catalog.Sum([]byte("6"))}
	w.no("bank", catalog.KindVectorRegister, late, catalog.RefusedConflict, "registry")
	q.Where = nil
	again := must[catalog.Verdict](t)(w.view().Verdict(w.ok("bank", catalog.KindQuerySubmit, submit(contract, q)).ID))
	if again.EntityGroups[0].Of != before.EntityGroups[0].Of+1 || again.EntityGroups[1].Of != before.EntityGroups[1].Of-1 {
		t.Fatalf("groups %+v, before the correction %+v", again.EntityGroups, before.EntityGroups)
	}
	sameElsewhere(t, w)
}

// TestAGroupLosesAClassThatNoLongerLiesWholeInIt: the class itself stays (RELEASE.md
// section 1).
func TestAGroupLosesAClassThatNoLongerLiesWholeInIt(t *testing.T) {
	w := ready(t)
	contract := w.contract("bank", catalog.OrderCreate{Dataset: "emissions"})
	verdict := func() catalog.Verdict {
		id := w.ok("bank", catalog.KindQuerySubmit, submit(contract, plainSum("emissions", "nox"))).ID
		total := must[catalog.Verdict](t)(w.view().Verdict(id))
		if c := total.Coverage[0]; c.Included != c.Of {
			t.Fatalf("the total covers %d of %d", c.Included, c.Of)
		}
		q := plainSum("emissions", "nox")
		q.By, q.Partial = []catalog.Dimension{statetest.Attribute("county")}, true
		return must[catalog.Verdict](t)(w.view().Verdict(w.ok("bank", catalog.KindQuerySubmit, submit(contract, q)).ID))
	}
	if v := verdict(); len(v.Withheld) != 0 {
		t.Fatalf("withheld %v", v.Withheld)
	}
	row := must[[][]string](t)(w.view().Rows("enterprises", 1, 2))[0]
	w.ok("bureau", catalog.KindRegistryCorrect, w.correction([]string{row[0], "county0", row[2]}))
	v := verdict()
	if len(v.Withheld) != 1 || v.EntityGroups[v.Withheld[0].Entity].Values[0] != "county1" {
		t.Fatalf("withheld %v of %v", v.Withheld, v.EntityGroups)
	}
	if c := v.Coverage[0]; c.Included != c.Of-1 {
		t.Fatalf("county0 covers %d of %d: the enterprise that came is in a class of county1", c.Included, c.Of)
	}
	sameElsewhere(t, w)
}

// TestCorrectedEntitiesOfThePoolBecomeAClass as soon as there are enough of one value.
func TestCorrectedEntitiesOfThePoolBecomeAClass(t *testing.T) {
	w := ready(t)
	more := statetest.Rows(40, 5)
	for i := range more {
		more[i][1] = "elsewhere" + more[i][0]
	}
	create := createEnterprises(more)
	create.Append = true
	w.ok("bureau", catalog.KindRegistryCreate, create)
	w.ok("bureau", catalog.KindRegistryRows, catalog.RegistryRows{ID: "enterprises", From: 40, Rows: more})
	w.ok("bureau", catalog.KindRegistryCommit, catalog.RegistryCommit{ID: "enterprises"})
	classes := func() int {
		_, rule, err := w.machine.cache.FamilyOf(w.store, testID("bureau"), "enterprises")
		if err != nil {
			t.Fatal(err)
		}
		return rule.Tree().Classes()
	}
	before := classes()
	for i := range more {
		more[i] = []string{more[i][0], "elsewhere", more[i][2]}
	}
	w.ok("bureau", catalog.KindRegistryCorrect, w.correction(more...))
	if after := classes(); after != before+1 {
		t.Fatalf("%d classes, %d before", after, before)
	}
	sameElsewhere(t, w)
}

package state

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/custody"
	"github.com/weirdata/weir/catalog/records/memstore"
	"github.com/weirdata/weir/catalog/recovery"
	"github.com/weirdata/weir/catalog/resharing"
	"github.com/weirdata/weir/catalog/roster"
	"github.com/weirdata/weir/catalog/statetest"
)

var updateGolden = flag.Bool("update", false, "write testdata anew")

// TestTheStateOfFixedLedgersIsPinned applies ledgers that have an accepted entry of every
// kind, and compares outcomes and state, byte by byte, with what earlier versions made of
// them: nodes of both versions apply the same entries.
func TestTheStateOfFixedLedgersIsPinned(t *testing.T) {
	var lines []string
	accepted := map[catalog.Kind]bool{}
	for _, g := range []struct {
		name   string
		ledger func(*testing.T) *world
	}{
		{"list", listLedger}, {"life", lifeLedger}, {"join", joinLedger}, {"statistics", statisticsLedger}, {"restored", restoredLedger}, {"level", levelLedger},
	} {
		w := g.ledger(t)
		m, store := NewMachine(), memstore.New()
		for i, entry := range w.log {
			raw := must[[]byte](t)(m.Apply(store, uint64(i+1), entry))
			var out catalog.Outcome
			if err := catalog.DecodeStrict(raw, &out); err != nil {
				t.Fatal(err)
			}
			if out.Refusal == nil {
				accepted[out.Kind] = true
			}
			lines = append(lines, fmt.Sprintf("%s entry %d %s %t %.16s", g.name, i+1, out.Kind, out.Refusal == nil, catalog.Sum(raw)))
		}
		if store.Digest() != w.store.Digest() {
			t.Fatalf("%s: a second machine holds another state", g.name)
		}
		for _, key := range store.Keys() {
			lines = append(lines, fmt.Sprintf("%s key %s %.16s", g.name, key, catalog.Sum(must[[]byte](t)(store.Get([]byte(key))))))
		}
		lines = append(lines, fmt.Sprintf("%s state %s", g.name, store.Digest()))
	}
	for _, kind := range everyKind(t) {
		if !accepted[kind] {
			t.Errorf("no ledger has an accepted %s", kind)
		}
	}
	path := filepath.Join("testdata", "ledgers.txt")
	if *updateGolden {
		if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(strings.TrimSpace(string(want)), "\n"), lines); diff != "" {
		t.Errorf("the state of fixed ledgers changed (-want +got):\n%s", diff)
	}
}

// listLedger has exact figures of a private list, by two versions, some of which fail
// their test.
func listLedger(t *testing.T) *world {
	t.Helper()
	h, contract := listWorld(t, nil)
	h.log = append(slices.Clone(foundedWorld().log), h.log...)
	list := h.listBy("bank", "mine", 1, "county")
	h.answered(h.asks("bank", contract, listSum(list, 0, 3, statetest.Attribute("county"))))
	h.fails(h.asks("bank", contract, listSum(list, 3, 2)), false)
	h.fails(h.asks("bank", contract, listSum(list, 3, 2)), true)
	h.cannot("insurer", h.contract("insurer", catalog.OrderCreate{Dataset: "emissions"}), listSum(h.listBy("insurer", "theirs", 1), 0, 1), "portfolio_contract")
	h.publish("emissions", versionOf{40, 13, statetest.Period("2024-01"), func(_ int, p int64, e int) int { return 1 + b2i(e%2 == 0 && p == statetest.Period("2024-03")) }})
	h.answered(h.asks("bank", contract, listSum(list, 5, 2)))
	q := sumOf("emissions", "nox", statetest.In("county", "county1"), nil, statetest.Attribute("county"))
	h.answered(h.ok("bank", catalog.KindQuerySubmit, submit(contract, q)).ID)
	h.ok("bank", catalog.KindQuerySubmit, submit(contract, q))
	other := h.ok("bank", catalog.KindVectorRegister, h.vectorOf("other", 1)).ID
	h.ok("node1", catalog.KindVectorFail, catalog.VectorFail{Vector: other, Reason: told("nobody answers")})
	h.ok("bank", catalog.KindVectorDrop, catalog.VectorDrop{Vector: list.ID})
	h.now += catalog.DefaultRetention * testDay
	h.forget()
	h.ok("operator", catalog.KindDrillReport, drilled(0))
	return h.world
}

// lifeLedger has whatever else can happen to datasets, orders, contracts, keys and queries.
func lifeLedger(t *testing.T) *world {
	t.Helper()
	w := noisy(t)
	rival := w.ok("node1", catalog.KindKeyStart, catalog.KeyStart{Publisher: testID("rival"), Key: catalog.KeyID(testID("rival")), Epoch: 1, Attempt: 1}).ID
	w.ok("node2", catalog.KindKeyCommit, w.commitment(rival, 1, 2))
	w.ok("node3", catalog.KindKeyFail, catalog.KeyFail{Key: rival, Attempt: 1, Reason: told("node1 is gone")})
	w.ok("operator", catalog.KindKeyRefresh, catalog.KeyRefresh{Key: catalog.KeyID(testID("bureau"))})
	w.refresh(catalog.KeyID(testID("bureau")), 2, 2)
	w.ok("node2", catalog.KindKeyErased, catalog.KeyErased{Key: catalog.KeyID(testID("bureau")), Epoch: 1})
	exact := w.contract("bank", catalog.OrderCreate{Dataset: "emissions", Queries: 7})
	w.finish(w.ok("bank", catalog.KindQuerySubmit, submit(exact, query("emissions", 0))).ID, true)
	w.no("bank", catalog.KindQuerySubmit, submit(exact, statetest.SumBy(statetest.Attribute("industry"), statetest.Attribute("county"))), catalog.RefusedPolicy, "min_cohort")
	failed := w.ok("bank", catalog.KindQuerySubmit, submit(exact, query("emissions", 1))).ID
	for range catalog.MaxAttempts {
		w.finish(failed, false)
	}
	noisy := w.contract("insurer", catalog.OrderCreate{Dataset: "noisy"})
	w.finish(w.ok("insurer", catalog.KindQuerySubmit, submit(noisy, noised("0.5", "1e-6", statetest.Attribute("county")))).ID, true)
	w.ok("bureau", catalog.KindContractSuspend, catalog.ContractChange{Contract: noisy, Reason: "unpaid"})
	w.ok("bureau", catalog.KindContractResume, catalog.ContractChange{Contract: noisy})
	w.ok("bureau", catalog.KindContractRevoke, catalog.ContractChange{Contract: noisy, Reason: "over"})
	order := w.ok("insurer", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "emissions", Purpose: "risk"}).ID
	w.ok("bureau", catalog.KindOrderRefuse, catalog.OrderRefuse{Order: order, Reason: "no"})
	d := statetest.Descriptor("emissions")
	v := w.proposal(d, 40, 12, testCounts(2, 12, 40, func(int, int, int) bool { return true }))
	n := w.ok("bureau", catalog.KindVersionPropose, v).Version
	w.ok("bureau", catalog.KindVersionDrop, catalog.VersionCommit{Dataset: "emissions", Version: n})
	counts := testCounts(2, 12, 40, func(_, p, e int) bool { return p != 3 || e != 3 })
	v = w.proposal(d, 40, 12, counts)
	n = w.publish(d, v, counts)
	w.stored("emissions", n, 3)
	w.ok("node1", catalog.KindVersionAttempt, catalog.VersionAttempt{Dataset: "emissions", Version: n, Attempt: 1, Active: w.active(), Root: "node1"})
	w.ok("node2", catalog.KindVersionFail, catalog.VersionFail{Dataset: "emissions", Version: n, Attempt: 1, Reason: told("node1 is gone")})
	w.live("emissions", n)
	w.ok("bank", catalog.KindQuerySubmit, submit(exact, statetest.SumBy(statetest.Attribute("county"))))
	w.appendRows(statetest.Rows(40, 8))
	w.ok("bureau", catalog.KindRegistryCorrect, w.correction([]string{"e00003", "county2", "industry0"}))
	w.ok("bank", catalog.KindQuerySubmit, submit(exact, statetest.SumBy(statetest.Attribute("county"))))
	w.ok("bureau", catalog.KindDatasetAmend, w.amendment("noisy", func(d *catalog.Descriptor) { d.Title.EN = "Emissions with noise" }))
	w.ok("bureau", catalog.KindDatasetWithdraw, catalog.DatasetWithdraw{Dataset: "emissions", Version: n, Reason: "a wrong file"})
	w.ok("bank", catalog.KindQuerySubmit, submit(exact, query("emissions", 0)))
	w.ok("bureau", catalog.KindDatasetWithdraw, catalog.DatasetWithdraw{Dataset: "noisy", Reason: "a wrong policy"})
	w.ok("bureau", catalog.KindQuerySubmit, submit("", statetest.SumBy()))
	w.replace3("node3-b")
	mine := w.vector("bank", w.vectorOf("mine", 1)).ID
	w.ok("operator", catalog.KindVectorRefresh, resharing.Refresh{})
	m := w.beginMove([]int{1, 3}, mine).deal()
	w.ok("node2", catalog.KindMoveFail, resharing.Fail{Move: m.seq, Reason: told("node1 is gone")})
	w.beginMove([]int{2, 3}, mine).all().erase()
	key := catalog.KeyID(testID("bureau"))
	w.ok("node1", catalog.KindKeyErased, catalog.KeyErased{Key: key, Epoch: 1})
	w.refresh(key, 3, 3)
	w.ok("operator", catalog.KindRefreshEvery, resharing.Every{Every: resharing.MinEvery})
	w.ok("node1", catalog.KindCanaryBegin, resharing.CanaryBegin{Key: key, Number: 1})
	w.ok("node1", catalog.KindCanaryFail, resharing.CanaryFail{Key: key, Number: 1, Reason: told("node2 is gone")})
	w.now += resharing.CanaryAgain
	w.ok("node1", catalog.KindCanaryBegin, resharing.CanaryBegin{Key: key, Number: 2})
	w.ok("node2", catalog.KindCanaryLacks, resharing.CanaryLacks{Key: key, Number: 2})
	w.ok("node3", catalog.KindCanarySet, resharing.CanarySet{Key: key, Number: 2, Set: 2})
	w.ok("operator", catalog.KindPrincipalAdd, testPrincipal("house4", catalog.RoleOperator))
	grown := w.roster(3, nil, newSeat("node4", "house4", 4))
	w.ok("operator", catalog.KindRosterWithdraw, roster.Withdraw(w.propose("operator", grown)))
	w.ok("house4", catalog.KindRosterApprove, w.propose("operator", grown))
	w.ok("bureau", catalog.KindKeyMove, roster.MoveKey{Key: catalog.KeyID(testID("bureau")), Roster: w.lastChange()})
	w.ok("operator", catalog.KindRosterPropose, w.roster(2, []string{"node4"}))
	w.ok("node1", catalog.KindSeatLeft, roster.Left{Node: "node4"})
	w.now += resharing.MinEvery
	w.ok("node1", catalog.KindRefreshDue, resharing.Due{})
	return w
}

// restoredLedger has restores, of which the last lost something, and what follows.
func restoredLedger(t *testing.T) *world {
	t.Helper()
	w := noisy(t)
	contract := w.contract("bank", catalog.OrderCreate{Dataset: "noisy"})
	w.ok("bank", catalog.KindQuerySubmit, submit(contract, noised("0.5", "")))
	w.ok("node1", catalog.KindClusterRestore, w.order("operator"))
	b := w.order("operator")
	w.ok("node2", catalog.KindClusterRestore, b)
	w.no("bank", catalog.KindQuerySubmit, submit(contract, noised("0.5", "")), catalog.RefusedConflict, "restoring")
	w.ok("node2", catalog.KindRestorePresent, w.present(b.Order.ID(), b.Order.Size+9, "node1", "node2"))
	w.ok("operator", catalog.KindRestoreEnd, recovery.End{Order: b.Order.ID()})
	w.no("bank", catalog.KindQuerySubmit, submit(contract, noised("0.5", "")), catalog.RefusedPolicy, "restored")
	w.ok("bureau", catalog.KindDatasetReopen, recovery.Reopen{Dataset: "noisy", Order: b.Order.ID(), Statement: "known from statements"})
	d := w.deposit("node1")
	w.ok("operator", catalog.KindDepositRegister, d)
	w.ok("node1", catalog.KindDepositUse, custody.Use{Deposit: d.Deposit, Use: catalog.Sum([]byte("use"))})
	return w
}

// joinLedger has products of two publishers' measures.
func joinLedger(t *testing.T) *world {
	t.Helper()
	w := newJoinWorld(t, nil, nil)
	w.ok("bank", catalog.KindQuerySubmit, w.product("nox", "output", statetest.Attribute("county")))
	w.release("bureau", statetest.Descriptor("emissions"), func(_, p, e int) bool { return p != 2 || e%5 != 0 })
	w.do("bank", catalog.KindQuerySubmit, w.product("nox", "output"))
	w.do("bank", catalog.KindQuerySubmit, w.product("so2", "jobs", statetest.Attribute("county")))
	return w.world
}

// statisticsLedger has squares and products.
func statisticsLedger(t *testing.T) *world {
	t.Helper()
	p := momentPanel("m")
	h := newHistory(t, statetest.Rows(0, 90), p)
	h.log = append(slices.Clone(foundedWorld().log), h.log...)
	h.publish("m", versionOf{90, 12, statetest.Period("2024-01"), always})
	contract := h.contract("bank", catalog.OrderCreate{Dataset: "m"})
	for _, fn := range []string{catalog.FuncCovar, catalog.FuncRegr} {
		h.ok("bank", catalog.KindQuerySubmit, submit(contract, statisticFor("m", fn, "nox", "so2")))
	}
	h.ok("bank", catalog.KindQuerySubmit, submit(contract, statisticFor("m", catalog.FuncVar, "nox", "", statetest.Attribute("county"))))
	return h.world
}

// levelLedger is of a cluster that was founded at the first level, and has raised it.
func levelLedger(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, 3, 2).admit().registry("enterprises", statetest.Rows(0, 4), 4)
	d := statetest.Descriptor("emissions")
	d.Measures[0].UCUM = "t"
	w.no("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d}, catalog.RefusedInvalid, "body")
	w.ok("operator", catalog.KindClusterLevel, catalog.ClusterLevel{Level: 2})
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
	return w
}

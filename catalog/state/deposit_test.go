package state

import (
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/custody"
	"github.com/weirdata/weir/catalog/records"
)

// deposit is one of a node's share as it is now.
func (w *world) deposit(node string) custody.Register {
	w.t.Helper()
	b := custody.Register{
		Deposit: catalog.Sum([]byte("deposit of " + node)), Node: node, Key: testPublic(node), Made: w.now, Threshold: 2,
		Custodians: []string{custody.Fingerprint("alice"), custody.Fingerprint("bob"), custody.Fingerprint("carol")},
	}
	for _, k := range must[[]catalog.Key](w.t)(w.view().Keys().All()) {
		b.Shares = append(b.Shares, k.InForce())
	}
	return b
}

// Attack: whoever lists a deposit says that a seat is safe. Nobody but its operator can.
func TestADepositIsListedByTheOperatorOfItsSeatAlone(t *testing.T) {
	w := newWorld(t, 3, 2).admit().seats()
	good := w.deposit("node2")
	no := func(rule string, kind catalog.RefusalKind, who string, change func(*custody.Register)) {
		t.Helper()
		b := good
		b.Custodians = append([]string{}, good.Custodians...)
		change(&b)
		w.no(who, catalog.KindDepositRegister, b, kind, rule)
	}
	same := func(*custody.Register) {}
	no("deposit_seat", catalog.RefusedForbidden, "air", same)
	no("deposit_seat", catalog.RefusedForbidden, "operator", same)
	no("deposit_seat", catalog.RefusedForbidden, "water", func(b *custody.Register) { b.Node = "node9" })
	no("role", catalog.RefusedForbidden, "bureau", same)
	no("role", catalog.RefusedForbidden, "node2", same)
	no("deposit_machine", catalog.RefusedConflict, "water", func(b *custody.Register) { b.Key = testPublic("node3") })
	for what, change := range map[string]func(*custody.Register){
		"no digest":       func(b *custody.Register) { b.Deposit = catalog.Digest{} },
		"no time":         func(b *custody.Register) { b.Made = 0 },
		"one of three":    func(b *custody.Register) { b.Threshold = 1 },
		"four of three":   func(b *custody.Register) { b.Threshold = 4 },
		"one twice":       func(b *custody.Register) { b.Custodians[1] = b.Custodians[0] },
		"no fingerprint":  func(b *custody.Register) { b.Custodians[1] = "bob" },
		"too many people": func(b *custody.Register) { b.Custodians = make([]string, custody.MaxCustodians+1) },
		"too many shares": func(b *custody.Register) { b.Shares = make([]catalog.Sharing, custody.MaxShares+1) },
	} {
		b := good
		b.Custodians = append([]string{}, good.Custodians...)
		change(&b)
		if out := w.do("water", catalog.KindDepositRegister, b); out.Refusal == nil || out.Refusal.Kind != catalog.RefusedInvalid {
			t.Errorf("%s: %v", what, out.Refusal)
		}
	}
	w.ok("water", catalog.KindDepositRegister, good)
	no("deposit_known", catalog.RefusedConflict, "water", same)
}

func TestADepositIsUsedOnceAndSaysWhatItIsWorth(t *testing.T) {
	w := noisy(t).seats()
	b := w.deposit("node2")
	w.ok("water", catalog.KindDepositRegister, b)
	standing := func() custody.Standing {
		t.Helper()
		d, known, err := w.view().Deposits().Get(b.Deposit)
		if err != nil || !known {
			t.Fatal(known, err)
		}
		return must[[]custody.Standing](t)(w.view().Deposits().Standings(d))[0]
	}
	if s := standing(); !s.Current() {
		t.Errorf("a deposit of now is %+v", s)
	}
	older := b
	older.Deposit, older.Shares, older.Made = catalog.Sum([]byte("older")), nil, b.Made-1
	w.ok("water", catalog.KindDepositRegister, older)
	d, s, known, err := w.view().Deposits().Newest("node2")
	if err != nil || !known || d.Deposit != b.Deposit || !s.Current() {
		t.Errorf("the newest is %+v, %+v (%v)", d, s, err)
	}
	if s := must[[]custody.Standing](t)(w.view().Deposits().Standings(custody.Deposit{Register: older}))[0]; s.Keys != 1 || s.Current() {
		t.Errorf("one that lacks a key is %+v", s)
	}
	moved := must[catalog.Cluster](t)(w.view().Cluster())
	moved.Nodes[1].Key = testPublic("another")
	if s := custody.StandingOf(custody.Deposit{Register: b}, moved, nil, nil); !s.Void {
		t.Errorf("with another machine in the seat it is %+v", s)
	}
	later := []catalog.Vector{{State: catalog.VectorReady, Nodes: []string{"node1", "node2"}, ReadyAt: b.Made + 1}}
	if s := custody.StandingOf(custody.Deposit{Register: b}, must[catalog.Cluster](t)(w.view().Cluster()), nil, later); s.Vectors != 1 {
		t.Errorf("with a later vector it is %+v", s)
	}

	use := custody.Use{Deposit: b.Deposit, Use: catalog.Sum([]byte("first"))}
	w.no("node1", catalog.KindDepositUse, use, catalog.RefusedForbidden, "deposit_node")
	w.no("water", catalog.KindDepositUse, use, catalog.RefusedForbidden, "role")
	w.no("node2", catalog.KindDepositUse, custody.Use{Deposit: b.Deposit}, catalog.RefusedInvalid, "invalid")
	w.ok("node2", catalog.KindDepositUse, use)
	use.Use = catalog.Sum([]byte("second"))
	w.no("node2", catalog.KindDepositUse, use, catalog.RefusedConflict, "deposit_burned")
	if s := standing(); !s.Burned {
		t.Errorf("after its use it is %+v", s)
	}
	if d, _, _, err := w.view().Deposits().Newest("node2"); err != nil || d.Deposit != older.Deposit {
		t.Errorf("the newest that was not used is %+v (%v)", d, err)
	}
	page, next, err := w.view().Deposits().Page(records.Page{Limit: 1})
	if err != nil || len(page) != 1 || next == "" {
		t.Errorf("a page of one is %+v, then %q (%v)", page, next, err)
	}
	// One that nobody listed is burned as well, and cannot be listed any more.
	secret := w.deposit("node3")
	w.ok("node3", catalog.KindDepositUse, custody.Use{Deposit: secret.Deposit, Use: use.Use})
	w.no("air", catalog.KindDepositRegister, secret, catalog.RefusedConflict, "deposit_known")
}

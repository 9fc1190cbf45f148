package state

import (
	"bytes"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/records/memstore"
	"github.com/weirdata/weir/catalog/statetest"
)

func TestFoundingIsRefusedUnlessTheRosterIsSound(t *testing.T) {
	for _, test := range []struct {
		name, field string
		change      func(*catalog.InitBody)
	}{
		{"no name", "name", func(b *catalog.InitBody) { b.Name = "" }},
		{"one node", "nodes", func(b *catalog.InitBody) { b.Nodes = b.Nodes[:1] }},
		{"too many nodes", "nodes", func(b *catalog.InitBody) { b.Nodes = testInit(catalog.MaxNodes+1, 2).Nodes }},
		{"threshold of one", "threshold", func(b *catalog.InitBody) { b.Threshold = 1 }},
		{"threshold above n", "threshold", func(b *catalog.InitBody) { b.Threshold = 4 }},
		{"operator without the role", "operator.role", func(b *catalog.InitBody) { b.Operator.Role = catalog.RoleBuyer }},
		{"node's name", "nodes[1].id", func(b *catalog.InitBody) { b.Nodes[1].ID = "Node 2" }},
		{"point zero", "nodes[0].point", func(b *catalog.InitBody) { b.Nodes[0].Point = 0 }},
		{"points out of order", "nodes[0].point", func(b *catalog.InitBody) { b.Nodes[0].Point, b.Nodes[1].Point = 2, 1 }},
		{"no address", "nodes[2].addr", func(b *catalog.InitBody) { b.Nodes[2].Addr = "" }},
		{"plain HTTP", "nodes[2].api", func(b *catalog.InitBody) { b.Nodes[2].API = "http://node3" }},
		{"short key", "nodes[0].key", func(b *catalog.InitBody) { b.Nodes[0].Key = b.Nodes[0].Key[:31] }},
		{"short sealing key", "nodes[0].sealing", func(b *catalog.InitBody) { b.Nodes[0].Sealing = b.Nodes[0].Sealing[1:] }},
		{"id twice", "nodes[1].id", func(b *catalog.InitBody) { b.Nodes[1].ID = b.Nodes[0].ID }},
		{"address twice", "nodes[1].addr", func(b *catalog.InitBody) { b.Nodes[1].Addr = b.Nodes[0].Addr }},
		{"URL twice", "nodes[1].api", func(b *catalog.InitBody) { b.Nodes[1].API = b.Nodes[0].API }},
		{"key twice", "nodes[1].key", func(b *catalog.InitBody) { b.Nodes[1].Key = b.Nodes[0].Key }},
		{"operator's key", "nodes[1].key", func(b *catalog.InitBody) { b.Nodes[1].Key = b.Operator.Key }},
		{"another operator's key", "nodes[1].key", func(b *catalog.InitBody) {
			b.Nodes[2].Institution, b.Nodes[2].Operator = "water", b.Nodes[1].Key
		}},
		{"no operator", "nodes[1].operator", func(b *catalog.InitBody) { b.Nodes[1].Operator = nil }},
		{"no institution", "nodes[1].operator", func(b *catalog.InitBody) { b.Nodes[1].Institution = "" }},
		{"an operator of two names", "nodes[1].institution", func(b *catalog.InitBody) { b.Nodes[1].Institution = "water" }},
		{"a name of two operators", "nodes[0].institution", func(b *catalog.InitBody) { b.Nodes[1].Operator = testPublic("water") }},
		{"a founder without a seat", "operator.key", func(b *catalog.InitBody) {
			for i := range b.Nodes {
				b.Nodes[i].Institution, b.Nodes[i].Operator = "water", testPublic("water")
			}
		}},
		{"sealing key twice", "nodes[1].sealing", func(b *catalog.InitBody) { b.Nodes[1].Sealing = b.Nodes[0].Sealing }},
		{"operator's name", "name", func(b *catalog.InitBody) { b.Operator.Name = " x" }},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := &world{t: t, machine: NewMachine(), store: memstore.New(), now: testTime}
			body := testInit(3, 2)
			test.change(&body)
			r := w.apply(w.sign("operator", catalog.KindInit, body)).Refusal
			statetest.WantRefusal(t, r, catalog.RefusedInvalid, "invalid")
			if r.Field != test.field {
				t.Fatalf("field %q, want %q: %s", r.Field, test.field, explain.Message(r))
			}
			if _, err := w.view().Cluster(); err == nil {
				t.Fatal("the cluster is founded")
			}
		})
	}
}

// Institutions sign a founding one after the other, which takes days. Nothing else lives so long.
func TestFoundingIsAppliedWithinItsDays(t *testing.T) {
	w := &world{t: t, machine: NewMachine(), store: memstore.New(), now: testTime}
	lasting := func(kind catalog.Kind, body any, age int64) catalog.Envelope {
		p := w.payload(kind, body)
		p.Expires = p.Issued + age
		e, err := catalog.Sign(testKey("operator"), testID("operator"), p)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	statetest.WantRefusal(t, w.apply(lasting(catalog.KindInit, testInit(3, 2), catalog.MaxFoundingAge+1)).Refusal, catalog.RefusedSignature, "lifetime")
	e := lasting(catalog.KindInit, testInit(3, 2), catalog.MaxFoundingAge)
	w.now += catalog.MaxFoundingAge
	statetest.WantRefusal(t, w.apply(e).Refusal, catalog.RefusedSignature, "expired")
	w.now--
	if r := w.apply(e).Refusal; r != nil {
		t.Fatal(r)
	}
	w.id = e.Digest()
	late := lasting(catalog.KindPrincipalAdd, testPrincipal("bank", catalog.RoleBuyer), catalog.MaxEnvelopeAge+1)
	statetest.WantRefusal(t, w.apply(late).Refusal, catalog.RefusedSignature, "lifetime")
}

func TestNothingHappensBeforeTheFounding(t *testing.T) {
	w := &world{t: t, machine: NewMachine(), store: memstore.New(), now: testTime}
	statetest.WantRefusal(t, w.apply(w.sign("operator", catalog.KindPrincipalAdd, testPrincipal("bank", catalog.RoleBuyer))).Refusal, catalog.RefusedConflict, "no_cluster")
	statetest.WantRefusal(t, w.apply(w.sign("stranger", catalog.KindInit, testInit(3, 2))).Refusal, catalog.RefusedSignature, "signature")
	statetest.WantRefusal(t, w.apply(catalog.Envelope{Payload: []byte("x"), Signer: "x"}).Refusal, catalog.RefusedInvalid, "payload")
	e := w.sign("operator", catalog.KindInit, struct {
		Surprise int `json:"surprise"`
	}{1})
	statetest.WantRefusal(t, w.apply(e).Refusal, catalog.RefusedInvalid, "body")
	w.id = catalog.Sum([]byte("another cluster"))
	statetest.WantRefusal(t, w.apply(w.sign("operator", catalog.KindInit, testInit(3, 2))).Refusal, catalog.RefusedSignature, "cluster")
}

func TestPrincipalsHaveUniqueNamesAndKeys(t *testing.T) {
	w := newWorld(t, 3, 2).admit()
	w.no("operator", catalog.KindPrincipalAdd, testPrincipal("bank", catalog.RoleBuyer), catalog.RefusedConflict, "key")
	again := testPrincipal("other", catalog.RoleBuyer)
	again.Name = "bank"
	w.no("operator", catalog.KindPrincipalAdd, again, catalog.RefusedConflict, "name")
	node := testPrincipal("node1", catalog.RoleBuyer)
	w.no("operator", catalog.KindPrincipalAdd, node, catalog.RefusedConflict, "key")

	for field, change := range map[string]func(*catalog.PrincipalAdd){
		"role":      func(p *catalog.PrincipalAdd) { p.Role = "king" },
		"name":      func(p *catalog.PrincipalAdd) { p.Name = "a/b" },
		"key":       func(p *catalog.PrincipalAdd) { p.Key = append(bytes.Clone(p.Key), 0) },
		"receiving": func(p *catalog.PrincipalAdd) { p.Receiving = nil },
	} {
		b := testPrincipal("other", catalog.RoleBuyer)
		change(&b)
		if r := w.no("operator", catalog.KindPrincipalAdd, b, catalog.RefusedInvalid, "invalid"); r.Field != field {
			t.Fatalf("field %q, want %q", r.Field, field)
		}
	}
	long := testPrincipal("other", catalog.RoleBuyer)
	long.Name = strings.Repeat("x", catalog.MaxName+1)
	w.no("operator", catalog.KindPrincipalAdd, long, catalog.RefusedInvalid, "invalid")
	operator := testPrincipal("second operator", catalog.RoleOperator)
	operator.Receiving = nil
	w.ok("operator", catalog.KindPrincipalAdd, operator)
	w.ok("second operator", catalog.KindPrincipalAdd, testPrincipal("other", catalog.RoleBuyer))
}

// The operators of all seats are admitted with the founding, each once.
func TestFoundingAdmitsTheOperatorsOfItsSeats(t *testing.T) {
	w := &world{t: t, machine: NewMachine(), store: memstore.New(), now: testTime}
	body := testInit(3, 2)
	for i := 1; i < 3; i++ {
		body.Nodes[i].Institution, body.Nodes[i].Operator = "water", testPublic("water")
	}
	if r := w.apply(w.sign("operator", catalog.KindInit, body)).Refusal; r != nil {
		t.Fatal(explain.Message(r))
	}
	for _, name := range []string{"operator", "water"} {
		p, err := w.view().Principal(catalog.PrincipalID(testPublic(name)))
		if err != nil || p.Name != name || p.Role != catalog.RoleOperator {
			t.Errorf("operator %s: %+v, %v", name, p, err)
		}
	}
}

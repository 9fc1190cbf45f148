package catalog

import (
	"bytes"
	"strings"
	"testing"
)

func TestFoundingIsRefusedUnlessTheRosterIsSound(t *testing.T) {
	for _, test := range []struct {
		name, field string
		change      func(*InitBody)
	}{
		{"no name", "name", func(b *InitBody) { b.Name = "" }},
		{"one node", "nodes", func(b *InitBody) { b.Nodes = b.Nodes[:1] }},
		{"too many nodes", "nodes", func(b *InitBody) { b.Nodes = testInit(MaxNodes+1, 2).Nodes }},
		{"threshold of one", "threshold", func(b *InitBody) { b.Threshold = 1 }},
		{"threshold above n", "threshold", func(b *InitBody) { b.Threshold = 4 }},
		{"operator without the role", "operator.role", func(b *InitBody) { b.Operator.Role = RoleBuyer }},
		{"node's name", "nodes[1].id", func(b *InitBody) { b.Nodes[1].ID = "Node 2" }},
		{"point zero", "nodes[0].point", func(b *InitBody) { b.Nodes[0].Point = 0 }},
		{"points out of order", "nodes[0].point", func(b *InitBody) { b.Nodes[0].Point, b.Nodes[1].Point = 2, 1 }},
		{"no address", "nodes[2].addr", func(b *InitBody) { b.Nodes[2].Addr = "" }},
		{"plain HTTP", "nodes[2].api", func(b *InitBody) { b.Nodes[2].API = "http://node3" }},
		{"short key", "nodes[0].key", func(b *InitBody) { b.Nodes[0].Key = b.Nodes[0].Key[:31] }},
		{"short sealing key", "nodes[0].sealing", func(b *InitBody) { b.Nodes[0].Sealing = b.Nodes[0].Sealing[1:] }},
		{"id twice", "nodes[1].id", func(b *InitBody) { b.Nodes[1].ID = b.Nodes[0].ID }},
		{"address twice", "nodes[1].addr", func(b *InitBody) { b.Nodes[1].Addr = b.Nodes[0].Addr }},
		{"URL twice", "nodes[1].api", func(b *InitBody) { b.Nodes[1].API = b.Nodes[0].API }},
		{"key twice", "nodes[1].key", func(b *InitBody) { b.Nodes[1].Key = b.Nodes[0].Key }},
		{"operator's key", "nodes[1].key", func(b *InitBody) { b.Nodes[1].Key = b.Operator.Key }},
		{"sealing key twice", "nodes[1].sealing", func(b *InitBody) { b.Nodes[1].Sealing = b.Nodes[0].Sealing }},
		{"operator's name", "name", func(b *InitBody) { b.Operator.Name = " x" }},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := &world{t: t, machine: NewMachine(), store: NewMemory(), now: testTime}
			body := testInit(3, 2)
			test.change(&body)
			r := w.apply(w.sign("operator", KindInit, body)).Refusal
			wantRefusal(t, r, RefusedInvalid, "invalid")
			if r.Field != test.field {
				t.Fatalf("field %q, want %q: %s", r.Field, test.field, r.Message)
			}
			if _, err := w.view().Cluster(); err == nil {
				t.Fatal("the cluster is founded")
			}
		})
	}
}

func TestNothingHappensBeforeTheFounding(t *testing.T) {
	w := &world{t: t, machine: NewMachine(), store: NewMemory(), now: testTime}
	wantRefusal(t, w.apply(w.sign("operator", KindPrincipalAdd, testPrincipal("bank", RoleBuyer))).Refusal, RefusedConflict, "no_cluster")
	wantRefusal(t, w.apply(w.sign("stranger", KindInit, testInit(3, 2))).Refusal, RefusedSignature, "signature")
	wantRefusal(t, w.apply(Envelope{Payload: []byte("x"), Signer: "x"}).Refusal, RefusedInvalid, "payload")
	e := w.sign("operator", KindInit, struct {
		Surprise int `json:"surprise"`
	}{1})
	wantRefusal(t, w.apply(e).Refusal, RefusedInvalid, "body")
	w.id = Sum([]byte("another cluster"))
	wantRefusal(t, w.apply(w.sign("operator", KindInit, testInit(3, 2))).Refusal, RefusedSignature, "cluster")
}

func TestPrincipalsHaveUniqueNamesAndKeys(t *testing.T) {
	w := newWorld(t, 3, 2).admit()
	w.no("operator", KindPrincipalAdd, testPrincipal("bank", RoleBuyer), RefusedConflict, "key")
	again := testPrincipal("other", RoleBuyer)
	again.Name = "bank"
	w.no("operator", KindPrincipalAdd, again, RefusedConflict, "name")
	node := testPrincipal("node1", RoleBuyer)
	w.no("operator", KindPrincipalAdd, node, RefusedConflict, "key")

	for field, change := range map[string]func(*PrincipalAdd){
		"role":      func(p *PrincipalAdd) { p.Role = "king" },
		"name":      func(p *PrincipalAdd) { p.Name = "a/b" },
		"key":       func(p *PrincipalAdd) { p.Key = append(bytes.Clone(p.Key), 0) },
		"receiving": func(p *PrincipalAdd) { p.Receiving = nil },
	} {
		b := testPrincipal("other", RoleBuyer)
		change(&b)
		if r := w.no("operator", KindPrincipalAdd, b, RefusedInvalid, "invalid"); r.Field != field {
			t.Fatalf("field %q, want %q", r.Field, field)
		}
	}
	long := testPrincipal("other", RoleBuyer)
	long.Name = strings.Repeat("x", maxName+1)
	w.no("operator", KindPrincipalAdd, long, RefusedInvalid, "invalid")
	operator := testPrincipal("second operator", RoleOperator)
	operator.Receiving = nil
	w.ok("operator", KindPrincipalAdd, operator)
	w.ok("second operator", KindPrincipalAdd, testPrincipal("other", RoleBuyer))
}

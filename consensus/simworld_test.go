package consensus

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/hashicorp/raft"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/roster"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/catalog/statetest"
	"github.com/weirdata/weir/catalog/tables"
	"github.com/weirdata/weir/consensus/pairs"
)

// simWorld is what the ledgers of all schedules begin with: a cluster of three with a public
// dataset that is live, and the contracts of a buyer on it, each of so many queries. It is made
// once, by the product's state machine.
type simWorld struct {
	cluster   catalog.Digest
	disk      *simDisk // the state of its entries
	applied   uint64
	contracts []string
	log       []*raft.Log
	nonce     int
}

const (
	simTime = int64(1_700_000_000_000) // when the world is ready, in Unix milliseconds
	// simQueries is how many queries a contract of a schedule pays for.
	simQueries   = 8
	simContracts = 2
	// simUnlimited is the contract without a limit, for a machine that keeps its own.
	simUnlimited = simContracts
	// simRefused is the rule by which a query is refused that a contract does not pay for.
	simRefused = "contract_budget"
)

func simKey(name string) ed25519.PrivateKey {
	seed := catalog.Sum([]byte("simulated key " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func simPublic(name string) []byte {
	return simKey(name).Public().(ed25519.PublicKey)
}

func simPrincipal(name string, role catalog.Role) catalog.PrincipalAdd {
	return catalog.PrincipalAdd{Name: name, Role: role, Key: simPublic(name), Receiving: bytes.Repeat([]byte{1}, catalog.ReceivingKeySize)}
}

// signed is an act of somebody: of a node n1, n2, n3, else of a principal.
func (w *simWorld) signed(name string, kind catalog.Kind, body any) catalog.Envelope {
	w.nonce++
	p := catalog.Payload{Version: 1, Kind: kind, Nonce: fmt.Sprintf("%032x", w.nonce), Issued: simTime, Expires: simTime + catalog.MaxEnvelopeAge, Body: catalog.Encode(body)}
	if !w.cluster.IsZero() {
		p.Cluster = w.cluster.String()
	}
	signer := catalog.PrincipalID(simPublic(name))
	if name[0] == 'n' {
		signer = catalog.NodeSigner(name)
	}
	e, err := catalog.Sign(simKey(name), signer, p)
	if err != nil {
		panic(err)
	}
	return e
}

// simOutcome reads what the state machine answered.
func simOutcome(b []byte) (out catalog.Outcome, err error) {
	err = catalog.DecodeStrict(b, &out)
	return out, err
}

// makeSimWorld makes the world.
var makeSimWorld = sync.OnceValue(func() *simWorld {
	w := &simWorld{disk: newSimDisk()}
	s, err := openState(w.disk, discard)
	if err != nil {
		panic(err)
	}
	machine := state.NewMachine()
	apply := func(e catalog.Envelope) catalog.Outcome {
		l := &raft.Log{Index: uint64(len(w.log) + 1), Term: 1, Type: raft.LogCommand, Data: catalog.NewEntry(simTime, e).Marshal()}
		w.log = append(w.log, l)
		r, err := s.applyBatch(machine, []*raft.Log{l})
		if err != nil {
			panic(err)
		}
		out, err := simOutcome(r[0].applied.Outcome)
		if err != nil || out.Refusal != nil {
			panic(fmt.Sprintf("entry %d of the world: %v, %+v", l.Index, err, out.Refusal))
		}
		return out
	}
	do := func(name string, kind catalog.Kind, body any) catalog.Outcome {
		return apply(w.signed(name, kind, body))
	}

	nodes := []string{"n1", "n2", "n3"}
	init := catalog.InitBody{Name: "simulated", Threshold: 2, Operator: simPrincipal("operator", catalog.RoleOperator)}
	for i, id := range nodes {
		init.Nodes = append(init.Nodes, catalog.Node{
			ID: id, Point: i + 1, Institution: "operator", Operator: init.Operator.Key, Addr: id + ":7000", API: "https://" + id + ":8000",
			Key: simPublic(id), Sealing: bytes.Repeat([]byte{byte(i + 1)}, catalog.ReceivingKeySize),
		})
	}
	founding := w.signed("operator", catalog.KindInit, init)
	apply(founding)
	w.cluster = founding.Digest()
	do("operator", catalog.KindPrincipalAdd, simPrincipal("bureau", catalog.RolePublisher))
	do("operator", catalog.KindPrincipalAdd, simPrincipal("bank", catalog.RoleBuyer))
	rows := statetest.Rows(0, 20)
	do("bureau", catalog.KindRegistryCreate, catalog.RegistryCreate{
		ID: "enterprises", IDColumn: "enterprise", Columns: statetest.Columns, Rows: len(rows), Digest: tables.RowsDigest(rows),
	})
	do("bureau", catalog.KindRegistryRows, catalog.RegistryRows{ID: "enterprises", Rows: rows})
	do("bureau", catalog.KindRegistryCommit, catalog.RegistryCommit{ID: "enterprises"})
	read := func(fn func(v state.View) error) {
		err := s.view(func(r pairs.Reader) error { return fn(machine.View(machineReader{r})) })
		if err != nil {
			panic(err)
		}
	}
	w.makeKey(do, read, nodes)
	w.publish(do, nodes)
	for i := range simContracts + 1 {
		o := catalog.OrderCreate{Dataset: "emissions", Purpose: fmt.Sprint("contract ", i)}
		if i != simUnlimited {
			o.Budget = fmt.Sprint(10*simQueries, ".00") // at 10.00 a query
		}
		order := do("bank", catalog.KindOrderCreate, o).ID
		w.contracts = append(w.contracts, do("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: order}).ID)
	}
	w.applied = uint64(len(w.log))
	if err := s.close(); err != nil {
		panic(err)
	}
	return w
})

// makeKey is the ceremony of the bureau's key, with digests of nothing.
func (w *simWorld) makeKey(do func(string, catalog.Kind, any) catalog.Outcome, read func(func(state.View) error), nodes []string) {
	bureau := catalog.PrincipalID(simPublic("bureau"))
	id := do("n1", catalog.KindKeyStart, catalog.KeyStart{Publisher: bureau, Key: catalog.KeyID(bureau), Epoch: 1, Attempt: 1}).ID
	for _, n := range nodes {
		b := catalog.KeyCommit{Key: id, Attempt: 1, Public: catalog.Sum([]byte("public " + n))}
		for _, to := range nodes {
			b.Dealings = append(b.Dealings, catalog.Sum([]byte(n+" deals to "+to)))
		}
		do(n, catalog.KindKeyCommit, b)
	}
	for _, n := range nodes {
		do(n, catalog.KindKeyAck, catalog.KeyAck{Key: id, Attempt: 1})
	}
	for set, points := range roster.TestSets(len(nodes), 2) {
		do(nodes[points[0]-1], catalog.KindKeyTested, catalog.KeyTested{Key: id, Attempt: 1, Set: set})
	}
	var k catalog.Key
	read(func(v state.View) (err error) { k, err = v.Keys().Get(id); return err })
	for _, n := range nodes {
		do(n, catalog.KindKeySign, catalog.KeySign{Key: id, Attempt: 1, Signature: statetest.SignReady(simKey(n), k.Statement)})
	}
}

// publish makes a version of a public dataset live.
func (w *simWorld) publish(do func(string, catalog.Kind, any) catalog.Outcome, nodes []string) {
	d := statetest.Descriptor("emissions")
	d.Policy = catalog.Policy{Public: true, Aggregates: []string{"count", "sum"}, Grain: calendar.Month}
	d.Price = &catalog.Price{PerQuery: "10.00", Currency: "CNY"}
	do("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
	version := do("bureau", catalog.KindVersionPropose, catalog.VersionPropose{
		Dataset: d.Dataset, Key: catalog.KeyID(catalog.PrincipalID(simPublic("bureau"))), Epoch: 1, First: statetest.Period("2024-01"), Periods: 12, Entities: 20,
		Manifest: catalog.Sum([]byte("manifest")), Presence: catalog.Sum([]byte("presence")),
		Blocks: []catalog.Block{{Entities: 20, Periods: 1}}, Tiles: len(d.Measures) * 12,
	}).Version
	do("bureau", catalog.KindVersionCommit, catalog.VersionCommit{Dataset: d.Dataset, Version: version})
	for _, n := range nodes {
		do(n, catalog.KindVersionAck, catalog.VersionAck{Dataset: d.Dataset, Version: version})
	}
	active := nodes[:2]
	do("n3", catalog.KindVersionAttempt, catalog.VersionAttempt{Dataset: d.Dataset, Version: version, Attempt: 1, Active: active, Root: active[0]})
	const modulus = 0x3ffffffffef8001
	for i, n := range active { // shares of a parity of 0
		share := uint64(1)
		if i == 1 {
			share = modulus - 1
		}
		do(n, catalog.KindVersionParity, catalog.VersionParity{Dataset: d.Dataset, Version: version, Attempt: 1, Share: share, Modulus: modulus})
	}
}

// query is a query of the numbers of enterprises, which are public: it is over when it is
// accepted, and its contract pays for it.
func (w *simWorld) query(contract int, number uint64) catalog.Envelope {
	body := catalog.QuerySubmit{
		Contract: w.contracts[contract], Receiving: bytes.Repeat([]byte{1}, catalog.ReceivingKeySize),
		Request: catalog.Request{ // each another one: a repeat is free
			Version: 1, Dataset: "emissions", Where: statetest.In("", statetest.IDs(subset(number)...)...), Select: []catalog.Aggregate{{Func: "count"}},
		},
	}
	p := catalog.Payload{
		Version: 1, Cluster: w.cluster.String(), Kind: catalog.KindQuerySubmit, Nonce: fmt.Sprintf("%016x%016x", 1<<40|uint64(contract), number),
		Issued: simTime, Expires: simTime + catalog.MaxEnvelopeAge, Body: catalog.Encode(body),
	}
	e, err := catalog.Sign(simKey("bank"), catalog.PrincipalID(simPublic("bank")), p)
	if err != nil {
		panic(err)
	}
	return e
}

// subset is the set of enterprises that a number stands for.
func subset(number uint64) (entities []int) {
	for i := range 20 {
		if (number+1)>>i&1 == 1 {
			entities = append(entities, i)
		}
	}
	return entities
}

// simAccount is what a state says of a contract: what was spent of it, in queries, and which queries
// were accepted under it.
type simAccount struct {
	used    int
	spent   string
	queries []catalog.Digest // of their envelopes, ascending
}

func (w *simWorld) account(r records.Reader, machine *state.Machine, contract int) (a simAccount, err error) {
	v := machine.View(r)
	k, err := v.Contract(w.contracts[contract])
	if err != nil {
		return a, err
	}
	a.used, a.spent = k.Used, k.Spent
	err = r.Scan([]byte(records.PrefixContractQuery+k.ID+"/"), func(_, id []byte) error {
		q, err := v.Query(string(id))
		a.queries = append(a.queries, q.Envelope)
		return err
	})
	slices.SortFunc(a.queries, func(a, b catalog.Digest) int { return bytes.Compare(a[:], b[:]) })
	return a, err
}

func TestSimulatedWorldChargesQueries(t *testing.T) {
	w := makeSimWorld()
	d := newSimDisk()
	d.cur.list = w.disk.cur.list
	s, err := openState(d, discard)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	}()
	machine := state.NewMachine()
	for i := range simQueries + 2 {
		l := &raft.Log{Index: w.applied + 1 + uint64(i), Term: 1, Type: raft.LogCommand, Data: catalog.NewEntry(simTime, w.query(0, uint64(i))).Marshal()}
		r, err := s.applyBatch(machine, []*raft.Log{l})
		if err != nil {
			t.Fatal(err)
		}
		out, err := simOutcome(r[0].applied.Outcome)
		if err != nil || (out.Refusal == nil) != (i < simQueries) {
			t.Errorf("query %d: %v, %+v", i, err, out.Refusal)
		}
	}
	err = s.view(func(r pairs.Reader) error {
		a, err := w.account(machineReader{r}, machine, 0)
		if err != nil || a.used != simQueries || a.spent != fmt.Sprint(10*simQueries, ".00") || len(a.queries) != simQueries {
			t.Errorf("the account is %+v, %v", a, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

package explain

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/records/memstore"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/catalog/tables"
)

func keyOf(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func publicOf(name string) []byte { return keyOf(name).Public().(ed25519.PublicKey) }

func principal(name string, role catalog.Role) catalog.PrincipalAdd {
	return catalog.PrincipalAdd{Name: name, Role: role, Key: publicOf(name), Receiving: make([]byte, catalog.ReceivingKeySize)}
}

// someEntries found a cluster, list a registry and ask for much that is refused: of each
// room that refuses something.
func someEntries(t *testing.T) (entries [][]byte) {
	t.Helper()
	now, cluster := int64(1_700_000_000_000), ""
	sign := func(name string, kind catalog.Kind, body any) catalog.Envelope {
		now += 10
		signer := catalog.PrincipalID(publicOf(name))
		if strings.HasPrefix(name, "node") {
			signer = catalog.NodeSigner(name)
		}
		p := catalog.Payload{Cluster: cluster, Kind: kind, Nonce: fmt.Sprintf("%032x", len(entries)+1), Issued: now, Expires: now + 60_000, Body: catalog.Encode(body)}
		e, err := catalog.Sign(keyOf(name), signer, p)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, catalog.NewEntry(now, e).Marshal())
		return e
	}
	init := catalog.InitBody{Name: "test", Threshold: 2, Operator: principal("operator", catalog.RoleOperator)}
	for i := range 2 {
		id := fmt.Sprintf("node%d", i+1)
		init.Nodes = append(init.Nodes, catalog.Node{
			ID: id, Point: i + 1, Institution: "operator", Operator: init.Operator.Key, Addr: id + ":1", API: "https://" + id, Key: publicOf(id), Sealing: bytes.Repeat([]byte{byte(i)}, catalog.ReceivingKeySize),
		})
	}
	sign("node1", catalog.KindKeyStart, catalog.KeyStart{})
	cluster = sign("operator", catalog.KindInit, init).Digest().String()
	sign("operator", catalog.KindPrincipalAdd, principal("bureau", catalog.RolePublisher))
	sign("operator", catalog.KindPrincipalAdd, principal("bank", catalog.RoleBuyer))
	sign("operator", catalog.KindPrincipalAdd, principal("bank", catalog.RoleBuyer))
	sign("operator", catalog.KindPrincipalAdd, catalog.PrincipalAdd{Name: "x", Role: "king"})
	rows := [][]string{{"a", "c"}, {"b", "c"}}
	create := catalog.RegistryCreate{ID: "plants", IDColumn: "plant", Columns: []string{"county"}, Rows: 2, Digest: tables.RowsDigest(rows)}
	sign("bank", catalog.KindRegistryCreate, create)
	sign("stranger", catalog.KindRegistryCreate, create)
	sign("bureau", catalog.KindRegistryCreate, create)
	sign("bureau", catalog.KindRegistryRows, catalog.RegistryRows{ID: "plants", Rows: [][]string{{"a"}}})
	sign("bureau", catalog.KindRegistryRows, catalog.RegistryRows{ID: "plants", From: 7, Rows: rows})
	sign("bureau", catalog.KindRegistryRows, catalog.RegistryRows{ID: "plants", Rows: rows})
	sign("bureau", catalog.KindRegistryCommit, catalog.RegistryCommit{ID: "plants"})
	d := catalog.Descriptor{
		Dataset: "air", Registry: "plants", Entity: "plant", Grain: calendar.Month, UTCOffset: "+08:00",
		Measures: []catalog.Measure{{Name: "nox", Unit: "t", Max: 1000}},
		Policy:   catalog.Policy{Aggregates: []string{"sum"}, Grain: calendar.Month, MinCohort: 1},
	}
	sign("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
	d.Policy.MinCohort = 2
	sign("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
	sign("bureau", catalog.KindDatasetCreate, map[string]any{"descriptor": d, "nonsense": 1})
	sign("bureau", catalog.KindVersionPropose, catalog.VersionPropose{Dataset: "air"})
	sign("bank", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "air"})
	sign("bank", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "water", Purpose: "x"})
	sign("bank", catalog.KindQuerySubmit, catalog.QuerySubmit{Receiving: make([]byte, catalog.ReceivingKeySize), Request: catalog.Request{Version: 1, Dataset: "air"}})
	sign("bank", catalog.KindVectorRegister, catalog.VectorRegister{Name: "Mine"})
	sign("bureau", "unheard.of", struct{}{})
	entries = append(entries, []byte("no entry"))
	return entries
}

// applied are the outcomes of entries, and the digest of what they leave behind. The
// evidence log's leaves are made of the entries and of these bytes.
func applied(t *testing.T, entries [][]byte) (outcomes [][]byte, left catalog.Digest) {
	t.Helper()
	machine, store := state.NewMachine(), memstore.New()
	for i, e := range entries {
		out, err := machine.Apply(store, uint64(i+1), e)
		if err != nil {
			t.Fatal(err)
		}
		outcomes = append(outcomes, out)
	}
	return outcomes, store.Digest()
}

// TestWhatIsReplicatedDoesNotDependOnSentences applies the same entries with every
// sentence replaced by another.
func TestWhatIsReplicatedDoesNotDependOnSentences(t *testing.T) {
	entries := someEntries(t)
	outcomes, left := applied(t, entries)
	old := languages[English].sentences
	t.Cleanup(func() { languages[English].sentences = old })
	other := map[string]sentence{}
	for code := range old() {
		other[code] = sentence{"another sentence", "another fix"}
	}
	languages[English].sentences = func() map[string]sentence { return other }
	again, leftAgain := applied(t, entries)
	if left != leftAgain {
		t.Error("the state depends on sentences")
	}
	refused := map[string]bool{}
	for i := range outcomes {
		if !bytes.Equal(outcomes[i], again[i]) {
			t.Errorf("entry %d:\n%s\n%s", i+1, outcomes[i], again[i])
		}
		var out catalog.Outcome
		if err := catalog.DecodeStrict(outcomes[i], &out); err != nil {
			t.Fatal(err)
		}
		if out.Refusal == nil {
			continue
		}
		refused[out.Refusal.Code] = true
		if got := Refusal(out.Refusal); got != "another sentence; another fix" {
			t.Errorf("%s reads %q: its words are not of the table", out.Refusal, got)
		}
	}
	if len(refused) < 14 {
		t.Errorf("only %d codes were met: %v", len(refused), refused)
	}
}

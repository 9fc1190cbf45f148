package operator

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/backup"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/govern"
	"github.com/weirdata/weir/node/objects"
)

// desk is the operator's part of a desk of a role.
func desk(w *clienttest.World, role catalog.Role, archive string) *Operator {
	w.Helper()
	o := w.Options()
	o.Patience = time.Minute // a busy machine's node is not away
	c, err := client.New(w.Profile, w.Keys[role], o)
	w.Must(err)
	w.Cleanup(c.Close)
	return New(Options{Client: c, MonitorFile: filepath.Join(w.TempDir(), "seen"), Archive: archive})
}

// A node that died, one that waits, and one that leads, are told with what is the matter.
func TestNodesAreShownWithWhatTheyWaitFor(t *testing.T) {
	w := clienttest.New(t)
	w.Lying(func(node int, path string, body []byte) []byte {
		if path != "/v1/status" {
			return body
		}
		return clienttest.Changed(t, body, func(s *wire.Status) {
			s.Ledger.Term, s.Ledger.Leader, s.Ledger.Commit, s.Ledger.Applied, s.Ledger.FreeBytes = 4, "n1", 120, 120, 5<<30
			switch node {
			case 0:
				s.Ledger.State = "leader"
			case 1:
				s.Ready, s.Reasons, s.Alarms, s.Ledger.Applied, s.Blobs.Lost = false, []string{"it is 20 entries behind"}, []string{"the state of n3 is in doubt"}, 100, 2
			}
		})
	})
	w.Servers[2].Close()
	got, err := desk(w, catalog.RoleOperator, "").nodes(w.Ctx, none{})
	w.Must(err)
	if got.Leader != "n1" || got.Well != 1 || got.Quorum != 2 || len(got.Nodes) != 3 || got.Level != 1 {
		t.Fatalf("the nodes are %+v", got)
	}
	if n := got.Nodes[0]; !n.Answers || !n.Ready || n.State != "leader" || n.Lag != 0 || n.FreeBytes != 5<<30 {
		t.Errorf("n1 is %+v", n)
	}
	if n := got.Nodes[1]; n.Ready || n.Lag != 20 || len(n.Reasons) != 1 || n.Blobs.Lost != 2 {
		t.Errorf("n2 is %+v", n)
	}
	if n := got.Nodes[2]; n.Answers || n.Error == "" || n.Lag != 0 {
		t.Errorf("n3 is %+v", n)
	}
	all := strings.Join(got.Faults, "\n")
	for _, words := range []string{"n2 cannot take work: it is 20 entries behind", "n3 is in doubt", "n3 at https", "2 that no node"} {
		if !strings.Contains(all, words) {
			t.Errorf("%q is not among the faults %q", words, all)
		}
	}
}

// A node tells how it is to operators alone: another key is told so, and one that is none, too.
func TestADeskOfAnotherRoleIsToldSo(t *testing.T) {
	w := clienttest.New(t)
	for _, role := range []catalog.Role{catalog.RoleBuyer, catalog.RolePublisher} {
		o := desk(w, role, "")
		_, nodes := o.nodes(w.Ctx, none{})
		_, keys := o.keys(w.Ctx, none{})
		_, backups := o.backups(w.Ctx, none{})
		_, principals := o.principals(w.Ctx, none{})
		_, admitted := o.admit(w.Ctx, struct{ Body KeyFile }{KeyFile{Name: "x.pub", File: encoded(t, w.Keys[role].Public()), Role: "buyer"}})
		for i, err := range []error{nodes, keys, backups, principals, admitted} {
			p, ok := errors.AsType[*wire.Problem](err)
			if _, refused := client.IsRefused(err); !refused && (!ok || p.Kind != wire.KindForbidden) {
				t.Errorf("%s, %d: %v, want that it is no operator", role, i, err)
			}
		}
	}
	c, err := client.New(w.Profile, nil, w.Options())
	w.Must(err)
	t.Cleanup(c.Close)
	if _, err := New(Options{Client: c}).nodes(w.Ctx, none{}); !errors.Is(err, client.ErrNoKey) {
		t.Errorf("without a key: %v", err)
	}
}

// Each step of a key's ceremony and of its next sharing names the nodes that it waits for.
func TestKeysSayForWhichNodesTheyWait(t *testing.T) {
	w := clienttest.New(t)
	o := desk(w, catalog.RoleOperator, "")
	got, err := o.keys(w.Ctx, none{})
	w.Must(err)
	if len(got.Keys) != 1 || got.Keys[0].Step != "ready" || got.Keys[0].Waits != "" || len(got.Keys[0].Nodes) != 3 {
		t.Fatalf("the keys are %+v", got)
	}
	publisher := w.Keys[catalog.RolePublisher].ID()
	change := func(change func(k *catalog.Key)) Key {
		t.Helper()
		w.Lies(func(path string, body []byte) []byte {
			if !strings.HasPrefix(path, "/v1/keys/") {
				return body
			}
			return clienttest.Changed(t, body, change)
		})
		defer w.Lies(nil)
		got, err := o.keys(w.Ctx, none{})
		w.Must(err)
		return got.Keys[0]
	}
	for _, c := range []struct {
		name   string
		change func(k *catalog.Key)
		step   string
		waits  []string
		words  string
	}{
		{"a ceremony", func(k *catalog.Key) { k.State, k.Acked = catalog.KeyDealing, []bool{true, false, true} }, "dealing", []string{"n2"}, "attempt 1 is dealing and waits for n2"},
		{"one that failed", func(k *catalog.Key) { k.State = catalog.KeyFailed }, "failed", nil, "attempt 1 failed"},
		{"new shares that are wanted", func(k *catalog.Key) { k.Refresh = &catalog.Refresh{State: catalog.KeyWanted} }, "wanted", nil, "waiting until all nodes are up"},
		{"new shares that are dealt", func(k *catalog.Key) {
			k.Refresh = &catalog.Refresh{State: catalog.KeyDealing, Attempt: 2, Acked: []bool{false, true, false}}
		}, "dealing", []string{"n1", "n3"}, "attempt 2 is dealing and waits for n1, n3"},
		{"old shares that are erased", func(k *catalog.Key) { k.Retired = &catalog.Retired{Erased: []bool{true, true, false}} }, "erasing", []string{"n3"}, "to be erased by n3"},
	} {
		k := change(c.change)
		var waits []string
		for _, p := range k.Nodes {
			if p.Waits {
				waits = append(waits, p.Node)
			}
		}
		if k.Step != c.step || !slices.Equal(waits, c.waits) || !strings.Contains(k.Waits, c.words) || k.Publisher != publisher {
			t.Errorf("%s is %+v, waits for %v", c.name, k, waits)
		}
	}
	// One that has not begun waits for the nodes that cannot take work.
	second, err := client.NewKey("a second bureau")
	w.Must(err)
	w.Cluster.Asleep = true
	w.Cluster.Reasons = []string{"asleep"}
	_, err = govern.AddPrincipal(w.Ctx, o.client, second.Public(), catalog.RolePublisher)
	w.Must(err)
	got, err = o.keys(w.Ctx, none{})
	w.Must(err)
	at := slices.IndexFunc(got.Keys, func(k Key) bool { return k.Publisher == second.ID() })
	if at < 0 || got.Keys[at].Step == "ready" || got.Keys[at].Waits == "" {
		t.Errorf("the keys are %+v", got.Keys)
	}
}

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A public key is shown before its owner is admitted; a private one is refused, and so is a role that is none.
func TestAnOrganisationIsAdmittedAfterALook(t *testing.T) {
	w := clienttest.New(t)
	o := desk(w, catalog.RoleOperator, "")
	bank, err := client.NewKey("Bank of Hengshui")
	w.Must(err)
	file := struct{ Body KeyFile }{KeyFile{Name: "bank.key.pub", File: encoded(t, bank.Public())}}
	owner, err := o.readKey(w.Ctx, file)
	w.Must(err)
	if owner.ID != bank.ID() || owner.Name != "Bank of Hengshui" || !owner.Receives {
		t.Errorf("it is of %+v", owner)
	}
	if _, err := o.admit(w.Ctx, file); err == nil {
		t.Error("somebody is admitted without a role")
	}
	file.Body.Role = "buyer"
	admitted, err := o.admit(w.Ctx, file)
	w.Must(err)
	all, err := o.principals(w.Ctx, none{})
	w.Must(err)
	if at := slices.IndexFunc(all.Principals, func(p Principal) bool { return p.ID == admitted.ID }); at < 0 || all.Principals[at].Role != "buyer" || len(all.Principals) != 4 {
		t.Errorf("admitted are %+v", all)
	}
	for _, text := range []string{"", "{}", "[", `{"v":1}`, strings.Repeat("{", 10000)} {
		if _, err := o.readKey(w.Ctx, struct{ Body KeyFile }{KeyFile{Name: "x.pub", File: []byte(text)}}); err == nil {
			t.Errorf("%.20q is a key", text)
		}
	}
}

func TestTheRosterIsShown(t *testing.T) {
	w := clienttest.New(t)
	o := desk(w, catalog.RoleOperator, "")
	got, err := o.roster(w.Ctx, none{})
	w.Must(err)
	if len(got.Seats) != 3 || got.Threshold != 2 || len(got.Proposals) != 0 || got.Seats[0].Key == "" {
		t.Errorf("the roster is %+v", got)
	}
	if _, err := o.approve(w.Ctx, proposed{strings.Repeat("0", 64)}); err == nil {
		t.Error("what nobody proposed is approved")
	}
}

// A node that is to take another's place: who comes and goes and who still has to approve is told, once approved the roster
// is the new one, and what is over is not approved again.
func TestAProposedRosterIsShownAndApproved(t *testing.T) {
	w := clienttest.New(t)
	newcomer, fresh := w.ProposeNewcomer("Bank of Hengshui")
	proposer := desk(w, catalog.RoleOperator, "")
	theirs := New(Options{Client: newcomer, MonitorFile: filepath.Join(t.TempDir(), "seen")})
	for mine, o := range map[bool]*Operator{true: proposer, false: theirs} {
		got, err := o.roster(w.Ctx, none{})
		w.Must(err)
		if len(got.Proposals) != 1 || len(got.Seats) != 3 || got.Seats[2].Node == fresh.ID {
			t.Fatalf("the roster is %+v", got)
		}
		p := got.Proposals[0]
		if len(p.Comes) != 1 || p.Comes[0] != seatOf(fresh) || len(p.Goes) != 1 || p.Goes[0] != got.Seats[2] {
			t.Errorf("it comes %+v, it goes %+v", p.Comes, p.Goes)
		}
		if p.Mine != mine || p.Threshold != 2 || p.Nodes != 3 || p.Seats < p.Needed || fmt.Sprint(p.Newcomers) != "[Bank of Hengshui]" || p.Proposer != w.Keys[catalog.RoleOperator].ID() {
			t.Errorf("mine %t: the proposal is %+v", mine, p)
		}
	}
	before, err := theirs.roster(w.Ctx, none{})
	w.Must(err)
	proposal := proposed{before.Proposals[0].Proposal}
	if _, err := theirs.approve(w.Ctx, proposal); err != nil {
		t.Fatal(err)
	}
	after, err := proposer.roster(w.Ctx, none{})
	w.Must(err)
	if len(after.Proposals) != 0 || after.Changes != before.Changes+1 || len(after.Seats) != 3 || after.Seats[2] != seatOf(fresh) {
		t.Errorf("the roster is %+v", after)
	}
	if _, err := theirs.approve(w.Ctx, proposal); !strings.Contains(fmt.Sprint(err), "no such roster is proposed") {
		t.Errorf("what is over is approved: %v", err)
	}
}

// A desk without a key approves nothing, and neither does one whose key has no seat and comes to none.
func TestWhoHasNoSeatApprovesNoRoster(t *testing.T) {
	w := clienttest.New(t)
	w.ProposeNewcomer("Bank of Hengshui")
	all, err := govern.Proposals(w.Ctx, w.Client(catalog.RoleOperator))
	w.Must(err)
	proposal := proposed{all[0].ID.String()}
	c, err := client.New(w.Profile, nil, w.Options())
	w.Must(err)
	t.Cleanup(c.Close)
	if _, err := New(Options{Client: c}).approve(w.Ctx, proposal); !errors.Is(err, client.ErrNoKey) {
		t.Errorf("without a key: %v", err)
	}
	if _, err := desk(w, catalog.RoleBuyer, "").approve(w.Ctx, proposal); err == nil {
		t.Error("a buyer approves a roster")
	}
	if left, err := govern.Proposals(w.Ctx, w.Client(catalog.RoleOperator)); err != nil || len(left) != 1 || len(left[0].Approved) != 1 {
		t.Errorf("it is %+v, %v", left, err)
	}
}

// The backups of the archive are listed, and an archive that is none says so beside the rest.
func TestBackupsOfTheArchiveAreListed(t *testing.T) {
	w := clienttest.New(t)
	got, err := desk(w, catalog.RoleOperator, "").backups(w.Ctx, none{})
	w.Must(err)
	if len(got.Backups) != 0 || got.Away != nil || !slices.Equal(got.Behind, []string{"n1", "n2", "n3"}) {
		t.Errorf("without an archive: %+v", got)
	}
	if got, err = desk(w, catalog.RoleOperator, "s3+https://").backups(w.Ctx, none{}); err != nil || got.Away == nil {
		t.Errorf("no bucket is %+v, %v", got, err)
	}
	archive := t.TempDir()
	store := objects.Directory(archive)
	put := func(name string, content []byte) {
		t.Helper()
		w.Must(store.Put(w.Ctx, "manifests/"+name+".json", content))
	}
	for n, cluster := range []catalog.Digest{w.Profile.Cluster, {7}} {
		m := backup.Manifest{Version: 1, Cluster: cluster, Made: int64(1000 + n), Size: uint64(10 + n), Root: catalog.Digest{1}, Blobs: []backup.Part{{Bytes: 5}, {Bytes: 7}}}
		put(m.Name(), encoded(t, m))
	}
	put("20260101T000000.000Z-9-00000000", []byte("{"))
	got, err = desk(w, catalog.RoleOperator, archive).backups(w.Ctx, none{})
	w.Must(err)
	if len(got.Backups) != 2 || got.Backups[0].Entries != 11 || !got.Backups[0].Other || got.Backups[1].Other || got.Backups[1].Bytes != 12 || got.Backups[1].Blobs != 2 || len(got.Damaged) != 1 {
		t.Errorf("the archive has %+v", got)
	}
}

// A log that grows is followed from look to look; one that was rewritten is told with the signatures that prove it, at
// every look.
func TestAForkIsShownWithItsProof(t *testing.T) {
	w := clienttest.New(t)
	o := desk(w, catalog.RoleBuyer, "") // anybody may look
	for n := range 2 {
		got, err := o.evidence(w.Ctx, none{})
		w.Must(err)
		if len(got.Heads) != 3 || got.Fork != nil || got.Seen != 3*n || len(got.Away) != 0 {
			t.Fatalf("look %d: %+v", n, got)
		}
		k, err := client.NewKey(fmt.Sprintf("buyer %d", n))
		w.Must(err)
		_, err = govern.AddPrincipal(w.Ctx, w.Client(catalog.RoleOperator), k.Public(), catalog.RoleBuyer)
		w.Must(err)
	}
	w.Must(w.Cluster.Rewrite(1, 1, []byte("another principal")))
	w.Must(w.Cluster.ForgetSigned(1))
	for range 2 {
		got, err := o.evidence(w.Ctx, none{})
		w.Must(err)
		if got.Fork == nil || len(got.Fork.Notes) != 2 || !strings.Contains(got.Fork.Reason, "n2") {
			t.Fatalf("the fork is %+v", got.Fork)
		}
	}
}

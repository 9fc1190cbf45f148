package audit_test

import (
	"bytes"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/audit"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/govern"
)

// look looks once, with the state in a file between looks.
func look(w *clienttest.World, file string) (audit.Look, error) {
	w.Helper()
	s, err := audit.LoadState(file, w.Profile)
	w.Must(err)
	next, look, err := audit.Monitor(w.Ctx, w.Client(catalog.RoleBuyer), s)
	if err == nil {
		w.Must(next.Save(file))
	}
	return look, err
}

// grow has something recorded.
func grow(w *clienttest.World, name string) {
	w.Helper()
	k, err := client.NewKey(name)
	w.Must(err)
	_, err = govern.AddPrincipal(w.Ctx, w.Client(catalog.RoleOperator), k.Public(), catalog.RoleBuyer)
	w.Must(err)
}

func TestMonitorFollowsAGrowingLog(t *testing.T) {
	w := clienttest.New(t)
	file := filepath.Join(t.TempDir(), "state")
	for _, name := range []string{"one", "two", "three"} {
		look, err := look(w, file)
		w.Must(err)
		if len(look.Heads) != 3 || len(look.Away) != 0 {
			t.Fatalf("saw %+v", look)
		}
		grow(w, name)
	}
	w.Servers[2].Close()
	look, err := look(w, file)
	w.Must(err)
	if len(look.Heads) != 2 || look.Away["n3"] == "" {
		t.Errorf("a node is away: %+v", look)
	}
	other := clienttest.New(t).Profile
	if _, err := audit.LoadState(file, other); err == nil {
		t.Error("the state of another cluster was taken")
	}
}

// An entry is rewritten on one node's disk, with all hashes made to match: the
// node notices by what it signed; and when it has forgotten that, the monitor
// does, and has the two signatures that prove it.
func TestMonitorNoticesARewrittenEntry(t *testing.T) {
	for name, forget := range map[string]bool{"the node remembers what it signed": false, "the node has forgotten": true} {
		t.Run(name, func(t *testing.T) {
			w := clienttest.New(t)
			grow(w, "one")
			file := filepath.Join(t.TempDir(), "state")
			_, err := look(w, file)
			w.Must(err)
			w.Must(w.Cluster.Rewrite(1, 1, []byte("another principal")))
			if forget {
				w.Must(w.Cluster.ForgetSigned(1))
			}
			_, err = look(w, file)
			var fork *audit.ForkError
			if !errors.As(err, &fork) || !strings.Contains(err.Error(), "n2") {
				t.Fatalf("the monitor says %v", err)
			}
			if forget {
				contradict(w, fork.Notes)
			}
			grow(w, "two")
			if _, err = look(w, file); !errors.As(err, &fork) {
				t.Errorf("after the log has grown: %v", err)
			}
			// A monitor that begins now sees it too, as does who asks the node
			// for a proof: nobody signs with it.
			if _, err = look(w, filepath.Join(t.TempDir(), "fresh")); !errors.As(err, &fork) {
				t.Errorf("a new monitor: %v", err)
			}
			profile := w.Profile
			profile.Nodes, profile.Addr = profile.Nodes[1:2], ""
			c, err := client.New(profile, nil, w.Options())
			w.Must(err)
			defer c.Close()
			_, _, err = audit.Checkpoint(w.Ctx, c)
			var p *wire.Problem
			if !errors.As(err, &p) || p.Kind != wire.KindForked || p.Status != http.StatusConflict {
				t.Errorf("the node's proof: %v", err)
			}
		})
	}
}

// contradict requires two checkpoints that nodes signed, and of which none is
// the beginning of the other.
func contradict(w *clienttest.World, notes [][]byte) {
	w.Helper()
	trust := evidence.Trust{Origin: evidence.Origin(w.Profile.Cluster.String())}
	for _, n := range w.Profile.Nodes {
		trust.Nodes = append(trust.Nodes, evidence.Node{ID: n.ID, Key: n.Key})
	}
	if len(notes) != 2 || bytes.Equal(notes[0], notes[1]) {
		w.Fatalf("%d notes", len(notes))
	}
	for _, n := range notes {
		if _, err := trust.Open(n, 1); err != nil {
			w.Error(err)
		}
	}
}

package client_test

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
)

// look looks once, with the state in a file between looks.
func (w *world) look(file string) (client.Look, error) {
	w.Helper()
	s, err := client.LoadMonitorState(file, w.profile)
	w.must(err)
	next, look, err := w.client(catalog.RoleBuyer).Monitor(w.ctx, s)
	if err == nil {
		w.must(next.Save(file))
	}
	return look, err
}

// grow has something recorded.
func (w *world) grow(name string) {
	w.Helper()
	k, err := client.NewKey(name)
	w.must(err)
	_, err = w.client(catalog.RoleOperator).AddPrincipal(w.ctx, k.Public(), catalog.RoleBuyer)
	w.must(err)
}

func TestMonitorFollowsAGrowingLog(t *testing.T) {
	w := newWorld(t)
	file := filepath.Join(t.TempDir(), "state")
	for _, name := range []string{"one", "two", "three"} {
		look, err := w.look(file)
		w.must(err)
		if len(look.Heads) != 3 || len(look.Away) != 0 {
			t.Fatalf("saw %+v", look)
		}
		w.grow(name)
	}
	w.servers[2].Close()
	look, err := w.look(file)
	w.must(err)
	if len(look.Heads) != 2 || look.Away["n3"] == "" {
		t.Errorf("a node is away: %+v", look)
	}
	other := newWorld(t).profile
	if _, err := client.LoadMonitorState(file, other); err == nil {
		t.Error("the state of another cluster was taken")
	}
}

// An entry is rewritten on one node's disk, with all hashes made to match: the
// node notices by what it signed; and when it has forgotten that, the monitor
// does, and has the two signatures that prove it.
func TestMonitorNoticesARewrittenEntry(t *testing.T) {
	for name, forget := range map[string]bool{"the node remembers what it signed": false, "the node has forgotten": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.grow("one")
			file := filepath.Join(t.TempDir(), "state")
			_, err := w.look(file)
			w.must(err)
			w.must(w.cluster.Rewrite(1, 1, []byte("another principal")))
			if forget {
				w.must(w.cluster.ForgetSigned(1))
			}
			_, err = w.look(file)
			var fork *client.ForkError
			if !errors.As(err, &fork) || !strings.Contains(err.Error(), "n2") {
				t.Fatalf("the monitor says %v", err)
			}
			if forget {
				w.contradict(fork.Notes)
			}
			w.grow("two")
			if _, err = w.look(file); !errors.As(err, &fork) {
				t.Errorf("after the log has grown: %v", err)
			}
			// A monitor that begins now sees it too, as does who asks the node
			// for a proof: nobody signs with it.
			if _, err = w.look(filepath.Join(t.TempDir(), "fresh")); !errors.As(err, &fork) {
				t.Errorf("a new monitor: %v", err)
			}
			profile := w.profile
			profile.Nodes, profile.Addr = profile.Nodes[1:2], ""
			c, err := client.New(profile, nil, w.options())
			w.must(err)
			defer c.Close()
			_, _, err = c.Checkpoint(w.ctx)
			var p *wire.Problem
			if !errors.As(err, &p) || p.Kind != wire.KindForked || p.Status != http.StatusConflict {
				t.Errorf("the node's proof: %v", err)
			}
		})
	}
}

// contradict requires two checkpoints that nodes signed, and of which none is
// the beginning of the other.
func (w *world) contradict(notes [][]byte) {
	w.Helper()
	trust := evidence.Trust{Origin: evidence.Origin(w.profile.Cluster.String())}
	for _, n := range w.profile.Nodes {
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

package nodestatus_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/nodestatus"
)

// patient is a client that waits for a busy machine.
func patient(w *clienttest.World, role catalog.Role) *client.Client {
	w.Helper()
	o := w.Options()
	o.Patience = time.Minute
	c, err := client.New(w.Profile, w.Keys[role], o)
	w.Must(err)
	w.Cleanup(c.Close)
	return c
}

// TestStatusOfEveryNode: one that is gone is a row, not an error, and no quorum is
// needed.
func TestStatusOfEveryNode(t *testing.T) {
	w := clienttest.New(t)
	w.Cluster.Broken = func() error { return api.ErrNoQuorum }
	w.Cluster.Reasons = []string{"no node leads"}
	w.Servers[1].Close()
	list, err := nodestatus.All(w.Ctx, patient(w, catalog.RoleOperator))
	w.Must(err)
	if len(list) != 3 {
		t.Fatalf("%d rows", len(list))
	}
	for i, s := range list {
		gone := i == 1
		if s.Node != w.Profile.Nodes[i].ID || gone != (s.Status == nil) || gone != (s.Error != "") || s.Well() {
			t.Errorf("row %d: %+v", i, s)
		}
	}
	if s := list[0].Status; s.ID != "n1" || s.Ready || len(s.Reasons) != 1 || s.Ledger.Entries == 0 {
		t.Errorf("n1: %+v", s)
	}
	if _, err := nodestatus.All(w.Ctx, patient(w, catalog.RoleBuyer)); err != nil {
		t.Errorf("a refusal by every node is their answer: %v", err)
	}
}

// TestStatusIsOfTheNodeThatWasAsked: one node does not answer for another.
func TestStatusIsOfTheNodeThatWasAsked(t *testing.T) {
	w := clienttest.New(t)
	profile := w.Profile
	profile.Nodes = append([]client.ProfileNode(nil), profile.Nodes...)
	profile.Nodes[0].Addr, profile.Nodes[1].Addr = profile.Nodes[1].Addr, profile.Nodes[0].Addr
	o := w.Options()
	o.Patience = time.Minute
	c, err := client.New(profile, w.Keys[catalog.RoleOperator], o)
	w.Must(err)
	defer c.Close()
	list, err := nodestatus.All(w.Ctx, c)
	w.Must(err)
	for i, s := range list {
		if (i < 2) != (s.Status == nil && strings.Contains(s.Error, "answers for node")) {
			t.Errorf("row %d: %+v", i, s)
		}
	}
	nobody, err := client.New(w.Profile, nil, w.Options())
	w.Must(err)
	defer nobody.Close()
	if _, err := nodestatus.All(w.Ctx, nobody); !errors.Is(err, client.ErrNoKey) {
		t.Errorf("without a key: %v", err)
	}
}

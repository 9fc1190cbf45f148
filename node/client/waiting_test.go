package client_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
)

// Who is no publisher has no key to wait for.
func TestOnlyAPublisherWaitsForItsKey(t *testing.T) {
	w := newWorld(t)
	stranger, err := client.NewKey("stranger")
	w.must(err)
	csv, _, _ := airCSV()
	prepared := w.prepare(w.client(catalog.RolePublisher), publicDescriptor, csv)
	for key, want := range map[*client.Key]string{
		w.keys[catalog.RoleBuyer]: "forbidden", stranger: "token",
	} {
		c, err := client.New(w.profile, key, w.options())
		w.must(err)
		defer c.Close()
		_, err = c.PublishDataset(w.ctx, prepared, nil)
		var p *wire.Problem
		if !errors.As(err, &p) || p.Kind != want || !strings.Contains(err.Error(), "this needs a publisher's key") {
			t.Errorf("%s: got %v", want, err)
		}
	}
}

// A key ceremony needs all nodes: its publisher hears which one is away.
func TestPublisherIsToldWhichNodeItsKeyWaitsFor(t *testing.T) {
	w := newWorld(t)
	w.cluster.Asleep = true
	late, err := client.NewKey("late")
	w.must(err)
	_, err = w.client(catalog.RoleOperator).AddPrincipal(w.ctx, late.Public(), catalog.RolePublisher)
	w.must(err)
	csv, _, _ := airCSV()
	prepared := w.prepare(w.client(catalog.RolePublisher), publicDescriptor, csv)
	c, err := client.New(w.profile, late, w.options())
	w.must(err)
	defer c.Close()
	w.servers[2].Close()
	ctx, cancel := context.WithCancel(w.ctx)
	_, err = c.PublishDataset(ctx, prepared, func(p client.Progress) {
		if want := "the nodes have not begun to make the key: all of them must be up, and there is no answer from n3"; p.Stage != client.StageKey || p.Waiting != want {
			t.Errorf("told %+v, want %q", p, want)
		}
		cancel()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestRegistrationSaysWhichNodesItWaitsFor(t *testing.T) {
	nodes, some := []string{"n1", "n2", "n3"}, []byte{1}
	for want, v := range map[string]catalog.Vector{
		"waiting for n2, n3 to store its share; all nodes must be up": {State: catalog.VectorStoring, Nonces: [][]byte{some, nil, nil}},
		"waiting for n1 to check its share; all nodes must be up":     {State: catalog.VectorLining, Lines: [][]uint64{nil, {1}, {1}}},
		"the nodes check that their shares are of one vector":         {State: catalog.VectorLining, Lines: [][]uint64{{1}, {1}, {1}}},
		"the nodes check its entries":                                 {State: catalog.VectorProving},
	} {
		v.Nodes = nodes
		if got := client.VectorWaits(v); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

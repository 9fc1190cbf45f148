package client_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/govern"
	"github.com/weirdata/weir/node/client/publish"
)

// Who is no publisher has no key to wait for.
func TestOnlyAPublisherWaitsForItsKey(t *testing.T) {
	w := clienttest.New(t)
	stranger, err := client.NewKey("stranger")
	w.Must(err)
	csv, _, _ := clienttest.AirCSV()
	prepared := w.Prepare(w.Client(catalog.RolePublisher), clienttest.PublicDescriptor, csv)
	for key, want := range map[*client.Key]string{
		w.Keys[catalog.RoleBuyer]: "forbidden", stranger: "token",
	} {
		c, err := client.New(w.Profile, key, w.Options())
		w.Must(err)
		defer c.Close()
		_, err = publish.Publish(w.Ctx, c, prepared, nil)
		var p *wire.Problem
		if !errors.As(err, &p) || p.Kind != want || !strings.Contains(err.Error(), "this needs a publisher's key") {
			t.Errorf("%s: got %v", want, err)
		}
	}
}

// A key ceremony needs all nodes: its publisher hears which one is away.
func TestPublisherIsToldWhichNodeItsKeyWaitsFor(t *testing.T) {
	w := clienttest.New(t)
	w.Cluster.Asleep = true
	late, err := client.NewKey("late")
	w.Must(err)
	_, err = govern.AddPrincipal(w.Ctx, w.Client(catalog.RoleOperator), late.Public(), catalog.RolePublisher)
	w.Must(err)
	csv, _, _ := clienttest.AirCSV()
	prepared := w.Prepare(w.Client(catalog.RolePublisher), clienttest.PublicDescriptor, csv)
	c, err := client.New(w.Profile, late, w.Options())
	w.Must(err)
	defer c.Close()
	w.Servers[2].Close()
	ctx, cancel := context.WithCancel(w.Ctx)
	_, err = publish.Publish(ctx, c, prepared, func(p publish.Progress) {
		if want := "the nodes have not begun to make the key: all of them must be up, and there is no answer from n3"; p.Stage != publish.StageKey || p.Waiting != want {
			t.Errorf("told %+v, want %q", p, want)
		}
		cancel()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

package client_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/govern"
)

// anotherMachine puts a machine with new keys into the seat of the last node.
func anotherMachine(w *clienttest.World, name string) catalog.Node {
	w.Helper()
	operator := w.Client(catalog.RoleOperator)
	cluster, err := operator.Cluster(w.Ctx)
	w.Must(err)
	key, err := client.NewKey(name)
	w.Must(err)
	_, sealing, err := seal.GenerateKey()
	w.Must(err)
	n := cluster.Nodes[len(cluster.Nodes)-1]
	n.Key, n.Sealing, n.Addr, n.API = key.Public().Key, sealing, name+":1", "https://"+name+":2"
	_, err = govern.ReplaceSeat(w.Ctx, operator, n, false)
	w.Must(err)
	return n
}

// A client whose profile was made before a machine was replaced goes on, on the word of the
// seat's operator, and knows both keys then.
func TestAMachineThatCameLaterIsBelievedOnItsOperatorsWord(t *testing.T) {
	w := clienttest.New(t)
	was := w.Profile.Nodes[2].Key
	first, second := anotherMachine(w, "first"), anotherMachine(w, "second")
	c := w.Client(catalog.RoleBuyer)
	if _, newer := c.Renewed(); newer {
		t.Error("a client that asked nothing has a newer profile")
	}
	cluster, err := c.Cluster(w.Ctx)
	if err != nil || cluster.Changes != 2 || !bytes.Equal(cluster.Nodes[2].Key, second.Key) {
		t.Fatalf("cluster %+v, %v", cluster, err)
	}
	renewed, newer := c.Renewed()
	n := renewed.Nodes[2]
	if !newer || renewed.Changes != 2 || !bytes.Equal(n.Key, second.Key) || n.Addr != second.API {
		t.Errorf("profile %+v, newer %t", renewed, newer)
	}
	if want := [][]byte{was, first.Key}; !slices.EqualFunc(n.Former, want, bytes.Equal) {
		t.Errorf("former keys %x, want %x", n.Former, want)
	}
	if got := len(c.Profile().Trust().Nodes); got != 5 {
		t.Errorf("%d keys are trusted", got)
	}

	// By the newer profile there is nothing to renew, and what is older is refused.
	again, err := client.New(renewed, w.Keys[catalog.RoleBuyer], w.Options())
	w.Must(err)
	t.Cleanup(again.Close)
	if _, err := again.Cluster(w.Ctx); err != nil {
		t.Error(err)
	}
	if _, newer := again.Renewed(); newer {
		t.Error("the newer profile is renewed again")
	}
}

// What a node says of the roster counts as far as the operators of seats have signed it.
func TestARosterThatIsNotProvedIsRefused(t *testing.T) {
	w := clienttest.New(t)
	anotherMachine(w, "first")
	anotherMachine(w, "second")
	lie := func(change func(r *wire.Roster)) func(string, []byte) []byte {
		return func(path string, body []byte) []byte {
			var r wire.Roster
			if path != "/v1/roster" || json.Unmarshal(body, &r) != nil {
				return body
			}
			change(&r)
			b, err := json.Marshal(r)
			w.Must(err)
			return b
		}
	}
	for name, change := range map[string]func(r *wire.Roster){
		"nothing":               func(r *wire.Roster) { r.Changes = nil },
		"the last left out":     func(r *wire.Roster) { r.Changes = r.Changes[:2] },
		"one left out":          func(r *wire.Roster) { r.Changes = slices.Delete(r.Changes, 1, 2) },
		"in another order":      func(r *wire.Roster) { r.Changes[1], r.Changes[2] = r.Changes[2], r.Changes[1] },
		"another founding":      func(r *wire.Roster) { r.Changes = r.Changes[1:] },
		"a signature exchanged": func(r *wire.Roster) { r.Changes[2].Envelope.Signature = r.Changes[1].Envelope.Signature },
	} {
		w.Lies(lie(change))
		c := w.Client(catalog.RoleBuyer)
		if _, err := c.Cluster(w.Ctx); !errors.Is(err, client.ErrPinned) {
			t.Errorf("%s: %v", name, err)
		}
		if _, newer := c.Renewed(); newer {
			t.Errorf("%s: the profile is renewed", name)
		}
	}
	w.Lies(nil)

	// A node that takes changes back, which the profile has seen, is refused as well.
	c := w.Client(catalog.RoleBuyer)
	_, err := c.Cluster(w.Ctx)
	w.Must(err)
	renewed, _ := c.Renewed()
	renewed.Changes = 3
	later, err := client.New(renewed, w.Keys[catalog.RoleBuyer], w.Options())
	w.Must(err)
	t.Cleanup(later.Close)
	if _, err := later.Cluster(w.Ctx); !errors.Is(err, client.ErrPinned) {
		t.Errorf("a roster before the profile's: %v", err)
	}
}

// A roster that the operators made is none of a key's unless its publisher let it move there, and one that it left is not taken
// again: nothing is sealed to nodes of either.
func TestAKeyIsNotBelievedToBeWhereItsPublisherDidNotLetItMove(t *testing.T) {
	w := clienttest.New(t)
	publisher := w.Keys[catalog.RolePublisher].ID()
	c := w.Client(catalog.RoleBuyer)
	honest, err := c.KeyRoster(w.Ctx, publisher)
	w.Must(err)
	operator := w.Client(catalog.RoleOperator)
	_, err = govern.ProposeRoster(w.Ctx, operator, 0, []string{honest.Nodes[2].ID}, nil)
	w.Must(err)
	now, err := operator.Cluster(w.Ctx)
	w.Must(err)
	if now.Changes != 1 {
		t.Fatalf("roster %+v", now.Roster())
	}
	w.Lies(func(path string, body []byte) []byte {
		if path != "/v1/keys/"+publisher {
			return body
		}
		return clienttest.Changed(t, body, func(k *catalog.Key) {
			first := k.Roster()
			k.First, k.Nodes, k.Threshold = &first, now.Roster().Nodes, now.Threshold
		})
	})
	var no *client.KeyError
	if got, err := c.KeyRoster(w.Ctx, publisher); !errors.As(err, &no) {
		t.Errorf("lists are sealed to %v: %v", got.Roster().Nodes, err)
	}
	w.Lies(nil)

	// What the profile has seen of a move outlives the client that saw it.
	p := w.Profile
	p.Moved = map[string]int{publisher: 1}
	later, err := client.New(p, w.Keys[catalog.RoleBuyer], w.Options())
	w.Must(err)
	t.Cleanup(later.Close)
	if got, err := later.KeyRoster(w.Ctx, publisher); !errors.As(err, &no) {
		t.Errorf("lists are sealed to those whom the key was taken from, %v: %v", got.Roster().Nodes, err)
	}
}

package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/checked"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
)

// lies changes the shares of checked answers that a node commits, so that their parity holds: 1 is added to the first
// figure in those of its sets that where says. The buyer's key opens what the node sealed, and it is sealed anew.
func (c *cluster) lies(node string, buyer *client.Key, where func(checked.Set) bool, body any) any {
	share, is := body.(catalog.QueryShare)
	if !is {
		return body
	}
	var q catalog.Query
	err := c.nodes[node].access.view(func(v state.View) (err error) {
		q, err = v.Query(share.Query)
		return err
	})
	if err != nil {
		c.t.Error(err)
		return body
	}
	a := q.Attempts[len(q.Attempts)-1]
	aad := seal.CheckedAAD(share.Context, share.Plan, q.Envelope, len(a.Active), a.SetOf)
	plain, err := buyer.Open([]byte(seal.CheckedInfo), aad, share.Sealed)
	if err != nil {
		c.t.Error(err)
		return body
	}
	var own []int
	sets := checked.SetsOf(a)
	for i, s := range sets {
		if s.Has(node) {
			own = append(own, i)
		}
	}
	// A share is 4 bytes, the figures and the parity.
	width := (len(plain)-3)/len(own)/8 - 1
	list, err := seal.DecodeChecked(plain, own, width, c.nodes[node].params.T())
	if err != nil {
		c.t.Error(err)
		return body
	}
	for _, s := range list {
		if where(sets[s.Set]) {
			s.Values[0] = (s.Values[0] + 1) % c.nodes[node].params.T()
		}
	}
	share.Sealed, err = seal.Seal(q.Submit.Receiving, []byte(seal.CheckedInfo), aad, seal.EncodeChecked(list))
	if err != nil {
		c.t.Error(err)
		return body
	}
	return share
}

// TestALyingNodeIsFoundByACheckedAnswer: the liar in every position by turns. Of t+1 nodes the lie is noticed and no
// figure told; of t+2 the right figures are told and the liar is named, or if it lied only where another
// one was, it and that one are suspected. A query that is not checked takes the lie for the figure.
func TestALyingNodeIsFoundByACheckedAnswer(t *testing.T) {
	t.Parallel()
	for _, n := range []int{3, 4} {
		t.Run(fmt.Sprintf("2-of-%d", n), func(t *testing.T) {
			t.Parallel()
			findLiars(t, n, 2)
		})
	}
}

func TestALyingNodeIsFoundByACheckedAnswerOfThreeOfFive(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	findLiars(t, 5, 3)
}

// findLiars has each of n nodes lie to checked answers of sets of threshold.
func findLiars(t *testing.T, n, threshold int) {
	t.Helper()
	ctx := testContext(t)
	key := newKey(t, "bureau")
	var liar, beside atomic.Value // beside: the liar lies where this one is, alone
	liar.Store("")
	beside.Store("")
	var c *cluster
	c = newCluster(t, n, threshold, func(o *Options) {
		id := o.ID
		o.lie = func(_ catalog.Kind, body any) any {
			if liar.Load() != id {
				return body
			}
			return c.lies(id, key, func(s checked.Set) bool { return beside.Load() == "" || s.Has(beside.Load().(string)) }, body)
		}
	})
	bureau := c.admit(ctx, key, catalog.RolePublisher)
	if _, err := bureau.ReadyKey(ctx, key.ID()); err != nil {
		t.Fatal(err)
	}
	truth := stationTruth(publishStations(ctx, t, bureau, "stations"))
	c.await(ctx, "all nodes to hold the version", func() bool { return len(c.version(t, "n1", "stations", 1).Acks) == n })

	asked := 0
	check := func(ctx context.Context) (*ask.Result, error) {
		asked++
		return ask.Query(ctx, bureau, stationsAnew(asked), ask.Options{Verify: true})
	}
	rows := func(r *ask.Result) [][]string {
		var got bytes.Buffer
		if err := r.Table.WriteCSV(&got); err != nil {
			t.Fatal(err)
		}
		list := rowsOf(t, got.Bytes())
		for i := range list {
			list[i] = list[i][:len(list[i])-1] // what was checked
		}
		return list
	}
	sets := checked.Count(checked.Members(n, threshold), threshold)
	r, err := check(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if told := r.Table.Checked; !told.Agree || told.Sets != sets || len(told.Members) != n {
		t.Errorf("nobody lies: %+v", told)
	}
	if d := cmp.Diff(truth, rows(r)); d != "" {
		t.Fatalf("(-plaintext +answer)\n%s", d)
	}
	for i := range n {
		id := fmt.Sprintf("n%d", i+1)
		liar.Store(id)
		r, err := check(ctx)
		if n == threshold+1 {
			var lie *ask.LieError
			if !errors.As(err, &lie) || !lie.Few || lie.Sets != sets || !strings.Contains(err.Error(), "no figure is printed") {
				t.Fatalf("%s lies: %v", id, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s lies: %v", id, err)
		}
		if told := r.Table.Checked; told.Agree || !slices.Equal(told.Suspects, []string{id}) {
			t.Errorf("%s lies: %+v", id, told)
		}
		if d := cmp.Diff(truth, rows(r)); d != "" {
			t.Fatalf("%s lies (-plaintext +answer)\n%s", id, d)
		}
	}
	if n == threshold+1 {
		return
	}
	liar.Store("n2")
	beside.Store("n1")
	if r, err = check(ctx); err != nil {
		t.Fatal(err)
	}
	if told := r.Table.Checked; told.Agree || !slices.Equal(told.Suspects, []string{"n1", "n2"}) {
		t.Errorf("n2 lies where n1 is: %+v", told)
	}
	if d := cmp.Diff(truth, rows(r)); d != "" {
		t.Fatalf("n2 lies where n1 is (-plaintext +answer)\n%s", d)
	}
}

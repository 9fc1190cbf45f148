package state

import (
	"cmp"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/roster"
)

// refreshActs are the acts that share a key anew (PROTOCOL.md section 1.5). Commitments,
// acknowledgements, tests and failures are those of a key's ceremony.
var refreshActs = []act{
	{kind: catalog.KindKeyRefresh, by: operators, public: true, handle: handler(refreshKey)},
	{kind: catalog.KindKeyMove, by: publishers, public: true, handle: handler(letMove)},
	{kind: catalog.KindKeyReshare, by: nodes, public: true, handle: handler(reshareKey)},
	{kind: catalog.KindKeyErased, by: nodes, public: true, handle: handler(erasedKey)},
}

// refreshKey asks for a new sharing. Nothing but the shares changes by it, so any operator may.
func refreshKey(c *applyContext, b catalog.KeyRefresh) error {
	k, err := load[catalog.Key](c.tx, records.PrefixKey+b.Key, "unknown.key", b.Key)
	switch {
	case err != nil:
		return err
	case k.State != catalog.KeyReady:
		return catalog.Conflict("key_state", "key.attempt_state", k.Attempt, k.ID, k.State)
	case k.Refresh != nil:
		return catalog.Conflict("refresh", "key.refreshing", k.ID)
	}
	k.Refresh = &catalog.Refresh{State: catalog.KeyWanted, Wanted: c.now}
	c.out.ID = k.ID
	return cmp.Or(todo(c.tx, true, records.PrefixTodoRefresh+k.ID, ""), records.Put(c.tx, records.PrefixKey+k.ID, k))
}

// reshareKey begins an attempt. Any node may: what it says follows from the state but for
// the dealers, and those deal to the whole roster whoever they are. While the sharing before
// is not erased everywhere no further one is made, so that there are never three: but for seats that
// were given up and do not say so in time (roster.Unerased).
func reshareKey(c *applyContext, b catalog.KeyReshare) error {
	k, err := load[catalog.Key](c.tx, records.PrefixKey+b.Key, "unknown.key", b.Key)
	if err != nil {
		return err
	}
	k.Retired = roster.Unerased(*c.cluster, k, c.now)
	switch {
	case k.Refresh == nil:
		return catalog.Conflict("refresh", "key.no_refresh", k.ID)
	case k.Refreshing():
		return catalog.Conflict("key_state", "key.attempt_state", k.Refresh.Attempt, k.ID, k.Refresh.State)
	case k.Retired != nil:
		return catalog.Conflict("retired", "key.retired", k.Retired.Epoch, k.ID)
	}
	t, to := k.Threshold, k.Target()
	if want := catalog.NextReshare(k, nil); b.Epoch != want.Epoch || b.Attempt != want.Attempt {
		return catalog.Conflict("key_start", "key.start", k.ID, want.Epoch, want.Attempt, b.Key, b.Epoch, b.Attempt)
	}
	ascending := slices.IsSorted(b.Dealers) && len(slices.Compact(slices.Clone(b.Dealers))) == len(b.Dealers)
	if len(b.Dealers) != t || !ascending || b.Dealers[0] < 1 || b.Dealers[t-1] > len(k.Nodes) {
		return catalog.Invalid("dealers", "key.dealers", len(b.Dealers), t, len(k.Nodes))
	}
	k.Refresh = &catalog.Refresh{
		Epoch: b.Epoch, Attempt: b.Attempt, State: catalog.KeyCommitting, Reference: c.digest, Dealers: b.Dealers,
		Dealings: make([][]catalog.Digest, t), Acked: make([]bool, len(to.Nodes)), Tested: make([]bool, len(to.Nodes)-to.Threshold+1),
		Wanted: k.Refresh.Wanted, To: k.Refresh.To, Approved: k.Refresh.Approved,
	}
	c.out.ID = k.ID
	return records.Put(c.tx, records.PrefixKey+k.ID, k)
}

// commitDealings takes a dealer's commitment to what it deals.
func (c *applyContext) commitDealings(k catalog.Key, b catalog.KeyCommit) error {
	i := slices.Index(k.Refresh.Dealers, k.Roster().Point(c.node.ID))
	switch {
	case i < 0:
		return catalog.Forbidden("dealer", "key.no_dealer", c.node.ID)
	case len(b.Dealings) != len(k.Target().Nodes):
		return catalog.Invalid("dealings", "key.dealings", len(b.Dealings), len(k.Target().Nodes))
	case !b.Public.IsZero():
		return catalog.Invalid("public", "key.public_again")
	case slices.ContainsFunc(b.Dealings, catalog.Digest.IsZero):
		return catalog.Invalid("dealings", "key.digest")
	case k.Refresh.Dealings[i] != nil:
		return catalog.Conflict("twice", "key.committed", c.node.ID)
	}
	k.Refresh.Dealings[i] = b.Dealings
	if len(k.RefreshWaits()) == 0 {
		k.Refresh.State = catalog.KeyDealing
	}
	return records.Put(c.tx, records.PrefixKey+k.ID, k)
}

// ackDealings takes a node's word that its new share is stored.
func (c *applyContext) ackDealings(k catalog.Key) error {
	i := k.Target().Point(c.node.ID) - 1
	if i < 0 {
		return catalog.Forbidden("member", "key.no_member", c.node.ID)
	}
	if k.Refresh.Acked[i] {
		return catalog.Conflict("twice", "node.acknowledged", c.node.ID)
	}
	k.Refresh.Acked[i] = true
	if len(k.RefreshWaits()) == 0 {
		k.Refresh.State = catalog.KeyTesting
	}
	return records.Put(c.tx, records.PrefixKey+k.ID, k)
}

// testedRefresh takes a test set's success. With the last one the new sharing is in force for
// every attempt that is named from here on; those named before open under the old one.
func (c *applyContext) testedRefresh(k catalog.Key, b catalog.KeyTested) error {
	if r := checkTestSet(k, c.node.ID, b.Set, k.Refresh.Tested); r != nil {
		return r
	}
	k.Refresh.Tested[b.Set] = true
	if !slices.Contains(k.Refresh.Tested, false) {
		k.Retired = &catalog.Retired{Sharing: k.InForce(), Since: c.now, Erased: make([]bool, len(k.Nodes))}
		k.Sharing, _, _ = k.UnderWay()
		if to := k.Refresh.To; to != nil {
			before := k.Roster()
			k.Retired.Roster, k.First = &before, cmp.Or(k.First, &before)
			k.Nodes, k.Threshold, k.Moved = to.Nodes, to.Threshold, k.Refresh.Approved
		}
		moved := k.Refresh.To != nil
		k.Refresh, k.Shared, k.Lacks = nil, c.now, nil
		if err := c.canaries().interrupt(k.ID, catalog.Why("canary.shared", k.ID)); err != nil {
			return err
		}
		if err := cmp.Or(todo(c.tx, false, records.PrefixTodoRefresh+k.ID, ""), records.Put(c.tx, records.PrefixKey+k.ID, k)); err != nil {
			return err
		}
		if moved {
			return c.moves().follow(k)
		}
	}
	return records.Put(c.tx, records.PrefixKey+k.ID, k)
}

// failRefresh ends an attempt of a refresh. The old sharing stays in force, and the next
// attempt draws everything anew.
func (c *applyContext) failRefresh(k catalog.Key, why catalog.Reason) error {
	k.Refresh = failed(*k.Refresh, why)
	return records.Put(c.tx, records.PrefixKey+k.ID, k)
}

// failed is a refresh whose attempt has failed.
func failed(r catalog.Refresh, why catalog.Reason) *catalog.Refresh {
	return &catalog.Refresh{
		Epoch: r.Epoch, Attempt: r.Attempt, State: catalog.KeyFailed, Reason: why.Clean(), Dealers: r.Dealers, Wanted: r.Wanted, To: r.To, Approved: r.Approved,
	}
}

// erasedKey takes a node's word that it has erased its old share.
func erasedKey(c *applyContext, b catalog.KeyErased) error {
	k, err := load[catalog.Key](c.tx, records.PrefixKey+b.Key, "unknown.key", b.Key)
	if err != nil {
		return err
	}
	if k.Retired == nil || k.Retired.Epoch != b.Epoch {
		return catalog.Conflict("retired", "key.not_retired", b.Epoch, k.ID)
	}
	i := k.Before().Point(c.node.ID) - 1
	if i < 0 {
		return catalog.Forbidden("member", "key.no_member", c.node.ID)
	}
	if k.Retired.Erased[i] {
		return catalog.Conflict("twice", "node.acknowledged", c.node.ID)
	}
	k.Retired = erasedAt(*k.Retired, i)
	c.out.ID = k.ID
	return records.Put(c.tx, records.PrefixKey+k.ID, k)
}

// erasedAt is a retired sharing without the share at a place; nil when no share is left.
func erasedAt(r catalog.Retired, i int) *catalog.Retired {
	r.Erased[i] = true
	if slices.Contains(r.Erased, false) {
		return &r
	}
	return nil
}

// sharingsOf lists, of the keys that versions are under, the sharings of those that were shared anew.
func sharingsOf(cache *records.Cache, r records.Reader, versions ...catalog.Version) (list []catalog.Sharing, err error) {
	for _, v := range versions {
		if slices.ContainsFunc(list, func(s catalog.Sharing) bool { return s.Key == v.Key }) {
			continue
		}
		k, err := cache.Key(r, v.Key)
		if err != nil {
			return nil, err
		}
		if k.Sharing.Key != "" {
			list = append(list, k.Sharing)
		}
	}
	return list, nil
}

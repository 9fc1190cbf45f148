package apitest

import (
	"crypto/rand"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/statetest"
	"github.com/weirdata/weir/catalog/view"
	"github.com/weirdata/weir/compute/he"
)

// ceremony makes a publisher's key (PROTOCOL.md section 1.2).
func (c *Cluster) ceremony(p view.PendingKey) error {
	start := catalog.KeyStart{Publisher: p.Publisher, Key: p.NextKey, Epoch: p.NextEpoch, Attempt: p.NextAttempt}
	if err := c.act(c.nodes[0], catalog.KindKeyStart, start); err != nil {
		return err
	}
	k, err := c.view().Key(p.NextKey)
	if err != nil {
		return err
	}
	dealings := make([][][]byte, len(c.nodes)) // [to][from]
	for _, n := range c.nodes {
		dealer, err := he.NewDealer(c.params, k.Reference, n.Point)
		if err != nil {
			return err
		}
		commit := catalog.KeyCommit{Key: k.ID, Attempt: k.Attempt, Public: catalog.Sum(dealer.PublicShare())}
		c.blobs[commit.Public] = dealer.PublicShare()
		for j := range c.nodes {
			d, err := dealer.Dealing(j + 1)
			if err != nil {
				return err
			}
			dealings[j] = append(dealings[j], d)
			commit.Dealings = append(commit.Dealings, catalog.Sum(d))
		}
		if err := c.act(n, catalog.KindKeyCommit, commit); err != nil {
			return err
		}
	}
	if err := c.keepShares(k, dealings); err != nil {
		return err
	}
	return c.finishKey(k)
}

// keepShares adds up what was dealt and gives every pair of nodes its seed.
func (c *Cluster) keepShares(k catalog.Key, dealings [][][]byte) error {
	pairs := make([]map[int][32]byte, len(c.nodes))
	for i := range pairs {
		pairs[i] = make(map[int][32]byte)
	}
	for i := range c.nodes {
		for j := i + 1; j < len(c.nodes); j++ {
			seed, err := he.NewPairSeed()
			if err != nil {
				return err
			}
			pairs[i][j+1], pairs[j][i+1] = seed, seed
		}
	}
	for i, n := range c.nodes {
		share, err := he.CombineDealings(c.params, k.Reference, n.Point, dealings[i])
		if err != nil {
			return err
		}
		var secret [32]byte
		if _, err := rand.Read(secret[:]); err != nil {
			return err
		}
		if n.keys[k.ID], err = he.NewNodeKey(c.params, n.Point, share, pairs[i], secret); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) finishKey(k catalog.Key) error {
	for _, n := range c.nodes {
		if err := c.act(n, catalog.KindKeyAck, catalog.KeyAck{Key: k.ID, Attempt: k.Attempt}); err != nil {
			return err
		}
	}
	for i, set := range catalog.TestSets(len(c.nodes), k.Threshold) {
		if err := c.act(c.nodes[set[0]-1], catalog.KindKeyTested, catalog.KeyTested{Key: k.ID, Attempt: k.Attempt, Set: i}); err != nil {
			return err
		}
	}
	k, err := c.view().Key(k.ID)
	if err != nil {
		return err
	}
	for _, n := range c.nodes {
		body := catalog.KeySign{Key: k.ID, Attempt: k.Attempt, Signature: statetest.SignReady(n.signing, k.Statement)}
		if err := c.act(n, catalog.KindKeySign, body); err != nil {
			return err
		}
	}
	return nil
}

// SpoilKeyShare exchanges node 1's share of every key for another node's sum of
// dealings, as a damaged disk whose digests were made to match.
func (c *Cluster) SpoilKeyShare() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.nodes[:1] {
		for id := range n.keys {
			k, err := c.view().Key(id)
			if err != nil {
				return err
			}
			if n.keys[id], err = c.foreignKey(k, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// foreignKey is a key of another ceremony in the place of the node's own.
func (c *Cluster) foreignKey(k catalog.Key, n *node) (*he.NodeKey, error) {
	var dealings [][]byte
	for i := range c.nodes {
		dealer, err := he.NewDealer(c.params, k.Reference, i+1)
		if err != nil {
			return nil, err
		}
		d, err := dealer.Dealing(n.Point)
		if err != nil {
			return nil, err
		}
		dealings = append(dealings, d)
	}
	share, err := he.CombineDealings(c.params, k.Reference, n.Point, dealings)
	if err != nil {
		return nil, err
	}
	pairs := make(map[int][32]byte)
	for i := range c.nodes {
		if i+1 != n.Point {
			pairs[i+1] = [32]byte{byte(i)}
		}
	}
	return he.NewNodeKey(c.params, n.Point, share, pairs, [32]byte{1})
}

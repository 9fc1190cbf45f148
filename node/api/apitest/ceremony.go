package apitest

import (
	"crypto/rand"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/roster"
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
	k, err := c.view().Keys().Get(p.NextKey)
	if err != nil {
		return err
	}
	public, dealings, err := c.deal(k)
	if err != nil {
		return err
	}
	for i, n := range c.nodes {
		commit := catalog.KeyCommit{Key: k.ID, Attempt: k.Attempt, Public: catalog.Sum(public[i])}
		c.blobs[commit.Public] = public[i]
		for _, to := range dealings {
			commit.Dealings = append(commit.Dealings, catalog.Sum(to[i]))
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

// deal has every node deal a key: their shares of the public key, and what they deal, by
// receiver and dealer.
func (c *Cluster) deal(k catalog.Key) (public [][]byte, dealings [][][]byte, err error) {
	dealings = make([][][]byte, len(c.nodes))
	for _, n := range c.nodes {
		dealer, err := he.NewDealer(c.params, k.Reference, n.Point)
		if err != nil {
			return nil, nil, err
		}
		public = append(public, dealer.PublicShare())
		for j := range c.nodes {
			d, err := dealer.Dealing(j + 1)
			if err != nil {
				return nil, nil, err
			}
			dealings[j] = append(dealings[j], d)
		}
	}
	return public, dealings, nil
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
	for i, set := range roster.TestSets(len(c.nodes), k.Threshold) {
		if err := c.act(c.nodes[set[0]-1], catalog.KindKeyTested, catalog.KeyTested{Key: k.ID, Attempt: k.Attempt, Set: i}); err != nil {
			return err
		}
	}
	k, err := c.view().Keys().Get(k.ID)
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

// SpoilKeyShare exchanges node 1's share of every key for one of another ceremony, as a
// damaged disk whose digests were made to match.
func (c *Cluster) SpoilKeyShare() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.nodes[0]
	for id := range n.keys {
		k, err := c.view().Keys().Get(id)
		if err != nil {
			return err
		}
		_, dealings, err := c.deal(k)
		if err != nil {
			return err
		}
		share, err := he.CombineDealings(c.params, k.Reference, n.Point, dealings[0])
		if err != nil {
			return err
		}
		if n.keys[id], err = he.NewNodeKey(c.params, n.Point, share, map[int][32]byte{2: {1}, 3: {2}}, [32]byte{1}); err != nil {
			return err
		}
	}
	return nil
}

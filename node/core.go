package node

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/recovery"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node/blobs"
	"github.com/weirdata/weir/node/deposit"
	"github.com/weirdata/weir/node/mpc"
	"github.com/weirdata/weir/node/vault"
	"github.com/weirdata/weir/node/versions"
)

// core is what all parts of a node work with. It is filled while the node is opened, and not
// changed after.
type core struct {
	opts  Options
	log   *slog.Logger
	id    string
	run   string // names this run of the node's process to others
	point int    // Shamir point in the present roster; 0: this node's seat leaves
	// successor: the machine that was in the seat first was another one
	successor bool
	cluster   catalog.Digest
	founders  []catalog.Node  // with whom the cluster was founded
	members   catalog.Cluster // as this node was opened with them
	self      catalog.Node
	roster    []catalog.Node // who takes part: those with seats in ascending points, then those that leave
	params    he.Parameters
	products  he.ProductParameters // of computations on shares

	vault    *vault.Vault
	secrets  mpc.Secrets // the vault, as computations use it
	signing  ed25519.PrivateKey
	disk     *tiles.Store // what blobs keeps its own in
	blobs    *blobs.Store
	versions *versions.Store
	mpc      *mpc.Party
	machine  *state.Machine
	order    *recovery.Restore // by which the ledger was made; nil: it was not
	mark     *deposit.Mark     // of the deposit that the node was made of; nil: of none
	ledger   ledger
	votes    func() map[string]bool // the ledger's members, and whether they vote; nil: it is not open
	peers    otherNodes
	health   *health

	woken chan struct{}
	life  context.Context // ends when the node closes
}

// view runs fn on this node's own state, however old.
func (c *core) view(fn func(state.View) error) error {
	return c.ledger.View(func(r records.Reader) error { return fn(c.machine.View(r)) })
}

// call asks another node with JSON.
func (c *core) call(ctx context.Context, node, path string, in, out any) error {
	return c.peers.JSON(ctx, node, http.MethodPost, path, in, out)
}

// wake makes work look again.
func (c *core) wake() {
	select {
	case c.woken <- struct{}{}:
	default:
	}
}

// ids are those who take part.
func (c *core) ids() []string {
	ids := make([]string, len(c.roster))
	for i, m := range c.roster {
		ids[i] = m.ID
	}
	return ids
}

// hasSeat reports whether a node is in the present roster, and does not leave.
func (c *core) hasSeat(id string) bool { return c.members.Roster().Point(id) > 0 }

// mayVote reports whether a node is to have a vote, by the roster as it is now: this node may be about to be opened
// anew with it.
func (c *core) mayVote(id string) bool {
	seat := c.hasSeat(id)
	_ = c.view(func(v state.View) error { // else by the roster that the node was opened with
		now, err := v.Cluster()
		if err == nil {
			seat = now.Roster().Point(id) > 0
		}
		return err
	})
	return seat
}

// voters are those of whom a majority decides what the ledger takes: its members with a vote. While
// this node knows of none, as before its ledger is open, they are those with seats.
func (c *core) voters() (ids []string) {
	if c.votes != nil {
		for id, votes := range c.votes() {
			if votes {
				ids = append(ids, id)
			}
		}
		slices.Sort(ids)
	}
	if len(ids) == 0 {
		return c.members.Roster().Nodes
	}
	return ids
}

// keyFaults says which of this node's key shares cannot be used, and why.
func (c *core) keyFaults() (faults []string, err error) {
	err = c.view(func(v state.View) error {
		keys, err := v.Keys().All()
		if err != nil {
			return err
		}
		for _, k := range keys {
			if k.State != catalog.KeyReady {
				continue
			}
			if err := c.mpc.CheckKey(k); err != nil {
				faults = append(faults, err.Error())
			}
			canary, err := v.Keys().Canary(k.ID)
			if err != nil {
				return err
			}
			if canary.Sharing == k.InForce() && slices.Contains(canary.Unfit, c.id) {
				faults = append(faults, fmt.Sprintf("this node's share of key %s does not fit those of the others, as canary %d of %s found: have it shared anew with weir operator refresh",
					k.ID, canary.Number, time.UnixMilli(canary.Began).UTC().Format(time.DateTime)))
			}
		}
		return nil
	})
	return faults, err
}

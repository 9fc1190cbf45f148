package node

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
)

func versionSession(dataset string, version, attempt int) string {
	return fmt.Sprintf("version/%s/%d/%d", dataset, version, attempt)
}

// openParity adds up all tiles of a version, opens the sum and commits this
// node's share of the parity alone (PROTOCOL section 2): that shows that the
// version was encrypted under the right key and arrived whole, and nothing else.
func (n *Node) openParity(ctx context.Context, dataset string, version int, a catalog.Attempt) error {
	err := n.once(ctx, versionSession(dataset, version, a.Number), catalog.KindVersionParity, func() (any, error) {
		return n.runParity(ctx, dataset, version, a)
	})
	if err != nil && ends(err) {
		body := catalog.VersionFail{Dataset: dataset, Version: version, Attempt: a.Number, Reason: n.id + ": " + err.Error()}
		return errors.Join(err, n.act(ctx, catalog.KindVersionFail, body))
	}
	return err
}

// runParity returns the parity share to commit.
func (n *Node) runParity(ctx context.Context, dataset string, version int, a catalog.Attempt) (any, error) {
	w, err := n.loadVersion(dataset, version)
	if err != nil {
		return nil, err
	}
	if err := n.fetchManifest(ctx, &w); err != nil {
		return nil, err
	}
	o := opening{
		session: versionSession(dataset, version, a.Number),
		subject: fmt.Sprintf("parity of %s version %d", dataset, version),
		key:     w.key, plan: w.version.Manifest, attempt: a.Number, root: a.Root,
	}
	if o.active, err = n.members(a.Active); err != nil {
		return nil, err
	}
	var share uint64
	_, err = n.open(ctx, o, accumulators{
		count: 1,
		fill: func(ctx context.Context, _ int, acc *he.Accumulator) error {
			return n.accumulate(ctx, w.manifest.Digests(), acc, nil)
		},
		take: func(_ int, slots []uint64) (err error) {
			share, err = n.params.Parity(slots)
			return err
		},
	})
	if err != nil {
		return nil, err
	}
	return catalog.VersionParity{Dataset: dataset, Version: version, Attempt: a.Number, Share: share, Modulus: n.params.T()}, nil
}

// ends reports whether an attempt that failed with err can never succeed.
func ends(err error) bool {
	var refuse *refuseError
	for _, final := range []error{errDeviates, errNoShare, errSpent, errHalfway, errDamaged, errPanicked} {
		if errors.Is(err, final) {
			return true
		}
	}
	return errors.As(err, &refuse)
}

// running returns the attempt that is under way, and whether this node is in it.
func running(attempts []catalog.Attempt, id string) (a catalog.Attempt, member bool) {
	if len(attempts) == 0 {
		return a, false
	}
	a = attempts[len(attempts)-1]
	return a, a.Failed == "" && slices.Contains(a.Active, id)
}

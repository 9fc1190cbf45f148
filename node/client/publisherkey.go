package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/attest"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/roster"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/node/api/wire"
)

// ReadyKey is a publisher's key after the client has checked it.
type ReadyKey struct {
	Record     catalog.Key
	Parameters he.Parameters
	Public     []byte // wire form, for he.NewEncryptor
	TileBytes  int    // of tiles that the cluster takes now
}

// PublisherKey reads the state of a publisher's key, unchecked.
func (c *Client) PublisherKey(ctx context.Context, publisher string) (catalog.Key, error) {
	return Get[catalog.Key](ctx, c, Call{Path: "/v1/keys/" + url.PathEscape(publisher)})
}

// ReadyKey waits until the publisher's key is ready and checks it (PROTOCOL.md
// section 1.4): the statement is recomputed from the pinned roster, all n nodes
// signed it with their pinned keys, every share of the public key has the
// digest that the statement names, and the public key is computed from these
// shares here. It returns *KeyError when any of this does not hold.
func (c *Client) ReadyKey(ctx context.Context, publisher string) (ReadyKey, error) {
	return c.WatchKey(ctx, publisher, func(string) {})
}

// WatchKey is ReadyKey that tells what it waits for.
func (c *Client) WatchKey(ctx context.Context, publisher string, tell func(string)) (ReadyKey, error) {
	key, _, err := c.provenKey(ctx, publisher, tell)
	return key, err
}

// provenKey is WatchKey with the rosters that the key was checked against.
func (c *Client) provenKey(ctx context.Context, publisher string, tell func(string)) (ReadyKey, []catalog.Cluster, error) {
	rosters, made, err := c.provenRosters(ctx)
	if err != nil {
		return ReadyKey{}, nil, err
	}
	record, err := awaitKey(ctx, c, publisher, tell)
	if err != nil {
		return ReadyKey{}, nil, err
	}
	if c.checkKey(rosters, made, record, publisher) != nil { // the roster may have changed while the key was waited for
		if rosters, made, err = c.provenRosters(ctx); err != nil {
			return ReadyKey{}, nil, err
		}
		if err := c.checkKey(rosters, made, record, publisher); err != nil {
			return ReadyKey{}, nil, err
		}
	}
	parameters, err := parametersOf(ctx, c, shape{len(record.Nodes), record.Threshold, len(record.Ceremony().Nodes)})
	if err != nil {
		return ReadyKey{}, nil, err
	}
	public, err := Cached(ctx, c, catalog.Sum(record.Statement), func(ctx context.Context) ([]byte, error) {
		return combineKey(ctx, c, parameters, record)
	})
	if err != nil {
		return ReadyKey{}, nil, err
	}
	return ReadyKey{
		Record: record, Parameters: parameters, Public: public, TileBytes: TileBytes(parameters, rosters[len(rosters)-1]),
	}, rosters, nil
}

// TileBytes is the length of the tiles that a cluster takes, and of those that it has when no earlier
// release made them.
func TileBytes(p he.Parameters, c catalog.Cluster) int {
	if c.FeatureLevel() >= catalog.LevelPackedTiles {
		return p.PackedTileBytes()
	}
	return p.TileBytes()
}

// awaitKey waits for the ceremony, which the nodes run by themselves once a
// publisher is admitted.
func awaitKey(ctx context.Context, c *Client, publisher string, tell func(string)) (catalog.Key, error) {
	r := Call{Path: "/v1/keys/" + url.PathEscape(publisher)}
	for look := r; ; look = r.held(nextWait) { // the first one is at once, so that it can be told
		k, err := Get[catalog.Key](ctx, c, look)
		waiting := ""
		switch {
		case IsNotFound(err):
			if waiting, err = unbegun(ctx, c, publisher); err != nil {
				return k, err
			}
		case err != nil:
			return k, err
		case k.State == catalog.KeyReady:
			return k, nil
		default:
			waiting = keyProgress(k)
		}
		tell(waiting)
		if perr := Pause(ctx, keyPause); perr != nil {
			return k, fmt.Errorf("the key of publisher %s is not ready (%s): %w", publisher, waiting, perr)
		}
	}
}

// unbegun says why there is no ceremony for a publisher yet: all nodes have to be up for
// it. The error is that the caller waits for a key of its own and is no publisher, which
// would be for ever.
func unbegun(ctx context.Context, c *Client, publisher string) (string, error) {
	if c.key != nil && c.key.ID() == publisher {
		_, err := Post[wire.Missing](ctx, c, "/v1/blobs/missing", wire.Missing{Digests: []catalog.Digest{}}, true)
		if p, ok := errors.AsType[*wire.Problem](err); ok && (p.Kind == wire.KindForbidden || p.Kind == wire.KindToken) {
			return "", fmt.Errorf("this needs a publisher's key: %w", err)
		}
	}
	if away := c.silent(ctx); len(away) > 0 {
		return fmt.Sprintf("the nodes have not begun to make the key: all of them must be up, and there is no answer from %s", strings.Join(away, ", ")), nil
	}
	return "the nodes have not begun to make the key", nil
}

// keyPause separates two looks at a key where the node answers at once.
const keyPause = 200 * time.Millisecond

// ceremonyWaitsFor are the nodes that the present step of a ceremony waits for. All of them are needed (PROTOCOL.md
// section 1.2).
func ceremonyWaitsFor(k catalog.Key) (away []string) {
	var done func(i int) bool
	switch k.State {
	case catalog.KeyCommitting:
		done = func(i int) bool { return i < len(k.Commits) && !k.Commits[i].Public.IsZero() }
	case catalog.KeyDealing:
		done = func(i int) bool { return i < len(k.Acked) && k.Acked[i] }
	case catalog.KeySigning:
		done = func(i int) bool { return i < len(k.Signed) && k.Signed[i] != nil }
	default:
		return nil
	}
	for i, node := range k.Nodes {
		if !done(i) {
			away = append(away, node)
		}
	}
	return away
}

// keyProgress says where a ceremony is and which nodes it waits for.
func keyProgress(k catalog.Key) string {
	switch k.State {
	case catalog.KeyCommitting, catalog.KeyDealing, catalog.KeySigning:
		return fmt.Sprintf("attempt %d is %s and waits for %s; all nodes must be up", k.Attempt, k.State, strings.Join(ceremonyWaitsFor(k), ", "))
	case catalog.KeyFailed:
		return fmt.Sprintf("attempt %d failed (%s), the next begins when all nodes are up", k.Attempt, explain.Reason(k.Reason))
	}
	return fmt.Sprintf("attempt %d is %s", k.Attempt, k.State)
}

// checkKey is checkStatement with the roster that the key was made by, which may be one before the last. It
// is shared among those who made it, or the roster that its publisher has approved last, as far as this client's profile has seen.
func (c *Client) checkKey(rosters []catalog.Cluster, made []catalog.Digest, k catalog.Key, publisher string) (err error) {
	for _, cluster := range slices.Backward(rosters) {
		if err = checkStatement(cluster, k, publisher); err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	changes, err := attest.Shared(rosters, made, k)
	if seen := c.Profile().Moved[publisher]; err == nil && changes < seen {
		err = fmt.Errorf("the node says that its publisher let it move to the roster after %d changes, and it did to the one after %d: ask another node", changes, seen)
	}
	if err != nil {
		return &KeyError{Publisher: publisher, Reason: err}
	}
	c.renew(func(p *Profile) {
		if changes > p.Moved[publisher] {
			p.Moved = maps.Clone(p.Moved)
			if p.Moved == nil {
				p.Moved = map[string]int{}
			}
			p.Moved[publisher] = changes
		}
	})
	return nil
}

// checkStatement verifies a key record against the pinned roster, or returns *KeyError.
func checkStatement(cluster catalog.Cluster, k catalog.Key, publisher string) error {
	no := func(format string, args ...any) error {
		return &KeyError{Publisher: publisher, Reason: fmt.Errorf(format, args...)}
	}
	n, made := len(cluster.Nodes), k.Ceremony()
	switch {
	case k.Publisher != publisher:
		return no("it belongs to %s", k.Publisher)
	case made.Threshold != cluster.Threshold:
		return no("its threshold is %d, the cluster's is %d", made.Threshold, cluster.Threshold)
	case len(made.Nodes) != n, len(k.Commits) != n, len(k.Signed) != n:
		return no("it names %d nodes, %d shares and %d signatures, the roster has %d nodes",
			len(made.Nodes), len(k.Commits), len(k.Signed), n)
	case !bytes.Equal(k.Statement, attest.ReadyStatement(cluster, k)):
		return no("its statement is not the one that follows from the record and the roster")
	}
	for i, node := range cluster.Nodes {
		if node.Point != i+1 || made.Nodes[i] != node.ID {
			return no("point %d is node %s in the key and %s in the roster", i+1, made.Nodes[i], node.ID)
		}
		if !attest.VerifyReady(node, k.Statement, k.Signed[i]) {
			return no("the signature of node %s does not verify under its pinned key", node.ID)
		}
	}
	return nil
}

// combineKey fetches the shares of the public key, compares them with the
// digests that all nodes signed, and adds them up.
func combineKey(ctx context.Context, c *Client, p he.Parameters, k catalog.Key) ([]byte, error) {
	shares := make([][]byte, len(k.Commits))
	for i, commit := range k.Commits {
		share, err := c.Do(ctx, Call{Path: fmt.Sprintf("/v1/keys/%s/shares/%d", url.PathEscape(k.Publisher), i+1), Elsewhere: true})
		if err != nil {
			return nil, fmt.Errorf("read node %s's share of the public key: %w", k.Ceremony().Nodes[i], err)
		}
		if got := catalog.Sum(share); got != commit.Public {
			return nil, &KeyError{Publisher: k.Publisher, Reason: fmt.Errorf("node %s's share of it has digest %s, signed is %s", k.Ceremony().Nodes[i], got, commit.Public)}
		}
		shares[i] = share
	}
	public, err := he.CombinePublicShares(p, k.Reference, shares)
	if err != nil {
		return nil, &KeyError{Publisher: k.Publisher, Reason: err}
	}
	return public, nil
}

// KeyRoster returns the nodes among whom a publisher's key is shared, with sealing keys that are
// proved: by the statement of the key, which all of its nodes signed, and by what the operators of
// seats have signed since. The statement is held against the very roster that is returned: a node
// that is asked twice may answer the second time with sealing keys of its own.
func (c *Client) KeyRoster(ctx context.Context, publisher string) (catalog.Cluster, error) {
	key, rosters, err := c.provenKey(ctx, publisher, func(string) {})
	if err != nil {
		return catalog.Cluster{}, fmt.Errorf("check the nodes' sealing keys: %w", err)
	}
	return roster.Of(rosters[len(rosters)-1], key.Record.Roster()), nil
}

package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/node/api/wire"
)

// ReadyKey is a publisher's key after the client has checked it.
type ReadyKey struct {
	Record     catalog.Key
	Parameters he.Parameters
	Public     []byte // wire form, for he.NewEncryptor
}

// PublisherKey reads the state of a publisher's key, unchecked.
func (c *Client) PublisherKey(ctx context.Context, publisher string) (catalog.Key, error) {
	return get[catalog.Key](ctx, c, call{path: "/v1/keys/" + url.PathEscape(publisher)})
}

// ReadyKey waits until the publisher's key is ready and checks it (PROTOCOL
// section 1): the statement is recomputed from the pinned roster, all n nodes
// signed it with their pinned keys, every share of the public key has the
// digest that the statement names, and the public key is computed from these
// shares here. It returns *KeyError when any of this does not hold.
func (c *Client) ReadyKey(ctx context.Context, publisher string) (ReadyKey, error) {
	return c.readyKey(ctx, publisher, func(string) {})
}

// readyKey is ReadyKey that tells what it waits for.
func (c *Client) readyKey(ctx context.Context, publisher string, tell func(string)) (ReadyKey, error) {
	cluster, err := c.Cluster(ctx)
	if err != nil {
		return ReadyKey{}, err
	}
	record, err := c.awaitKey(ctx, publisher, tell)
	if err != nil {
		return ReadyKey{}, err
	}
	if err := checkStatement(cluster, record, publisher); err != nil {
		return ReadyKey{}, &KeyError{Publisher: publisher, Reason: err}
	}
	parameters, err := he.NewParameters(he.DataParameters(len(cluster.Nodes), cluster.Threshold))
	if err != nil {
		return ReadyKey{}, fmt.Errorf("parameters for %d of %d nodes: %w", cluster.Threshold, len(cluster.Nodes), err)
	}
	public, err := cached(ctx, &c.mu, c.cache.keys, catalog.Sum(record.Statement), func(ctx context.Context) ([]byte, error) {
		return c.combineKey(ctx, parameters, record)
	})
	if err != nil {
		return ReadyKey{}, err
	}
	return ReadyKey{Record: record, Parameters: parameters, Public: public}, nil
}

// awaitKey waits for the ceremony, which the nodes run by themselves once a
// publisher is admitted.
func (c *Client) awaitKey(ctx context.Context, publisher string, tell func(string)) (catalog.Key, error) {
	query := ""
	for {
		k, err := get[catalog.Key](ctx, c, call{path: "/v1/keys/" + url.PathEscape(publisher) + query, wait: waitTime})
		waiting := ""
		switch {
		case isNotFound(err):
			if waiting, err = c.unbegun(ctx, publisher); err != nil {
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
		query = "?" + waitQuery // the first look is at once, so that it can be told
		if perr := c.pause(ctx, keyPause); perr != nil {
			return k, fmt.Errorf("the key of publisher %s is not ready (%s): %w", publisher, waiting, perr)
		}
	}
}

// unbegun says why there is no ceremony for a publisher yet: all nodes have to be up for
// it. The error is that the caller waits for a key of its own and is no publisher, which
// would be for ever.
func (c *Client) unbegun(ctx context.Context, publisher string) (string, error) {
	if c.key != nil && c.key.ID() == publisher {
		_, err := post[wire.Missing](ctx, c, "/v1/blobs/missing", wire.Missing{Digests: []catalog.Digest{}}, true)
		var p *wire.Problem
		if errors.As(err, &p) && (p.Kind == wire.KindForbidden || p.Kind == wire.KindToken) {
			return "", fmt.Errorf("this needs a publisher's key: %w", err)
		}
	}
	if away := c.silent(ctx); len(away) > 0 {
		return fmt.Sprintf("the nodes have not begun to make the key: all of them must be up, and there is no answer from %s", strings.Join(away, ", ")), nil
	}
	return "the nodes have not begun to make the key", nil
}

// Times of waiting for something to happen on the nodes. The node holds the
// request for waitTime, the first time for firstWait, so that a person soon hears what
// is waited for; keyPause separates two of them where it answers at once.
const (
	firstWait      = 5 * time.Second
	firstWaitQuery = "wait=5"
	waitTime       = 20 * time.Second
	waitQuery      = "wait=20"
	keyPause       = 200 * time.Millisecond
)

// keyProgress says where a ceremony is and which nodes it waits for. All of them
// are needed (PROTOCOL section 1).
func keyProgress(k catalog.Key) string {
	var done func(i int) bool
	switch k.State {
	case catalog.KeyCommitting:
		done = func(i int) bool { return i < len(k.Commits) && !k.Commits[i].Public.IsZero() }
	case catalog.KeyDealing:
		done = func(i int) bool { return i < len(k.Acked) && k.Acked[i] }
	case catalog.KeySigning:
		done = func(i int) bool { return i < len(k.Signed) && k.Signed[i] != nil }
	case catalog.KeyFailed:
		return fmt.Sprintf("attempt %d failed (%s), the next begins when all nodes are up", k.Attempt, k.Reason)
	default:
		return fmt.Sprintf("attempt %d is %s", k.Attempt, k.State)
	}
	var away []string
	for i, node := range k.Nodes {
		if !done(i) {
			away = append(away, node)
		}
	}
	return fmt.Sprintf("attempt %d is %s and waits for %s; all nodes must be up", k.Attempt, k.State, strings.Join(away, ", "))
}

// checkStatement verifies a key record against the pinned roster.
func checkStatement(cluster catalog.Cluster, k catalog.Key, publisher string) error {
	n := len(cluster.Nodes)
	switch {
	case k.Publisher != publisher:
		return fmt.Errorf("it belongs to %s", k.Publisher)
	case k.Threshold != cluster.Threshold:
		return fmt.Errorf("its threshold is %d, the cluster's is %d", k.Threshold, cluster.Threshold)
	case len(k.Nodes) != n, len(k.Commits) != n, len(k.Signed) != n:
		return fmt.Errorf("it names %d nodes, %d shares and %d signatures, the roster has %d nodes",
			len(k.Nodes), len(k.Commits), len(k.Signed), n)
	case !bytes.Equal(k.Statement, catalog.ReadyStatement(cluster, k)):
		return errors.New("its statement is not the one that follows from the record and the roster")
	}
	for i, node := range cluster.Nodes {
		if node.Point != i+1 || k.Nodes[i] != node.ID {
			return fmt.Errorf("point %d is node %s in the key and %s in the roster", i+1, k.Nodes[i], node.ID)
		}
		if !catalog.VerifyReady(node, k.Statement, k.Signed[i]) {
			return fmt.Errorf("the signature of node %s does not verify under its pinned key", node.ID)
		}
	}
	return nil
}

// combineKey fetches the shares of the public key, compares them with the
// digests that all nodes signed, and adds them up.
func (c *Client) combineKey(ctx context.Context, p he.Parameters, k catalog.Key) ([]byte, error) {
	shares := make([][]byte, len(k.Commits))
	for i, commit := range k.Commits {
		share, err := c.do(ctx, call{
			method:    http.MethodGet,
			path:      fmt.Sprintf("/v1/keys/%s/shares/%d", url.PathEscape(k.Publisher), i+1),
			elsewhere: true,
		})
		if err != nil {
			return nil, fmt.Errorf("read node %s's share of the public key: %w", k.Nodes[i], err)
		}
		if got := catalog.Sum(share); got != commit.Public {
			return nil, &KeyError{Publisher: k.Publisher, Reason: fmt.Errorf("node %s's share of it has digest %s, signed is %s", k.Nodes[i], got, commit.Public)}
		}
		shares[i] = share
	}
	public, err := he.CombinePublicShares(p, k.Reference, shares)
	if err != nil {
		return nil, &KeyError{Publisher: k.Publisher, Reason: err}
	}
	return public, nil
}

package client

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/node/api/wire"
)

// ErrVectorRejected is returned when the nodes reject a private vector: a check
// failed, or a node could not read its share. The message has the reason.
var ErrVectorRejected = errors.New("the nodes rejected the private vector")

// VectorPlan is a private vector as its owner has it: what is to be registered.
type VectorPlan struct {
	Name     string
	Registry catalog.Registry
	Values   []uint64 // one an entity, in the registry's order
	Bits     int      // 1 for a selector
	Decimals int      // of weights
	// Watch, if not nil, is told several times a second what the ledger has of the
	// registration while the nodes check it, from a goroutine that ends before
	// RegisterVector does.
	Watch func(catalog.Vector)
}

// Vectors lists the caller's private vectors, the oldest first.
func (c *Client) Vectors(ctx context.Context) ([]catalog.Vector, error) {
	all, err := Collect(c.EachVector(ctx, ListOptions{}))
	if err != nil {
		return nil, fmt.Errorf("list the private vectors: %w", err)
	}
	return all, nil
}

// VectorNamed returns the newest version of a vector of the caller's that was neither
// dropped nor rejected.
func (c *Client) VectorNamed(ctx context.Context, name string) (catalog.Vector, error) {
	all, err := c.Vectors(ctx)
	if err != nil {
		return catalog.Vector{}, err
	}
	for i := len(all) - 1; i >= 0; i-- {
		if v := all[i]; v.Name == name && v.State != catalog.VectorDropped && v.State != catalog.VectorRejected {
			return v, c.checkNewest(ctx, v)
		}
	}
	return catalog.Vector{}, &catalog.Refusal{
		Kind: catalog.RefusedUnknown, Rule: "vector", Message: fmt.Sprintf("you have no portfolio %.80q", name),
		Fix: "see `weir portfolio list`, or register it: weir portfolio register " + name + " FILE.csv --registry ID",
	}
}

// DropVector ends a vector. What it has frozen stays frozen.
func (c *Client) DropVector(ctx context.Context, id string) error {
	_, err := c.Submit(ctx, catalog.KindVectorDrop, catalog.VectorDrop{Vector: id})
	return err
}

// DropPortfolio ends all versions of a name, so that none answers for it, and
// returns them.
func (c *Client) DropPortfolio(ctx context.Context, name string) ([]catalog.Vector, error) {
	if _, err := c.VectorNamed(ctx, name); err != nil {
		return nil, err
	}
	all, err := c.Vectors(ctx)
	if err != nil {
		return nil, err
	}
	var out []catalog.Vector
	for _, v := range all {
		if v.Name != name || v.State == catalog.VectorDropped || v.State == catalog.VectorRejected {
			continue
		}
		if err := c.checkOwn(ctx, v); err != nil {
			return out, err
		}
		if err := c.DropVector(ctx, v.ID); err != nil {
			return out, err
		}
		out = append(out, v)
	}
	return out, nil
}

// Cohorts tells which sets the cohort test of a private query would look at if its
// selector were registered now.
func (c *Client) Cohorts(ctx context.Context, sql string, o QueryOptions) (wire.Cohorts, error) {
	_, statement, err := c.statement(ctx, sql, o, true)
	if err != nil {
		return wire.Cohorts{}, err
	}
	return post[wire.Cohorts](ctx, c, "/v1/cohorts", statement, true)
}

// RegisterVector shares a vector among the nodes, seals each share to its node,
// commits to them and waits until the nodes have checked it (PROTOCOL section 6).
// Nothing of the vector leaves this machine but sealed. The nodes' sealing keys are
// those that all of them signed with the registry owner's key. Errors: a refusal,
// *KeyError, ErrVectorRejected.
func (c *Client) RegisterVector(ctx context.Context, p VectorPlan, progress func(catalog.Vector)) (catalog.Vector, error) {
	if c.key == nil {
		return catalog.Vector{}, fmt.Errorf("register vector %s: %w", p.Name, ErrNoKey)
	}
	cluster, err := c.sealingRoster(ctx, p.Registry.Owner)
	if err != nil {
		return catalog.Vector{}, err
	}
	params, err := he.NewProductParameters(he.DefaultProductParameters())
	if err != nil {
		return catalog.Vector{}, fmt.Errorf("parameters of private vectors: %w", err)
	}
	body := catalog.VectorRegister{
		Name: p.Name, Registry: p.Registry.ID, Entities: p.Registry.Rows, Rows: p.Registry.Digest,
		Bits: p.Bits, Decimals: p.Decimals, Modulus: params.T(),
	}
	if body.Version, err = c.nextVersion(ctx, p.Name); err != nil {
		return catalog.Vector{}, err
	}
	sealed, err := c.sealVector(cluster, params, body, p.Values)
	if err != nil {
		return catalog.Vector{}, err
	}
	for _, b := range sealed {
		digest := catalog.Sum(b)
		if err := c.putBlob(ctx, wire.BlobVector, digest, b); err != nil {
			return catalog.Vector{}, err
		}
		body.Shares = append(body.Shares, digest)
	}
	id, err := c.commitVector(ctx, body)
	if err != nil {
		return catalog.Vector{}, err
	}
	end := c.watchVector(ctx, id, p.Watch)
	v, err := c.awaitVector(ctx, id, progress)
	end()
	if err == nil {
		err = c.checkOwn(ctx, v)
	}
	return v, err
}

// watchVector looks how far the checks of a vector are and tells it, until end is called,
// which waits for that.
func (c *Client) watchVector(ctx context.Context, id string, tell func(catalog.Vector)) (end func()) {
	if tell == nil {
		return func() {}
	}
	return c.looking(ctx, headwayEvery, func(ctx context.Context) {
		v, err := get[catalog.Vector](ctx, c, call{path: "/v1/vectors/" + url.PathEscape(id), token: true})
		if err == nil && ctx.Err() == nil { // it is for show; whoever waits hears of an error
			tell(v)
		}
	})
}

// commitVector signs and submits a registration. The vector's id is computed here: it
// is the digest of what was signed.
func (c *Client) commitVector(ctx context.Context, body catalog.VectorRegister) (string, error) {
	envelope, err := c.sign(catalog.KindVectorRegister, body)
	if err != nil {
		return "", err
	}
	done, err := post[wire.Submitted](ctx, c, "/v1/envelopes", envelope, false)
	if err != nil {
		return "", fmt.Errorf("%s: %w", catalog.KindVectorRegister, err)
	}
	id := catalog.VectorID(envelope.Digest())
	if done.Outcome.ID != id {
		return "", fmt.Errorf("%w: the node calls the vector %s, its envelope says %s", ErrPinned, done.Outcome.ID, id)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cache.vectors[id] = body
	return id, nil
}

// sealingRoster returns the roster with sealing keys that all of its nodes signed, in
// the statement of a publisher's key. The statement is held against the very roster
// that is returned: a node that is asked twice may answer the second time with sealing
// keys of its own.
func (c *Client) sealingRoster(ctx context.Context, publisher string) (catalog.Cluster, error) {
	key, err := c.ReadyKey(ctx, publisher)
	if err != nil {
		return catalog.Cluster{}, fmt.Errorf("check the nodes' sealing keys: %w", err)
	}
	cluster, err := c.Cluster(ctx)
	if err != nil {
		return cluster, err
	}
	if err := checkStatement(cluster, key.Record, publisher); err != nil {
		return cluster, &KeyError{Publisher: publisher, Reason: err}
	}
	return cluster, nil
}

// nextVersion is the number of the next version of a name.
func (c *Client) nextVersion(ctx context.Context, name string) (int, error) {
	all, err := c.Vectors(ctx)
	if err != nil {
		return 0, err
	}
	last := 0
	for _, v := range all {
		if v.Name == name {
			last = max(last, v.Version)
		}
	}
	return last + 1, nil
}

// sealVector shares the values and seals the share of every node to it, point 1
// first.
func (c *Client) sealVector(cluster catalog.Cluster, params he.ProductParameters, b catalog.VectorRegister, values []uint64) ([][]byte, error) {
	spec := he.VectorSpec{Nodes: len(cluster.Nodes), Threshold: cluster.Threshold, Entities: b.Entities, Bits: b.Bits}
	shares, err := he.DealVector(params, spec, values)
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, s := range shares {
			clear(s)
		}
	}()
	sealed := make([][]byte, len(shares))
	for i, node := range cluster.Nodes {
		if sealed[i], err = seal.VectorShare(node.Sealing, b.AAD(cluster, c.key.ID(), node.Point), shares[i]); err != nil {
			return nil, fmt.Errorf("node %s: %w", node.ID, err)
		}
	}
	return sealed, nil
}

// awaitVector waits until the nodes have checked the vector.
func (c *Client) awaitVector(ctx context.Context, id string, progress func(catalog.Vector)) (catalog.Vector, error) {
	query, wait := firstWaitQuery, firstWait
	for ; ; query, wait = waitQuery, waitTime {
		v, err := get[catalog.Vector](ctx, c, call{path: "/v1/vectors/" + url.PathEscape(id) + "?" + query, token: true, wait: wait})
		if err != nil {
			return v, fmt.Errorf("wait for vector %s: %w", id, err)
		}
		if progress != nil {
			progress(v)
		}
		switch v.State {
		case catalog.VectorReady:
			return v, nil
		case catalog.VectorRejected, catalog.VectorDropped:
			return v, fmt.Errorf("%w: %s version %d: %s", ErrVectorRejected, v.Name, v.Version, v.Reason)
		}
		// A node answers at once only when it is done; this guards against one that
		// does not keep to that.
		if err := c.pause(ctx, firstPause); err != nil {
			return v, fmt.Errorf("vector %s is %s (%s): %w", id, v.State, VectorWaits(v), err)
		}
	}
}

// VectorWaits says which nodes a registration waits for: all of them are needed.
func VectorWaits(v catalog.Vector) string {
	var away []string
	for i, node := range v.Nodes {
		switch {
		case v.State == catalog.VectorStoring && v.Nonces[i] == nil,
			v.State == catalog.VectorLining && v.Lines[i] == nil:
			away = append(away, node)
		}
	}
	switch {
	case away == nil && v.State == catalog.VectorProving:
		return "the nodes check its entries"
	case away == nil:
		return "the nodes check that their shares are of one vector"
	case v.State == catalog.VectorStoring:
		return fmt.Sprintf("waiting for %s to store its share; all nodes must be up", strings.Join(away, ", "))
	}
	return fmt.Sprintf("waiting for %s to check its share; all nodes must be up", strings.Join(away, ", "))
}

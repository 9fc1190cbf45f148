package vector

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
)

// ErrRejected is returned when the nodes reject a private vector: a check
// failed, or a node could not read its share. The message has the reason.
var ErrRejected = errors.New("the nodes rejected the private vector")

// Plan is a private vector as its owner has it: what is to be registered.
type Plan struct {
	Name     string
	Registry catalog.Registry
	Values   []uint64 // one an entity, in the registry's order: 2^i for piece i, 0 for none; or weights
	Bits     int      // of weights
	Decimals int      // of weights
	Limits   []byte   // of weights: how many bits each entity's may have; none: all have Bits
	Pieces   int      // of a partition, 1 for a selector; 0: weights
	By       []string // attributes whose groups a partition may be asked by; none: one group
	// Watch, if not nil, is told several times a second what the ledger has of the
	// registration while the nodes check it, from a goroutine that ends before
	// Register does.
	Watch func(catalog.Vector)
}

// All lists the caller's private vectors, the oldest first.
func All(ctx context.Context, c *client.Client) ([]catalog.Vector, error) {
	all, err := client.Vectors.All(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("list the private vectors: %w", err)
	}
	return all, nil
}

// newest returns the versions of a vector of the caller's that were neither dropped nor
// rejected, the newest first; the refusal is that there is none.
func newest(ctx context.Context, c *client.Client, name string) ([]catalog.Vector, error) {
	all, err := All(ctx, c)
	if err != nil {
		return nil, err
	}
	slices.Reverse(all)
	all = slices.DeleteFunc(all, func(v catalog.Vector) bool {
		return v.Name != name || v.State == catalog.VectorDropped || v.State == catalog.VectorRejected
	})
	if len(all) == 0 {
		return nil, catalog.Refuse(catalog.RefusedUnknown, "vector", "portfolio.none", name)
	}
	return all, CheckNewest(ctx, c, all[0])
}

// Named returns the newest version of a vector of the caller's that was neither
// dropped nor rejected.
func Named(ctx context.Context, c *client.Client, name string) (catalog.Vector, error) {
	all, err := newest(ctx, c, name)
	if err != nil {
		return catalog.Vector{}, err
	}
	return all[0], nil
}

// Drop ends a vector. What was answered for it exactly stays taken.
func Drop(ctx context.Context, c *client.Client, id string) error {
	_, err := c.Submit(ctx, catalog.KindVectorDrop, catalog.VectorDrop{Vector: id})
	return err
}

// DropNamed ends all versions of a name, so that none answers for it, and
// returns them, the oldest first.
func DropNamed(ctx context.Context, c *client.Client, name string) ([]catalog.Vector, error) {
	all, err := newest(ctx, c, name)
	if err != nil {
		return nil, err
	}
	slices.Reverse(all)
	for i, v := range all {
		if err := checkOwn(ctx, c, v); err != nil {
			return all[:i], err
		}
		if err := Drop(ctx, c, v.ID); err != nil {
			return all[:i], err
		}
	}
	return all, nil
}

// Register shares a vector among the nodes, seals each share to its node,
// commits to them and waits until the nodes have checked it (PROTOCOL.md section 6.1).
// Nothing of the vector leaves this machine but sealed. The nodes' sealing keys are
// those that all of them signed with the registry owner's key. Errors: a refusal,
// *KeyError, ErrRejected.
func Register(ctx context.Context, c *client.Client, p Plan, progress func(catalog.Vector)) (catalog.Vector, error) {
	if c.Key() == nil {
		return catalog.Vector{}, fmt.Errorf("register vector %s: %w", p.Name, client.ErrNoKey)
	}
	cluster, err := c.KeyRoster(ctx, p.Registry.Owner)
	if err != nil {
		return catalog.Vector{}, err
	}
	params, err := productParameters()
	if err != nil {
		return catalog.Vector{}, err
	}
	body := catalog.VectorRegister{
		Name: p.Name, Registry: p.Registry.ID, Entities: p.Registry.Rows, Rows: p.Registry.Digest,
		Bits: p.Bits, Decimals: p.Decimals, Pieces: p.Pieces, Limits: p.Limits, By: slices.Sorted(slices.Values(p.By)), Modulus: params.T(),
	}
	if p.Pieces > 0 {
		body.Bits = p.Pieces
	}
	if body.Version, err = NextVersion(ctx, c, p.Name); err != nil {
		return catalog.Vector{}, err
	}
	sealed, err := sealVector(c, cluster, params, body, p.Values)
	if err != nil {
		return catalog.Vector{}, err
	}
	if body.Shares, err = putSealed(ctx, c, sealed); err != nil {
		return catalog.Vector{}, err
	}
	id, err := commitVector(ctx, c, body)
	if err != nil {
		return catalog.Vector{}, err
	}
	end := watchVector(ctx, c, id, p.Watch)
	v, err := awaitVector(ctx, c, id, progress)
	end()
	if err == nil {
		err = checkOwn(ctx, c, v)
	}
	if err == nil && p.Pieces > 0 {
		registeredLists(c).Store(id, PieceOf(p.Values))
	}
	return v, err
}

// putSealed uploads what is sealed to the nodes and returns the digests.
func putSealed(ctx context.Context, c *client.Client, sealed [][]byte) ([]catalog.Digest, error) {
	var out []catalog.Digest
	for _, b := range sealed {
		digest := catalog.Sum(b)
		if err := c.PutBlob(ctx, wire.BlobVector, digest, b); err != nil {
			return nil, err
		}
		out = append(out, digest)
	}
	return out, nil
}

// watchEvery is the pause between two looks at a registration.
const watchEvery = 400 * time.Millisecond

// watchVector looks how far the checks of a vector are and tells it, until end is called,
// which waits for that.
func watchVector(ctx context.Context, c *client.Client, id string, tell func(catalog.Vector)) (end func()) {
	if tell == nil {
		return func() {}
	}
	return client.Poll(ctx, watchEvery, func(ctx context.Context) {
		v, err := client.Get[catalog.Vector](ctx, c, client.Call{Path: "/v1/vectors/" + url.PathEscape(id), Token: true})
		if err == nil && ctx.Err() == nil { // it is for show; whoever waits hears of an error
			tell(v)
		}
	})
}

// commitVector signs and submits a registration. The vector's id is computed here: it
// is the digest of what was signed.
func commitVector(ctx context.Context, c *client.Client, body catalog.VectorRegister) (string, error) {
	envelope, err := c.Sign(catalog.KindVectorRegister, body)
	if err != nil {
		return "", err
	}
	done, err := c.Send(ctx, catalog.KindVectorRegister, envelope)
	if err != nil {
		return "", err
	}
	id := catalog.VectorID(envelope.Digest())
	if done.Outcome.ID != id {
		return "", fmt.Errorf("%w: the node calls the vector %s, its envelope says %s", client.ErrPinned, done.Outcome.ID, id)
	}
	client.Cache[string, catalog.VectorRegister](c).Add(id, body)
	return id, nil
}

// NextVersion is the number of the next version of a name.
func NextVersion(ctx context.Context, c *client.Client, name string) (int, error) {
	all, err := All(ctx, c)
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
func sealVector(c *client.Client, cluster catalog.Cluster, params he.ProductParameters, b catalog.VectorRegister, values []uint64) ([][]byte, error) {
	spec := he.VectorSpec{Nodes: len(cluster.Nodes), Threshold: cluster.Threshold, Entities: b.Entities, Bits: b.Bits, Pieces: b.Pieces}
	shares, err := he.DealVector(params, spec, values)
	if err != nil {
		return nil, err
	}
	return sealEach(cluster, shares, seal.VectorInfo, func(point int) []byte { return b.AAD(cluster, c.Key().ID(), point) })
}

// sealEach seals each node's share to it, point 1 first, and clears what was sealed; bound is what
// the share for a point is bound to.
func sealEach(cluster catalog.Cluster, shares [][]byte, info string, bound func(point int) []byte) (sealed [][]byte, err error) {
	defer func() {
		for _, s := range shares {
			clear(s)
		}
	}()
	sealed = make([][]byte, len(shares))
	for i, node := range cluster.Nodes {
		if sealed[i], err = seal.Seal(node.Sealing, []byte(info), bound(node.Point), shares[i]); err != nil {
			return nil, fmt.Errorf("seal a share (%s) to node %s: %w", info, node.ID, err)
		}
	}
	return sealed, nil
}

// awaitVector waits until the nodes have checked the vector.
func awaitVector(ctx context.Context, c *client.Client, id string, progress func(catalog.Vector)) (catalog.Vector, error) {
	r := client.Call{Path: "/v1/vectors/" + url.PathEscape(id), Token: true}
	var last catalog.Vector
	v, err := client.Await(ctx, c, "vector "+id, r, func(v catalog.Vector) (bool, error) {
		if last = v; progress != nil {
			progress(v)
		}
		switch v.State {
		case catalog.VectorReady:
			return true, nil
		case catalog.VectorRejected, catalog.VectorDropped:
			return true, fmt.Errorf("%w: %s version %d: %s", ErrRejected, v.Name, v.Version, explain.Reason(v.Reason))
		}
		return false, nil
	})
	if err != nil && last.State != "" && ctx.Err() != nil {
		err = fmt.Errorf("%w, while it is %s (%s)", err, last.State, Waits(last))
	}
	return v, err
}

// Waits says which nodes a registration waits for: all of them are needed.
func Waits(v catalog.Vector) string {
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

// productParameters are those that private queries are computed with, made once.
var productParameters = sync.OnceValues(func() (he.ProductParameters, error) {
	p, err := he.NewProductParameters(he.DefaultProductParameters())
	if err != nil {
		return p, fmt.Errorf("make the parameters of private queries: %w", err)
	}
	return p, nil
})

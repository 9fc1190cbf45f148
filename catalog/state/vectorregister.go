package state

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/wellformed"
)

const vectorNonce = 32 // bytes

// vectorActs are the acts on private vectors.
var vectorActs = []act{
	{kind: catalog.KindVectorRegister, by: askers, handle: handler(registerVector)},
	{kind: catalog.KindVectorDrop, by: askers, handle: handler(dropVector)},
	{kind: catalog.KindVectorHold, by: nodes, handle: handler(holdVector)},
	{kind: catalog.KindVectorLine, by: nodes, handle: handler(lineVector)},
	{kind: catalog.KindVectorAttempt, by: nodes, handle: handler(attemptVector)},
	{kind: catalog.KindVectorBits, by: nodes, handle: handler(addBits)},
	{kind: catalog.KindVectorFail, by: nodes, handle: handler(failVector)},
}

// registerVector takes the commitment to a private vector. Nothing of it is used
// before every node holds its share and both checks have passed.
func registerVector(c *applyContext, b catalog.VectorRegister) error {
	id, err := c.newID(records.PrefixVector, catalog.LetterVector)
	if err != nil {
		return err
	}
	if r := wellformed.Vector(b); r != nil {
		return r
	}
	reg, err := load[catalog.Registry](c.tx, records.PrefixRegistry+b.Registry, "unknown.registry", b.Registry)
	if err != nil {
		return err
	}
	if b.Entities != reg.Rows || b.Rows != reg.Digest {
		return catalog.Conflict("registry", "vector.rows", b.Entities, reg.ID, b.Rows, reg.Rows, reg.Digest).
			WithField("rows")
	}
	if r := wellformed.Groups(b, reg.Columns); r != nil {
		return r
	}
	among, err := vectorRoster(c.tx, c.cluster, b.Registry)
	if err != nil {
		return err
	}
	if len(b.Shares) != len(among.Nodes) {
		return catalog.Invalid("shares", "vector.shares", len(b.Shares), len(among.Nodes))
	}
	if err := checkNextVector(c, b); err != nil {
		return err
	}
	if err := useShares(c, "shares", b.Shares); err != nil {
		return err
	}
	v := catalog.Vector{
		VectorRegister: b, ID: id, Seq: c.seq, Owner: c.signer.ID, Commitment: c.digest, Threshold: among.Threshold,
		State: catalog.VectorStoring, Created: c.now, Nodes: among.Nodes, Nonces: make([][]byte, len(among.Nodes)),
	}
	return cmp.Or(
		records.PutText(c.tx, records.PrefixVectorOf+v.Owner+"/"+records.SeqName(c.seq), v.ID),
		records.Put(c.tx, vectorNameKey(v.Owner, v.Name), v.Version),
		c.putVector(v),
	)
}

// checkNextVector refuses a version out of turn, and more vectors than an owner
// may have.
func checkNextVector(c *applyContext, b catalog.VectorRegister) error {
	last, _, err := records.Lookup[int](c.tx, vectorNameKey(c.signer.ID, b.Name))
	if err != nil {
		return err
	}
	if b.Version != last+1 {
		return catalog.Conflict("version", "vector.version", b.Version, b.Name, last+1).WithNumber("next", int64(last+1)).
			WithField("version")
	}
	held, err := records.ListNamed[catalog.Vector](c.tx, records.PrefixVectorHeld+c.signer.ID+"/", records.PrefixVector)
	if err != nil {
		return err
	}
	open := 0
	for _, v := range held {
		if !v.Over() {
			open++
		}
	}
	if open >= catalog.MaxOpenVectors || len(held) >= catalog.MaxVectors {
		return catalog.Conflict("max_vectors", "vector.most", open, len(held)-open, catalog.MaxOpenVectors, catalog.MaxVectors).
			WithNumber("under_way", int64(open)).WithNumber("held", int64(len(held)-open)).
			WithNumber("max_under_way", catalog.MaxOpenVectors).WithNumber("max_held", catalog.MaxVectors)
	}
	return nil
}

// useShares refuses a sealed share that any registration or query has named before: it
// would be somebody else's, or a second commitment to the same masks.
func useShares(c *applyContext, field string, shares []catalog.Digest) error {
	for i, d := range shares {
		if d.IsZero() {
			return catalog.Invalid(fmt.Sprintf("%s[%d]", field, i), "vector.digest_missing")
		}
		key := records.PrefixVectorShare + d.String()
		used, err := records.Has(c.tx, key)
		if err != nil {
			return err
		}
		if used {
			return catalog.Conflict("share_used", "vector.share_used", d).WithField(fmt.Sprintf("%s[%d]", field, i))
		}
		if err := records.PutText(c.tx, key, ""); err != nil {
			return err
		}
	}
	return nil
}

// dropVector ends a vector or its registration. What was answered for it stays its
// owner's place, and its name goes on with the next version. A query that was accepted is
// answered first: without its vector no attempt of it could complete, so its price would
// be given back.
func dropVector(c *applyContext, b catalog.VectorDrop) error {
	v, err := load[catalog.Vector](c.tx, records.PrefixVector+b.Vector, "unknown.vector", b.Vector)
	switch {
	case err != nil:
		return err
	case v.Owner != c.signer.ID:
		return catalog.Forbidden("owner", "vector.owner", v.ID)
	case v.State == catalog.VectorDropped:
		return catalog.Conflict("vector_state", "vector.dropped", v.ID, v.Name, v.Version)
	}
	asked, err := queryOn(c, v.ID)
	if err != nil {
		return err
	}
	if asked != "" {
		return catalog.Conflict("vector_asked", "vector.asked", asked, v.ID, v.Name, v.Version)
	}
	if err := c.moves().drop(&v); err != nil {
		return err
	}
	return c.endVector(v, catalog.VectorDropped, catalog.Reason{})
}

// queryOn is the oldest query that is not over and names the vector; empty: none does.
func queryOn(c *applyContext, vector string) (string, error) {
	pending, err := records.ListNamed[catalog.Query](c.tx, records.PrefixTodoQuery, records.PrefixQuery)
	if err != nil {
		return "", err
	}
	for _, q := range pending {
		if slices.Contains(q.Submit.Request.Vectors(), vector) {
			return q.ID, nil
		}
	}
	return "", nil
}

// endVector leaves nothing of a registration that is over but what it was for.
func (c *applyContext) endVector(v catalog.Vector, state catalog.VectorState, reason catalog.Reason) error {
	v.State, v.Reason, v.Lines, v.Checks = state, reason, nil, nil
	return c.putVector(v)
}

// putVector stores a vector and keeps the indexes of those that are not over, and of
// those that the nodes hold shares of.
func (c *applyContext) putVector(v catalog.Vector) error {
	held := !v.Over() || v.State == catalog.VectorReady
	c.out.ID = v.ID
	if v.State != catalog.VectorReady {
		if err := todo(c.tx, false, moveKey(v), ""); err != nil {
			return err
		}
	}
	return cmp.Or(
		todo(c.tx, held, records.PrefixVectorHeld+v.Owner+"/"+records.SeqName(v.Seq), v.ID),
		todo(c.tx, !v.Over(), records.PrefixTodoVector+records.SeqName(v.Seq), v.ID),
		records.Put(c.tx, records.PrefixVector+v.ID, v),
	)
}

func vectorNameKey(owner, name string) string { return records.PrefixVectorName + owner + "/" + name }

package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	// MaxVectorBits bounds the bits of a private weight.
	MaxVectorBits = 32
	// MaxVectorEntries bounds the shared bits of a vector, entities × bits: what its
	// check sends between two nodes must fit one message of theirs.
	MaxVectorEntries = 1 << 19
	// MaxOpenVectors bounds the registrations that an owner may have under way.
	MaxOpenVectors = 4
	// MaxVectors bounds those and the vectors that are ready: every node holds
	// shares of them.
	MaxVectors = 256

	maxWeightDecimals = 9
	vectorNonce       = 32 // bytes
)

// Over says whether nothing is left to do for the registration of a vector.
func (v Vector) Over() bool {
	return v.State == VectorReady || v.State == VectorRejected || v.State == VectorDropped
}

// registerVector takes the commitment to a private vector. Nothing of it is used
// before every node holds its share and both checks have passed.
func registerVector(c *call, b VectorRegister) error {
	if r := c.checkVector(b); r != nil {
		return r
	}
	reg, err := load[Registry](c, prefixRegistry+b.Registry, fmt.Sprintf("registry %.80q", b.Registry))
	if err != nil {
		return err
	}
	if b.Entities != reg.Rows || b.Rows != reg.Digest {
		r := conflict("registry", "the vector is for %d rows of registry %s with the digest %s; it has %d with the digest %s", b.Entities, reg.ID, b.Rows, reg.Rows, reg.Digest).
			withFix("read the registry again and register anew")
		r.Field = "rows"
		return r
	}
	if err := c.checkNextVector(b); err != nil {
		return err
	}
	if err := c.useShares(b.Shares); err != nil {
		return err
	}
	v := Vector{
		VectorRegister: b, ID: VectorID(c.digest), Seq: c.seq, Owner: c.signer.ID, Commitment: c.digest, Threshold: c.cluster.Threshold,
		State: VectorStoring, Created: c.now, Nonces: make([][]byte, len(c.cluster.Nodes)),
	}
	for _, n := range c.cluster.Nodes {
		v.Nodes = append(v.Nodes, n.ID)
	}
	if err := putName(c.tx, prefixVectorOf+v.Owner+"/"+seqName(c.seq), v.ID); err != nil {
		return err
	}
	if err := put(c.tx, vectorNameKey(v.Owner, v.Name), v.Version); err != nil {
		return err
	}
	return c.putVector(v)
}

// checkVector refuses a commitment of the wrong form.
func (c *call) checkVector(b VectorRegister) *Refusal {
	switch {
	case !isName(b.Name):
		return invalid("name", "%.80q is not a vector's name: [a-z][a-z0-9_]*", b.Name).
			withFix("call it by small letters, digits and underscores, a letter first")
	case b.Bits < 1 || b.Bits > MaxVectorBits:
		return invalid("bits", "%d bits an entity, 1 (a selector) to %d are possible", b.Bits, MaxVectorBits).
			withFix("register with --bits 1 to %d", MaxVectorBits).withNumber("bits", int64(b.Bits)).withNumber("max_bits", MaxVectorBits)
	case b.Decimals < 0 || b.Decimals > maxWeightDecimals || b.Bits == 1 && b.Decimals != 0:
		return invalid("decimals", "%d decimals of %d bits; weights have 0 to %d, a selector none", b.Decimals, b.Bits, maxWeightDecimals).
			withFix("write the weights with at most %d decimals, or register a selector without", maxWeightDecimals).
			withNumber("decimals", int64(b.Decimals)).withNumber("max_decimals", maxWeightDecimals)
	case b.Entities < 1 || b.Entities > MaxVectorEntries/b.Bits:
		return invalid("entities", "%d entities of %d bits, at most %d bits in all are possible", b.Entities, b.Bits, MaxVectorEntries).
			withFix("%s", fewerBits(b.Entities)).withNumber("entities", int64(b.Entities)).withNumber("bits", int64(b.Bits)).withNumber("max_entries", MaxVectorEntries)
	case b.Modulus < 3 || b.Modulus >= maxModulus || b.Modulus%2 == 0:
		return invalid("modulus", "%d is no modulus of shares", b.Modulus).withFix("share the vector anew with a client of this version")
	case len(b.Shares) != len(c.cluster.Nodes):
		return invalid("shares", "%d sealed shares for %d nodes", len(b.Shares), len(c.cluster.Nodes)).
			withFix("seal one share to each node of the roster")
	}
	for i, d := range b.Shares {
		if d.IsZero() || slices.Contains(b.Shares[:i], d) {
			return invalid(fmt.Sprintf("shares[%d]", i), "the digest is missing, or is another node's").
				withFix("seal one share to each node of the roster")
		}
	}
	return nil
}

// fewerBits says in how many bits so many entities can be weighed.
func fewerBits(entities int) string {
	switch most := MaxVectorEntries / max(entities, 1); {
	case entities < 1:
		return "the registry has to have a row"
	case most == 0:
		return fmt.Sprintf("the registry is too large for private vectors, which have at most %d entities", MaxVectorEntries)
	case most == 1:
		return "register it without weights"
	default:
		return fmt.Sprintf("use --bits %d or fewer", most)
	}
}

// checkNextVector refuses a version out of turn, and more vectors than an owner
// may have.
func (c *call) checkNextVector(b VectorRegister) error {
	last, err := find[int](c.tx, vectorNameKey(c.signer.ID, b.Name))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if b.Version != last+1 {
		r := conflict("version", "version %d of vector %s is out of turn; the next is %d", b.Version, b.Name, last+1).
			withFix("register it as version %d: weir portfolio register %s FILE.csv", last+1, b.Name).withNumber("next", int64(last+1))
		r.Field = "version"
		return r
	}
	held, err := c.machine.View(c.tx).vectorsNamed(prefixVectorHeld + c.signer.ID + "/")
	if err != nil {
		return err
	}
	open := 0
	for _, v := range held {
		if !v.Over() {
			open++
		}
	}
	if open >= MaxOpenVectors || len(held) >= MaxVectors {
		return conflict("max_vectors", "%d registrations are under way and %d vectors are held, at most %d and %d are possible", open, len(held)-open, MaxOpenVectors, MaxVectors).
			withFix("wait for them, or drop some: weir portfolio drop NAME").
			withNumber("under_way", int64(open)).withNumber("held", int64(len(held)-open)).
			withNumber("max_under_way", MaxOpenVectors).withNumber("max_held", MaxVectors)
	}
	return nil
}

// useShares refuses a sealed share that any registration has named before: it
// would be somebody else's, or a second commitment to the same masks.
func (c *call) useShares(shares []Digest) error {
	for i, d := range shares {
		key := prefixVectorShare + d.String()
		used, err := has(c.tx, key)
		if err != nil {
			return err
		}
		if used {
			r := conflict("share_used", "a registration has named the sealed share %s before", d).withFix("share the vector anew")
			r.Field = fmt.Sprintf("shares[%d]", i)
			return r
		}
		if err := putName(c.tx, key, ""); err != nil {
			return err
		}
	}
	return nil
}

// dropVector ends a vector or its registration. What it has frozen stays frozen,
// and its name goes on with the next version. A query that was accepted is answered
// first: without its vector no attempt of it could complete, so its price would be
// given back, and it would have frozen its classes for everybody else for nothing.
func dropVector(c *call, b VectorDrop) error {
	v, err := load[Vector](c, prefixVector+b.Vector, fmt.Sprintf("vector %.80q", b.Vector))
	switch {
	case err != nil:
		return err
	case v.Owner != c.signer.ID:
		return forbidden("owner", "vector %s is not yours", v.ID).withFix("drop your own: weir portfolio list shows them")
	case v.State == VectorDropped:
		return conflict("vector_state", "vector %s (%s version %d) is dropped already", v.ID, v.Name, v.Version).
			withFix("nothing is left to do; another version can be registered: weir portfolio register %s FILE.csv", v.Name)
	}
	asked, err := c.queryOn(v.ID)
	if err != nil {
		return err
	}
	if asked != "" {
		return conflict("vector_asked", "query %s was accepted on vector %s (%s version %d) and is not over", asked, v.ID, v.Name, v.Version).
			withFix("drop it when query %s is over", asked)
	}
	v.end(VectorDropped, "")
	return c.putVector(v)
}

// queryOn is the oldest query that is not over and names the vector; empty: none does.
func (c *call) queryOn(vector string) (string, error) {
	pending, err := c.machine.View(c.tx).PendingQueries()
	if err != nil {
		return "", err
	}
	for _, q := range pending {
		if slices.Contains(q.Submit.Request.vectors(), vector) {
			return q.ID, nil
		}
	}
	return "", nil
}

// end leaves nothing of a registration that is over but what it was for.
func (v *Vector) end(state VectorState, reason string) {
	v.State, v.Reason, v.Lines, v.Checks = state, reason, nil, nil
}

// putVector stores a vector and keeps the indexes of those that are not over, and of
// those that the nodes hold shares of.
func (c *call) putVector(v Vector) error {
	held := !v.Over() || v.State == VectorReady
	if err := c.todo(held, prefixVectorHeld+v.Owner+"/"+seqName(v.Seq), v.ID); err != nil {
		return err
	}
	if err := c.todo(!v.Over(), prefixTodoVector+seqName(v.Seq), v.ID); err != nil {
		return err
	}
	c.out.ID = v.ID
	return put(c.tx, prefixVector+v.ID, v)
}

func vectorNameKey(owner, name string) string { return prefixVectorName + owner + "/" + name }

// Vector returns a private vector.
func (v View) Vector(id string) (Vector, error) { return find[Vector](v.r, prefixVector+id) }

// Vectors returns an owner's vectors, dropped and rejected ones included, the
// oldest first.
func (v View) Vectors(owner string) ([]Vector, error) {
	if strings.Contains(owner, "/") {
		return nil, nil
	}
	return v.vectorsNamed(prefixVectorOf + owner + "/")
}

// PendingVectors returns the vectors whose registration is under way, the oldest
// first.
func (v View) PendingVectors() ([]Vector, error) { return v.vectorsNamed(prefixTodoVector) }

func (v View) vectorsNamed(prefix string) ([]Vector, error) {
	ids, err := values(v.r, prefix)
	if err != nil {
		return nil, err
	}
	var all []Vector
	for _, id := range ids {
		x, err := v.Vector(id)
		if err != nil {
			return nil, err
		}
		all = append(all, x)
	}
	return all, nil
}

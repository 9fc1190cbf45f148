package mpc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/node/failure"
	"github.com/weirdata/weir/node/vault"
)

// prefixSecretVector begins the names of shares of private vectors in the vault: of a vector
// as its owner dealt it by its id, and of one that was moved by the move's number after it.
const prefixSecretVector = "vector/"

// vectorName is a share's name after the prefix.
func vectorName(id string, move uint64) string {
	if move == 0 {
		return id
	}
	return id + "/" + strconv.FormatUint(move, 10)
}

// readVectorName is the other way round.
func readVectorName(name string) (id string, move uint64, err error) {
	id, number, moved := strings.Cut(name, "/")
	if moved {
		if move, err = strconv.ParseUint(number, 10, 64); err != nil {
			return id, 0, fmt.Errorf("the vault has %s%s, which is no share of a vector: %w", prefixSecretVector, name, err)
		}
	}
	return id, move, nil
}

// movedRecord is what the vault keeps of a vector that was moved, or is being moved.
type movedRecord struct {
	commitment catalog.Digest
	nonce      []byte
	nodes      int // of the new roster
	threshold  int
	point      int      // 0: this node is not of it, and has no share
	share      []byte   // he.MovedBytes
	masks      []uint64 // to check the old share with, a run each; nil: this node has none
}

func (r movedRecord) encode() []byte {
	var place [6]byte
	for i, x := range []int{r.nodes, r.threshold, r.point} {
		binary.LittleEndian.PutUint16(place[2*i:], uint16(x))
	}
	return packParts([][]byte{r.commitment[:], r.nonce, place[:], r.share, packUint64s(r.masks)})
}

// decodeMoved reads what encode wrote. The record's share is part of b.
func decodeMoved(b []byte) (r movedRecord, err error) {
	parts, err := unpackParts(b, 5)
	if err != nil {
		return r, err
	}
	if len(parts[0]) != len(r.commitment) || len(parts[1]) != nonceBytes || len(parts[2]) != 6 {
		return r, errors.New("its parts have other lengths")
	}
	r.commitment, r.nonce, r.share = catalog.Digest(parts[0]), parts[1], parts[3]
	for i, x := range []*int{&r.nodes, &r.threshold, &r.point} {
		*x = int(binary.LittleEndian.Uint16(parts[2][2*i:]))
	}
	if len(parts[4]) > 0 {
		r.masks, err = unpackUint64s(parts[4], he.CheckRuns)
	}
	return r, err
}

// parse reads the share of a record.
func (r movedRecord) parse(p he.ProductParameters, x catalog.Vector) (*he.VectorShare, error) {
	return he.ParseMovedVector(p, specOf(x, r.nodes, r.threshold), r.point, r.share)
}

func specOf(x catalog.Vector, nodes, threshold int) he.VectorSpec {
	return he.VectorSpec{Nodes: nodes, Threshold: threshold, Entities: x.Entities, Bits: x.Bits, Pieces: x.Pieces}
}

// readMoved reads what storeMoved wrote for the same commitment. The caller wipes the share.
func (vs *Vectors) readMoved(x catalog.Vector, move uint64) (movedRecord, error) {
	b, err := vs.Secrets.Get(prefixSecretVector + vectorName(x.ID, move))
	if err != nil {
		return movedRecord{}, fmt.Errorf("read the share of vector %s: %w", x.ID, err)
	}
	r, err := decodeMoved(b)
	if err != nil {
		vault.Wipe(b)
		return movedRecord{}, fmt.Errorf("%w: the record of vector %s cannot be read: %w", failure.ErrNoShare, x.ID, err)
	}
	if r.commitment != x.Commitment {
		vault.Wipe(b)
		return movedRecord{}, failure.Refuse("node.vector_stored", x.ID, x.Commitment)
	}
	return r, nil
}

// storeMoved makes a record durable.
func (vs *Vectors) storeMoved(id string, move uint64, r movedRecord) error {
	b := r.encode()
	defer vault.Wipe(b)
	name := vectorName(id, move)
	if err := vs.Secrets.Put(prefixSecretVector+name, b); err != nil {
		return fmt.Errorf("store the share of vector %s: %w", id, err)
	}
	vs.mu.Lock()
	defer vs.mu.Unlock()
	if !slices.Contains(vs.names, name) {
		vs.names = append(vs.names, name)
	}
	return nil
}

// eraseBefore deletes all that this node has of a vector from before a move. What a later one made
// stays: the erasure may have been asked for before that one began.
func (vs *Vectors) eraseBefore(ctx context.Context, id string, move uint64) error {
	vs.mu.Lock()
	names := slices.Clone(vs.names)
	vs.mu.Unlock()
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("erase what is left of vector %s from before move %d: %w", id, move, err)
		}
		of, number, err := readVectorName(name)
		if err != nil {
			return err
		}
		if of == id && number < move {
			if err := vs.Erase(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// ShareUnder reads this node's share of a vector under the sharing that a move made; 0: as its
// owner dealt it. The caller erases it.
func (vs *Vectors) ShareUnder(x catalog.Vector, move uint64) (*he.VectorShare, error) {
	share, err := vs.shareUnder(x, move)
	_, refused := errors.AsType[*failure.RefusedError](err)
	if err != nil && !refused && !errors.Is(err, failure.ErrNoShare) {
		err = fmt.Errorf("%w: vector %s: %w", failure.ErrNoShare, x.ID, err)
	}
	return share, err
}

func (vs *Vectors) shareUnder(x catalog.Vector, move uint64) (*he.VectorShare, error) {
	params, err := vs.products() // its bits are computed with
	if err != nil {
		return nil, err
	}
	if move > 0 {
		r, err := vs.readMoved(x, move)
		if err != nil {
			return nil, err
		}
		defer vault.Wipe(r.share)
		return r.parse(params, x)
	}
	point := slices.Index(x.Nodes, vs.id) + 1
	_, share, err := vs.read(x)
	if err != nil {
		return nil, err
	}
	defer vault.Wipe(share)
	return he.ParseVectorShare(params, specOf(x, len(x.Nodes), x.Threshold), point, share)
}

// Share reads this node's share of a vector under the sharing in force. The caller erases it.
func (vs *Vectors) Share(x catalog.Vector) (*he.VectorShare, error) {
	return vs.ShareUnder(x, x.InForce().Move)
}

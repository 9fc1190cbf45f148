package vector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"path/filepath"
	"sync"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
)

// Partition is a private partition as its owner has it.
type Partition struct {
	Register catalog.VectorRegister // as it was signed
	PieceOf  []int8                 // entity → piece, −1 for those in none
	Pieces   []string               // names; nil: not known, or there is one piece without
}

// PieceOf are the pieces of entities by the values of a vector.
func PieceOf(values []uint64) []int8 {
	out := make([]int8, len(values))
	for e, x := range values {
		out[e] = int8(bits.Len64(x)) - 1 //nolint:gosec // at most 64
	}
	return out
}

// PieceName is what a piece is called in messages; empty where there is one.
func (l *Partition) PieceName(piece int) string {
	switch {
	case piece < len(l.Pieces):
		return l.Pieces[piece]
	case l.Register.Pieces < 2:
		return ""
	}
	return fmt.Sprint(piece + 1)
}

// keptList is a partition in a sealed file: whoever asks makes the witnesses of the test
// of it, so this machine keeps which entities it has.
type keptList struct {
	Format  int      `json:"v"`
	Vector  string   `json:"vector"`
	PieceOf []byte   `json:"piece_of"` // an entity's piece plus one
	Pieces  []string `json:"pieces,omitempty"`
}

const keptListFormat = 1

// lists are the pieces of entities ([]int8) of the partitions that a client registered, by
// vector.
type lists struct{ sync.Map }

func registeredLists(c *client.Client) *lists {
	return client.Attached(c, func() *lists { return new(lists) })
}

// Registered returns the pieces of entities of a partition that the client registered;
// false: it did not.
func Registered(c *client.Client, vector string) ([]int8, bool) {
	list, _ := registeredLists(c).Load(vector)
	pieceOf, ok := list.([]int8)
	return pieceOf, ok
}

// listFile is where the partition of a vector is kept under the directory of the profile.
func listFile(c *client.Client, dir, vector string) string {
	return filepath.Join(dir, "portfolios", filepath.Base(recordPath(c, dir, "list\n"+vector))+".list")
}

// KeepList remembers the partition of a vector on this machine, readable by whoever has
// the signing key.
func KeepList(c *client.Client, dir, vector string, values []int8, pieces []string) error {
	plain := keptList{Format: keptListFormat, Vector: vector, PieceOf: make([]byte, len(values)), Pieces: pieces}
	for e, piece := range values {
		plain.PieceOf[e] = byte(piece + 1) //nolint:gosec // −1 to 15
	}
	b, err := json.Marshal(plain)
	if err == nil {
		defer clear(b)
		err = c.Key().Sealed().Write(listFile(c, dir, vector), b)
	}
	if err != nil {
		return fmt.Errorf("keep the list of portfolio %s: %w", vector, err)
	}
	return nil
}

// errNoList is returned for a portfolio whose list is not on this machine.
var errNoList = errors.New("the list of the portfolio is not on this machine")

// loadList reads the partition of a vector, or returns errNoList.
func loadList(c *client.Client, dir, vector string) (*keptList, error) {
	if dir == "" {
		return nil, errNoList
	}
	b, err := c.Key().Sealed().Read(listFile(c, dir, vector))
	if err != nil {
		return nil, fmt.Errorf("read the list of portfolio %s: %w", vector, err)
	}
	defer clear(b)
	var kept keptList
	if b == nil || json.Unmarshal(b, &kept) != nil || kept.Format != keptListFormat || kept.Vector != vector {
		return nil, errNoList
	}
	return &kept, nil
}

// ListOf is the partition of a vector of the caller's: what this client registered, or
// what this machine keeps.
func ListOf(ctx context.Context, c *client.Client, vector string) (*Partition, error) {
	values, here := Registered(c, vector)
	register, err := ownRegister(ctx, c, vector)
	if err != nil {
		return nil, err
	}
	out := &Partition{Register: register, PieceOf: values}
	if here {
		return out, nil
	}
	kept, err := loadList(c, c.Options().Records, vector)
	if errors.Is(err, errNoList) {
		r := catalog.Refuse(catalog.RefusedInvalid, "portfolio_list", "portfolio.list", register.Name)
		r.Field = "in"
		return nil, r
	}
	if err != nil {
		return nil, err
	}
	out.Pieces, out.PieceOf = kept.Pieces, make([]int8, len(kept.PieceOf))
	for e, x := range kept.PieceOf {
		out.PieceOf[e] = int8(x) - 1 //nolint:gosec // at most 16
	}
	return out, nil
}

// ownRegister is the registration of a vector as the caller signed it.
func ownRegister(ctx context.Context, c *client.Client, vector string) (catalog.VectorRegister, error) {
	if signed, known := client.Cache[string, catalog.VectorRegister](c).Get(vector); known { // compiling the query has just held it against the evidence log
		return signed, nil
	}
	all, err := All(ctx, c)
	if err != nil {
		return catalog.VectorRegister{}, err
	}
	for _, v := range all {
		if v.ID == vector {
			return v.VectorRegister, checkOwn(ctx, c, v)
		}
	}
	return catalog.VectorRegister{}, fmt.Errorf("vector %s is not among yours", vector)
}

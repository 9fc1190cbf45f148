package mpc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/failure"
)

// productEntries is how many products are computed at a time.
const productEntries = plan.MaxFactors

// agreeParity has the members of an attempt tell each other their shares of the
// parity of everything that was opened, and ends the attempt when they do not add up
// to 0. It comes before any multiplication (PROTOCOL.md section 4.6): what follows has no
// parity.
func (n *member) agreeParity(ctx context.Context, o opening, share uint64) error {
	if err := n.sendOthers(ctx, o, KindParity, 0, binary.LittleEndian.AppendUint64(nil, share)); err != nil {
		return err
	}
	var theirs [][]byte
	for _, m := range o.others(n.id) {
		b, err := n.receive(ctx, o, KindParity, 0, m.ID)
		if err != nil {
			return err
		}
		theirs = append(theirs, b)
	}
	if err := checkParity(n.Params, share, theirs); err != nil {
		return fmt.Errorf("%w: %s: %w", failure.ErrDeviates, o.session, err)
	}
	return nil
}

// checkParity adds up this node's share of a parity and those that others sent. They
// must add up to 0.
func checkParity(p he.Parameters, share uint64, theirs [][]byte) error {
	sum := []uint64{share}
	for _, b := range theirs {
		if len(b) != 8 {
			return fmt.Errorf("a share of the parity has %d bytes", len(b))
		}
		if err := p.AddMod(sum, []uint64{binary.LittleEndian.Uint64(b)}); err != nil {
			return fmt.Errorf("add a share of the parity: %w", err)
		}
	}
	if sum[0] != 0 {
		return errors.New("the parity of the opened tiles is not 0")
	}
	return nil
}

// multiply computes this node's shares of a plan's products and adds them to its
// values. singles are its shares of the tiles that were opened alone.
func (n *member) multiply(ctx context.Context, o opening, plan *plan.Plan, singles [][]uint64, values []uint64) error {
	if len(plan.Products) == 0 {
		return nil
	}
	if err := n.attempts.Begin(o.session); err != nil {
		return err
	}
	o.progress.enter(wire.StageProducts)
	// Squares first: a pair of members needs one evaluation for them, not two.
	batch := 0
	for _, squares := range []bool{true, false} {
		err := eachFactors(plan, singles, squares, n.Params.T(), n.middles(o, plan), func(f factors) error {
			defer f.wipe()
			shares, err := n.productOf(ctx, o, batch, f)
			if err != nil {
				return fmt.Errorf("%w: %w", failure.ErrHalfway, err)
			}
			batch++
			o.progress.multiplied(len(f.left))
			return addProducts(n.Params.T(), values, f.into, shares)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// factors are shares of two lists of numbers, to be multiplied one by one, and the
// elements of the result that the products are added to. right is nil for squares.
type factors struct {
	left, right []uint64
	into        []int
}

func (f factors) wipe() {
	clear(f.left)
	clear(f.right)
}

// eachFactors lists the products, or squares, of a plan at most productEntries at a
// time. Slots that no group takes are left out. Of a join the readings themselves are
// multiplied: middles are what this node adds, mod t, to its shares of them.
func eachFactors(plan *plan.Plan, singles [][]uint64, squares bool, t uint64, middles middlesOf, do func(factors) error) error {
	var f factors
	flush := func() error {
		if len(f.left) == 0 {
			return nil
		}
		full := f
		f = factors{}
		return do(full)
	}
	for _, x := range plan.Products {
		if (x.Left == x.Right) != squares {
			continue
		}
		left, right := middles(x)
		for slot, group := range plan.SlotMaps[x.SlotMap] {
			if group < 0 {
				continue
			}
			partner, ok := plan.Partner(x, slot)
			if !ok {
				continue
			}
			f.left = append(f.left, (singles[x.Left][slot]+left)%t) // both are below t, which has 58 bits
			if !squares {
				f.right = append(f.right, (singles[x.Right][partner]+right)%t)
			}
			f.into = append(f.into, x.Column*len(plan.Groups)+int(group))
			if len(f.left) == productEntries {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	return flush()
}

// middlesOf says what this node adds to its shares of a product's two tiles before they are
// multiplied.
type middlesOf func(x plan.Product) (left, right uint64)

// middles has the root add the middles of the ranges to its shares of a join's tiles,
// and everybody else leave theirs as they are: then the shares are of the readings.
func (n *member) middles(o opening, planned *plan.Plan) middlesOf {
	return func(x plan.Product) (left, right uint64) {
		if o.root != n.id {
			return 0, 0
		}
		a, b := planned.Mids(x)
		return residue(a, n.Params.T()), residue(b, n.Params.T())
	}
}

// residue is a number mod t.
func residue(v int64, t uint64) uint64 {
	if v < 0 {
		return t - 1 - (uint64(-(v + 1)))%t //nolint:gosec // −(v+1) is not negative
	}
	return uint64(v) % t
}

// addProducts adds shares mod t to elements of the values.
func addProducts(t uint64, values []uint64, into []int, shares []uint64) error {
	if len(shares) != len(into) {
		return fmt.Errorf("%d products of %d", len(shares), len(into))
	}
	for i, at := range into {
		if values[at] += shares[i]; values[at] >= t { // both are below t, which has 58 bits
			values[at] -= t
		}
	}
	return nil
}

// levelFilled is the feature level from which answers are masked whatever the request is
// (PROTOCOL.md section 5.3). Programs before it do not know these messages.
const levelFilled = 4

// products are the parameters of computations on shares that all programs of the cluster have.
// Members that see the level change at different times do not understand each other, and the
// next attempt does.
func (n *member) products() (he.ProductParameters, error) {
	var level int
	err := n.Ledger.View(func(v state.View) error {
		c, err := v.Cluster()
		level = c.FeatureLevel()
		return err
	})
	if err != nil {
		return he.ProductParameters{}, fmt.Errorf("look up the feature level: %w", err)
	}
	if level < levelFilled {
		return he.NewProductParameters(he.EarlierProductParameters())
	}
	return n.Products, nil
}

// productOf computes this node's shares of the products of some factors.
func (n *member) productOf(ctx context.Context, o opening, batch int, f factors) ([]uint64, error) {
	s := n.session(o, fmt.Sprintf("products %d", batch))
	params, err := n.products()
	if err != nil {
		return nil, err
	}
	var p *he.Product
	if f.right == nil {
		p, err = he.NewSquare(params, s, o.point(n.id), f.left)
	} else {
		p, err = he.NewProduct(params, s, o.point(n.id), f.left, f.right)
	}
	if err != nil {
		return nil, err
	}
	if err := n.converse(ctx, o, batch*productMessages, productMessages, p); err != nil {
		return nil, err
	}
	return p.Result()
}

// wipeShares forgets shares of opened tiles.
func wipeShares(list [][]uint64) {
	for _, s := range list {
		clear(s)
	}
}

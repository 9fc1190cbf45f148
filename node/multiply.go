package node

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/query"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/fit"
)

// errHalfway ends an attempt whose computation on shares did not come to its end.
// Its throw-away keys are good for one use: nothing is sent again in the attempt.
var errHalfway = errors.New("the computation on shares broke off")

// productEntries is how many products are computed at a time.
const productEntries = fit.MaxFactors

// stageMessages bounds the messages that a member sends another one in one
// computation, which makes the numbers of their parcels.
const stageMessages = 64

// computation is a computation on shares, as he drives it.
type computation interface {
	Start() ([]he.Message, error)
	Receive(from int, b []byte) ([]he.Message, error)
	Done() bool
}

// agreeParity has the members of an attempt tell each other their shares of the
// parity of everything that was opened, and ends the attempt when they do not add up
// to 0. It comes before any multiplication (PROTOCOL section 4): what follows has no
// parity.
func (n *Node) agreeParity(ctx context.Context, o opening, share uint64) error {
	if err := n.sendOthers(ctx, o, parcelParity, 0, binary.LittleEndian.AppendUint64(nil, share)); err != nil {
		return err
	}
	var theirs [][]byte
	for _, m := range o.active {
		if m.ID == n.id {
			continue
		}
		b, err := n.exchange.wait(ctx, parcel{o.session, parcelParity, 0, m.ID})
		if err != nil {
			return err
		}
		theirs = append(theirs, b)
	}
	if err := checkParity(n.params, share, theirs); err != nil {
		return fmt.Errorf("%w: %s: %w", errDeviates, o.session, err)
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
			return fmt.Errorf("a share of the parity: %w", err)
		}
	}
	if sum[0] != 0 {
		return errors.New("the parity of the opened tiles is not 0")
	}
	return nil
}

// multiply computes this node's shares of a plan's products and adds them to its
// values. singles are its shares of the tiles that were opened alone.
func (n *Node) multiply(ctx context.Context, o opening, plan *query.Plan, singles [][]uint64, values []uint64) error {
	if len(plan.Products) == 0 {
		return nil
	}
	if err := n.outcomes.begin(o.session); err != nil {
		return err
	}
	o.headway.enter(wire.StageProducts)
	// Squares first: a pair of members needs one evaluation for them, not two.
	batch := 0
	for _, squares := range []bool{true, false} {
		err := eachFactors(plan, singles, squares, n.middles(o, plan), func(f factors) error {
			defer f.wipe()
			shares, err := n.productOf(ctx, o, batch, f)
			if err != nil {
				return fmt.Errorf("%w: %w", errHalfway, err)
			}
			batch++
			o.headway.multiplied(len(f.left))
			return addProducts(n.params.T(), values, f.into, shares)
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
// multiplied: middles are what this node adds to its shares of them.
func eachFactors(plan *query.Plan, singles [][]uint64, squares bool, middles middlesOf, do func(factors) error) error {
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
			f.left = append(f.left, left(singles[x.Left][slot]))
			if !squares {
				f.right = append(f.right, right(singles[x.Right][partner]))
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

// middlesOf says what is done to this node's shares of a product's two tiles before
// they are multiplied.
type middlesOf func(x query.Product) (left, right func(share uint64) uint64)

// middles has the root add the middles of the ranges to its shares of a join's tiles,
// and everybody else leave theirs as they are: then the shares are of the readings.
func (n *Node) middles(o opening, plan *query.Plan) middlesOf {
	t := n.params.T()
	return func(x query.Product) (left, right func(uint64) uint64) {
		a, b := plan.Mids(x)
		if o.root != n.id {
			a, b = 0, 0
		}
		shift := func(v uint64) func(uint64) uint64 {
			return func(share uint64) uint64 { return (share + v) % t } // both are below t, which has 58 bits
		}
		return shift(residue(a, t)), shift(residue(b, t))
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

// productOf computes this node's shares of the products of some factors.
func (n *Node) productOf(ctx context.Context, o opening, batch int, f factors) ([]uint64, error) {
	s := n.session(o, fmt.Sprintf("products %d", batch))
	var p *he.Product
	var err error
	if f.right == nil {
		p, err = he.NewSquare(n.products, s, n.point, f.left)
	} else {
		p, err = he.NewProduct(n.products, s, n.point, f.left, f.right)
	}
	if err != nil {
		return nil, err
	}
	if err := n.converse(ctx, o, batch*stageMessages, p); err != nil {
		return nil, err
	}
	return p.Result()
}

// points are the members' points, ascending.
func (o opening) points() []int {
	points := make([]int, len(o.active))
	for i, m := range o.active {
		points[i] = m.Point
	}
	return points
}

// converse runs a computation on shares with the other members of an attempt, to its
// end. What one member sends another is numbered from first on, in the order in
// which it is sent.
func (n *Node) converse(ctx context.Context, o opening, first int, c computation) error {
	g, ctx := errgroup.WithContext(ctx)
	over, stop := context.WithCancel(ctx)
	defer stop()
	talk := &conversation{node: n, opening: o, first: first, sent: map[int]int{}}
	messages, err := c.Start()
	if err != nil {
		return err
	}
	for _, m := range o.active {
		if m.ID == n.id {
			continue
		}
		g.Go(func() error { return talk.listen(ctx, over, stop, m, c) })
	}
	g.Go(func() error { return talk.say(ctx, messages) })
	if err := g.Wait(); err != nil {
		return err
	}
	if !c.Done() {
		return fmt.Errorf("%w: all messages came, and it is not done", errDeviates)
	}
	return nil
}

// conversation numbers what is sent in one computation.
type conversation struct {
	node    *Node
	opening opening
	first   int

	mu   sync.Mutex
	sent map[int]int // by point
}

// say sends messages to whom they are for.
func (t *conversation) say(ctx context.Context, messages []he.Message) error {
	for _, m := range messages {
		t.mu.Lock()
		number := t.sent[m.To]
		t.sent[m.To]++
		t.mu.Unlock()
		if number >= stageMessages {
			return fmt.Errorf("more than %d messages to one member", stageMessages)
		}
		to := ""
		for _, x := range t.opening.active {
			if x.Point == m.To {
				to = x.ID
			}
		}
		if err := t.node.sendParcel(ctx, to, parcel{t.opening.session, parcelStages, t.first + number, t.node.id}, m.Bytes); err != nil {
			return err
		}
	}
	return nil
}

// listen hands over what a member sends, and sends the answers, until the
// computation is over. over ends when it is.
func (t *conversation) listen(ctx, over context.Context, stop func(), from catalog.Node, c computation) error {
	for number := range stageMessages {
		if c.Done() {
			return nil
		}
		p := parcel{t.opening.session, parcelStages, t.first + number, from.ID}
		b, err := t.node.exchange.wait(over, p)
		if err != nil {
			if c.Done() && ctx.Err() == nil {
				return nil
			}
			return err
		}
		answers, err := c.Receive(from.Point, b)
		if err != nil {
			return fmt.Errorf("%w: what %s sent in a computation on shares: %w", errDeviates, from.ID, err)
		}
		t.node.exchange.release(p)
		if err := t.say(ctx, answers); err != nil {
			return err
		}
		if c.Done() {
			stop()
		}
	}
	return nil
}

// wipeShares forgets shares of opened tiles.
func wipeShares(list [][]uint64) {
	for _, s := range list {
		clear(s)
	}
}

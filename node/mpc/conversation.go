package mpc

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/node/failure"
)

// How many messages a member sends another one in one computation at most, which makes
// the numbers of their messages.
const (
	productMessages = 2 // a request and an answer
	stageMessages   = 64
	pieceMessages   = he.MaxPieceMessages
)

// Computation is a computation on shares, as package he drives it.
type Computation interface {
	Start() ([]he.Message, error)
	Receive(from int, b []byte) ([]he.Message, error)
	Done() bool
}

// converse runs a computation on shares with the other members of an attempt, to its
// end. What one member sends another is numbered from first on, in the order in
// which it is sent, and is most messages at most.
func (n *member) converse(ctx context.Context, o opening, first, most int, c Computation) error {
	g, ctx := errgroup.WithContext(ctx)
	over, stop := context.WithCancel(ctx)
	defer stop()
	talk := &conversation{node: n, opening: o, first: first, most: most, sent: map[int]int{}}
	messages, err := c.Start()
	if err != nil {
		return err
	}
	for _, m := range o.others(n.id) {
		g.Go(func() error { return talk.listen(ctx, over, stop, m, c) })
	}
	g.Go(func() error { return talk.say(ctx, messages) })
	if err := g.Wait(); err != nil {
		return err
	}
	if !c.Done() {
		return fmt.Errorf("%w: all messages came, and it is not done", failure.ErrDeviates)
	}
	return nil
}

// conversation numbers what is sent in one computation.
type conversation struct {
	node    *member
	opening opening
	first   int
	most    int

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
		if number >= t.most {
			return fmt.Errorf("more than %d messages to one member", t.most)
		}
		to := ""
		for _, x := range t.opening.active {
			if x.Point == m.To {
				to = x.ID
			}
		}
		if err := t.node.Peers.Send(ctx, to, Message{t.opening.session, KindStages, t.first + number, t.node.id}, m.Bytes); err != nil {
			return err
		}
	}
	return nil
}

// listen hands over what a member sends, and sends the answers, until the
// computation is over. over ends when it is.
func (t *conversation) listen(ctx, over context.Context, stop func(), from catalog.Node, c Computation) error {
	for number := range t.most {
		if c.Done() {
			return nil
		}
		p := Message{t.opening.session, KindStages, t.first + number, from.ID}
		b, err := t.node.mailbox.Wait(over, p)
		if err != nil {
			if c.Done() && ctx.Err() == nil {
				return nil
			}
			return err
		}
		answers, err := c.Receive(from.Point, b)
		if err != nil {
			return failure.WithCode(fmt.Errorf("%w: what %s sent in a computation on shares: %w", failure.ErrDeviates, from.ID, err), "node.deviates_sent", from.ID)
		}
		t.node.mailbox.Release(p)
		if err := t.say(ctx, answers); err != nil {
			return err
		}
		if c.Done() {
			stop()
		}
	}
	return nil
}

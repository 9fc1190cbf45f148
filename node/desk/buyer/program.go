package buyer

import (
	"context"

	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
)

// What programs on this machine ask that are no browser (package postgres).

// Kept is the answer to a question in the own store, free; nil: there is none. Errors are as the client gives them.
func (b *Buyer) Kept(ctx context.Context, q Question) (*Answer, error) {
	if b.client.Key() == nil {
		return nil, client.ErrNoKey
	}
	o := q.options()
	o.Store = b.dir
	r, err := ask.Kept(ctx, b.client, q.SQL, o)
	if r == nil || err != nil {
		return nil, err
	}
	a := b.answers.shown(ctx, r)
	return &a, nil
}

// Explain tells what a question would release and cost, or why it would be refused.
func (b *Buyer) Explain(ctx context.Context, q Question) (Explained, error) {
	return b.explain(ctx, asked{q})
}

// Ask asks a question and waits until it is answered or fails, as the page does: the same question joins one that is under
// way, and goes on when ctx ends.
func (b *Buyer) Ask(ctx context.Context, q Question) (Job, error) {
	job, err := b.begin(ctx, asked{q})
	for err == nil && job.State == JobAsking {
		job, err = b.jobs.await(ctx, job.ID, job.Seen)
	}
	return job, err
}

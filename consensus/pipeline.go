package consensus

import (
	"sync"

	"github.com/hashicorp/raft"
)

// transport is raft's transport with pipelines that always take an answer.
//
// Raft reads the answers of a pipeline in one goroutine and sends in another. The reader
// ends at the first answer that refuses, or that has a newer term. The sender may have two
// more messages on their way then: the answer to the first waits for a reader for good, the
// second waits for that answer to be taken, and the pipeline would be closed by the sender.
// Both goroutines stay, no entry goes to that member any more, and raft, which waits for
// the sender when it shuts down, never ends (raft v1.8.0, TestCloseEndsWhileAMemberRefuses).
type transport struct{ *raft.NetworkTransport }

var (
	_ raft.Transport   = transport{}
	_ raft.WithClose   = transport{}
	_ raft.WithPreVote = transport{}
)

// AppendEntriesPipeline implements raft.Transport.
func (t transport) AppendEntriesPipeline(id raft.ServerID, target raft.ServerAddress) (raft.AppendPipeline, error) {
	inner, err := t.NetworkTransport.AppendEntriesPipeline(id, target)
	if err != nil {
		return nil, err
	}
	p := &pipeline{AppendPipeline: inner, answers: make(chan raft.AppendFuture), closing: make(chan struct{})}
	p.carrying.Go(p.carry)
	return p, nil
}

// pipeline takes every answer as it comes and keeps it until it is read. Few are kept: what
// reads them does no more than note them, and where it has ended the sender ends soon.
type pipeline struct {
	raft.AppendPipeline
	answers  chan raft.AppendFuture
	closing  chan struct{}
	once     sync.Once
	carrying sync.WaitGroup
}

// Consumer implements raft.AppendPipeline.
func (p *pipeline) Consumer() <-chan raft.AppendFuture { return p.answers }

// Close implements raft.AppendPipeline.
func (p *pipeline) Close() error {
	err := p.AppendPipeline.Close()
	p.once.Do(func() { close(p.closing) })
	p.carrying.Wait()
	return err
}

// carry hands answers on until the pipeline is closed.
func (p *pipeline) carry() {
	var kept []raft.AppendFuture
	for {
		var out chan raft.AppendFuture // nil, and never ready, while there is nothing to hand on
		var next raft.AppendFuture
		if len(kept) > 0 {
			out, next = p.answers, kept[0]
		}
		select {
		case f := <-p.AppendPipeline.Consumer():
			kept = append(kept, f)
		case out <- next:
			kept = kept[1:]
		case <-p.closing:
			return
		}
	}
}

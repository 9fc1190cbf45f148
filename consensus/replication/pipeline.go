// Package replication has what the ledger adds to raft's way of sending entries to the other members: pipelines that
// always take an answer, and notices of commits, which raft leaves to a timer.
//
// # Pipelines
//
// Raft reads the answers of a pipeline in one goroutine and sends in another. The reader
// ends at the first answer that refuses, or that has a newer term. The sender may have two
// more messages on their way then: the answer to the first waits for a reader for good, the
// second waits for that answer to be taken, and the pipeline would be closed by the sender.
// Both goroutines stay, no entry goes to that member any more, and raft, which waits for
// the sender when it shuts down, never ends (raft v1.8.0).
//
// # Notices
//
// A follower learns that an entry is committed with the leader's next message, which raft (v1.8.0) sends with the next
// entry, or when its CommitTimeout to twice that has passed. Where a follower's work follows from an entry, as when
// a node is to open something, or somebody waits for the entry at a follower, that is what they wait for. A notice
// is a message without entries that says the same at once: that the entry c of term t is committed.
//
// It is a message that raft itself may send, in raft's own words: header, term and leader are those of the last
// message that raft sent on the same pipeline. It is safe whoever leads by now: it names c as the entry before, so that
// a follower that has another entry there, or none, or a newer term, refuses it; and for a follower that has this one
// the message is true, for what is committed stays so. It commits no more than c, however much longer the follower's
// log is. It goes behind c on c's connection, when every message there has been answered, so that no entry waits for
// the answer to a notice; and not at all where c was not sent yet, or a message of raft's has told of it: under load
// the next entries do. Raft is not told of the answer, so that nothing that it concludes from answers changes.
package replication

import (
	"sync"

	"github.com/hashicorp/raft"
)

// Commits passes on to all pipelines up to where the log is committed.
type Commits struct {
	mu        sync.Mutex
	latest    commit
	pipelines map[*pipeline]struct{}
}

// commit names an entry that is committed.
type commit struct{ index, term uint64 }

// NewCommits knows of no commit.
func NewCommits() *Commits { return &Commits{pipelines: map[*pipeline]struct{}{}} }

// Committed has all members with a pipeline told that the entry at an index, of a term, is committed. It does not
// wait for that.
func (c *Commits) Committed(index, term uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if index <= c.latest.index {
		return
	}
	c.latest = commit{index, term}
	for p := range c.pipelines {
		p.look()
	}
}

func (c *Commits) newest() commit {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.latest
}

// Pipeline is inner with every answer taken, on which notices of commits go, too.
func (c *Commits) Pipeline(inner raft.AppendPipeline) raft.AppendPipeline {
	p := &pipeline{
		inner: inner, commits: c, answers: make(chan raft.AppendFuture), closing: make(chan struct{}),
		news: make(chan struct{}, 1), sending: make(chan struct{}, 1), notices: map[*raft.AppendEntriesRequest]bool{},
	}
	c.mu.Lock()
	c.pipelines[p] = struct{}{}
	c.mu.Unlock()
	p.goroutines.Go(p.carry)
	p.goroutines.Go(p.notify)
	return p
}

// pipeline takes every answer as it comes and keeps it until it is read. Few are kept: what
// reads them does no more than note them, and where it has ended the sender ends soon.
type pipeline struct {
	inner   raft.AppendPipeline
	commits *Commits
	answers chan raft.AppendFuture
	news    chan struct{} // has a message when there may be something to tell

	closing    chan struct{}
	once       sync.Once
	goroutines sync.WaitGroup

	sending chan struct{}             // full while a message is sent
	sent    raft.AppendEntriesRequest // the last one of raft's, without entries; while sending
	reached uint64                    // the last entry that was sent; while sending
	told    uint64                    // up to where the member was told that the log is committed; while sending

	mu       sync.Mutex
	underway int                                 // messages without an answer; guarded by mu
	notices  map[*raft.AppendEntriesRequest]bool // those of them that are notices; guarded by mu
}

// look has notify look whether there is something to tell.
func (p *pipeline) look() {
	select {
	case p.news <- struct{}{}:
	default: // it has not looked yet
	}
}

// AppendEntries implements raft.AppendPipeline.
func (p *pipeline) AppendEntries(args *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) (raft.AppendFuture, error) {
	p.sending <- struct{}{}
	defer func() { <-p.sending }()
	f, err := p.send(args, resp, false)
	if err != nil {
		return f, err
	}
	p.sent = *args
	p.sent.Entries = nil
	p.reached = args.PrevLogEntry
	if n := len(args.Entries); n > 0 {
		p.reached = args.Entries[n-1].Index
	}
	p.told = max(p.told, min(args.LeaderCommitIndex, p.reached))
	return f, nil
}

// send sends a message, and counts it until it is answered.
func (p *pipeline) send(args *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse, notice bool) (raft.AppendFuture, error) {
	p.mu.Lock()
	p.underway++
	if notice {
		p.notices[args] = true
	}
	p.mu.Unlock()
	return p.inner.AppendEntries(args, resp) //nolint:wrapcheck // raft goes by its own errors; the pipeline ends with one
}

// Consumer implements raft.AppendPipeline.
func (p *pipeline) Consumer() <-chan raft.AppendFuture { return p.answers }

// Close implements raft.AppendPipeline.
func (p *pipeline) Close() error {
	err := p.inner.Close()
	p.once.Do(func() {
		close(p.closing)
		p.commits.mu.Lock()
		delete(p.commits.pipelines, p)
		p.commits.mu.Unlock()
	})
	p.goroutines.Wait()
	return err //nolint:wrapcheck // raft goes by its own errors
}

// carry hands answers on until the pipeline is closed, those to notices left out.
func (p *pipeline) carry() {
	var kept []raft.AppendFuture
	for {
		var out chan raft.AppendFuture // nil, and never ready, while there is nothing to hand on
		var next raft.AppendFuture
		if len(kept) > 0 {
			out, next = p.answers, kept[0]
		}
		select {
		case f := <-p.inner.Consumer():
			if !p.answersNotice(f) {
				kept = append(kept, f)
			}
		case out <- next:
			kept = kept[1:]
		case <-p.closing:
			return
		}
	}
}

// answersNotice counts an answer, and reports whether it is one to a notice.
func (p *pipeline) answersNotice(f raft.AppendFuture) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.underway--; p.underway == 0 {
		p.look()
	}
	is := p.notices[f.Request()]
	delete(p.notices, f.Request())
	return is
}

// notify sends notices until the pipeline is closed, or one cannot be sent: raft finds out by its own messages.
func (p *pipeline) notify() {
	for {
		select {
		case <-p.closing:
			return
		case <-p.news:
		}
		if err := p.tell(p.commits.newest()); err != nil {
			return
		}
	}
}

// tell sends a notice of a commit, unless the member has not been sent the entry, has been told, or has yet to
// answer something.
func (p *pipeline) tell(c commit) error {
	p.sending <- struct{}{}
	defer func() { <-p.sending }()
	p.mu.Lock()
	waits := p.underway > 0
	p.mu.Unlock()
	if waits || c.index > p.reached || c.index <= p.told {
		return nil
	}
	notice := p.sent
	notice.PrevLogEntry, notice.PrevLogTerm, notice.LeaderCommitIndex = c.index, c.term, c.index
	p.told = c.index
	_, err := p.send(&notice, new(raft.AppendEntriesResponse), true)
	return err
}

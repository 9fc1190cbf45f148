package replication

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/hashicorp/raft"
)

// wire is a pipeline that notes what is sent, and answers when it is told to.
type wire struct {
	sent     []raft.AppendEntriesRequest
	requests []*raft.AppendEntriesRequest
	answered int
	answers  chan raft.AppendFuture
	broken   error
}

func (w *wire) AppendEntries(args *raft.AppendEntriesRequest, _ *raft.AppendEntriesResponse) (raft.AppendFuture, error) {
	if w.broken != nil {
		return nil, w.broken
	}
	w.sent, w.requests = append(w.sent, *args), append(w.requests, args)
	return nil, nil
}
func (w *wire) Consumer() <-chan raft.AppendFuture { return w.answers }
func (w *wire) Close() error                       { return nil }

// answer is one to a request.
type answer struct {
	raft.AppendFuture
	to *raft.AppendEntriesRequest
}

func (a answer) Request() *raft.AppendEntriesRequest { return a.to }

// upTo is raft's message of the term 3 with the entries from one index to another.
func upTo(from, to, committed uint64) *raft.AppendEntriesRequest {
	r := &raft.AppendEntriesRequest{Term: 3, RPCHeader: raft.RPCHeader{Addr: []byte("l")}, PrevLogEntry: from - 1, PrevLogTerm: 3, LeaderCommitIndex: committed}
	for i := from; i <= to; i++ {
		r.Entries = append(r.Entries, &raft.Log{Index: i, Term: 3})
	}
	return r
}

func TestNoticesNameAnEntryThatWasSentAndOnlyWhereItIsNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w := NewCommits(), &wire{answers: make(chan raft.AppendFuture)}
		p := c.Pipeline(w)
		var read []*raft.AppendEntriesRequest // raft's, of which it has the answers
		answered := func() {                  // all that was sent
			for ; w.answered < len(w.requests); w.answered++ {
				w.answers <- answer{to: w.requests[w.answered]}
				synctest.Wait()
				select {
				case f := <-p.Consumer():
					read = append(read, f.Request())
				default:
				}
				synctest.Wait()
			}
		}
		send := func(r *raft.AppendEntriesRequest) {
			if _, err := p.AppendEntries(r, nil); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		committed := func(index uint64) {
			c.Committed(index, 3)
			synctest.Wait()
		}
		sent := func(most int, what string) {
			t.Helper()
			if len(w.sent) != most {
				t.Fatalf("%d messages went, wanted are %d: %s", len(w.sent), most, what)
			}
		}
		committed(4)
		send(upTo(5, 5, 4))
		answered()
		sent(1, "raft's message told of it")
		committed(6) // by the others' answers
		sent(1, "6 was not sent here")
		send(upTo(6, 8, 5))
		sent(2, "6 waits for an answer")
		answered() // and to the notice
		sent(3, "raft's two, and the notice of 6")
		committed(6) // again
		sent(3, "the member was told")
		if n := w.sent[2]; n.PrevLogEntry != 6 || n.PrevLogTerm != 3 || n.LeaderCommitIndex != 6 || len(n.Entries) != 0 || n.Term != 3 || string(n.Addr) != "l" {
			t.Errorf("the notice says %+v: it names the entry before, and commits no more", n)
		}
		committed(8)
		sent(4, "all is answered, and 8 is news")
		committed(7)
		answered()
		sent(4, "7 is older")
		if len(read) != 2 || read[0] != w.requests[0] || read[1] != w.requests[1] {
			t.Errorf("raft reads the answers to %v, not to its own two messages", read)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		committed(9) // nobody is told
	})
}

// A pipeline that breaks at a notice ends with raft's own message, and leaves no goroutine.
func TestAPipelineThatBreaksAtANoticeIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w := NewCommits(), &wire{answers: make(chan raft.AppendFuture)}
		p := c.Pipeline(w)
		if _, err := p.AppendEntries(upTo(1, 2, 0), nil); err != nil {
			t.Fatal(err)
		}
		w.broken = errors.New("broken")
		c.Committed(2, 3)
		synctest.Wait()
		if _, err := p.AppendEntries(upTo(3, 3, 2), nil); !errors.Is(err, w.broken) {
			t.Errorf("raft is told %v", err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
}

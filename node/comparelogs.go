package node

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/node/peer"
)

// Nodes tell each other the heads of their evidence logs in every ping. The logs are one,
// so that one head is a beginning of the other; where it is not, one of the two nodes lost
// or changed entries, and neither can know which. Both say so, are not ready, and look for
// the first entry that differs. A node that has fewer entries cannot tell; the other one,
// in its own ping and in its answers, can.

// treeHead is the number of entries in a node's evidence log, and its root.
type treeHead struct {
	Size uint64         `json:"size"`
	Root catalog.Digest `json:"root"`
}

// ping is the question whether a node is there.
type ping struct {
	Head *treeHead `json:"head,omitempty"` // of the asker's evidence log
}

// Values of pong.Logs. Empty: the asker has more entries, and it has to say.
const (
	sameLogs  = "same"
	otherLogs = "differ"
)

// rootWish asks for the root that a node's log had with Size entries, rootAnswer has it.
type (
	rootWish struct {
		Size uint64 `json:"size"`
	}
	rootAnswer struct {
		Root catalog.Digest `json:"root"`
	}
)

// servePing says how this node is, and whether the asker's log is its own.
func (n *Node) servePing(_ context.Context, from string, w http.ResponseWriter, r *http.Request) error {
	var asked ping
	if err := peer.ReadJSON(r, &asked); err != nil {
		return err
	}
	faults, err := n.keyFaults()
	if err != nil {
		return err
	}
	answer := pong{
		Unfit: len(faults) > 0 || n.monitor.clockFault() != nil || n.ledger.MayVote() != nil || n.monitor.stateFault() != nil, Damaged: n.blobs.Status().Damaged > 0, Run: n.run, Level: state.FeatureLevel,
		Now: n.opts.Clock().UnixMilli(), Head: n.monitor.head(), Marks: n.monitor.stateMarks(),
	}
	if asked.Head != nil {
		answer.Logs = n.monitor.judge(*asked.Head)
		n.monitor.noteLogs(from, asked.Head.Size, answer.Logs)
	}
	return peer.WriteJSON(w, answer)
}

// serveRoot tells the root of this node's log at an earlier size.
func (mon *monitor) serveRoot(_ context.Context, _ string, w http.ResponseWriter, r *http.Request) error {
	var wish rootWish
	if err := peer.ReadJSON(r, &wish); err != nil {
		return err
	}
	root, err := mon.rootAt(wish.Size)
	if errors.Is(err, consensus.ErrNotFound) {
		return &peer.Error{Status: http.StatusConflict, Kind: kindNotAsked, Message: err.Error(), Err: err}
	}
	if err != nil {
		return err
	}
	return peer.WriteJSON(w, rootAnswer{Root: root})
}

// head is that of this node's log, nil when it cannot be read: its ledger stopped.
func (mon *monitor) head() *treeHead {
	size := mon.ledger.NextSeq()
	root, err := mon.rootAt(size)
	if err != nil {
		return nil
	}
	return &treeHead{Size: size, Root: root}
}

func (mon *monitor) rootAt(size uint64) (catalog.Digest, error) {
	h, err := mon.ledger.RootAt(size)
	root := catalog.Digest(h)
	if err == nil && mon.opts.root != nil {
		root = mon.opts.root(size, root)
	}
	return root, err
}

// judge says whether another node's head is one of this node's log, as pong.Logs.
func (mon *monitor) judge(other treeHead) string {
	root, err := mon.rootAt(other.Size)
	switch {
	case other.Size == 0:
		return sameLogs // there is only one log without entries
	case err != nil:
		return "" // this node has fewer entries, or cannot read them
	case root == other.Root:
		return sameLogs
	}
	return otherLogs
}

// compareLogs takes what another node answered to a ping with this node's head, and goes on
// with the search for the first entry that differs.
func (mon *monitor) compareLogs(ctx context.Context, other string, own *treeHead, answer pong) {
	if own != nil && answer.Logs != "" {
		mon.noteLogs(other, own.Size, answer.Logs)
	} else if answer.Head != nil {
		mon.noteLogs(other, answer.Head.Size, mon.judge(*answer.Head))
	}
	f, differs := mon.forks.with(other)
	for differs && !f.found() && ctx.Err() == nil {
		middle := f.same + (f.differ-f.same)/2
		var theirs rootAnswer
		if err := mon.call(ctx, other, pathRoot, rootWish{Size: middle}, &theirs); err != nil {
			mon.log.DebugContext(ctx, "looking for the entry that differs", "node", other, "error", err)
			return // the next ping goes on
		}
		verdict := mon.judge(treeHead{Size: middle, Root: theirs.Root})
		if verdict == "" {
			return
		}
		mon.noteLogs(other, middle, verdict)
		f, differs = mon.forks.with(other)
	}
}

// noteLogs notes what this node found, or was told, of its log and another's at a size.
func (mon *monitor) noteLogs(other string, size uint64, verdict string) {
	if fresh := mon.forks.note(other, size, verdict); fresh {
		mon.log.Error("logs differ", "node", other, "entries", size)
	}
}

// forks are the nodes whose logs contradict this node's. The zero value has none.
type forks struct {
	mu sync.Mutex
	of map[string]fork
}

// fork is between which sizes two logs part: their roots are equal at one and differ at
// the other. Roots that differ at a size differ at every larger one.
type fork struct{ same, differ uint64 }

// found reports whether the first entry that differs is known: it is number same.
func (f fork) found() bool { return f.differ == f.same+1 }

// note takes what two logs are at a size, and reports whether a fork is new. One is over
// when the logs are the same at a size at which they differed: one of the two was fetched
// anew.
func (s *forks) note(other string, size uint64, verdict string) (fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, known := s.of[other]
	switch {
	case verdict == otherLogs && !known:
		if s.of == nil {
			s.of = map[string]fork{}
		}
		s.of[other] = fork{differ: size}
		return true
	case verdict == otherLogs && size <= f.same:
		s.of[other] = fork{differ: size} // it was fetched anew, and differs earlier
	case verdict == otherLogs:
		s.of[other] = fork{same: f.same, differ: min(f.differ, size)}
	case verdict == sameLogs && known && size >= f.differ:
		delete(s.of, other)
	case verdict == sameLogs && known:
		s.of[other] = fork{same: max(f.same, size), differ: f.differ}
	}
	return false
}

func (s *forks) with(other string) (fork, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, differs := s.of[other]
	return f, differs
}

// reasons says with whom this node's log differs, and from where on.
func (s *forks) reasons(own string) (list []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for other, f := range s.of {
		where := fmt.Sprintf("within the first %d entries", f.differ)
		if f.found() {
			where = fmt.Sprintf("from entry %d on", f.same)
		}
		list = append(list, fmt.Sprintf("the logs of %s and %s differ %s: one of the two lost or changed entries. The one that differs "+
			"from most nodes is wrong: stop it, move its ledger's directory away and start it again", own, other, where))
	}
	slices.Sort(list)
	return list
}

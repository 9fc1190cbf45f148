package node

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/node/compare"
	"github.com/weirdata/weir/node/peer"
)

// Nodes tell each other the heads of their evidence logs in every ping. The logs are one,
// so that one head is a beginning of the other; where it is not, one of the two nodes lost
// or changed entries, and neither can know which. Both say so, are not ready, and look for
// the first entry that differs. A node that has fewer entries cannot tell; the other one,
// in its own ping and in its answers, can.

// ping is the question whether a node is there.
type ping struct {
	Head *compare.Head `json:"head,omitempty"` // of the asker's evidence log
}

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
func (mon *monitor) servePing(_ context.Context, from string, w http.ResponseWriter, r *http.Request) error {
	var asked ping
	if err := peer.ReadJSON(r, &asked); err != nil {
		return err
	}
	faults, err := mon.keyFaults()
	if err != nil {
		return err
	}
	answer := pong{
		Unfit: len(faults) > 0 || mon.clockFault() != nil || mon.ledger.MayVote() != nil || mon.stateFault() != nil, Damaged: mon.blobs.Status().Damaged > 0, Run: mon.run, Level: state.FeatureLevel,
		Now: mon.opts.Clock().UnixMilli(), Head: mon.head(), Marks: mon.stateMarks(),
	}
	if asked.Head != nil {
		answer.Logs = mon.judge(*asked.Head)
		mon.noteLogs(from, asked.Head.Size, answer.Logs)
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
func (mon *monitor) head() *compare.Head {
	size := mon.ledger.NextSeq()
	root, err := mon.rootAt(size)
	if err != nil {
		return nil
	}
	return &compare.Head{Size: size, Root: root}
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
func (mon *monitor) judge(other compare.Head) string {
	root, err := mon.rootAt(other.Size)
	switch {
	case other.Size == 0:
		return compare.SameLogs // there is only one log without entries
	case err != nil:
		return "" // this node has fewer entries, or cannot read them
	case root == other.Root:
		return compare.SameLogs
	}
	return compare.OtherLogs
}

// compareLogs takes what another node answered to a ping with this node's head, and goes on
// with the search for the first entry that differs.
func (mon *monitor) compareLogs(ctx context.Context, other string, own *compare.Head, answer pong) {
	if own != nil && answer.Logs != "" {
		mon.noteLogs(other, own.Size, answer.Logs)
	} else if answer.Head != nil {
		mon.noteLogs(other, answer.Head.Size, mon.judge(*answer.Head))
	}
	f, differs := mon.forks.With(other)
	for differs && !f.Found() && ctx.Err() == nil {
		middle := f.Same + (f.Differ-f.Same)/2
		verdict, err := mon.compareAt(ctx, other, middle)
		if err != nil {
			mon.log.DebugContext(ctx, "looking for the entry that differs", "node", other, "error", err)
		}
		if verdict == "" {
			return // the next ping goes on
		}
		f, differs = mon.forks.With(other)
	}
}

// compareAt asks another node for the root of its log at a size, and notes and returns what it says of the two logs, as
// pong.Logs.
func (mon *monitor) compareAt(ctx context.Context, other string, size uint64) (verdict string, err error) {
	var theirs rootAnswer
	if err := mon.call(ctx, other, pathRoot, rootWish{Size: size}, &theirs); err != nil {
		return "", err
	}
	verdict = mon.judge(compare.Head{Size: size, Root: theirs.Root})
	mon.noteLogs(other, size, verdict)
	return verdict, nil
}

// agree fails unless all these nodes have the entries that this node has, by their own word.
func (mon *monitor) agree(ctx context.Context, nodes []string) error {
	size := mon.ledger.NextSeq()
	for _, other := range nodes {
		if other == mon.id {
			continue
		}
		verdict, err := mon.compareAt(ctx, other, size)
		if err != nil {
			return err
		}
		if verdict != compare.SameLogs {
			return fmt.Errorf("the log of %s is another one, of %d entries", other, size)
		}
	}
	return nil
}

// noteLogs notes what this node found, or was told, of its log and another's at a size.
func (mon *monitor) noteLogs(other string, size uint64, verdict string) {
	if fresh := mon.forks.Note(other, size, verdict); fresh {
		mon.log.Error("logs differ", "node", other, "entries", size)
	}
}

package node

import (
	"errors"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/node/api/wire"
)

// Live returns an error when the process should be restarted: its ledger hit a
// fault of the disk and stopped.
func (n *Node) Live() error {
	select {
	case <-n.ledger.Failed():
		return fmt.Errorf("the ledger stopped: %w; mend that and start the node again", n.ledger.Fault())
	default:
	}
	if s, err := n.blobs.store.Stats(); err == nil && s.Broken {
		return errors.New("the disk failed under the blobs; see the log")
	}
	return nil
}

// Ready reports whether the node can take work, and if not, why.
func (n *Node) Ready() (bool, []string) {
	var reasons []string
	if err := n.Live(); err != nil {
		return false, []string{err.Error()}
	}
	reasons = append(reasons, n.fullDisks()...)
	if _, known := n.ledger.Leader(); !known {
		reasons = append(reasons, "no node leads")
	}
	err := n.view(func(v catalog.View) error {
		c, err := v.Cluster()
		if errors.Is(err, catalog.ErrNotFound) {
			if len(reasons) == 0 { // else that is why
				reasons = append(reasons, "the cluster is not founded yet")
			}
			return nil
		}
		if err != nil {
			return err
		}
		if c.ID != n.cluster {
			reasons = append(reasons, fmt.Sprintf("the ledger is of cluster %s, this node was started for %s", c.ID, n.cluster))
		}
		return nil
	})
	if err != nil {
		reasons = append(reasons, err.Error())
	}
	if err := n.checkpoints.notary.Check(); err != nil {
		reasons = append(reasons, err.Error())
	}
	if err := n.clockFault(); err != nil {
		reasons = append(reasons, err.Error())
	}
	faults, err := n.keyFaults()
	if err != nil {
		reasons = append(reasons, err.Error())
	}
	reasons = append(reasons, faults...)
	return len(reasons) == 0, reasons
}

// fullDisks says what this node does not do for want of space on its disk.
func (n *Node) fullDisks() (reasons []string) {
	if err := n.ledger.Full(); err != nil {
		reasons = append(reasons, fmt.Sprintf("%v; free some space below %s", err, n.opts.Dir))
	}
	if s, err := n.blobs.store.Stats(); err == nil && s.Free < s.MinFree {
		reasons = append(reasons, fmt.Sprintf("no room for uploads: %d MB left, %d are kept free; free some space below %s", s.Free>>20, s.MinFree>>20, n.opts.Dir))
	}
	return reasons
}

// keyFaults says which of this node's key shares cannot be used, and why.
func (n *Node) keyFaults() (faults []string, err error) {
	err = n.view(func(v catalog.View) error {
		keys, err := v.Keys()
		if err != nil {
			return err
		}
		for _, k := range keys {
			if k.State != catalog.KeyReady {
				continue
			}
			if _, err := n.keys.get(n.params, k); err != nil {
				faults = append(faults, err.Error())
			}
		}
		return nil
	})
	return faults, err
}

// Status returns what operators see of the node.
func (n *Node) Status() wire.Status {
	s := wire.Status{ID: n.id, Cluster: n.cluster, Ledger: ledgerStatus(n.ledger.Status())}
	if s.Ledger.State == "leader" { // another may have waited when it led
		s.Waiting = n.waitingFor()
	}
	s.Ready, s.Reasons = n.Ready()
	s.Blobs = n.mender.status()
	stats, err := n.blobs.store.Stats()
	if err != nil {
		s.Reasons = append(s.Reasons, err.Error())
	}
	s.Blobs.Stored, s.Blobs.Bytes, s.Blobs.Collected = stats.Blobs, stats.Bytes, n.orphans.count()
	for _, m := range n.roster {
		if n.health.isAlive(m.ID) {
			s.Alive = append(s.Alive, m.ID)
		}
	}
	return s
}

func ledgerStatus(l consensus.Status) wire.LedgerStatus {
	s := wire.LedgerStatus{
		State: l.State, Leader: l.Leader, Term: l.Term, LastIndex: l.LastIndex, Commit: l.Commit, Applied: l.Applied,
		Entries: l.NextSeq, TreeRoot: l.TreeRoot, Snapshot: l.Snapshot, LastContactMS: l.LastContactMS,
		StateBytes: l.StateBytes, FreeBytes: l.FreeBytes, Fault: l.Fault,
	}
	for _, m := range l.Members {
		s.Members = append(s.Members, wire.Member(m))
	}
	return s
}

func (n *Node) setWaiting(what string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if what != "" && what != n.waiting {
		n.log.Warn("waiting", "for", what)
	}
	n.waiting = what
}

func (n *Node) waitingFor() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.waiting
}

func (n *Node) ids() []string {
	ids := make([]string, len(n.roster))
	for i, m := range n.roster {
		ids[i] = m.ID
	}
	return ids
}

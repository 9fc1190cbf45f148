package node

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/metrics"
	"github.com/weirdata/weir/node/mpc"
)

// Live returns an error when the process should be restarted: its ledger hit a
// fault of the disk and stopped.
func (n *Node) Live() error {
	select {
	case <-n.ledger.Failed():
		fault := n.ledger.Fault()
		if advised := n.advised(fault); advised != fault { //nolint:errorlint // whether anything was added
			return fmt.Errorf("the ledger stopped: %w", advised)
		}
		return fmt.Errorf("the ledger stopped: %w; mend that and start the node again", fault)
	default:
	}
	if s, err := n.disk.Stats(); err == nil && s.Broken {
		return n.advised(fmt.Errorf("%w; see the log", tiles.ErrFault))
	}
	return nil
}

// Ready reports whether the node can take work, and if not, why.
func (n *Node) Ready() (bool, []string) {
	var reasons []string
	if err := n.Live(); err != nil {
		return false, []string{err.Error()}
	}
	because := func(err error) {
		if err != nil {
			reasons = append(reasons, err.Error())
		}
	}
	reasons = append(reasons, n.fullDisks()...)
	if _, known := n.ledger.Leader(); !known {
		reasons = append(reasons, "no node leads")
	}
	because(n.ledger.MayVote())
	reasons = append(reasons, n.monitor.forks.Reasons(n.id)...)
	because(n.advised(n.monitor.stateFault()))
	because(n.view(func(v state.View) error {
		c, err := v.Cluster()
		if errors.Is(err, records.ErrNotFound) {
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
	}))
	because(n.levelFault())
	because(n.checkpoints.notary.Load().Check())
	because(n.monitor.clockFault())
	faults, err := n.keyFaults()
	because(err)
	reasons = append(reasons, faults...)
	return len(reasons) == 0, reasons
}

// fullDisks says what this node does not do for want of space on its disk.
func (n *Node) fullDisks() (reasons []string) {
	if err := n.ledger.Full(); err != nil {
		reasons = append(reasons, fmt.Sprintf("%v; free some space below %s", err, n.opts.Dir))
	}
	if s, err := n.disk.Stats(); err == nil && s.Free < s.MinFree {
		reasons = append(reasons, fmt.Sprintf("no room for uploads: %d MB left, %d are kept free; free some space below %s", s.Free>>20, s.MinFree>>20, n.opts.Dir))
	}
	return reasons
}

// Status returns what operators see of the node.
func (n *Node) Status() wire.Status {
	s := wire.Status{ID: n.id, Cluster: n.cluster, Version: n.opts.Version, Level: state.FeatureLevel, Ledger: ledgerStatus(n.ledger.Status())}
	if s.Ledger.State == "leader" { // another may have waited when it led
		s.Waiting = n.leader.waitingFor()
	}
	for _, m := range n.monitor.stateMarks() {
		if m.Entries >= s.Ledger.StateEntries {
			s.Ledger.StateEntries, s.Ledger.StateDigest = m.Entries, m.Sum.String()
		}
	}
	s.Ready, s.Reasons = n.Ready()
	s.Alarms = n.monitor.alarms()
	if n.audit != nil {
		s.AuditBehind = n.audit.Behind()
	}
	s.Blobs = n.blobs.Status()
	stats, err := n.disk.Stats()
	if err != nil {
		s.Reasons = append(s.Reasons, err.Error())
	}
	s.Blobs.Stored, s.Blobs.Bytes = stats.Blobs, stats.Bytes
	if s.Shares, err = n.shareStatus(); err != nil {
		s.Reasons = append(s.Reasons, err.Error())
	}
	if s.Drill, err = n.drillStatus(); err != nil {
		s.Reasons = append(s.Reasons, err.Error())
	}
	for _, m := range n.roster {
		if n.health.isAlive(m.ID) {
			s.Alive = append(s.Alive, m.ID)
		}
	}
	return s
}

// drillStatus is what was reported of drills.
func (n *Node) drillStatus() (*wire.Drill, error) {
	founding, err := catalog.ParsePayload(n.opts.Genesis.Envelope.Payload)
	if err != nil {
		return nil, fmt.Errorf("read the founding: %w", err)
	}
	d := &wire.Drill{Since: founding.Issued}
	err = n.view(func(v state.View) (err error) {
		d.Drilled, err = v.Drilled()
		return err
	})
	if d.SoundAt > 0 {
		d.Since = d.SoundAt
	}
	return d, err
}

// metrics are the figures of this node.
func (n *Node) metrics() *metrics.Metrics {
	return metrics.New(metrics.Sources{Status: n.Status, Work: n.work, Ledger: n.ledger, Version: n.opts.Version})
}

// work is what this node's state says that is to be done.
func (n *Node) work() (w metrics.Work, err error) {
	w = metrics.Work{Pending: map[string]int{}, Wear: map[string]float64{}, Ahead: map[string]float64{}}
	for id, o := range n.health.all() {
		if o.ahead != nil {
			w.Ahead[id] = o.ahead.Seconds()
		}
	}
	err = n.view(func(v state.View) error {
		queries, err := v.PendingQueries()
		if err != nil {
			return err
		}
		versions, err := v.Versions().Pending()
		if err != nil {
			return err
		}
		vectors, err := v.Vectors().Pending()
		if err != nil {
			return err
		}
		missing, err := v.Keys().Pending()
		if err != nil {
			return err
		}
		refreshes, err := v.Keys().Refreshing()
		if err != nil {
			return err
		}
		w.Pending = map[string]int{"query": len(queries), "version": len(versions), "vector": len(vectors), "key": len(missing), "refresh": len(refreshes)}
		keys, err := v.Keys().All()
		for _, k := range keys {
			w.Wear[k.ID] = float64(k.Opened) / catalog.MaxOpened
		}
		return err
	})
	return w, err
}

func ledgerStatus(l consensus.Status) wire.LedgerStatus {
	s := wire.LedgerStatus{
		State: l.State, Leader: l.Leader, Term: l.Term, LastIndex: l.LastIndex, Commit: l.Commit, Applied: l.Applied,
		Entries: l.NextSeq, TreeRoot: l.TreeRoot, Snapshot: l.Snapshot, LastContactMS: l.LastContactMS,
		StateBytes: l.StateBytes, LogWrites: l.LogWrites, StateWrites: l.StateWrites, FreeBytes: l.FreeBytes, Fault: l.Fault, Incarnation: l.Incarnation, NoVote: l.NoVote,
	}
	for _, m := range l.Members {
		s.Members = append(s.Members, wire.Member(m))
	}
	return s
}

// Progress is how far this node is with its part of a query's attempt under way; nil where
// it has none, or where the ledger has it.
func (n *Node) Progress(q catalog.Query) *wire.Progress {
	a, member := mpc.Member(q.Attempts, n.id)
	if !member || q.State != catalog.QueryRunning || slices.Contains(q.Shares, n.id) || slices.Contains(q.Failing, n.id) {
		return nil
	}
	return n.mpc.Attempts.Progress(mpc.QuerySession(q.ID, a.Number), a.Number)
}

// Receipt finds an entry in the evidence log: its leaf hash and what the state
// machine recorded.
func (n *Node) Receipt(ctx context.Context, seq uint64) (api.Receipt, error) {
	return n.checkpoints.Receipt(ctx, seq)
}

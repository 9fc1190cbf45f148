package node

import (
	"errors"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/auditlog"
	"github.com/weirdata/weir/node/metrics"
)

// standing is how a node is, as it tells clients, operators, metrics and whoever supervises its process.
type standing struct {
	*core
	monitor     *monitor
	leader      *leader
	checkpoints *checkpoints
	audit       *auditlog.Log // nil: none is written
}

// Live returns an error when the process should be restarted: its ledger hit a
// fault of the disk and stopped.
func (x *standing) Live() error {
	select {
	case <-x.ledger.Failed():
		fault := x.ledger.Fault()
		if advised := x.advised(fault); advised != fault { //nolint:errorlint // whether anything was added
			return fmt.Errorf("the ledger stopped: %w", advised)
		}
		return fmt.Errorf("the ledger stopped: %w; mend that and start the node again", fault)
	default:
	}
	if s, err := x.disk.Stats(); err == nil && s.Broken {
		return x.advised(fmt.Errorf("%w; see the log", tiles.ErrFault))
	}
	return nil
}

// Ready reports whether the node can take work, and if not, why.
func (x *standing) Ready() (bool, []string) {
	var reasons []string
	if err := x.Live(); err != nil {
		return false, []string{err.Error()}
	}
	because := func(err error) {
		if err != nil {
			reasons = append(reasons, err.Error())
		}
	}
	reasons = append(reasons, x.fullDisks()...)
	if _, known := x.ledger.Leader(); !known {
		reasons = append(reasons, "no node leads")
	}
	because(x.ledger.MayVote())
	reasons = append(reasons, x.monitor.forks.Reasons(x.id)...)
	because(x.advised(x.monitor.stateFault()))
	because(x.view(func(v state.View) error {
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
		if c.ID != x.cluster {
			reasons = append(reasons, fmt.Sprintf("the ledger is of cluster %s, this node was started for %s", c.ID, x.cluster))
		}
		return nil
	}))
	because(x.levelFault())
	because(x.checkpoints.notary.Load().Check())
	because(x.monitor.clockFault())
	faults, err := x.keyFaults()
	because(err)
	reasons = append(reasons, faults...)
	return len(reasons) == 0, reasons
}

// fullDisks says what this node does not do for want of space on its disk.
func (x *standing) fullDisks() (reasons []string) {
	if err := x.ledger.Full(); err != nil {
		reasons = append(reasons, fmt.Sprintf("%v; free some space below %s", err, x.opts.Dir))
	}
	if s, err := x.disk.Stats(); err == nil && s.Free < s.MinFree {
		reasons = append(reasons, fmt.Sprintf("no room for uploads: %d MB left, %d are kept free; free some space below %s", s.Free>>20, s.MinFree>>20, x.opts.Dir))
	}
	return reasons
}

// Status returns what operators see of the node.
func (x *standing) Status() wire.Status {
	s := wire.Status{ID: x.id, Cluster: x.cluster, Version: x.opts.Version, Level: state.FeatureLevel, Ledger: ledgerStatus(x.ledger.Status())}
	if s.Ledger.State == "leader" { // another may have waited when it led
		s.Waiting = x.leader.waitingFor()
	}
	for _, m := range x.monitor.stateMarks() {
		if m.Entries >= s.Ledger.StateEntries {
			s.Ledger.StateEntries, s.Ledger.StateDigest = m.Entries, m.Sum.String()
		}
	}
	s.Ready, s.Reasons = x.Ready()
	s.Alarms = x.monitor.alarms()
	if x.audit != nil {
		s.AuditBehind = x.audit.Behind()
	}
	s.Blobs = x.blobs.Status()
	stats, err := x.disk.Stats()
	if err != nil {
		s.Reasons = append(s.Reasons, err.Error())
	}
	s.Blobs.Stored, s.Blobs.Bytes = stats.Blobs, stats.Bytes
	if s.Shares, err = x.shareStatus(); err != nil {
		s.Reasons = append(s.Reasons, err.Error())
	}
	if s.Drill, err = x.drillStatus(); err != nil {
		s.Reasons = append(s.Reasons, err.Error())
	}
	for _, m := range x.roster {
		if x.health.isAlive(m.ID) {
			s.Alive = append(s.Alive, m.ID)
		}
	}
	return s
}

// drillStatus is what was reported of drills.
func (x *standing) drillStatus() (*wire.Drill, error) {
	founding, err := catalog.ParsePayload(x.opts.Genesis.Envelope.Payload)
	if err != nil {
		return nil, fmt.Errorf("read the founding: %w", err)
	}
	d := &wire.Drill{Since: founding.Issued}
	err = x.view(func(v state.View) (err error) {
		d.Drilled, err = v.Drilled()
		return err
	})
	if d.SoundAt > 0 {
		d.Since = d.SoundAt
	}
	return d, err
}

// metrics are the figures of this node.
func (x *standing) metrics() *metrics.Metrics {
	return metrics.New(metrics.Sources{Status: x.Status, Work: x.work, Ledger: x.ledger, Version: x.opts.Version})
}

// work is what this node's state says that is to be done.
func (x *standing) work() (w metrics.Work, err error) {
	w = metrics.Work{Pending: map[string]int{}, Wear: map[string]float64{}, Ahead: map[string]float64{}}
	for id, o := range x.health.all() {
		if o.ahead != nil {
			w.Ahead[id] = o.ahead.Seconds()
		}
	}
	err = x.view(func(v state.View) error {
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

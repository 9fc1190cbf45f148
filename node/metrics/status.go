package metrics

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/weirdata/weir/node/api/wire"
)

// figure is one metric that the node's status has.
type figure struct {
	name, help string
	kind       prometheus.ValueType
	value      func(s wire.Status) float64
}

const (
	gauge   = prometheus.GaugeValue
	counter = prometheus.CounterValue
)

// figures are all that the status has, in the order in which they are told.
var figures = []figure{
	{"weir_node_ready", "1 when the node takes work, else 0.", gauge, func(s wire.Status) float64 { return truth(s.Ready) }},
	{"weir_node_reasons", "Number of reasons why the node is not ready.", gauge, func(s wire.Status) float64 { return float64(len(s.Reasons)) }},
	{"weir_node_alarms", "Number of nodes whose state is in doubt, as this node sees it.", gauge, func(s wire.Status) float64 { return float64(len(s.Alarms)) }},
	{"weir_cluster_members", "Number of nodes in the roster.", gauge, func(s wire.Status) float64 { return float64(len(s.Ledger.Members)) }},
	{"weir_cluster_members_alive", "Number of nodes that answer this one, itself among them.", gauge, func(s wire.Status) float64 { return float64(len(s.Alive)) }},
	{"weir_raft_leader", "1 when this node leads, else 0.", gauge, func(s wire.Status) float64 { return truth(s.Ledger.State == "leader") }},
	{"weir_raft_leader_known", "1 when the node knows who leads, else 0.", gauge, func(s wire.Status) float64 { return truth(s.Ledger.Leader != "") }},
	{"weir_raft_votes", "1 when the node may vote and lead, 0 while it is being readmitted.", gauge, func(s wire.Status) float64 { return truth(s.Ledger.NoVote == "") }},
	{"weir_raft_term", "Raft term.", gauge, func(s wire.Status) float64 { return float64(s.Ledger.Term) }},
	{"weir_raft_last_index", "Index of the newest entry of the replicated log.", gauge, func(s wire.Status) float64 { return float64(s.Ledger.LastIndex) }},
	{"weir_raft_commit_index", "Index of the newest entry that is known to be committed.", gauge, func(s wire.Status) float64 { return float64(s.Ledger.Commit) }},
	{"weir_raft_applied_index", "Index of the newest entry that is applied.", gauge, func(s wire.Status) float64 { return float64(s.Ledger.Applied) }},
	{"weir_raft_snapshot_index", "Index of the newest snapshot.", gauge, func(s wire.Status) float64 { return float64(s.Ledger.Snapshot) }},
	{"weir_raft_last_contact_seconds", "Time since a follower heard from its leader; -1 when it never did.", gauge, func(s wire.Status) float64 {
		if s.Ledger.LastContactMS < 0 {
			return -1
		}
		return float64(s.Ledger.LastContactMS) / 1000
	}},
	{"weir_ledger_entries_total", "Number of entries of the evidence log.", counter, func(s wire.Status) float64 { return float64(s.Ledger.Entries) }},
	{"weir_ledger_log_writes_total", "Number of writes of raft's log since the start, each with an fsync, of one entry or of many.", counter, func(s wire.Status) float64 { return float64(s.Ledger.LogWrites) }},
	{"weir_ledger_state_writes_total", "Number of writes of the ledger's state since the start, each with an fsync, of one entry or of many.", counter, func(s wire.Status) float64 { return float64(s.Ledger.StateWrites) }},
	{"weir_ledger_fault", "1 when the ledger has stopped after a fault, else 0.", gauge, func(s wire.Status) float64 { return truth(s.Ledger.Fault != "") }},
	{"weir_audit_log_behind_entries", "Number of entries that the file of the audit log lacks; 0 where none is written.", gauge, func(s wire.Status) float64 { return float64(s.AuditBehind) }},
	{"weir_state_size_bytes", "Size of the ledger's state on disk.", gauge, func(s wire.Status) float64 { return float64(s.Ledger.StateBytes) }},
	{"weir_disk_free_bytes", "Room that is left on the disk of the node's directory.", gauge, func(s wire.Status) float64 { return float64(s.Ledger.FreeBytes) }},
	{"weir_blobs_stored", "Number of blobs that the node holds.", gauge, func(s wire.Status) float64 { return float64(s.Blobs.Stored) }},
	{"weir_blobs_size_bytes", "Size of the blobs that the node holds.", gauge, func(s wire.Status) float64 { return float64(s.Blobs.Bytes) }},
	{"weir_blobs_uploaded", "Number of blobs that the node's object store has.", gauge, func(s wire.Status) float64 { return float64(s.Blobs.Uploaded) }},
	{"weir_blobs_waiting", "Number of blobs that wait for their upload to the object store.", gauge, func(s wire.Status) float64 { return float64(s.Blobs.Waiting) }},
	{"weir_blobs_damaged", "Number of blobs that wait for repair.", gauge, func(s wire.Status) float64 { return float64(s.Blobs.Damaged) }},
	{"weir_blobs_found_damaged_total", "Number of blobs that were found damaged or lost since the start.", counter, func(s wire.Status) float64 { return float64(s.Blobs.Found) }},
	{"weir_blobs_repaired_total", "Number of blobs that were fetched from other nodes to repair damage since the start.", counter, func(s wire.Status) float64 { return float64(s.Blobs.Repaired) }},
	{"weir_blobs_lost_total", "Number of blobs that no node has any more, found since the start.", counter, func(s wire.Status) float64 { return float64(s.Blobs.Lost) }},
	{"weir_blobs_scrubbed_total", "Number of blobs that were read and compared with their digests since the start.", counter, func(s wire.Status) float64 { return float64(s.Blobs.Scrubbed) }},
	{"weir_blobs_scrubs_total", "Number of scrubs of the whole store that ended since the start.", counter, func(s wire.Status) float64 { return float64(s.Blobs.Scrubs) }},
	{"weir_blobs_last_scrub_timestamp_seconds", "When the newest scrub ended; 0: none has since the start.", gauge, func(s wire.Status) float64 { return float64(s.Blobs.LastScrub) / 1000 }},
	{"weir_shares_oldest_timestamp_seconds", "Since when the oldest shares of keys and private vectors are in force; 0: there are none.", gauge, func(s wire.Status) float64 { return float64(s.Shares.Since()) / 1000 }},
	{"weir_shares_due_timestamp_seconds", "When new shares are due next by the schedule; 0: there is none.", gauge, func(s wire.Status) float64 { return float64(s.Shares.Due()) / 1000 }},
	{"weir_key_shares_tried_timestamp_seconds", "When the shares of a key were last tried, of the key where it is longest ago; 0: some were not.", gauge, func(s wire.Status) float64 { return float64(s.Shares.Tried()) / 1000 }},
	{"weir_key_shares_unfit", "Number of shares of keys that do not fit those of the others, and of keys where one does not and nobody knows which.", gauge, func(s wire.Status) float64 { return float64(s.Shares.Unfit()) }},
	{"weir_deposit_made_timestamp_seconds", "When the newest deposit of the node's share was made that can be used; 0: there is none.", gauge, func(s wire.Status) float64 { return float64(s.Shares.Deposited()) / 1000 }},
	{"weir_deposit_missing_shares", "Number of keys and private vectors of which the newest deposit of the node's share has no share in force; 0 where there is no deposit.", gauge, func(s wire.Status) float64 { return float64(s.Shares.Undeposited()) }},
	{"weir_vectors_ready", "Number of private vectors that are ready.", gauge, func(s wire.Status) float64 { return float64(s.Shares.Vectors.Ready) }},
	{"weir_vectors_to_move", "Number of private vectors that wait for new shares, or whose old ones are being erased.", gauge, func(s wire.Status) float64 { return float64(s.Shares.Vectors.ToMove + s.Shares.Vectors.Moving) }},
	{"weir_vectors_unmoved", "Number of private vectors of which the last move failed.", gauge, func(s wire.Status) float64 { return float64(s.Shares.Vectors.Stay) }},
	{"weir_vectors_lost", "Number of private vectors that too few nodes have shares of.", gauge, func(s wire.Status) float64 { return float64(s.Shares.Vectors.Lost) }},
	{"weir_drill_timestamp_seconds", "When a drill last found a backup sound; where none has, when the cluster was founded.", gauge, func(s wire.Status) float64 { return float64(drill(s).Since) / 1000 }},
	{"weir_drill_opened_timestamp_seconds", "When shares of nodes last opened a backup in a drill; 0: never.", gauge, func(s wire.Status) float64 { return float64(drill(s).OpenedAt) / 1000 }},
	{"weir_drill_differences", "Number of differences that the last drill found.", gauge, func(s wire.Status) float64 { return float64(drill(s).Differs()) }},
	{"weir_blobs_collected_total", "Number of blobs that were deleted because nothing named them, since the start.", counter, func(s wire.Status) float64 { return float64(s.Blobs.Collected) }},
}

func drill(s wire.Status) wire.Drill {
	if s.Drill == nil {
		return wire.Drill{}
	}
	return *s.Drill
}

func truth(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}

// statusCollector reads the figures from the node's status. It implements
// prometheus.Collector.
type statusCollector struct{ status func() wire.Status }

// peerAlive tells of each node of the roster whether it answers this one.
var peerAlive = prometheus.NewDesc("weir_peer_alive", "1 when the node of the roster answers this one, else 0.", []string{"peer"}, nil)

// keyShares tells of each key since when its shares are in force.
var keyShares = prometheus.NewDesc("weir_key_shares_timestamp_seconds", "Since when the shares of the key are in force.", []string{"key"}, nil)

// Describe implements prometheus.Collector.
func (c statusCollector) Describe(to chan<- *prometheus.Desc) {
	for _, f := range figures {
		to <- f.desc()
	}
	to <- peerAlive
	to <- keyShares
}

// Collect implements prometheus.Collector.
func (c statusCollector) Collect(to chan<- prometheus.Metric) {
	s := c.status()
	for _, f := range figures {
		to <- prometheus.MustNewConstMetric(f.desc(), f.kind, f.value(s))
	}
	for _, m := range s.Ledger.Members {
		to <- prometheus.MustNewConstMetric(peerAlive, gauge, truth(slices.Contains(s.Alive, m.ID)), m.ID)
	}
	for _, k := range s.Shares.Keys {
		to <- prometheus.MustNewConstMetric(keyShares, gauge, float64(k.Since)/1000, k.Key)
	}
}

func (f figure) desc() *prometheus.Desc { return prometheus.NewDesc(f.name, f.help, nil, nil) }

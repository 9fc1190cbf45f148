// Package consensus makes a deterministic state machine durable, replicated and
// provable.
//
// # What it is for
//
// The catalog decides what an entry means; this package makes all nodes decide
// it in the same order and keeps what they decided. A [Ledger] is one node's
// part: hashicorp/raft agrees on a log of entries, each entry is applied by the
// [Machine] inside a transaction of badger, and the entry with its outcome
// becomes a leaf of the Merkle log of package evidence, in that same
// transaction. Nothing of raft or badger shows in the interface.
//
// # What is on the disk
//
//	DIR/id             the member this directory belongs to
//	DIR/incarnation    which of the ledgers that the member has had this is
//	DIR/wal/           raft's log, term and vote (raft-wal), synced on every append
//	DIR/snapshots/     raft's snapshots, two at most
//	DIR/state/CURRENT  the name of the generation that counts
//	DIR/state/gen-N/   a badger: state, evidence and position
//
// # Invariants
//
// Each with why it has to hold, and the test that breaks without it:
//
//   - The position, that is raft's index of the last applied entry and the number
//     of commands applied, is written in the transaction of the changes. So the
//     state is always that after a whole number of entries, and says which: kept
//     elsewhere, a crash between the two writes would apply an entry twice or never
//     (TestKilledProcessLosesNothing, which kills a process while it applies and
//     takes snapshots).
//   - An entry is applied once. Raft replays from its last snapshot when a node
//     starts; what the position covers is skipped (TestReplayedEntriesAreSkipped,
//     TestRestartFromDiskAppliesNothingTwice). Else a node that restarts would
//     charge twice and differ from the others.
//   - A transaction holds whole entries, so that no crash leaves half of one. A batch
//     that does not fit one is cut between two entries
//     (TestBatchIsSplitBetweenEntries, TestFaultKeepsWholeTransactionsOnly). An
//     entry's own changes are bounded by [MaxChangeBytes] and [MaxChangeKeys],
//     constants of the package and not of a node, so that an entry that exceeds them
//     is void on every node and stops none (TestEntryWithTooManyChangesIsVoid,
//     TestLargestEntryFitsATransaction).
//   - What an entry reads does not depend on where batches were cut, which differs
//     from node to node: it sees everything before it and its own writes, nothing
//     else (TestTransactionReadsItsOwnWrites, TestScanSeesTheStateAtItsBeginning).
//   - One whole state counts at any moment. A restore fills a new generation and
//     then replaces CURRENT (TestCrashInTheMiddleOfARestore,
//     TestCrashBeforeTheOldStateIsRemoved, TestDamagedStreamLeavesTheState).
//   - A node votes, leads and acknowledges only with the ledger that it is on record to have
//     had (Options.Memory); one that lost it catches up as a new member first. Else it and
//     a node that was away could go on without what was acknowledged; incarnation.go has
//     the argument (TestNodeWithoutItsLedgerDoesNotVote,
//     TestOlderCopyOfALedgerDoesNotVote, TestHistoryIsLinearizableAcrossLostLedgers).
//   - An entry has a checksum from its proposer, which every node checks before it appends
//     the entry, whenever it reads it and before it applies it (checksum.go): a bit that
//     flips in one log stays there (TestDamagedLogIsNotHandedOn,
//     TestLeaderStopsAtADamagedEntry).
//   - The log is not cut below what is applied (TestLogIsNotCutBelowWhatIsApplied), and a snapshot
//     takes nothing back: raft would remove entries behind it that this node has acknowledged, and
//     go on with a log that has a hole (raftlog.go; TestSnapshotThatComesAgainTakesNothingBack,
//     TestEntriesBehindASnapshotAreTakenAgain, TestLogOfAnotherPastEndsWithASnapshot).
//   - A snapshot is as far as raft says that it is, also where raft's last entry is none of the
//     state machine's (TestSnapshotBehindABarrierIsStartedFrom).
//   - Followers hear of a commit at once (package replication; TestFollowersHearOfACommitAtOnce). Raft tells them
//     with the next entry, or after CommitTimeout to twice that.
//   - A majority that is up elects a leader, also where one of it has not heard yet that another
//     is a member (TestMemberThatIsBehindVotesForANewOne).
//   - What the pairs of a state add up to is its digest, which the entries keep in the
//     transaction of their changes (TestDigestIsThatOfThePairs). Badger passes over what it
//     cannot read: a scrub, a snapshot and a restore add the pairs up
//     (TestLostPairsAreFoundByScrubAndSnapshot), and nodes compare their digests.
//   - A linearizable read sees everything acknowledged before it began, whoever leads
//     (TestHistoryIsLinearizableAcrossLeaderKills; that its checker would notice is
//     TestCheckerFindsAStaleRead). A query is judged by such a read before it is
//     proposed.
//
// # Crash safety
//
// An entry is accepted when a majority has it in its synced log. [Ledger.Propose]
// returns after that, and after this node's transaction, itself synced, has
// committed. A process or machine may stop at any instant:
//
//   - Before the entry is in a majority's logs: it may be lost, and nobody was
//     told otherwise.
//   - Between raft's commit and badger's: the entry is in the log and the position
//     is before it. The next leader of the cluster commits it again by committing
//     an entry of its own term, raft hands it to the state machine, and it is
//     applied then. The state machine is deterministic, so the outcome is the one
//     that the other nodes recorded.
//   - After badger's commit, before the answer: the position covers the entry;
//     it is skipped on replay. The proposer does not know the outcome and finds
//     it in the state.
//   - While a snapshot is written or received: what there is of it is removed by
//     Open. The ones before stay.
//   - While raft compacts its log: it does so after the snapshot is synced and in
//     place, and the state does not depend on the snapshot.
//   - While a snapshot of the leader is installed. Raft stores the stream as a
//     snapshot of its own, has it restored, then empties the log. A crash before
//     CURRENT is replaced leaves the old state, older than the stored snapshot:
//     Open restores that snapshot again. A crash after it leaves a log that ends
//     before the snapshot, which raft-wal could not continue: Open empties it. A
//     generation that CURRENT does not name is removed by Open.
//
// raft's option NoSnapshotRestoreOnStart is set because the state is durable:
// restoring a snapshot at every start would move it back. Open checks that log,
// snapshot and state follow each other without a gap, and refuses a directory
// where they do not ([ErrInconsistent]) rather than start from it.
//
// Directories that were deleted or put back from a copy are not crashes: see incarnation.go.
//
// The state machine itself is never asked to be atomic, nor to remember what it
// did: it is called once per entry and process.
//
// # Linearizable reads
//
// [Ledger.ReadIndex] follows section 6.4 of Ongaro's thesis, "Consensus: Bridging
// Theory and Practice": the leader takes its commit index, provided that it has
// committed an entry of its term (or it may not know yet what earlier leaders
// committed), then confirms with a majority that it still leads, and only then
// hands the index out. Whatever was acknowledged before the call has an index at
// or below it: an acknowledgement of this leader, because it came after its
// commit index moved; one of an earlier leader, because this one's log had the
// entry when it was elected, before its own first entry. A state that has applied
// the index therefore reflects it. [Ledger.WaitApplied] waits for this node's
// state, not for raft, whose own applied index moves when entries are queued.
// Raft's no-ops never reach the state, so that ReadIndex returns the last index
// at or before the commit index that does.
//
// One assumption: raft's VerifyLeader counts a heartbeat that was on its way when
// the question came. An answer that is older than the election timeout could
// confirm a leader that is none any more. A leader steps down when it hears
// nothing from a majority for the lease, and Options refuses a lease longer than
// the heartbeat timeout within which no follower votes for another; so the
// assumption is that the clocks of the nodes run at about the same speed. During a
// transfer of leadership members do vote for another; ReadIndex waits until it is
// over. While a member has no vote, because it catches up, raft would count its answers all
// the same; then an entry that is committed confirms the leader.
//
// # Growth
//
// An entry stays in the state for good, as its record, with what it changed there; one that carried a share of a
// query until the query is forgotten, then its digest, its outcome and 105 bytes stay ([Shortener], shortened.go): of
// 4,698 bytes of the two shares of a query 766, as a test of package node shows.
// Bytes of keys and values for each kind, from a ledger of real envelopes
// (BenchmarkGrowth of package node), those of a query with six groups:
//
//	              entry  record and hashes  state  together
//	order.create    377                560    166       726
//	order.approve   376                548    370       918
//	query.submit  2,415              2,931  3,082     6,013
//	query.attempt   401                623    106       729
//	query.share   2,115              2,386  1,982     4,368  sealed result, one a member; 8 bytes a group more
//	a query       7,089              8,374  7,193    15,567  in four entries
//	principal.add 2,066              2,239  1,854     4,093
//	version.ack     341                512      7       519  one a node
//	vector.hold     400                556     50       606  one a node
//
// A leaf has two hashes on average, 64 bytes; keys and framing take 30 more. A
// receipt is no entry: it is made of the record, the leaf and the tree when it is
// asked for. What is remembered of envelopes is forgotten after minutes, and what
// was written over goes with the next compaction; at a query that is 22 kB more, and
// up to 100 kB where it cuts classes. Tables take 0.67 to 0.76 of the bytes, because
// keys and signatures do not compress.
//
// Ten million entries are thus 2.5 million queries, 39 GB of keys and values, or 27 GB
// of tables; the log between two snapshots, 262,144 entries at most, takes 0.5 GB;
// a snapshot 39 GB. Two are kept and a third is being written: a node needs 150 GB of
// disk, and 30 GB more when it restores one, beside the tiles. Where the entries are
// orders and approvals it is a fifth of that.
//
// Nothing is kept in memory for an entry. BenchmarkLength opens a state, proves leaves
// and applies the next entry; opening takes the same memory, a memtable of 84 MB and
// little else, whatever the number:
//
//	  entries  heap   tables  tables' bytes an entry (records of 200)
//	   10,000  88 MB       2  297
//	  300,000  88 MB      27  294
//	2,000,000  88 MB     174  294
//
// A proof reads at most 2 log n hashes, 48 at ten million leaves; with two million
// and nothing cached it took 2 ms. A start reads the log since the last snapshot
// twice, for raft, and the whole log once more, to check it: 27 µs an entry on a busy machine
// (BenchmarkStart). However many entries there are it reads 270,336 at most, in 7 s
// (TestAStartReadsABoundedNumberOfEntries).
//
// A snapshot is the whole state, so the number of entries between snapshots grows
// with the log: a quarter of it, at least Options.SnapshotThreshold, and at most
// 262,144, because a start reads the log from its last snapshot on.
// So up to a million entries all snapshots together write a few times the
// state, and beyond that one state for 262,144 entries; the log is seldom larger
// than a quarter of the state.
//
// Snapshots and restores stream (BenchmarkSnapshot, BenchmarkRestore). A snapshot
// holds a version of the state open and lets entries be applied; it takes 15 to 55
// MB of heap. On a machine with ten processes to a core it wrote 80 MB/s, and of the
// entries meanwhile the one that waited longest took 0.25 s. A restore takes 200 MB
// of heap, for 64 MB as for 512 MB, and 14 s of a core a GB, ten minutes of a core
// for ten million entries. Meanwhile the member answers heartbeats and does not
// vote. Raft gives sending and restoring ten seconds per 256 kB, so a connection may
// be as slow as 26 kB/s; BenchmarkCatchUp has the timeouts of a node, and the leader
// stays. What the leader appended meanwhile is in its log unless it wrote another
// snapshot, after a quarter more entries at the earliest.
//
// Entries wait in memory for a state machine that is slow, at most 16 MiB of them on
// the node where they were proposed (what comes then waits in Propose), and on a
// follower 16 MiB and the message that exceeds it, of 64 entries at most. Without these
// bounds raft queues 128 batches of 64: a follower whose machine stood still held 132 MB
// when 150 entries of 1 MiB had been applied elsewhere, and would have held 8.9 GB
// (TestSlowFollowerHoldsABoundedNumberOfBytes, TestSlowLeaderTakesABoundedNumberOfBytes).
//
// Under a load of writes that never pauses, badger keeps buffers of the tables that it
// writes, up to 1.3 GB, whatever the state (measured at 0.6 and 1.2 GB); two seconds
// without a table give the first back.
//
// # How it fails
//
// A fault of the store, an error or panic of the state machine, or a disk that is
// nearly full stops this node's ledger: [Ledger.Failed] is closed, every call
// returns [ErrFault] with the cause, raft is shut down so that others take over,
// and nothing is written any more. It never skips an entry. Open starts again from
// the last whole transaction.
//
// Bytes of the disk that are not what was written are a [DamageError] and such a fault, also
// where a library panics over them: the tables of the state are verified before badger opens
// them (package tablecheck says why not by badger) and by [Ledger.ScrubState]; raft and bolt
// read the log when Open does. Opening reads every table once, so a state of 27 GB takes as
// long as the disk needs for that. A panic in a goroutine of badger's own ends the process, and
// the next Open says what is damaged. The state can always be made again: without its
// directory Open restores the newest snapshot and raft replays the log behind it
// (TestStateMovedAwayIsMadeAgain).
//
// Close waits for raft no longer than for operations, and leaves the stores open when raft
// does not end (TestCloseReturnsWhereRaftDoesNotEnd).
//
// A snapshot that goes bad on the disk is noticed when it is opened for a member
// that was away, which raft would then turn away for good: another is written at
// once. One that arrives damaged is removed. Snapshots and restores stop before
// the disk is full. A leader whose machine goes in the middle of a snapshot holds
// its receiver, which does not vote meanwhile, for thirty seconds.
//
// Without a majority, Propose and ReadIndex say [ErrNoQuorum] in bounded time, and
// View goes on to answer from what this node has. A damaged snapshot stream is
// refused before it counts ([ErrCorruptSnapshot]).
//
// # Simulation
//
// TestSimulation runs clusters of three to five of these ledgers in bubbles of testing/synctest, with
// the state machine of package state on them: raft, raft-wal, the FSM, snapshots, restores,
// readmission, incarnations, handshakes and checksums are the product's. Simulated are the clock; the
// connections between members, which delay, break before, in and after a message, hold one direction
// or both back, and bring messages twice; the files below raft-wal, of which a crash keeps any part of
// what was not synced; and the pairs of the state and the snapshots, which are whole or not there.
// Machines crash and start again, stand still, have clocks that go at other rates, lose a ledger, get an
// older copy of it, join and leave. Clients ask queries that a contract pays for.
//
// It checks: no two nodes apply different entries, or answer one differently; one leader a term; what
// was acknowledged is there; the history of each contract is linearizable, and every query charged
// once; all states and trees end the same; no node stops or does not start; and when the faults are over
// the cluster is whole within a minute of simulated time.
//
// TestSimulationFindsPlantedBugs plants, one at a time, a skipped check of the term of a vote, a log
// that is not synced, a budget charged in the memory of the process, and a lost ledger that is not
// noticed. Of the seeds from 0 on the 19th, the 3rd, the 1st and the 82nd find them; runs differ.
//
// A schedule takes 0.1 s of a core; go test runs 16, WEIR_LONG=1 a thousand, WEIR_SCHEDULES=n so many.
// WEIR_SEED=n replays one, WEIR_SIM_LOG=DIR keeps the logs. What is to happen, and what becomes of each
// message of a link, follows from the seed. The order in which goroutines run, and a select chooses, does
// not: of a hundred replays of a seed, on one processor, 60 to 70 had the same trace of events, and the
// others one of a few; without the replay's precautions 26 to 100. So a failure may need some replays.
//
// Not in it: badger (see the tests that kill processes), TLS, and disks that change bits. A machine that
// stands still keeps its timers. What a leader does for computations is not in it either.
//
// # What it does not do
//
// It does not look into entries: who may propose what is for the catalog, and who
// may connect is for the [StreamLayer]. It does not forward proposals to the
// leader; [NotLeaderError] names it. It does not encrypt what is on the disk:
// secrets do not belong into entries. It does not protect against members that
// lie; the Merkle log shows it afterwards. Large things are blobs outside the log.
package consensus

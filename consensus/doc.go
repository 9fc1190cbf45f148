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
// returns after that, and after this node has applied it. What it changed is then in
// memory, and at most 100 ms or 8 MiB later in a synced transaction of badger's, with
// whatever else was applied meanwhile (pairs.Deferred): the log is what makes it
// durable, the state only saves a start from applying all of it again. So a crash takes
// the state back by some whole entries, never by a part of one and never by one from the
// middle (a property of package pairs, and TestCrashAfterASnapshot), and raft hands over again what follows the
// position that was found. What acts on the state, outside, must not do so before it
// has come as far again as it was: [Ledger.Recovered]. Until then the node also does not notice
// that a majority has forgotten entries which it had applied in the last moments before the crash: what it refuses
// to give up is what its state has (removeEnd). A process or machine may stop at any instant:
//
//   - Before the entry is in a majority's logs: it may be lost, and nobody was
//     told otherwise.
//   - Between raft's commit and badger's: the entry is in the log and the position
//     is before it. The next leader of the cluster commits it again by committing
//     an entry of its own term, raft hands it to the state machine, and it is
//     applied then. The state machine is deterministic, so the outcome is the one
//     that the other nodes recorded.
//   - Between the answer and badger's commit: the same. Nobody can have it otherwise: what
//     this node has applied is in its own synced log, as a part of a majority's.
//   - After badger's commit: the position covers the entry; it is skipped on replay. Where it had not
//     been answered, the proposer does not know the outcome and finds it in the state.
//   - While a snapshot is written or received: what there is of it is removed by
//     Open. The ones before stay.
//   - While raft compacts its log: it does so after the snapshot is synced and in
//     place, before which the state is written as far as the snapshot is: the state does not depend
//     on the snapshot.
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
// GROWTH.md says what an entry, a snapshot, a start and a restore take.
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

// Package resharing is the vocabulary of moves of private vectors: what the entries say by which
// nodes deal the shares of vectors onward to the roster as it is now, and what the state holds
// of a move (PROTOCOL.md section 6.9, DATA_MODEL.md section 7.2). With it are the schedule of
// refreshes, and the canaries by which shares of keys are tried (PROTOCOL.md section 1.7).
//
// # Invariants
//
//   - It imports catalog only, and is as pure (TestImportsArePure).
//   - A move has an old roster and a new one, each with its threshold, and never takes one for
//     the other. It is named by the number of the entry that began it, so no name is used twice.
//
// # What it does not do
//
// It decides nothing: package state applies the entries, package he computes.
package resharing

// Package he is Weir's cryptographic core: tiles of encrypted numbers under a
// key that t of n nodes hold together, their sums, and the opening of a sum into
// additive shares. It is the only package that imports lattigo, and at its
// boundary there are only bytes and integers. PROTOCOL.md beside this file has every step
// with its argument, the attacks that broke earlier designs, and the test of each; what it
// takes is in BENCHMARKS.md.
//
// # What is where
//
// The n nodes of a roster make a key (Dealer, CombineDealings, CombinePublicShares:
// section 1). A publisher encrypts readings (Encryptor: section 2). Nodes add stored
// tiles (Accumulator) and open the sum (NodeKey.Contribute, NodeKey.Combine: section 3).
// Each folds its share by a slot map (Parameters.Fold); the buyer adds the folded ones
// (Parameters.AddMod) and centres them (Parameters.Centre: section 4).
//
// What is more than a sum is computed on shares, by members of an active set that
// talk to each other: Product multiplies two shared vectors (section 5), PrivateSum cells
// by a buyer's private vector, BitCheck and VectorShare.LineValues check a vector when
// it is registered, and PieceTest says whether a private partition may be used (section
// 6). Each of them is one member's part, driven by messages: send what Start and Receive
// return, hand to Receive what arrives, until Done. DealVector, ParseVectorShare,
// DealWitnesses and ParseWitnessShare are the two ends of what is Shamir-shared mod T.
//
// # Invariants
//
// PROTOCOL.md has those of the protocol, and the traps of lattigo (section 9.2). Of the code:
//
//   - Noise fits by construction: NewParameters refuses what does not open
//     exactly at MaxTiles tiles, and an Accumulator takes no more; a sum with more
//     noise would come out wrong and nothing would say so (TestEdgeOfTheBoundIsExact,
//     TestOneBitOfSmudgingTooMuch). Magnitude is the planner's to check, with
//     Parameters.CheckLoad (TestLoadBeyondThePlanIsRefusedWithNumbers).
//   - Everything that has buffers is used by one goroutine at a time: Encryptor is
//     the caller's (ShallowCopy), the rest takes pooled scratch or a lock, and is
//     safe for concurrent use (TestConcurrentUse, TestConcurrentAdditions).
//
// # How it fails
//
// With an error that wraps one of the sentinels in errors.go, or *NoiseError or
// *OverflowError with the numbers. A panic of lattigo becomes ErrInternal. A
// wrong key, a damaged tile or a damaged contribution do not fail here: they show
// as a parity (Parameters.Parity) that does not add up to 0.
//
// # What it does not do
//
// It keeps nothing, sends nothing and logs nothing. It does not count openings
// per key (MaxOpenedTiles is the ledger's to enforce), does not decide whether
// something may be opened, and does not detect attacks by members: a member that
// deviates can spoil a result, and parity is no proof against intent. It does not
// know whether a session was used before, whether a challenge was drawn after the
// commitment, or which cohorts a query has to be tested on.
package he
